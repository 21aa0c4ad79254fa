//! Permits.
#![expect(unsafe_code, reason = "links nodes that lie in the frames of parked tasks")]

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;

use crate::collections::{List, Node};
use crate::task::{Cancelled, Owner, Scheduler, WaitError, Waiting, What};
use crate::time::Instant;

use super::wait::{self, Arm, Link, Take, Waiter};

/// A number of permits, which tasks acquire and give back.
///
/// In the shape of tokio's. Who waits gets permits in the order of coming: one that wants many is not
/// overtaken by others that want few.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, sync::Semaphore, task};
///
/// static RUNTIME: Runtime<8> = Runtime::new();
/// static CONNECTIONS: Semaphore = Semaphore::new(2);
///
/// RUNTIME.run(|| {
///     for _ in 0..5 {
///         task::spawn(|| {
///             let _permit = CONNECTIONS.acquire().unwrap();
///             task::yield_now();                      // two at a time are here
///         }).unwrap();
///     }
/// }).unwrap();
/// ```
pub struct Semaphore {
    owner: Owner,
    permits: Cell<usize>,
    /// Who waits, and for how many.
    waiters: List<(Link, usize)>,
    name: Option<&'static str>,
}

// SAFETY: one thread at a time uses it (see `Owner`).
unsafe impl Sync for Semaphore {}
// SAFETY: whoever has it by value has no permits of it, and nobody waits for it.
unsafe impl Send for Semaphore {}

impl Semaphore {
    /// A semaphore with so many permits.
    pub const fn new(permits: usize) -> Self {
        Self { owner: Owner::new(), permits: Cell::new(permits), waiters: List::new(), name: None }
    }

    /// Gives it a name for reports of what tasks wait for.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Waits for a permit. Dropping it gives it back.
    ///
    /// # Cancellation
    ///
    /// A cancelled task takes a permit that is there; it just does not wait.
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
    pub fn acquire(&self) -> Result<Permit<'_>, Cancelled> {
        self.acquire_many(1)
    }

    /// As [`acquire`](Self::acquire), so many permits at once.
    ///
    /// # Errors
    ///
    /// As for `acquire`.
    ///
    /// # Panics
    ///
    /// As for `acquire`.
    #[inline(always)]
    #[track_caller]
    pub fn acquire_many(&self, permits: usize) -> Result<Permit<'_>, Cancelled> {
        let scheduler = self.owner.enter("Semaphore::acquire");
        if !self.take(permits) {
            wait::rarely();
            let waiting = Waiting::at(What::Permits, self.name, Location::caller());
            wait::wait(scheduler, waiting, &Acquire::new(self, permits)).map_err(|_| Cancelled)?;
        }
        Ok(Permit::new(self, permits))
    }

    /// As [`acquire_many`](Self::acquire_many), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// - [`WaitError::Cancelled`]: the task was told to end.
    /// - [`WaitError::TimedOut`]: the permits did not come in time.
    ///
    /// # Panics
    ///
    /// As for `acquire`.
    #[track_caller]
    pub fn acquire_many_until(
        &self,
        permits: usize,
        deadline: Instant,
    ) -> Result<Permit<'_>, WaitError> {
        let scheduler = self.owner.enter("Semaphore::acquire_many_until");
        if !self.take(permits) {
            let waiting = Waiting::at(What::Permits, self.name, Location::caller());
            wait::wait_until(scheduler, waiting, &Acquire::new(self, permits), deadline)?;
        }
        Ok(Permit::new(self, permits))
    }

    /// A permit, if there is one and nobody waits.
    ///
    /// # Panics
    ///
    /// As for [`acquire`](Self::acquire).
    #[inline(always)]
    #[track_caller]
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        self.try_acquire_many(1)
    }

    /// So many permits at once, if there are as many and nobody waits.
    ///
    /// # Panics
    ///
    /// As for [`acquire`](Self::acquire).
    #[inline(always)]
    #[track_caller]
    pub fn try_acquire_many(&self, permits: usize) -> Option<Permit<'_>> {
        self.owner.enter("Semaphore::try_acquire");
        self.take(permits).then(|| Permit::new(self, permits))
    }

    /// Adds permits.
    ///
    /// # Panics
    ///
    /// As for [`acquire`](Self::acquire).
    #[track_caller]
    pub fn add_permits(&self, permits: usize) {
        let scheduler = self.owner.enter("Semaphore::add_permits");
        self.add(permits);
        self.admit(scheduler);
    }

    /// How many permits are there.
    ///
    /// # Panics
    ///
    /// As for [`acquire`](Self::acquire).
    #[track_caller]
    pub fn available_permits(&self) -> usize {
        self.owner.enter("Semaphore::available_permits");
        self.permits.get()
    }

    #[inline(always)]
    fn take(&self, permits: usize) -> bool {
        let left = self.permits.get().checked_sub(permits);
        match left {
            Some(left) if wait::first(&self.waiters).is_none() => {
                self.permits.set(left);
                true
            }
            _ => false,
        }
    }

    #[inline(always)]
    fn add(&self, permits: usize) {
        self.permits.set(self.permits.get().saturating_add(permits));
    }

    /// Gives permits to those who have waited longest, as far as there are as many as they want.
    #[inline(always)]
    fn admit(&self, scheduler: &Scheduler) {
        while let Some((link, wanted)) = wait::first(&self.waiters)
            && let Some(left) = self.permits.get().checked_sub(wanted)
        {
            self.permits.set(left);
            self.waiters.pop();
            // SAFETY: it was in the list just now.
            unsafe { link.fire(scheduler) }
        }
    }

    #[inline(always)]
    fn give_back(&self, permits: usize) {
        match self.owner.try_enter() {
            Some(scheduler) => {
                self.add(permits);
                self.admit(scheduler);
            }
            None => self.owner.outside(|| self.add(permits)),
        }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Permits of a [`Semaphore`]. Dropping it gives them back.
///
/// It stays on its thread. One that is dropped after its run, while another thread's run uses the
/// semaphore, is lost.
#[must_use = "a permit that is dropped at once permits nothing"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    permits: usize,
    /// Belongs to one thread.
    marker: PhantomData<*mut ()>,
}

impl<'a> Permit<'a> {
    #[inline(always)]
    fn new(semaphore: &'a Semaphore, permits: usize) -> Self {
        Self { semaphore, permits, marker: PhantomData }
    }

    /// How many permits it stands for.
    pub fn count(&self) -> usize {
        self.permits
    }

    /// Does not give the permits back: the semaphore has fewer from now on.
    pub fn forget(mut self) {
        self.permits = 0;
    }
}

impl Drop for Permit<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.semaphore.give_back(self.permits);
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("permits", &self.permits).finish_non_exhaustive()
    }
}

/// Acquiring permits among other things.
pub struct Acquire<'a> {
    semaphore: &'a Semaphore,
    permits: usize,
    /// Whether it has the permits and was not asked for them yet.
    holds: Cell<bool>,
    node: Node<(Link, usize)>,
}

impl<'a> Acquire<'a> {
    #[inline(always)]
    pub(super) fn new(semaphore: &'a Semaphore, permits: usize) -> Self {
        Self { semaphore, permits, holds: Cell::new(false), node: Node::new((Link::NONE, 0)) }
    }
}

impl Arm for Acquire<'_> {
    #[track_caller]
    fn try_now(&self) -> bool {
        self.semaphore.owner.enter("Semaphore::acquire");
        self.holds.set(self.semaphore.take(self.permits));
        self.holds.get()
    }

    #[inline(always)]
    unsafe fn link(&self, waiter: &Waiter, index: u32) {
        self.node.set((Link::to(waiter, index), self.permits));
        // SAFETY: the caller's promise.
        unsafe { self.semaphore.waiters.push(&self.node) }
    }

    unsafe fn unlink(&self) {
        // SAFETY: `link` puts it into this list only, and the waiter is there.
        unsafe {
            self.semaphore.waiters.remove(&self.node);
            self.holds.set(self.node.get().0.has_fired());
        }
        // Those behind may want less.
        if let Some(scheduler) = self.semaphore.owner.try_enter() {
            self.semaphore.admit(scheduler);
        }
    }
}

impl<'a> Take for Acquire<'a> {
    type Output = Result<Permit<'a>, Cancelled>;

    fn take(&self, _cancelled: bool) -> Self::Output {
        if self.holds.take() {
            Ok(Permit::new(self.semaphore, self.permits))
        } else {
            Err(Cancelled)
        }
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").finish_non_exhaustive()
    }
}
