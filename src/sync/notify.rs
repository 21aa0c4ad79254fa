//! Telling tasks that something has happened.
#![expect(unsafe_code, reason = "links nodes that lie in the frames of parked tasks")]

use core::cell::Cell;
use core::fmt;
use core::panic::Location;

use crate::collections::{List, Node};
use crate::task::{Cancelled, Owner, WaitError, Waiting, What};
use crate::time::Instant;

use super::select::Wait;
use super::wait::{self, Arm, Link, Take, Waiter};

/// Wakes one task, or all, that wait to be notified.
///
/// In the shape of tokio's. If nobody waits, one notification is kept for whoever comes next; more
/// are not counted. For something that happens once and for all see [`OnceCell`](super::OnceCell).
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, sync::Notify, task};
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// static READY: Notify = Notify::new();
///
/// RUNTIME.run(|| {
///     let waiting = task::spawn(|| READY.wait()).unwrap();
///     READY.notify_one();
///     waiting.join().unwrap().unwrap();
/// }).unwrap();
/// ```
pub struct Notify {
    owner: Owner,
    /// Whether a notification is kept.
    kept: Cell<bool>,
    waiters: List<Link>,
    name: Option<&'static str>,
}

// SAFETY: one thread at a time uses it (see `Owner`).
unsafe impl Sync for Notify {}
// SAFETY: nobody waits for what somebody has by value.
unsafe impl Send for Notify {}

impl Notify {
    /// Nobody is notified yet.
    pub const fn new() -> Self {
        Self { owner: Owner::new(), kept: Cell::new(false), waiters: List::new(), name: None }
    }

    /// Gives it a name for reports of what tasks wait for.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Waits for a notification, or takes the one that is kept.
    ///
    /// # Cancellation
    ///
    /// A notification is not lost: a cancelled task that was notified first returns `Ok`.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](super#threads) says.
    #[inline(always)]
    #[track_caller]
    pub fn wait(&self) -> Result<(), Cancelled> {
        let scheduler = self.owner.enter("Notify::wait");
        if self.kept.get() {
            self.kept.set(false);
            return Ok(());
        }
        let waiting = Waiting::at(What::Notification, self.name, Location::caller());
        wait::wait(scheduler, waiting, &Notified::new(self)).map_err(|_| Cancelled)
    }

    /// As [`wait`](Self::wait), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// - [`WaitError::Cancelled`]: the task was told to end.
    /// - [`WaitError::TimedOut`]: nobody has notified it in time.
    ///
    /// # Panics
    ///
    /// As for `wait`.
    #[track_caller]
    pub fn wait_until(&self, deadline: Instant) -> Result<(), WaitError> {
        let scheduler = self.owner.enter("Notify::wait_until");
        if self.kept.take() {
            return Ok(());
        }
        let waiting = Waiting::at(What::Notification, self.name, Location::caller());
        wait::wait_until(scheduler, waiting, &Notified::new(self), deadline)
    }

    /// Wakes the task that has waited longest. If none waits, the next does not have to.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Self::wait).
    #[inline(always)]
    #[track_caller]
    pub fn notify_one(&self) {
        let scheduler = self.owner.enter("Notify::notify_one");
        match wait::pop(&self.waiters) {
            // SAFETY: it was in the list just now.
            Some(link) => unsafe { link.fire(scheduler) },
            None => self.kept.set(true),
        }
    }

    /// Wakes all tasks that wait. Nothing is kept for those who come later.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Self::wait).
    #[track_caller]
    pub fn notify_waiters(&self) {
        let scheduler = self.owner.enter("Notify::notify_waiters");
        while let Some(link) = wait::pop(&self.waiters) {
            // SAFETY: it was in the list just now.
            unsafe { link.fire(scheduler) }
        }
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Waiting for a notification among other things.
pub struct Notified<'a> {
    notify: &'a Notify,
    node: Node<Link>,
}

impl<'a> Notified<'a> {
    #[inline(always)]
    fn new(notify: &'a Notify) -> Self {
        Self { notify, node: Node::new(Link::NONE) }
    }
}

impl Arm for Notified<'_> {
    #[track_caller]
    fn try_now(&self) -> bool {
        self.notify.owner.enter("Notify::wait");
        self.notify.kept.take()
    }

    #[inline(always)]
    unsafe fn link(&self, waiter: &Waiter, index: u32) {
        self.node.set(Link::to(waiter, index));
        // SAFETY: the caller's promise.
        unsafe { self.notify.waiters.push(&self.node) }
    }

    #[inline]
    unsafe fn unlink(&self) {
        // SAFETY: `link` puts it into this list only.
        unsafe { self.notify.waiters.remove(&self.node) }
    }
}

impl Take for Notified<'_> {
    type Output = Result<(), Cancelled>;

    fn take(&self, cancelled: bool) -> Self::Output {
        if cancelled { Err(Cancelled) } else { Ok(()) }
    }
}

impl Wait for Notify {
    type Arm<'a> = Notified<'a>;

    fn arm(&self) -> Notified<'_> {
        Notified::new(self)
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notified").finish_non_exhaustive()
    }
}
