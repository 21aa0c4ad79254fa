//! Meeting.
#![expect(unsafe_code, reason = "links nodes that lie in the frames of parked tasks")]

use core::cell::Cell;
use core::fmt;
use core::panic::Location;

use crate::collections::{List, Node};
use crate::task::{Cancelled, Owner, Scheduler, WaitError, Waiting, What};
use crate::time::Instant;

use super::wait::{self, Arm, Link, Waiter};

/// Lets a number of tasks wait until all of them have come.
///
/// In the shape of std's `Barrier`; it can be used again and again.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, sync::Barrier, task};
///
/// static RUNTIME: Runtime<4> = Runtime::new();
/// static START: Barrier = Barrier::new(3);
///
/// RUNTIME.run(|| {
///     let runners: Vec<_> = (0..3).map(|_| task::spawn(|| START.wait().unwrap()).unwrap()).collect();
///     let met: Vec<_> = runners.into_iter().map(|runner| runner.join().unwrap()).collect();
///     assert_eq!(met.iter().filter(|met| met.is_leader()).count(), 1);
/// }).unwrap();
/// ```
pub struct Barrier {
    owner: Owner,
    count: usize,
    /// How many have come.
    here: Cell<usize>,
    waiters: List<Link>,
    name: Option<&'static str>,
}

// SAFETY: one thread at a time uses it (see `Owner`).
unsafe impl Sync for Barrier {}
// SAFETY: nobody waits for what somebody has by value.
unsafe impl Send for Barrier {}

impl Barrier {
    /// A barrier for so many tasks. With zero or one, nobody waits.
    pub const fn new(count: usize) -> Self {
        Self { owner: Owner::new(), count, here: Cell::new(0), waiters: List::new(), name: None }
    }

    /// Gives it a name for reports of what tasks wait for.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Waits until as many tasks as the barrier is for have come. The last one leads.
    ///
    /// # Cancellation
    ///
    /// A cancelled task leaves again, unless the last one has come before. It does come if it is the
    /// last.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](super#threads) says.
    #[track_caller]
    pub fn wait(&self) -> Result<BarrierWaitResult, Cancelled> {
        let scheduler = self.owner.enter("Barrier::wait");
        if self.opens(scheduler) {
            return Ok(BarrierWaitResult(true));
        }
        let waiting = Waiting::at(What::Barrier, self.name, Location::caller());
        wait::wait(scheduler, waiting, &Coming::new(self)).map_err(|_| Cancelled)?;
        Ok(BarrierWaitResult(false))
    }

    /// As [`wait`](Self::wait), until `deadline` at the latest. Then the task leaves again.
    ///
    /// # Errors
    ///
    /// - [`WaitError::Cancelled`]: the task was told to end.
    /// - [`WaitError::TimedOut`]: not all have come in time.
    ///
    /// # Panics
    ///
    /// As for `wait`.
    #[track_caller]
    pub fn wait_until(&self, deadline: Instant) -> Result<BarrierWaitResult, WaitError> {
        let scheduler = self.owner.enter("Barrier::wait_until");
        if self.opens(scheduler) {
            return Ok(BarrierWaitResult(true));
        }
        let waiting = Waiting::at(What::Barrier, self.name, Location::caller());
        wait::wait_until(scheduler, waiting, &Coming::new(self), deadline)?;
        Ok(BarrierWaitResult(false))
    }

    /// One more comes. If it is the last, all are let through.
    fn opens(&self, scheduler: &Scheduler) -> bool {
        if self.here.get() + 1 < self.count {
            return false;
        }
        self.here.set(0);
        while let Some(link) = wait::pop(&self.waiters) {
            // SAFETY: it was in the list just now.
            unsafe { link.fire(scheduler) }
        }
        true
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").field("count", &self.count).finish_non_exhaustive()
    }
}

/// What [`Barrier::wait`] and [`Barrier::wait_until`] say to those who have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether this task is the one of them that leads.
    pub fn is_leader(self) -> bool {
        self.0
    }
}

/// Waiting for the others.
struct Coming<'a> {
    barrier: &'a Barrier,
    node: Node<Link>,
}

impl<'a> Coming<'a> {
    fn new(barrier: &'a Barrier) -> Self {
        Self { barrier, node: Node::new(Link::NONE) }
    }
}

impl Arm for Coming<'_> {
    fn try_now(&self) -> bool {
        false
    }

    unsafe fn link(&self, waiter: &Waiter, index: u32) {
        self.barrier.here.set(self.barrier.here.get() + 1);
        self.node.set(Link::to(waiter, index));
        // SAFETY: the caller's promise.
        unsafe { self.barrier.waiters.push(&self.node) }
    }

    /// Called only by who was not let through.
    unsafe fn unlink(&self) {
        self.barrier.here.set(self.barrier.here.get() - 1);
        // SAFETY: `link` puts it into this list only.
        unsafe { self.barrier.waiters.remove(&self.node) }
    }
}
