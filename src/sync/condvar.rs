//! Waiting until something about a locked value is true.
#![expect(unsafe_code, reason = "links nodes that lie in the frames of parked tasks")]

use core::cell::Cell;
use core::fmt;
use core::panic::Location;

use crate::collections::{List, Node};
use crate::task::{Cancelled, Owner, Scheduler, WaitError, Waiting, What};
use crate::time::Instant;

use super::mutex::{Mutex, MutexGuard};
use super::wait::{self, Arm, Link, Waiter};

/// Lets tasks wait, without a lock that they hold, until another says that something has changed.
///
/// In the shape of std's `Condvar`; there are no wake-ups without a reason. It may be used with
/// several mutexes.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, sync::{Condvar, Mutex}, task};
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// static LEVEL: Mutex<u32> = Mutex::new(0);
/// static RISEN: Condvar = Condvar::new();
///
/// RUNTIME.run(|| {
///     let waiting = task::spawn(|| {
///         let level = LEVEL.lock().unwrap();
///         *RISEN.wait_while(level, |level| *level < 3).unwrap()
///     }).unwrap();
///     for _ in 0..3 {
///         *LEVEL.lock().unwrap() += 1;
///         RISEN.notify_one();
///         task::yield_now();
///     }
///     assert_eq!(waiting.join().unwrap(), 3);
/// }).unwrap();
/// ```
pub struct Condvar {
    owner: Owner,
    waiters: List<Link>,
    name: Option<&'static str>,
}

// SAFETY: one thread at a time uses it (see `Owner`).
unsafe impl Sync for Condvar {}
// SAFETY: nobody waits for what somebody has by value.
unsafe impl Send for Condvar {}

impl Condvar {
    /// One that nobody waits for.
    pub const fn new() -> Self {
        Self { owner: Owner::new(), waiters: List::new(), name: None }
    }

    /// Gives it a name for reports of what tasks wait for.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Unlocks the mutex, waits to be notified, and locks the mutex again.
    ///
    /// # Cancellation
    ///
    /// A cancelled task does not wait, and has unlocked the mutex when this fails. A notification that
    /// it cannot answer goes to the next that waits.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was told to end. The mutex is unlocked then.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](super#threads) says.
    #[track_caller]
    pub fn wait<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
    ) -> Result<MutexGuard<'a, T>, Cancelled> {
        let scheduler = self.owner.enter("Condvar::wait");
        let waiting = Waiting::at(What::Condition, self.name, Location::caller());
        let arm = Unlocking::new(self, guard);
        wait::wait(scheduler, waiting, &arm).map_err(|_| Cancelled)?;
        self.lock_again(arm.mutex)
    }

    /// Waits as long as `condition` says so of the value; see [`wait`](Self::wait).
    ///
    /// # Errors
    ///
    /// As for `wait`.
    ///
    /// # Panics
    ///
    /// As for `wait`.
    #[track_caller]
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> Result<MutexGuard<'a, T>, Cancelled> {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`wait`](Self::wait), until `deadline` at the latest. Says whether it was notified; in
    /// either case it has locked the mutex again, however long that took.
    ///
    /// # Errors
    ///
    /// As for `wait`.
    ///
    /// # Panics
    ///
    /// As for `wait`.
    #[track_caller]
    pub fn wait_until<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
    ) -> Result<(MutexGuard<'a, T>, bool), Cancelled> {
        let scheduler = self.owner.enter("Condvar::wait_until");
        let waiting = Waiting::at(What::Condition, self.name, Location::caller());
        let arm = Unlocking::new(self, guard);
        match wait::wait_until(scheduler, waiting, &arm, deadline) {
            Ok(()) => Ok((self.lock_again(arm.mutex)?, true)),
            Err(WaitError::TimedOut) => Ok((arm.mutex.lock()?, false)),
            Err(WaitError::Cancelled) => Err(Cancelled),
        }
    }

    #[track_caller]
    fn lock_again<'a, T: ?Sized>(
        &self,
        mutex: &'a Mutex<T>,
    ) -> Result<MutexGuard<'a, T>, Cancelled> {
        mutex.lock().inspect_err(|_| self.notify_one())
    }

    /// Wakes the task that has waited longest, if one waits.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Self::wait).
    #[track_caller]
    pub fn notify_one(&self) {
        let scheduler = self.owner.enter("Condvar::notify_one");
        self.wake_one(scheduler);
    }

    /// Wakes all tasks that wait.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Self::wait).
    #[track_caller]
    pub fn notify_all(&self) {
        let scheduler = self.owner.enter("Condvar::notify_all");
        while self.wake_one(scheduler) {}
    }

    fn wake_one(&self, scheduler: &Scheduler) -> bool {
        let Some(link) = wait::pop(&self.waiters) else { return false };
        // SAFETY: it was in the list just now.
        unsafe { link.fire(scheduler) }
        true
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Waiting for a notification, for which a mutex is unlocked.
struct Unlocking<'a, 'm, T: ?Sized> {
    condvar: &'a Condvar,
    mutex: &'m Mutex<T>,
    guard: Cell<Option<MutexGuard<'m, T>>>,
    node: Node<Link>,
}

impl<'a, 'm, T: ?Sized> Unlocking<'a, 'm, T> {
    fn new(condvar: &'a Condvar, guard: MutexGuard<'m, T>) -> Self {
        let mutex = guard.mutex;
        Self { condvar, mutex, guard: Cell::new(Some(guard)), node: Node::new(Link::NONE) }
    }
}

impl<T: ?Sized> Arm for Unlocking<'_, '_, T> {
    fn try_now(&self) -> bool {
        false
    }

    unsafe fn link(&self, waiter: &Waiter, index: u32) {
        self.node.set(Link::to(waiter, index));
        // SAFETY: the caller's promise.
        unsafe { self.condvar.waiters.push(&self.node) }
        // No other task runs between this and the wait.
        drop(self.guard.take());
    }

    unsafe fn unlink(&self) {
        // SAFETY: `link` puts it into this list only.
        unsafe { self.condvar.waiters.remove(&self.node) }
    }
}
