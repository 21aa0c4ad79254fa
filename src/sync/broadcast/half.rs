//! Who sends and who receives.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;

use crate::sync::wait::{self, Arm as _, Take as _};
use crate::sync::{SendError, TrySendError};
use crate::task::{Waiting, What};
use crate::time::Instant;

use super::{Channel, Lagged, Receiving, RecvError, TryRecvError};

impl<T, const N: usize> Channel<T, N> {
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
    /// use barecoro::{Runtime, sync::broadcast::{Channel, RecvError}};
    ///
    /// static RUNTIME: Runtime<1> = Runtime::new();
    ///
    /// RUNTIME.run(|| {
    ///     let channel = Channel::<u32, 2>::new();
    ///     let (sender, receiver) = channel.split();
    ///     for n in 1..=3 {
    ///         sender.send(n).unwrap();                 // the third takes the place of the first
    ///     }
    ///     drop(sender);
    ///     assert_eq!(receiver.recv(), Err(RecvError::Lagged(1)));
    ///     assert_eq!(receiver.recv(), Ok(2));
    ///     assert_eq!(receiver.recv(), Ok(3));
    ///     assert_eq!(receiver.recv(), Err(RecvError::Closed));
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn split(&self) -> (Sender<'_, T, N>, Receiver<'_, T, N>) {
        (self.sender(), self.subscribe())
    }

    /// One more sender; see [`split`](Self::split).
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn sender(&self) -> Sender<'_, T, N> {
        self.owner.enter("broadcast::Channel::sender");
        self.senders.set(self.senders.get() + 1);
        Sender { channel: self, marker: PhantomData }
    }

    /// One more receiver, of all that is sent from now on.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn subscribe(&self) -> Receiver<'_, T, N> {
        self.owner.enter("broadcast::Channel::subscribe");
        self.receivers.set(self.receivers.get() + 1);
        Receiver { channel: self, next: Cell::new(self.ring.end()), marker: PhantomData }
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
    #[track_caller]
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        self.channel.try_send(item)
    }

    /// See [`Channel::subscribe`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn subscribe(&self) -> Receiver<'a, T, N> {
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

impl<T, const N: usize> fmt::Debug for Sender<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// A receiver of a [`Channel`]. It stays on its thread. Tasks that share one share its items.
pub struct Receiver<'a, T, const N: usize> {
    channel: &'a Channel<T, N>,
    /// The number of the item that it receives next.
    next: Cell<u64>,
    /// Belongs to one thread.
    marker: PhantomData<*mut ()>,
}

impl<'a, T, const N: usize> Receiver<'a, T, N> {
    /// How many items it could receive without waiting.
    ///
    /// # Panics
    ///
    /// As for [`recv`](Self::recv).
    #[track_caller]
    pub fn len(&self) -> usize {
        let ring = &self.channel.ring;
        self.channel.owner.enter("broadcast::Receiver::len");
        // At most `N`.
        usize::try_from(ring.end() - self.next.get().max(ring.start())).unwrap_or(N)
    }

    /// Whether it could receive nothing without waiting.
    ///
    /// # Panics
    ///
    /// As for [`recv`](Self::recv).
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Another receiver, of all that is sent from now on.
    ///
    /// # Panics
    ///
    /// As for [`recv`](Self::recv).
    #[must_use = "a receiver that is dropped receives nothing"]
    #[track_caller]
    pub fn resubscribe(&self) -> Self {
        self.channel.subscribe()
    }

    /// Whether the channel is closed. What is left in it can be received.
    ///
    /// # Panics
    ///
    /// As for [`recv`](Self::recv).
    #[track_caller]
    pub fn is_closed(&self) -> bool {
        self.channel.is_closed()
    }

    /// The channel that it is a half of.
    pub fn channel(&self) -> &'a Channel<T, N> {
        self.channel
    }
}

impl<T: Clone, const N: usize> Receiver<'_, T, N> {
    /// Receives the next item, and waits while there is none.
    ///
    /// `T::clone` is called in the channel, and should not use it.
    ///
    /// # Cancellation
    ///
    /// No item is lost: the receiver gets it the next time. A cancelled task receives what is there.
    ///
    /// # Errors
    ///
    /// - [`RecvError::Lagged`]: it was too slow for so many items, and goes on with the oldest.
    /// - [`RecvError::Closed`]: the channel is closed, and all that was sent was received.
    /// - [`RecvError::Cancelled`]: the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](crate::sync#threads) says. A panic of `T::clone` skips the
    /// item.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_within(None)
    }

    /// As [`recv`](Self::recv), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// Those of `recv`, and [`RecvError::TimedOut`].
    ///
    /// # Panics
    ///
    /// As for `recv`.
    #[track_caller]
    pub fn recv_until(&self, deadline: Instant) -> Result<T, RecvError> {
        self.recv_within(Some(deadline))
    }

    /// Receives the next item if that takes no waiting, but for what the item's clone may wait for.
    ///
    /// # Errors
    ///
    /// - [`TryRecvError::Lagged`]: as for [`recv`](Self::recv).
    /// - [`TryRecvError::Empty`]: all that was sent was received.
    /// - [`TryRecvError::Closed`]: the same, and the channel is closed.
    ///
    /// # Panics
    ///
    /// As for `recv`.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.channel.owner.enter("broadcast::Receiver::recv");
        self.channel.accept(&self.next)
    }

    /// Receives until the channel is closed, or the task is told to end.
    pub fn iter(&self) -> Iter<'_, T, N> {
        Iter(self)
    }

    #[track_caller]
    fn recv_within(&self, deadline: Option<Instant>) -> Result<T, RecvError> {
        let place = Location::caller();
        let arm = Receiving::new(self);
        while !arm.try_now() {
            let scheduler = self.channel.owner.enter("broadcast::Receiver::recv");
            let waiting = Waiting::at(What::Receive, self.channel.name, place);
            wait::wait_to_retry(scheduler, waiting, &arm, deadline)?;
        }
        arm.take(false)
    }
}

impl<T, const N: usize> Drop for Receiver<'_, T, N> {
    fn drop(&mut self) {
        let channel = self.channel;
        let leave = || channel.receivers.set(channel.receivers.get() - 1);
        match channel.owner.try_enter() {
            Some(_) => {
                // Senders wait only for a receiver that clones, so for another one.
                leave();
                let end = channel.ring.end();
                // What is sent from here on is not counted for this one. Destructors may do that,
                // and carry this into another run.
                for number in self.next.get().max(channel.ring.start())..end {
                    if channel.owner.try_enter().is_none() {
                        break;
                    }
                    drop(channel.ring.skip(number));
                }
            }
            // Nobody waits, as no run has it. What it has not received stays until it is overwritten.
            None => channel.owner.outside(leave),
        }
    }
}

impl<T, const N: usize> fmt::Debug for Receiver<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// The items of a channel, as they come, until it is closed or the task is told to end.
///
/// In between comes [`Lagged`] if the receiver was too slow.
pub struct Iter<'a, T: Clone, const N: usize>(&'a Receiver<'a, T, N>);

impl<T: Clone, const N: usize> Iterator for Iter<'_, T, N> {
    type Item = Result<T, Lagged>;

    #[track_caller]
    fn next(&mut self) -> Option<Self::Item> {
        match self.0.recv() {
            Ok(item) => Some(Ok(item)),
            Err(RecvError::Lagged(items)) => Some(Err(Lagged(items))),
            Err(RecvError::Closed | RecvError::Cancelled | RecvError::TimedOut) => None,
        }
    }
}

impl<'a, T: Clone, const N: usize> IntoIterator for &'a Receiver<'_, T, N> {
    type Item = Result<T, Lagged>;
    type IntoIter = Iter<'a, T, N>;

    fn into_iter(self) -> Iter<'a, T, N> {
        self.iter()
    }
}

impl<T: Clone, const N: usize> fmt::Debug for Iter<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}
