//! Who is to hear of changes.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;

use crate::sync::RecvError;
use crate::sync::wait::{self, Arm as _};
use crate::task::{Cancelled, WaitError, Waiting, What};
use crate::time::Instant;

use super::{Changing, Channel, Ref};

impl<T> Channel<T> {
    /// One more receiver, which has seen the present value.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send).
    #[track_caller]
    pub fn subscribe(&self) -> Receiver<'_, T> {
        self.owner.enter("watch::Channel::subscribe");
        self.receivers.set(self.receivers.get() + 1);
        Receiver { channel: self, seen: Cell::new(self.version.get()), marker: PhantomData }
    }
}

/// A receiver of a [`Channel`], which knows what it has seen of it. It stays on its thread.
///
/// A [`Ref`] that it has lent borrows it, so none is held while it waits.
pub struct Receiver<'a, T> {
    channel: &'a Channel<T>,
    /// The version of the value that was seen last.
    seen: Cell<u64>,
    /// Belongs to one thread.
    marker: PhantomData<*mut ()>,
}

impl<'a, T> Receiver<'a, T> {
    /// Lends the value out, and leaves it unseen if it was. Waits while another task
    /// [modifies](Channel::send_modify) it.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was told to end.
    ///
    /// # Panics
    ///
    /// As for [`changed`](Self::changed).
    #[track_caller]
    pub fn borrow(&self) -> Result<Ref<'_, T>, Cancelled> {
        let value = self.channel.borrow()?;
        Ok(Ref { has_changed: self.is_behind(), ..value })
    }

    /// As [`borrow`](Self::borrow), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// As for [`Channel::borrow_until`].
    ///
    /// # Panics
    ///
    /// As for [`changed`](Self::changed).
    #[track_caller]
    pub fn borrow_until(&self, deadline: Instant) -> Result<Ref<'_, T>, WaitError> {
        let value = self.channel.borrow_until(deadline)?;
        Ok(Ref { has_changed: self.is_behind(), ..value })
    }

    /// As [`borrow`](Self::borrow); the value counts as seen.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was told to end.
    ///
    /// # Panics
    ///
    /// As for [`changed`](Self::changed).
    #[track_caller]
    pub fn borrow_and_update(&mut self) -> Result<Ref<'_, T>, Cancelled> {
        self.look()
    }

    /// Whether there is a value that this receiver has not seen.
    ///
    /// # Panics
    ///
    /// As for [`changed`](Self::changed).
    #[track_caller]
    pub fn has_changed(&self) -> bool {
        self.channel.owner.enter("watch::Receiver::has_changed");
        self.is_behind()
    }

    /// Waits for a value that this receiver has not seen. It counts as seen then.
    ///
    /// # Cancellation
    ///
    /// A change is not lost: it stays unseen. A cancelled task gets one that is there.
    ///
    /// # Errors
    ///
    /// - [`RecvError::Closed`]: the channel is closed, and its last value was seen.
    /// - [`RecvError::Cancelled`]: the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](crate::sync#threads) says.
    #[track_caller]
    pub fn changed(&mut self) -> Result<(), RecvError> {
        self.change(None)
    }

    /// As [`changed`](Self::changed), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// Those of `changed`, and [`RecvError::TimedOut`].
    ///
    /// # Panics
    ///
    /// As for `changed`.
    #[track_caller]
    pub fn changed_until(&mut self, deadline: Instant) -> Result<(), RecvError> {
        self.change(Some(deadline))
    }

    /// Waits for a value that `predicate` is true of, the present one to begin with, and lends it out.
    ///
    /// The last value that `predicate` was asked about counts as seen.
    ///
    /// # Cancellation
    ///
    /// As for [`changed`](Self::changed).
    ///
    /// # Errors
    ///
    /// Those of `changed`.
    ///
    /// # Panics
    ///
    /// As for `changed`.
    #[track_caller]
    pub fn wait_for(
        &mut self,
        mut predicate: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, RecvError> {
        loop {
            let value = self.look().map_err(|Cancelled| RecvError::Cancelled)?;
            if predicate(&value) {
                return Ok(value);
            }
            drop(value);
            self.changed()?;
        }
    }

    /// Lets the present value count as not seen.
    ///
    /// # Examples
    ///
    /// ```
    /// use barecoro::{Runtime, sync::watch};
    ///
    /// static RUNTIME: Runtime<1> = Runtime::new();
    /// static LEVEL: watch::Channel<u32> = watch::Channel::new(3);
    ///
    /// RUNTIME.run(|| {
    ///     let mut level = LEVEL.subscribe();
    ///     level.mark_changed();                        // so that the loop begins with it
    ///     LEVEL.close();
    ///     let mut seen = Vec::new();
    ///     while level.changed().is_ok() {
    ///         seen.push(*level.borrow().unwrap());
    ///     }
    ///     assert_eq!(seen, [3]);
    /// }).unwrap();
    /// ```
    ///
    /// # Panics
    ///
    /// As for [`changed`](Self::changed).
    #[track_caller]
    pub fn mark_changed(&mut self) {
        self.channel.owner.enter("watch::Receiver::mark_changed");
        self.seen.set(self.channel.version.get().wrapping_sub(1));
    }

    /// Lets the present value count as seen.
    ///
    /// # Panics
    ///
    /// As for [`changed`](Self::changed).
    #[track_caller]
    pub fn mark_unchanged(&mut self) {
        self.channel.owner.enter("watch::Receiver::mark_unchanged");
        self.seen.set(self.channel.version.get());
    }

    /// Whether the channel is closed, so that no change will come any more.
    ///
    /// # Panics
    ///
    /// As for [`changed`](Self::changed).
    #[track_caller]
    pub fn is_closed(&self) -> bool {
        self.channel.is_closed()
    }

    /// The channel that it is a half of.
    pub fn channel(&self) -> &'a Channel<T> {
        self.channel
    }

    /// Whether there is a value that it has not seen. For whoever has entered the channel.
    pub(super) fn is_behind(&self) -> bool {
        self.seen.get() != self.channel.version.get()
    }

    /// The end of a wait: there is a value that was not seen, or none will come.
    pub(super) fn catch_up(&self) -> Result<(), RecvError> {
        let version = self.channel.version.get();
        if self.seen.replace(version) == version { Err(RecvError::Closed) } else { Ok(()) }
    }

    #[track_caller]
    fn change(&mut self, deadline: Option<Instant>) -> Result<(), RecvError> {
        let scheduler = self.channel.owner.enter("watch::Receiver::changed");
        let waiting = Waiting::at(What::Change, self.channel.name, Location::caller());
        let arm = Changing::new(self);
        if !arm.try_now() {
            let waited = match deadline {
                None => wait::wait(scheduler, waiting, &arm),
                Some(deadline) => wait::wait_until(scheduler, waiting, &arm, deadline),
            };
            waited?;
        }
        self.catch_up()
    }

    /// Borrows the value, which counts as seen.
    #[track_caller]
    fn look(&self) -> Result<Ref<'a, T>, Cancelled> {
        let value = self.channel.borrow()?;
        let version = self.channel.version.get();
        // Nothing is sent from here on.
        Ok(Ref { has_changed: self.seen.replace(version) != version, ..value })
    }
}

/// The clone has seen what this one has.
impl<T> Clone for Receiver<'_, T> {
    #[track_caller]
    fn clone(&self) -> Self {
        let clone = self.channel.subscribe();
        clone.seen.set(self.seen.get());
        clone
    }
}

impl<T> Drop for Receiver<'_, T> {
    fn drop(&mut self) {
        let channel = self.channel;
        let leave = || channel.receivers.set(channel.receivers.get() - 1);
        match channel.owner.try_enter() {
            Some(_) => leave(),
            None => channel.owner.outside(leave),
        }
    }
}

impl<T> fmt::Debug for Receiver<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
