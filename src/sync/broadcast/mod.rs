//! A channel whose receivers all receive every item.
//!
//! The channel keeps the last `N` items. A sender does not wait for receivers: one that is slower
//! than that learns how many items it has missed, and goes on with the oldest that is left.
//!
//! # Examples
//!
//! ```
//! use barecoro::{Runtime, sync::broadcast, task};
//!
//! static RUNTIME: Runtime<4> = Runtime::new();
//! static NEWS: broadcast::Channel<&str, 8> = broadcast::Channel::new();
//!
//! RUNTIME.run(|| {
//!     let readers = [(); 2].map(|()| {
//!         let news = NEWS.subscribe();
//!         task::spawn(move || news.iter().map(Result::unwrap).collect::<Vec<_>>()).unwrap()
//!     });
//!     NEWS.send("hear").unwrap();
//!     NEWS.send("ye").unwrap();
//!     NEWS.close();
//!     for reader in readers {
//!         assert_eq!(reader.join().unwrap(), ["hear", "ye"]);
//!     }
//! }).unwrap();
//! ```
#![expect(unsafe_code, reason = "links nodes that lie in the frames of parked tasks")]

mod arm;
mod error;
mod half;
mod ring;

use core::cell::Cell;
use core::fmt;
use core::panic::Location;
use core::ptr::NonNull;

use crate::collections::List;
use crate::task::{Owner, Scheduler, Waiting, What};
use crate::time::Instant;

use super::wait::{self, Link};
use super::{SendError, TrySendError};
use ring::{Found, Ring, Slot};

#[doc(hidden)]
pub use arm::{Receiving, Sending};
pub use error::{Lagged, RecvError, TryRecvError};
pub use half::{Iter, Receiver, Sender};

/// Who waits, and where in its frame the item is.
type Place<T> = (Link, NonNull<Cell<Option<T>>>);

/// The last `N` items, and who receives them.
///
/// In the shape of tokio's `broadcast`. Each receiver gets a clone of each item, and the last that
/// receives one gets the item itself. An item is dropped when nobody is left to receive it. Tasks
/// send by the channel itself, or by [halves](Self::split) of it that close it when the last
/// [`Sender`] is dropped.
///
/// Room for an item is needed: `N` is at least 1. All zero until it is used.
pub struct Channel<T, const N: usize> {
    owner: Owner,
    /// Receivers that wait. They try again when something was sent.
    receiving: List<Link>,
    /// Senders that wait. Then the oldest item is being cloned.
    sending: List<Place<T>>,
    closed: Cell<bool>,
    /// Halves that have not been dropped.
    senders: Cell<usize>,
    receivers: Cell<usize>,
    name: Option<&'static str>,
    ring: Ring<T, N>,
}

// SAFETY: one thread at a time uses it (see `Owner`), and items may come to another by that. A
// coroutine that has left its run in the middle of a clone may go on with it while another thread's
// run clones the same item: hence `Sync`.
unsafe impl<T: Send + Sync, const N: usize> Sync for Channel<T, N> {}
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
            ring: Ring::new(),
        }
    }

    /// Gives it a name for reports of what tasks wait for.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Sends an item to all receivers that there are now. If there are `N` items already, the oldest
    /// is lost to those who have not received it.
    ///
    /// Waits only while a receiver clones just that one, which takes more than an instant if the
    /// clone waits itself.
    ///
    /// # Cancellation
    ///
    /// The item is in the error, and was not sent. A cancelled task sends where it need not wait.
    ///
    /// # Errors
    ///
    /// Both hold the item:
    /// - [`SendError::Closed`]: the channel is closed, or there are no receivers.
    /// - [`SendError::Cancelled`]: the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](super#threads) says.
    #[track_caller]
    pub fn send(&self, item: T) -> Result<(), SendError<T>> {
        let scheduler = self.owner.enter("broadcast::Channel::send");
        self.send_within(scheduler, item, None)
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
        let scheduler = self.owner.enter("broadcast::Channel::send_until");
        self.send_within(scheduler, item, Some(deadline))
    }

    /// Sends an item if that takes no waiting.
    ///
    /// # Errors
    ///
    /// Both hold the item:
    /// - [`TrySendError::Full`]: the oldest item is being cloned, or others wait to send.
    /// - [`TrySendError::Closed`]: the channel is closed, or there are no receivers.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let scheduler = self.owner.enter("broadcast::Channel::try_send");
        self.offer(scheduler, item)
    }

    /// Closes the channel: nothing can be sent any more, and what was sent can still be received.
    /// Does nothing to a closed channel.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn close(&self) {
        self.shut(self.owner.enter("broadcast::Channel::close"));
    }

    /// Opens a closed channel again, for another run for example.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn reopen(&self) {
        self.owner.enter("broadcast::Channel::reopen");
        self.closed.set(false);
    }

    /// Whether the channel is closed: by [`close`](Self::close), or as the last [`Sender`] was dropped.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn is_closed(&self) -> bool {
        self.owner.enter("broadcast::Channel::is_closed");
        self.closed.get()
    }

    /// How many [`Receiver`]s there are.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn receiver_count(&self) -> usize {
        self.owner.enter("broadcast::Channel::receiver_count");
        self.receivers.get()
    }

    /// How many items it keeps.
    pub const fn capacity(&self) -> usize {
        N
    }

    #[track_caller]
    fn send_within(
        &self,
        scheduler: &Scheduler,
        item: T,
        deadline: Option<Instant>,
    ) -> Result<(), SendError<T>> {
        match self.offer(scheduler, item) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(item)) => Err(SendError::Closed(item)),
            Err(TrySendError::Full(item)) => {
                let arm = Sending::new(self, item);
                let waiting = Waiting::at(What::Send, self.name, Location::caller());
                arm.sent(match deadline {
                    None => wait::wait(scheduler, waiting, &arm),
                    Some(deadline) => wait::wait_until(scheduler, waiting, &arm, deadline),
                })
            }
        }
    }

    /// Puts an item in, unless it would have to wait: then it is in [`TrySendError::Full`].
    fn offer(&self, scheduler: &Scheduler, item: T) -> Result<(), TrySendError<T>> {
        if self.closed.get() || self.receivers.get() == 0 {
            return Err(TrySendError::Closed(item));
        }
        // Who waits came before.
        if wait::first(&self.sending).is_some() {
            return Err(TrySendError::Full(item));
        }
        let before = self.put(scheduler, item).map_err(TrySendError::Full)?;
        // Its destructor may use the channel.
        drop(before);
        Ok(())
    }

    /// Returns the item that had the place. There are receivers.
    fn put(&self, scheduler: &Scheduler, item: T) -> Result<Option<T>, T> {
        let before = self.ring.push(item, self.receivers.get())?;
        self.rouse_all(scheduler);
        Ok(before)
    }

    /// An item is not cloned any more: those who wait to send may overwrite it.
    fn admit(&self) {
        // In a destructor, a coroutine may carry this out of its run. Then nobody waits any more.
        while let Some(scheduler) = self.owner.try_enter()
            && let Some((link, place)) = wait::first(&self.sending)
        {
            // SAFETY: its node is in the list, so the place is there, in the frame of a task that
            // waits.
            let place = unsafe { place.as_ref() };
            let Some(item) = place.take() else { super::impossible() };
            match self.put(scheduler, item) {
                Ok(before) => {
                    self.sending.pop();
                    // SAFETY: it was in the list just now.
                    unsafe { link.fire(scheduler) }
                    let others = Others(self);
                    drop(before);
                    core::mem::forget(others);
                }
                Err(item) => return place.set(Some(item)),
            }
        }
    }

    fn rouse_all(&self, scheduler: &Scheduler) {
        while let Some(link) = wait::pop(&self.receiving) {
            // SAFETY: it was in the list just now.
            unsafe { link.rouse(scheduler) }
        }
    }

    /// Those who wait to send find their items as they were.
    fn shut(&self, scheduler: &Scheduler) {
        self.closed.set(true);
        while let Some((link, _)) = wait::pop(&self.sending) {
            // SAFETY: it was in the list just now.
            unsafe { link.fire(scheduler) }
        }
        self.rouse_all(scheduler);
    }
}

impl<T: Clone, const N: usize> Channel<T, N> {
    /// What there is for a receiver that is at item `next`, which moves on.
    fn accept(&self, next: &Cell<u64>) -> Result<T, TryRecvError> {
        let number = next.get();
        match self.ring.take(number) {
            Found::Nothing if self.closed.get() => Err(TryRecvError::Closed),
            Found::Nothing => Err(TryRecvError::Empty),
            Found::Lost(items) => {
                next.set(number + items);
                Err(TryRecvError::Lagged(items))
            }
            Found::Last(item) => {
                next.set(number + 1);
                Ok(item)
            }
            Found::Lent(slot) => {
                next.set(number + 1);
                // The clone may wait, or use the channel, or panic.
                let loan = Loan { channel: self, slot };
                let item = loan.slot.item().clone();
                drop(loan);
                Ok(item)
            }
        }
    }
}

/// Those who wait to send, and are served also where a destructor panics.
struct Others<'a, T, const N: usize>(&'a Channel<T, N>);

impl<T, const N: usize> Drop for Others<'_, T, N> {
    fn drop(&mut self) {
        self.0.admit();
    }
}

/// An item that is being cloned. It is not overwritten meanwhile.
struct Loan<'a, T, const N: usize> {
    channel: &'a Channel<T, N>,
    slot: &'a Slot<T>,
}

impl<T, const N: usize> Drop for Loan<'_, T, N> {
    fn drop(&mut self) {
        let owner = &self.channel.owner;
        let mut item = None;
        match owner.try_enter() {
            Some(_) => {
                item = self.slot.give_back();
                if !self.slot.is_lent() {
                    self.channel.admit();
                }
            }
            // Nobody waits, as no run has it. A coroutine has carried the clone out of its run.
            None => owner.outside(|| item = self.slot.give_back()),
        }
        drop(item);
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
