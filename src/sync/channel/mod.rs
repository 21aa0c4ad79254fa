//! Channels with several senders and several receivers.
#![expect(unsafe_code, reason = "links nodes that lie in the frames of parked tasks")]

mod arm;
mod buffer;
mod error;
mod half;

use core::cell::Cell;
use core::fmt;
use core::panic::Location;
use core::ptr::NonNull;

use crate::collections::List;
use crate::task::{Owner, Scheduler, Waiting, What};
use crate::time::Instant;

use super::wait::{self, Link};
use buffer::Buffer;

pub use arm::{Receiving, Sending};
pub use error::{RecvError, SendError, TryRecvError, TrySendError};
pub use half::{Iter, Receiver, Sender, TryIter};

/// Who waits, and where in its frame the item is, or is to come.
type Place<T> = (Link, NonNull<Cell<Option<T>>>);

/// A queue of up to `N` items between tasks, with any number of senders and receivers.
///
/// The items lie in the channel, nothing is allocated. Who waits, to send or to receive, has its turn
/// in the order of coming, and an item goes straight to a receiver that waits. With `N` = 0 there is no
/// queue: a send waits until a receiver takes the item from its hands.
///
/// Tasks use the channel itself, or [halves](Self::split) of it that close it when the last one is
/// dropped. All zero until it is used, so in a `static` it costs nothing in the program's file.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, sync::Channel, task};
///
/// static RUNTIME: Runtime<4> = Runtime::new();
/// static JOBS: Channel<u32, 32> = Channel::new();
///
/// let sum = RUNTIME.run(|| {
///     let worker = task::spawn(|| JOBS.iter().sum::<u32>()).unwrap();
///     for job in 1..=100 {
///         JOBS.send(job).unwrap();
///     }
///     JOBS.close();
///     worker.join().unwrap()
/// }).unwrap();
/// assert_eq!(sum, 5050);
/// ```
pub struct Channel<T, const N: usize> {
    owner: Owner,
    /// Receivers that wait. Then nothing is in the buffer, and no sender waits.
    receiving: List<Place<T>>,
    /// Senders that wait. Then the buffer is full.
    sending: List<Place<T>>,
    closed: Cell<bool>,
    /// Halves that have not been dropped.
    senders: Cell<usize>,
    receivers: Cell<usize>,
    name: Option<&'static str>,
    buffer: Buffer<T, N>,
}

// SAFETY: one thread at a time uses it (see `Owner`); items may come to another by that.
unsafe impl<T: Send, const N: usize> Sync for Channel<T, N> {}
// SAFETY: whoever has it by value has all of it, and nobody waits for it.
unsafe impl<T: Send, const N: usize> Send for Channel<T, N> {}

impl<T, const N: usize> Channel<T, N> {
    /// An empty channel.
    pub const fn new() -> Self {
        Self {
            owner: Owner::new(),
            receiving: List::new(),
            sending: List::new(),
            closed: Cell::new(false),
            senders: Cell::new(0),
            receivers: Cell::new(0),
            name: None,
            buffer: Buffer::new(),
        }
    }

    /// Gives it a name for reports of what tasks wait for.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Sends an item, and waits while there is no room for it.
    ///
    /// # Cancellation
    ///
    /// The item is in the error, unless it was received or put into the queue before the
    /// cancellation came; then the call returns `Ok`. A cancelled task sends where there is room.
    ///
    /// # Errors
    ///
    /// Both hold the item:
    /// - [`SendError::Closed`]: the channel is closed.
    /// - [`SendError::Cancelled`]: the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](super#threads) says.
    #[inline(always)]
    #[track_caller]
    pub fn send(&self, item: T) -> Result<(), SendError<T>> {
        let scheduler = self.owner.enter("Channel::send");
        match self.offer(scheduler, item) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(item)) => Err(SendError::Closed(item)),
            Err(TrySendError::Full(item)) => {
                let arm = Sending::new(self, item);
                let waiting = Waiting::at(What::Send, self.name, Location::caller());
                arm.sent(wait::wait(scheduler, waiting, &arm))
            }
        }
    }

    /// As [`send`](Self::send), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// Those of `send`, and [`SendError::TimedOut`] with the item.
    ///
    /// # Panics
    ///
    /// As for `send`.
    #[track_caller]
    pub fn send_until(&self, item: T, deadline: Instant) -> Result<(), SendError<T>> {
        let scheduler = self.owner.enter("Channel::send_until");
        match self.offer(scheduler, item) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(item)) => Err(SendError::Closed(item)),
            Err(TrySendError::Full(item)) => {
                let arm = Sending::new(self, item);
                let waiting = Waiting::at(What::Send, self.name, Location::caller());
                arm.sent(wait::wait_until(scheduler, waiting, &arm, deadline))
            }
        }
    }

    /// Sends an item if that takes no waiting.
    ///
    /// # Errors
    ///
    /// Both hold the item:
    /// - [`TrySendError::Full`]: there is no room; without a queue, no receiver waits.
    /// - [`TrySendError::Closed`]: the channel is closed.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[inline(always)]
    #[track_caller]
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let scheduler = self.owner.enter("Channel::try_send");
        self.offer(scheduler, item)
    }

    /// Receives the item that was sent first, and waits while there is none.
    ///
    /// # Cancellation
    ///
    /// No item is lost: one that was handed over before the cancellation came is returned. A
    /// cancelled task receives what is there.
    ///
    /// # Errors
    ///
    /// - [`RecvError::Closed`]: the channel is closed, and nothing is left in it.
    /// - [`RecvError::Cancelled`]: the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](super#threads) says.
    #[inline(always)]
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        let scheduler = self.owner.enter("Channel::recv");
        match self.accept(scheduler) {
            Ok(item) => Ok(item),
            Err(TryRecvError::Empty) => {
                let arm = Receiving::new(self);
                let waiting = Waiting::at(What::Receive, self.name, Location::caller());
                arm.received(wait::wait(scheduler, waiting, &arm))
            }
            Err(_) => Err(RecvError::Closed),
        }
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
        let scheduler = self.owner.enter("Channel::recv_until");
        match self.accept(scheduler) {
            Ok(item) => Ok(item),
            Err(TryRecvError::Empty) => {
                let arm = Receiving::new(self);
                let waiting = Waiting::at(What::Receive, self.name, Location::caller());
                arm.received(wait::wait_until(scheduler, waiting, &arm, deadline))
            }
            Err(_) => Err(RecvError::Closed),
        }
    }

    /// Receives an item if that takes no waiting.
    ///
    /// # Errors
    ///
    /// - [`TryRecvError::Empty`]: there is nothing.
    /// - [`TryRecvError::Closed`]: the channel is closed, and nothing is left in it.
    ///
    /// # Panics
    ///
    /// As for [`recv`](Self::recv).
    #[inline(always)]
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let scheduler = self.owner.enter("Channel::try_recv");
        self.accept(scheduler)
    }

    /// Closes the channel: nothing can be sent any more, and what is in the queue can still be
    /// received. Who waits gets an error. Does nothing to a closed channel.
    ///
    /// # Panics
    ///
    /// As for [`recv`](Self::recv).
    #[track_caller]
    pub fn close(&self) {
        let scheduler = self.owner.enter("Channel::close");
        self.shut(scheduler);
    }

    /// Opens a closed channel again, for another run for example. What is left in its queue stays.
    ///
    /// # Panics
    ///
    /// As for [`recv`](Self::recv).
    #[track_caller]
    pub fn reopen(&self) {
        self.owner.enter("Channel::reopen");
        self.closed.set(false);
    }

    /// Whether the channel is closed.
    ///
    /// # Panics
    ///
    /// As for [`recv`](Self::recv).
    #[track_caller]
    pub fn is_closed(&self) -> bool {
        self.owner.enter("Channel::is_closed");
        self.closed.get()
    }

    /// How many items are in the queue.
    ///
    /// # Panics
    ///
    /// As for [`recv`](Self::recv).
    #[track_caller]
    pub fn len(&self) -> usize {
        self.owner.enter("Channel::len");
        self.buffer.len()
    }

    /// Whether nothing is in the queue.
    ///
    /// # Panics
    ///
    /// As for [`recv`](Self::recv).
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items the queue has room for.
    pub const fn capacity(&self) -> usize {
        N
    }

    /// Gives an item to whoever waits for one, or puts it into the queue.
    #[inline(always)]
    fn offer(&self, scheduler: &Scheduler, item: T) -> Result<(), TrySendError<T>> {
        if self.closed.get() {
            return Err(TrySendError::Closed(item));
        }
        match wait::pop(&self.receiving) {
            Some((link, place)) => {
                // SAFETY: its node was in the list just now, so the place is there, in the frame of
                // a task that waits.
                let before = unsafe {
                    let before = place.as_ref().replace(Some(item));
                    link.fire(scheduler);
                    before
                };
                // There was none, unless an arm has waited before. Dropping one is code of users, who
                // may run others.
                drop(before);
                Ok(())
            }
            None => self.buffer.push(item).map_err(TrySendError::Full),
        }
    }

    /// Takes an item from the queue, or from the hands of whoever waits to send one.
    #[inline(always)]
    fn accept(&self, scheduler: &Scheduler) -> Result<T, TryRecvError> {
        match self.buffer.pop() {
            Some(item) => {
                if let Some(next) = self.take_from_sender(scheduler) {
                    // There is room now.
                    let _pushed = self.buffer.push(next);
                }
                Ok(item)
            }
            None if N > 0 => Err(self.nothing()),
            None => self.take_from_sender(scheduler).ok_or_else(|| self.nothing()),
        }
    }

    #[inline(always)]
    fn nothing(&self) -> TryRecvError {
        if self.closed.get() { TryRecvError::Closed } else { TryRecvError::Empty }
    }

    #[inline(always)]
    fn take_from_sender(&self, scheduler: &Scheduler) -> Option<T> {
        let (link, place) = wait::pop(&self.sending)?;
        // SAFETY: as in `offer`.
        unsafe {
            let item = place.as_ref().take();
            link.fire(scheduler);
            item
        }
    }

    /// Who waits finds its place as it was: a sender its item, a receiver nothing.
    fn shut(&self, scheduler: &Scheduler) {
        self.closed.set(true);
        for list in [&self.sending, &self.receiving] {
            while let Some((link, _)) = wait::pop(list) {
                // SAFETY: it was in the list just now.
                unsafe { link.fire(scheduler) }
            }
        }
    }
}

impl<T, const N: usize> Default for Channel<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> fmt::Debug for Channel<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("name", &self.name)
            .field("capacity", &N)
            .finish_non_exhaustive()
    }
}
