//! Who sends.

use core::fmt;
use core::marker::PhantomData;

use crate::sync::SendError;
use crate::task::{Cancelled, WaitError};
use crate::time::Instant;

use super::{Channel, Receiver, Ref};

impl<T> Channel<T> {
    /// A sender and a receiver. When the last sender is dropped the channel is closed, and
    /// [`reopen`](Self::reopen) opens it again.
    ///
    /// Halves of a channel in a `static` are `'static` and can go into tasks; those of others
    /// borrow it.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    ///
    /// # Examples
    ///
    /// ```
    /// use barecoro::{Runtime, sync::{RecvError, watch}, task};
    ///
    /// static RUNTIME: Runtime<2> = Runtime::new();
    /// static PROGRESS: watch::Channel<u32> = watch::Channel::new(0);
    ///
    /// RUNTIME.run(|| {
    ///     let (sender, mut receiver) = PROGRESS.split();
    ///     task::spawn(move || {
    ///         for percent in [20, 70, 100] {
    ///             sender.send(percent).unwrap();
    ///             task::yield_now();
    ///         }
    ///     }).unwrap();
    ///     assert!(*receiver.wait_for(|percent| *percent > 50).unwrap() > 50);
    ///     while receiver.changed().is_ok() {}
    ///     assert_eq!(*receiver.borrow().unwrap(), 100);
    ///     assert_eq!(receiver.changed(), Err(RecvError::Closed));
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn split(&self) -> (Sender<'_, T>, Receiver<'_, T>) {
        (self.sender(), self.subscribe())
    }

    /// One more sender; see [`split`](Self::split).
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn sender(&self) -> Sender<'_, T> {
        self.owner.enter("watch::Channel::sender");
        self.senders.set(self.senders.get() + 1);
        Sender { channel: self, marker: PhantomData }
    }
}

/// A sender of a [`Channel`]. It stays on its thread.
pub struct Sender<'a, T> {
    channel: &'a Channel<T>,
    /// Belongs to one thread.
    marker: PhantomData<*mut ()>,
}

impl<'a, T> Sender<'a, T> {
    /// See [`Channel::send`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.channel.send(value)
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
    pub fn send_until(&self, value: T, deadline: Instant) -> Result<(), SendError<T>> {
        self.channel.send_until(value, deadline)
    }

    /// See [`Channel::send_replace`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn send_replace(&self, value: T) -> Result<T, SendError<T>> {
        self.channel.send_replace(value)
    }

    /// See [`Channel::send_modify`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn send_modify(&self, f: impl FnOnce(&mut T)) -> Result<(), Cancelled> {
        self.channel.send_modify(f)
    }

    /// See [`Channel::send_if_modified`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn send_if_modified(&self, f: impl FnOnce(&mut T) -> bool) -> Result<bool, Cancelled> {
        self.channel.send_if_modified(f)
    }

    /// See [`Channel::borrow`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn borrow(&self) -> Result<Ref<'_, T>, Cancelled> {
        self.channel.borrow()
    }

    /// See [`Channel::borrow_until`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn borrow_until(&self, deadline: Instant) -> Result<Ref<'_, T>, WaitError> {
        self.channel.borrow_until(deadline)
    }

    /// See [`Channel::subscribe`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn subscribe(&self) -> Receiver<'a, T> {
        self.channel.subscribe()
    }

    /// See [`Channel::receiver_count`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn receiver_count(&self) -> usize {
        self.channel.receiver_count()
    }

    /// Whether a [`send`](Self::send) would find nobody: the channel is closed, or has no receivers.
    ///
    /// # Panics
    ///
    /// As for `send`.
    #[track_caller]
    pub fn is_closed(&self) -> bool {
        self.channel.is_closed() || self.channel.receiver_count() == 0
    }

    /// The channel that it is a half of.
    pub fn channel(&self) -> &'a Channel<T> {
        self.channel
    }
}

impl<T> Clone for Sender<'_, T> {
    #[track_caller]
    fn clone(&self) -> Self {
        self.channel.sender()
    }
}

impl<T> Drop for Sender<'_, T> {
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

impl<T> fmt::Debug for Sender<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}
