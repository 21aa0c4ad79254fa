//! A channel for the latest value only: settings, progress, the state of something.
//!
//! Senders replace the value, receivers look at it, and wait for it to change. Who does not look in
//! time misses what was there in between. A value in a `static` has no halves, and whoever wants to
//! hear of changes subscribes.
//!
//! # Examples
//!
//! ```
//! use barecoro::{Runtime, sync::watch, task};
//!
//! #[derive(Clone, Copy)]
//! struct Config { workers: u32 }
//!
//! static RUNTIME: Runtime<2> = Runtime::new();
//! static CONFIG: watch::Channel<Config> = watch::Channel::new(Config { workers: 1 });
//!
//! RUNTIME.run(|| {
//!     let mut config = CONFIG.subscribe();
//!     let task = task::spawn(move || {
//!         config.changed().unwrap();
//!         config.borrow().unwrap().workers
//!     }).unwrap();
//!     CONFIG.send(Config { workers: 2 }).unwrap();
//!     CONFIG.send_modify(|config| config.workers += 1).unwrap();
//!     assert_eq!(task.join().unwrap(), 3);
//! }).unwrap();
//! ```
#![expect(unsafe_code, reason = "the channel may come to another thread")]

mod arm;
mod receiver;
mod sender;

use core::cell::Cell;
use core::fmt;
use core::ops::Deref;

use crate::collections::List;
use crate::task::{Cancelled, Owner, Scheduler, WaitError};
use crate::time::Instant;

use super::SendError;
use super::rwlock::{ReadGuard, RwLock};
use super::wait::{self, Link};

#[doc(hidden)]
pub use arm::Changing;
pub use receiver::Receiver;
pub use sender::Sender;

/// A value, and who wants to hear of its changes.
///
/// In the shape of tokio's `watch`. Tasks use the channel itself, or [halves](Self::split) of it that
/// close it when the last [`Sender`] is dropped.
///
/// A [`Ref`] lends the value out. Sending waits until none is left, as for a lock that many read and
/// one writes: hold one shortly, and neither send nor borrow while you have one.
pub struct Channel<T> {
    owner: Owner,
    /// How often the value was changed. Changed under the lock only.
    version: Cell<u64>,
    closed: Cell<bool>,
    /// Halves that have not been dropped.
    senders: Cell<usize>,
    receivers: Cell<usize>,
    /// Receivers that wait for a change.
    waiters: List<Link>,
    name: Option<&'static str>,
    value: RwLock<T>,
}

// SAFETY: one thread at a time uses it (see `Owner`), and what is lent out of it is the lock's, which
// has the same bounds.
unsafe impl<T: Send + Sync> Sync for Channel<T> {}
// SAFETY: whoever has it by value has all of it, and nobody waits for it.
unsafe impl<T: Send> Send for Channel<T> {}

impl<T> Channel<T> {
    /// A channel with its first value, which counts as seen by all who subscribe.
    pub const fn new(value: T) -> Self {
        Self {
            owner: Owner::new(),
            version: Cell::new(0),
            closed: Cell::new(false),
            senders: Cell::new(0),
            receivers: Cell::new(0),
            waiters: List::new(),
            name: None,
            value: RwLock::new(value),
        }
    }

    /// Gives it a name for reports of what tasks wait for.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self.value.name = Some(name);
        self
    }

    /// Replaces the value, and wakes all receivers that wait. Waits while the value is borrowed.
    ///
    /// # Cancellation
    ///
    /// The value is in the error, and the channel has the one that it had. A cancelled task sends
    /// where the value is not borrowed.
    ///
    /// # Errors
    ///
    /// Both hold the value:
    /// - [`SendError::Closed`]: the channel is closed, or there is no [`Receiver`]. The value was not
    ///   stored; [`send_replace`](Self::send_replace) would.
    /// - [`SendError::Cancelled`]: the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](super#threads) says.
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.replace("watch::Channel::send", value, false, None).map(drop)
    }

    /// As [`send`](Self::send), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// Those of `send`, and [`SendError::TimedOut`] with the value.
    ///
    /// # Panics
    ///
    /// As for `send`.
    #[track_caller]
    pub fn send_until(&self, value: T, deadline: Instant) -> Result<(), SendError<T>> {
        self.replace("watch::Channel::send_until", value, false, Some(deadline)).map(drop)
    }

    /// Replaces the value whether or not anybody listens, and returns the one before. Otherwise as
    /// [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// [`SendError::Cancelled`], with the new value, if the task was told to end.
    ///
    /// # Panics
    ///
    /// As for `send`.
    #[track_caller]
    pub fn send_replace(&self, value: T) -> Result<T, SendError<T>> {
        self.replace("watch::Channel::send_replace", value, true, None)
    }

    /// Lets `f` change the value whether or not anybody listens, and wakes all receivers that wait.
    /// Waits while the value is borrowed.
    ///
    /// # Cancellation
    ///
    /// Then `f` was not called.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was told to end.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send). If `f` panics, the value is as `f` has left it, and nobody is woken.
    #[track_caller]
    pub fn send_modify(&self, f: impl FnOnce(&mut T)) -> Result<(), Cancelled> {
        let modified = self.send_if_modified(|value| {
            f(value);
            true
        });
        modified.map(drop)
    }

    /// As [`send_modify`](Self::send_modify). Only if `f` returns `true`, which is passed on, does the
    /// value count as changed.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was told to end.
    ///
    /// # Panics
    ///
    /// As for `send_modify`.
    #[track_caller]
    pub fn send_if_modified(&self, f: impl FnOnce(&mut T) -> bool) -> Result<bool, Cancelled> {
        const CALL: &str = "watch::Channel::send_modify";
        self.owner.enter(CALL);
        let mut value = self.value.write()?;
        let modified = f(&mut value);
        if modified {
            // A coroutine may have carried this into another run meanwhile.
            self.announce(self.owner.enter(CALL));
        }
        Ok(modified)
    }

    /// Lends the value out. Waits while another task [modifies](Self::send_modify) it.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was told to end.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn borrow(&self) -> Result<Ref<'_, T>, Cancelled> {
        self.owner.enter("watch::Channel::borrow");
        Ok(Ref { value: self.value.read()?, has_changed: false })
    }

    /// As [`borrow`](Self::borrow), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// - [`WaitError::Cancelled`]: the task was told to end.
    /// - [`WaitError::TimedOut`]: the value was still being modified, or others waited for it.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn borrow_until(&self, deadline: Instant) -> Result<Ref<'_, T>, WaitError> {
        self.owner.enter("watch::Channel::borrow_until");
        Ok(Ref { value: self.value.read_until(deadline)?, has_changed: false })
    }

    /// Closes the channel: receivers learn that no change will come any more. Its value can still be
    /// borrowed. Does nothing to a closed channel.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn close(&self) {
        self.shut(self.owner.enter("watch::Channel::close"));
    }

    /// Opens a closed channel again, for another run for example.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn reopen(&self) {
        self.owner.enter("watch::Channel::reopen");
        self.closed.set(false);
    }

    /// Whether the channel is closed: by [`close`](Self::close), or as the last [`Sender`] was dropped.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn is_closed(&self) -> bool {
        self.owner.enter("watch::Channel::is_closed");
        self.closed.get()
    }

    /// How many [`Receiver`]s there are.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn receiver_count(&self) -> usize {
        self.owner.enter("watch::Channel::receiver_count");
        self.receivers.get()
    }

    /// The value, which nobody else uses.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// Returns the value before. `always`: also if nobody could hear of it.
    #[track_caller]
    fn replace(
        &self,
        call: &str,
        value: T,
        always: bool,
        deadline: Option<Instant>,
    ) -> Result<T, SendError<T>> {
        let scheduler = self.owner.enter(call);
        let in_vain = || !always && (self.closed.get() || self.receivers.get() == 0);
        if in_vain() {
            return Err(SendError::Closed(value));
        }
        let locked = match deadline {
            None => self.value.write().map_err(|Cancelled| WaitError::Cancelled),
            Some(deadline) => self.value.write_until(deadline),
        };
        let mut place = match locked {
            Ok(place) => place,
            Err(error) => return Err(SendError::of(error, value)),
        };
        // That may have changed while this waited.
        if in_vain() {
            return Err(SendError::Closed(value));
        }
        let before = core::mem::replace(&mut *place, value);
        self.announce(scheduler);
        drop(place);
        Ok(before)
    }

    /// The value has changed. It is locked for writing.
    fn announce(&self, scheduler: &Scheduler) {
        self.version.set(self.version.get() + 1);
        self.wake_all(scheduler);
    }

    fn shut(&self, scheduler: &Scheduler) {
        self.closed.set(true);
        self.wake_all(scheduler);
    }

    fn wake_all(&self, scheduler: &Scheduler) {
        while let Some(link) = wait::pop(&self.waiters) {
            // SAFETY: it was in the list just now.
            unsafe { link.fire(scheduler) }
        }
    }
}

impl<T: Default> Default for Channel<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The value of a [`Channel`], borrowed. Nothing can be sent while there is one.
///
/// It stays on its thread, and should not outlive its run.
#[must_use = "it is there to be looked at"]
pub struct Ref<'a, T> {
    value: ReadGuard<'a, T>,
    has_changed: bool,
}

impl<T> Ref<'_, T> {
    /// Whether the receiver that has lent it had not seen this value before. Of one that the channel
    /// or a sender has lent: `false`.
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
