//! A channel for one item.
//!
//! # Examples
//!
//! ```
//! use barecoro::{Runtime, sync::oneshot, task};
//!
//! static RUNTIME: Runtime<2> = Runtime::new();
//!
//! RUNTIME.run(|| {
//!     let reply = oneshot::Channel::new();
//!     task::scope(|s| {
//!         let (sender, receiver) = reply.split();
//!         s.spawn(move || {
//!             sender.send("here it is").unwrap();
//!             Ok(())
//!         }).unwrap();
//!         assert_eq!(receiver.recv(), Ok("here it is"));
//!         Ok::<_, ()>(())
//!     })
//! }).unwrap().unwrap();
//! ```
#![expect(unsafe_code, reason = "the channel may come to another thread")]

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;

use crate::collections::{List, Node};
use crate::task::{Owner, WaitError, Waiting, What};
use crate::time::Instant;

use super::channel::{RecvError, TryRecvError};
use super::select::Receive;
use super::wait::{self, Arm, Link, Take, Waiter};

/// Room for one item, from one sender to one receiver.
///
/// When both halves are gone it can be used again.
pub struct Channel<T> {
    owner: Owner,
    item: Cell<Option<T>>,
    has_sender: Cell<bool>,
    has_receiver: Cell<bool>,
    /// The receiver, while it waits.
    waiters: List<Link>,
    name: Option<&'static str>,
}

// SAFETY: one thread at a time uses it (see `Owner`); the item may come to another by that.
unsafe impl<T: Send> Sync for Channel<T> {}
// SAFETY: whoever has it by value has all of it, and nobody waits for it.
unsafe impl<T: Send> Send for Channel<T> {}

impl<T> Channel<T> {
    /// One without halves.
    pub const fn new() -> Self {
        Self {
            owner: Owner::new(),
            item: Cell::new(None),
            has_sender: Cell::new(false),
            has_receiver: Cell::new(false),
            waiters: List::new(),
            name: None,
        }
    }

    /// Gives it a name for reports of what tasks wait for.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// The sender and the receiver.
    ///
    /// # Panics
    ///
    /// While there are halves of it from a former call; outside of a task; and as
    /// [`sync`](super#threads) says.
    #[track_caller]
    pub fn split(&self) -> (Sender<'_, T>, Receiver<'_, T>) {
        self.owner.enter("oneshot::Channel::split");
        assert!(
            !self.has_sender.get() && !self.has_receiver.get(),
            "a oneshot channel was split while it has halves: drop them before, or use another one",
        );
        let stale = self.item.take();
        self.has_sender.set(true);
        self.has_receiver.set(true);
        // Its destructor may panic, and then the halves are gone again.
        let halves = (
            Sender { channel: self, marker: PhantomData },
            Receiver { channel: self, marker: PhantomData },
        );
        drop(stale);
        halves
    }

    /// Takes the item, if there is one.
    fn accept(&self) -> Result<T, TryRecvError> {
        match self.item.take() {
            Some(item) => Ok(item),
            None if self.has_sender.get() => Err(TryRecvError::Empty),
            None => Err(TryRecvError::Closed),
        }
    }
}

impl<T> Default for Channel<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The sender of a [`Channel`]. It stays on its thread.
pub struct Sender<'a, T> {
    channel: &'a Channel<T>,
    /// Belongs to one thread.
    marker: PhantomData<*mut ()>,
}

impl<T> Sender<'_, T> {
    /// Sends the item. Does not wait.
    ///
    /// # Errors
    ///
    /// The item comes back if the receiver is gone.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](super#threads) says.
    #[track_caller]
    pub fn send(self, item: T) -> Result<(), T> {
        let channel = self.channel;
        channel.owner.enter("oneshot::Sender::send");
        if !channel.has_receiver.get() {
            return Err(item);
        }
        channel.item.set(Some(item));
        // Dropping the sender wakes the receiver.
        Ok(())
    }

    /// Whether the receiver is gone.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn is_closed(&self) -> bool {
        self.channel.owner.enter("oneshot::Sender::is_closed");
        !self.channel.has_receiver.get()
    }
}

impl<T> Drop for Sender<'_, T> {
    fn drop(&mut self) {
        let channel = self.channel;
        match channel.owner.try_enter() {
            Some(scheduler) => {
                channel.has_sender.set(false);
                while let Some(link) = wait::pop(&channel.waiters) {
                    // SAFETY: it was in the list just now.
                    unsafe { link.fire(scheduler) }
                }
            }
            // Nobody waits, as no run has it.
            None => channel.owner.outside(|| channel.has_sender.set(false)),
        }
    }
}

impl<T> fmt::Debug for Sender<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// The receiver of a [`Channel`]. It stays on its thread.
pub struct Receiver<'a, T> {
    channel: &'a Channel<T>,
    /// Belongs to one thread.
    marker: PhantomData<*mut ()>,
}

impl<T> Receiver<'_, T> {
    /// Waits for the item.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost: the receiver is still there, and so is an item that comes.
    ///
    /// # Errors
    ///
    /// - [`RecvError::Closed`]: the sender is gone without having sent one, or the item was
    ///   received before.
    /// - [`RecvError::Cancelled`]: the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](super#threads) says.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        let channel = self.channel;
        let scheduler = channel.owner.enter("oneshot::Receiver::recv");
        if channel.has_sender.get() {
            let waiting = Waiting::at(What::Receive, channel.name, Location::caller());
            wait::wait(scheduler, waiting, &Receiving::new(channel))?;
        }
        channel.accept().map_err(|_| RecvError::Closed)
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
        let channel = self.channel;
        let scheduler = channel.owner.enter("oneshot::Receiver::recv_until");
        if channel.has_sender.get() {
            let waiting = Waiting::at(What::Receive, channel.name, Location::caller());
            wait::wait_until(scheduler, waiting, &Receiving::new(channel), deadline)?;
        }
        channel.accept().map_err(|_| RecvError::Closed)
    }

    /// Takes the item, if it is there.
    ///
    /// # Errors
    ///
    /// - [`TryRecvError::Empty`]: it is not there yet.
    /// - [`TryRecvError::Closed`]: it will not come.
    ///
    /// # Panics
    ///
    /// As for [`recv`](Self::recv).
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.channel.owner.enter("oneshot::Receiver::try_recv");
        self.channel.accept()
    }
}

impl<T> Drop for Receiver<'_, T> {
    fn drop(&mut self) {
        let channel = self.channel;
        match channel.owner.try_enter() {
            Some(_) => {
                channel.has_receiver.set(false);
                drop(channel.item.take());
            }
            None => channel.owner.outside(|| channel.has_receiver.set(false)),
        }
    }
}

impl<T> fmt::Debug for Receiver<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// Receiving the item among other things.
pub struct Receiving<'a, T> {
    channel: &'a Channel<T>,
    node: Node<Link>,
}

impl<'a, T> Receiving<'a, T> {
    fn new(channel: &'a Channel<T>) -> Self {
        Self { channel, node: Node::new(Link::NONE) }
    }
}

impl<T> Arm for Receiving<'_, T> {
    #[track_caller]
    fn try_now(&self) -> bool {
        self.channel.owner.enter("oneshot::Receiver::recv");
        !self.channel.has_sender.get()
    }

    unsafe fn link(&self, waiter: &Waiter, index: u32) {
        self.node.set(Link::to(waiter, index));
        // SAFETY: the caller's promise.
        unsafe { self.channel.waiters.push(&self.node) }
    }

    unsafe fn unlink(&self) {
        // SAFETY: `link` puts it into this list only.
        unsafe { self.channel.waiters.remove(&self.node) }
    }
}

impl<T> Take for Receiving<'_, T> {
    type Output = Result<T, RecvError>;

    fn take(&self, cancelled: bool) -> Self::Output {
        if cancelled {
            return Err(WaitError::Cancelled.into());
        }
        self.channel.owner.enter("oneshot::Receiver::recv");
        self.channel.accept().map_err(|_| RecvError::Closed)
    }
}

impl<T> Receive for Receiver<'_, T> {
    type Arm<'a>
        = Receiving<'a, T>
    where
        Self: 'a;

    fn arm(&self) -> Receiving<'_, T> {
        Receiving::new(self.channel)
    }
}

impl<T> fmt::Debug for Receiving<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving").finish_non_exhaustive()
    }
}
