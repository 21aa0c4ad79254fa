//! Waiting for a number of things to be done.
#![expect(unsafe_code, reason = "links nodes that lie in the frames of parked tasks")]

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;

use crate::collections::{List, Node};
use crate::task::{Cancelled, Owner, Scheduler, WaitError, Waiting, What};
use crate::time::Instant;

use super::select::Wait;
use super::wait::{self, Arm, Link, Take, Waiter};

/// Counts what is being done, and lets tasks wait until all of it is.
///
/// As Go's `WaitGroup`, but whoever is counted holds a [`Member`], so that nobody is forgotten. For
/// tasks see also [`task::scope`](crate::task::scope), which waits by itself.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, sync::WaitGroup, task};
///
/// static RUNTIME: Runtime<4> = Runtime::new();
/// static REQUESTS: WaitGroup = WaitGroup::new();
///
/// RUNTIME.run(|| {
///     for _ in 0..3 {
///         let request = REQUESTS.enter();
///         task::spawn(move || {
///             task::yield_now();
///             drop(request);
///         }).unwrap();
///     }
///     REQUESTS.wait().unwrap();
///     assert_eq!(REQUESTS.count(), 0);
/// }).unwrap();
/// ```
pub struct WaitGroup {
    owner: Owner,
    count: Cell<usize>,
    waiters: List<Link>,
    name: Option<&'static str>,
}

// SAFETY: one thread at a time uses it (see `Owner`).
unsafe impl Sync for WaitGroup {}
// SAFETY: nobody waits for what somebody has by value.
unsafe impl Send for WaitGroup {}

impl WaitGroup {
    /// A group without members.
    pub const fn new() -> Self {
        Self { owner: Owner::new(), count: Cell::new(0), waiters: List::new(), name: None }
    }

    /// Gives it a name for reports of what tasks wait for.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// One more member, until it is dropped.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](super#threads) says.
    #[track_caller]
    pub fn enter(&self) -> Member<'_> {
        self.owner.enter("WaitGroup::enter");
        self.count.set(self.count.get() + 1);
        Member { group: self, marker: PhantomData }
    }

    /// How many members there are.
    ///
    /// # Panics
    ///
    /// As for [`enter`](Self::enter).
    #[track_caller]
    pub fn count(&self) -> usize {
        self.owner.enter("WaitGroup::count");
        self.count.get()
    }

    /// Waits until there are no members.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was told to end, and there are members.
    ///
    /// # Panics
    ///
    /// As for [`enter`](Self::enter).
    #[track_caller]
    pub fn wait(&self) -> Result<(), Cancelled> {
        let scheduler = self.owner.enter("WaitGroup::wait");
        if self.count.get() == 0 {
            return Ok(());
        }
        let waiting = Waiting::at(What::Group, self.name, Location::caller());
        wait::wait(scheduler, waiting, &Leaving::new(self)).map_err(|_| Cancelled)
    }

    /// As [`wait`](Self::wait), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// - [`WaitError::Cancelled`]: the task was told to end.
    /// - [`WaitError::TimedOut`]: there are still members.
    ///
    /// # Panics
    ///
    /// As for [`enter`](Self::enter).
    #[track_caller]
    pub fn wait_until(&self, deadline: Instant) -> Result<(), WaitError> {
        let scheduler = self.owner.enter("WaitGroup::wait_until");
        if self.count.get() == 0 {
            return Ok(());
        }
        let waiting = Waiting::at(What::Group, self.name, Location::caller());
        wait::wait_until(scheduler, waiting, &Leaving::new(self), deadline)
    }

    fn leave(&self, scheduler: &Scheduler) {
        self.count.set(self.count.get() - 1);
        if self.count.get() == 0 {
            while let Some(link) = wait::pop(&self.waiters) {
                // SAFETY: it was in the list just now.
                unsafe { link.fire(scheduler) }
            }
        }
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A member of a [`WaitGroup`], until it is dropped. It stays on its thread.
#[must_use = "a member that is dropped at once is not waited for"]
pub struct Member<'a> {
    group: &'a WaitGroup,
    /// Belongs to one thread.
    marker: PhantomData<*mut ()>,
}

impl Clone for Member<'_> {
    #[track_caller]
    fn clone(&self) -> Self {
        self.group.enter()
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        let group = self.group;
        match group.owner.try_enter() {
            Some(scheduler) => group.leave(scheduler),
            // Nobody waits, as no run has it.
            None => group.owner.outside(|| group.count.set(group.count.get() - 1)),
        }
    }
}

impl fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").finish_non_exhaustive()
    }
}

/// Waiting for the members.
pub struct Leaving<'a> {
    group: &'a WaitGroup,
    node: Node<Link>,
}

impl<'a> Leaving<'a> {
    fn new(group: &'a WaitGroup) -> Self {
        Self { group, node: Node::new(Link::NONE) }
    }
}

impl Arm for Leaving<'_> {
    #[track_caller]
    fn try_now(&self) -> bool {
        self.group.count() == 0
    }

    unsafe fn link(&self, waiter: &Waiter, index: u32) {
        self.node.set(Link::to(waiter, index));
        // SAFETY: the caller's promise.
        unsafe { self.group.waiters.push(&self.node) }
    }

    unsafe fn unlink(&self) {
        // SAFETY: `link` puts it into this list only.
        unsafe { self.group.waiters.remove(&self.node) }
    }
}

impl Take for Leaving<'_> {
    type Output = Result<(), Cancelled>;

    fn take(&self, cancelled: bool) -> Self::Output {
        if cancelled { Err(Cancelled) } else { Ok(()) }
    }
}

impl Wait for WaitGroup {
    type Arm<'a> = Leaving<'a>;

    fn arm(&self) -> Leaving<'_> {
        Leaving::new(self)
    }
}

impl fmt::Debug for Leaving<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaving").finish_non_exhaustive()
    }
}
