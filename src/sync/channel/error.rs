//! Why an item was not sent or received.

use core::fmt;

use crate::error::Errno;
use crate::task::WaitError;

/// Why an item was not sent. Each variant holds it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError<T> {
    /// The channel is closed. As an [`Errno`]: `EPIPE`.
    Closed(T),
    /// The task was told to end.
    Cancelled(T),
    /// The deadline has passed.
    TimedOut(T),
}

impl<T> SendError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            Self::Closed(item) | Self::Cancelled(item) | Self::TimedOut(item) => item,
        }
    }

    pub(crate) fn of(error: WaitError, item: T) -> Self {
        match error {
            WaitError::Cancelled => Self::Cancelled(item),
            WaitError::TimedOut => Self::TimedOut(item),
        }
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(_) => "Closed(..)",
            Self::Cancelled(_) => "Cancelled(..)",
            Self::TimedOut(_) => "TimedOut(..)",
        })
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(_) => "the channel is closed",
            Self::Cancelled(_) => "the task was cancelled",
            Self::TimedOut(_) => "the deadline has passed",
        })
    }
}

impl<T> core::error::Error for SendError<T> {}

impl<T> From<SendError<T>> for Errno {
    fn from(error: SendError<T>) -> Self {
        match error {
            SendError::Closed(_) => Self::PIPE,
            SendError::Cancelled(_) => Self::CANCELED,
            SendError::TimedOut(_) => Self::TIMEDOUT,
        }
    }
}

/// Why an item was not sent at once. Each variant holds it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// There is no room, or without a buffer no receiver that waits. As an [`Errno`]: `EAGAIN`.
    Full(T),
    /// The channel is closed. As an [`Errno`]: `EPIPE`.
    Closed(T),
}

impl<T> TrySendError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item) | Self::Closed(item) => item,
        }
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the channel is full",
            Self::Closed(_) => "the channel is closed",
        })
    }
}

impl<T> core::error::Error for TrySendError<T> {}

impl<T> From<TrySendError<T>> for Errno {
    fn from(error: TrySendError<T>) -> Self {
        match error {
            TrySendError::Full(_) => Self::AGAIN,
            TrySendError::Closed(_) => Self::PIPE,
        }
    }
}

/// Why no item was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// The channel is closed, and there is nothing left in it. As an [`Errno`]: `EPIPE`.
    Closed,
    /// The task was told to end.
    Cancelled,
    /// The deadline has passed.
    TimedOut,
}

impl From<WaitError> for RecvError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Cancelled => Self::Cancelled,
            WaitError::TimedOut => Self::TimedOut,
        }
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the channel is closed"),
            Self::Cancelled => f.write_str("the task was cancelled"),
            Self::TimedOut => f.write_str("the deadline has passed"),
        }
    }
}

impl core::error::Error for RecvError {}

impl From<RecvError> for Errno {
    fn from(error: RecvError) -> Self {
        match error {
            RecvError::Closed => Self::PIPE,
            RecvError::Cancelled => Self::CANCELED,
            RecvError::TimedOut => Self::TIMEDOUT,
        }
    }
}

/// Why no item was received at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryRecvError {
    /// There is nothing in the channel. As an [`Errno`]: `EAGAIN`.
    Empty,
    /// The channel is closed, and there is nothing left in it. As an [`Errno`]: `EPIPE`.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the channel is empty"),
            Self::Closed => fmt::Display::fmt(&RecvError::Closed, f),
        }
    }
}

impl core::error::Error for TryRecvError {}

impl From<TryRecvError> for Errno {
    fn from(error: TryRecvError) -> Self {
        match error {
            TryRecvError::Empty => Self::AGAIN,
            TryRecvError::Closed => Self::PIPE,
        }
    }
}
