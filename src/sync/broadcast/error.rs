//! Why an item was not received.

use core::fmt;

use crate::error::Errno;
use crate::task::WaitError;

/// Why no item was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// The channel is closed, and all that was sent was received. As an [`Errno`]: `EPIPE`.
    Closed,
    /// So many items were overwritten before this receiver has received them. The next call receives
    /// the oldest that is left. As an [`Errno`]: `ENOBUFS`, as netlink(7) has it.
    Lagged(u64),
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

impl From<Lagged> for RecvError {
    fn from(Lagged(items): Lagged) -> Self {
        Self::Lagged(items)
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the channel is closed"),
            Self::Lagged(items) => fmt::Display::fmt(&Lagged(*items), f),
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
            RecvError::Lagged(_) => Self::NOBUFS,
            RecvError::Cancelled => Self::CANCELED,
            RecvError::TimedOut => Self::TIMEDOUT,
        }
    }
}

/// Why no item was received at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryRecvError {
    /// All that was sent was received. As an [`Errno`]: `EAGAIN`.
    Empty,
    /// The same, and the channel is closed. As an [`Errno`]: `EPIPE`.
    Closed,
    /// So many items were overwritten; see [`RecvError::Lagged`]. As an [`Errno`]: `ENOBUFS`.
    Lagged(u64),
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the channel is empty"),
            Self::Closed => fmt::Display::fmt(&RecvError::Closed, f),
            Self::Lagged(items) => fmt::Display::fmt(&Lagged(*items), f),
        }
    }
}

impl core::error::Error for TryRecvError {}

impl From<TryRecvError> for Errno {
    fn from(error: TryRecvError) -> Self {
        match error {
            TryRecvError::Empty => Self::AGAIN,
            TryRecvError::Closed => Self::PIPE,
            TryRecvError::Lagged(_) => Self::NOBUFS,
        }
    }
}

/// So many items were overwritten before the receiver has received them. As an [`Errno`]: `ENOBUFS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged(pub u64);

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the receiver was too slow for {} items", self.0)
    }
}

impl core::error::Error for Lagged {}

impl From<Lagged> for Errno {
    fn from(Lagged(_): Lagged) -> Self {
        Self::NOBUFS
    }
}
