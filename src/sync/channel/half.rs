//! Halves of channels, which close them when the last is dropped.
use core::fmt;
use core::marker::PhantomData;

use crate::sync::select::{Receive, SendTo};
use crate::time::Instant;

use super::{Channel, Receiving, RecvError, SendError, Sending, TryRecvError, TrySendError};

impl<T, const N: usize> Channel<T, N> {
    /// A sender and a receiver. When the last sender is dropped, or the last receiver, the channel
    /// is closed, and [`reopen`](Self::reopen) opens it again.
    ///
    /// Halves of a channel in a `static` are `'static` and can go into tasks; those of others
    /// borrow it.
    ///
    /// # Panics
    ///
    /// As for [`recv`](Self::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// use barecoro::{Runtime, sync::Channel, task};
    ///
    /// static RUNTIME: Runtime<4> = Runtime::new();
    /// static WORDS: Channel<&str, 4> = Channel::new();
    ///
    /// RUNTIME.run(|| {
    ///     let (sender, receiver) = WORDS.split();
    ///     let other = sender.clone();
    ///     task::spawn(move || sender.send("hello").unwrap()).unwrap();
    ///     task::spawn(move || other.send("world").unwrap()).unwrap();
    ///     assert_eq!(receiver.iter().collect::<Vec<_>>(), ["hello", "world"]);
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn split(&self) -> (Sender<'_, T, N>, Receiver<'_, T, N>) {
        (self.sender(), self.receiver())
    }

    /// One more sender; see [`split`](Self::split).
    ///
    /// # Panics
    ///
    /// As for [`recv`](Self::recv).
    #[track_caller]
    pub fn sender(&self) -> Sender<'_, T, N> {
        self.owner.enter("Channel::sender");
        self.senders.set(self.senders.get() + 1);
        Sender { channel: self, marker: PhantomData }
    }

    /// One more receiver; see [`split`](Self::split).
    ///
    /// # Panics
    ///
    /// As for [`recv`](Self::recv).
    #[track_caller]
    pub fn receiver(&self) -> Receiver<'_, T, N> {
        self.owner.enter("Channel::receiver");
        self.receivers.set(self.receivers.get() + 1);
        Receiver { channel: self, marker: PhantomData }
    }

    /// Receives until the channel is closed, or the task is told to end.
    pub fn iter(&self) -> Iter<'_, T, N> {
        Iter(self)
    }

    /// Receives until there is nothing left.
    pub fn try_iter(&self) -> TryIter<'_, T, N> {
        TryIter(self)
    }

    /// Drops what is in the queue, until somebody can receive again: destructors may let others run.
    fn drain(&self) {
        while self.owner.try_enter().is_some()
            && self.receivers.get() == 0
            && self.closed.get()
            && let Some(item) = self.buffer.pop()
        {
            drop(item);
        }
    }
}

/// A sender of a [`Channel`]. It stays on its thread.
pub struct Sender<'a, T, const N: usize> {
    channel: &'a Channel<T, N>,
    /// Belongs to one thread.
    marker: PhantomData<*mut ()>,
}

impl<'a, T, const N: usize> Sender<'a, T, N> {
    /// See [`Channel::send`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    #[inline(always)]
    #[track_caller]
    pub fn send(&self, item: T) -> Result<(), SendError<T>> {
        self.channel.send(item)
    }

    /// See [`Channel::send_until`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn send_until(&self, item: T, deadline: Instant) -> Result<(), SendError<T>> {
        self.channel.send_until(item, deadline)
    }

    /// See [`Channel::try_send`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    #[inline(always)]
    #[track_caller]
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        self.channel.try_send(item)
    }

    /// The channel that it is a half of.
    pub fn channel(&self) -> &'a Channel<T, N> {
        self.channel
    }
}

impl<T, const N: usize> Clone for Sender<'_, T, N> {
    #[track_caller]
    fn clone(&self) -> Self {
        self.channel.sender()
    }
}

impl<T, const N: usize> Drop for Sender<'_, T, N> {
    fn drop(&mut self) {
        let channel = self.channel;
        let is_last = || {
            channel.senders.set(channel.senders.get() - 1);
            channel.senders.get() == 0
        };
        match channel.owner.try_enter() {
            Some(scheduler) if is_last() => channel.shut(scheduler),
            Some(_) => {}
            // Nobody waits, as no run has it.
            None => channel.owner.outside(|| channel.closed.set(channel.closed.get() | is_last())),
        }
    }
}

/// A receiver of a [`Channel`]. It stays on its thread.
pub struct Receiver<'a, T, const N: usize> {
    channel: &'a Channel<T, N>,
    /// Belongs to one thread.
    marker: PhantomData<*mut ()>,
}

impl<'a, T, const N: usize> Receiver<'a, T, N> {
    /// See [`Channel::recv`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    #[inline(always)]
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.channel.recv()
    }

    /// See [`Channel::recv_until`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn recv_until(&self, deadline: Instant) -> Result<T, RecvError> {
        self.channel.recv_until(deadline)
    }

    /// See [`Channel::try_recv`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    #[inline(always)]
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.channel.try_recv()
    }

    /// See [`Channel::iter`].
    pub fn iter(&self) -> Iter<'_, T, N> {
        self.channel.iter()
    }

    /// See [`Channel::try_iter`].
    pub fn try_iter(&self) -> TryIter<'_, T, N> {
        self.channel.try_iter()
    }

    /// The channel that it is a half of.
    pub fn channel(&self) -> &'a Channel<T, N> {
        self.channel
    }
}

impl<T, const N: usize> Clone for Receiver<'_, T, N> {
    #[track_caller]
    fn clone(&self) -> Self {
        self.channel.receiver()
    }
}

impl<T, const N: usize> Drop for Receiver<'_, T, N> {
    fn drop(&mut self) {
        let channel = self.channel;
        let is_last = || {
            channel.receivers.set(channel.receivers.get() - 1);
            channel.receivers.get() == 0
        };
        match channel.owner.try_enter() {
            Some(scheduler) if is_last() => {
                channel.shut(scheduler);
                channel.drain();
            }
            Some(_) => {}
            // Nobody waits, as no run has it. What is in the queue stays there.
            None => channel.owner.outside(|| channel.closed.set(channel.closed.get() | is_last())),
        }
    }
}

/// The items of a channel, as they come, until it is closed or the task is told to end.
pub struct Iter<'a, T, const N: usize>(&'a Channel<T, N>);

impl<T, const N: usize> Iterator for Iter<'_, T, N> {
    type Item = T;

    #[inline(always)]
    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

/// The items of a channel that are there.
pub struct TryIter<'a, T, const N: usize>(&'a Channel<T, N>);

impl<T, const N: usize> Iterator for TryIter<'_, T, N> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a Channel<T, N> {
    type Item = T;
    type IntoIter = Iter<'a, T, N>;

    fn into_iter(self) -> Iter<'a, T, N> {
        self.iter()
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a Receiver<'_, T, N> {
    type Item = T;
    type IntoIter = Iter<'a, T, N>;

    fn into_iter(self) -> Iter<'a, T, N> {
        self.iter()
    }
}

impl<T, const N: usize> SendTo<T> for Sender<'_, T, N> {
    type Arm<'a>
        = Sending<'a, T, N>
    where
        Self: 'a;

    fn arm(&self, item: T) -> Sending<'_, T, N> {
        SendTo::arm(self.channel, item)
    }
}

impl<T, const N: usize> Receive for Receiver<'_, T, N> {
    type Arm<'a>
        = Receiving<'a, T, N>
    where
        Self: 'a;

    fn arm(&self) -> Receiving<'_, T, N> {
        Receive::arm(self.channel)
    }
}

impl<T, const N: usize> fmt::Debug for Sender<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T, const N: usize> fmt::Debug for Receiver<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

impl<T, const N: usize> fmt::Debug for Iter<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

impl<T, const N: usize> fmt::Debug for TryIter<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryIter").finish_non_exhaustive()
    }
}
