//! The lock in a mutex, without what it protects.
#![expect(unsafe_code, reason = "links nodes that lie in the frames of parked tasks")]

use core::panic::Location;
use core::sync::atomic::{AtomicU8, Ordering};

use crate::collections::{List, Node};
use crate::task::{Owner, Scheduler, WaitError, Waiting, What};
use crate::time::Instant;

use super::wait::{self, Arm, Link, Waiter};

const FREE: u8 = 0;
const LOCKED: u8 = 1;
/// Locked, and there are, or were, nodes in the list.
const AWAITED: u8 = 2;

/// Who has locked it unlocks it, also where that is not the same run any more: no other run takes
/// the lock over while it is locked. So unlocking need not ask whose it is.
pub(super) struct Lock {
    owner: Owner,
    /// Atomic as a guard may unlock it after its run; each access is an ordinary load or store.
    state: AtomicU8,
    /// Who waits for it, only while it is locked. It stays locked when it passes to the first.
    waiters: List<Link>,
    pub(super) name: Option<&'static str>,
}

impl Lock {
    pub(super) const fn new() -> Self {
        Self { owner: Owner::new(), state: AtomicU8::new(FREE), waiters: List::new(), name: None }
    }

    /// Acquire: pairs with the store in `unlock`, for a run that takes the lock over.
    #[inline(always)]
    #[track_caller]
    fn enter(&self, call: &str) -> &'static Scheduler {
        self.owner.enter_if(call, || self.state.load(Ordering::Acquire) == FREE)
    }

    #[inline(always)]
    #[track_caller]
    pub(super) fn lock(&self) -> Result<(), WaitError> {
        let scheduler = self.enter("Mutex::lock");
        if self.try_now() {
            return Ok(());
        }
        self.wait(scheduler, Location::caller())
    }

    #[cold]
    #[inline(never)]
    fn wait(
        &self,
        scheduler: &Scheduler,
        place: &'static Location<'static>,
    ) -> Result<(), WaitError> {
        let waiting = Waiting::at(What::Lock, self.name, place);
        wait::wait(scheduler, waiting, &Locking::new(self))
    }

    #[track_caller]
    pub(super) fn lock_until(&self, deadline: Instant) -> Result<(), WaitError> {
        let scheduler = self.enter("Mutex::lock_until");
        if self.try_now() {
            return Ok(());
        }
        let waiting = Waiting::at(What::Lock, self.name, Location::caller());
        wait::wait_until(scheduler, waiting, &Locking::new(self), deadline)
    }

    #[inline(always)]
    #[track_caller]
    pub(super) fn try_lock(&self) -> bool {
        self.enter("Mutex::try_lock");
        self.try_now()
    }

    /// Relaxed, here and below: only this run uses it while it is not locked, and only who has
    /// locked it while it is.
    #[inline(always)]
    fn try_now(&self) -> bool {
        let is_free = self.state.load(Ordering::Relaxed) == FREE;
        if is_free {
            self.state.store(LOCKED, Ordering::Relaxed);
        }
        is_free
    }

    pub(super) fn is_locked(&self) -> bool {
        self.state.load(Ordering::Relaxed) != FREE
    }

    /// By whoever has locked it.
    #[inline(always)]
    pub(super) fn unlock(&self) {
        if self.state.load(Ordering::Relaxed) == AWAITED
            && let Some(scheduler) = Scheduler::current()
            && let Some(next) = wait::pop(&self.waiters)
        {
            // Somebody waits, so this run has the lock, and the guard is one of its thread.
            // SAFETY: it was in the list just now.
            unsafe { next.fire(scheduler) }
            return;
        }
        // Release: pairs with the load in `enter`.
        self.state.store(FREE, Ordering::Release);
    }
}

/// Waiting for a lock.
pub(super) struct Locking<'a> {
    lock: &'a Lock,
    node: Node<Link>,
}

impl<'a> Locking<'a> {
    #[inline(always)]
    pub(super) fn new(lock: &'a Lock) -> Self {
        Self { lock, node: Node::new(Link::NONE) }
    }

    /// Whether the lock was handed over.
    ///
    /// # Safety
    ///
    /// It was linked, and the waiter is where it was.
    pub(super) unsafe fn has_fired(&self) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.node.get().has_fired() }
    }
}

impl Arm for Locking<'_> {
    #[track_caller]
    fn try_now(&self) -> bool {
        self.lock.try_lock()
    }

    #[inline(always)]
    unsafe fn link(&self, waiter: &Waiter, index: u32) {
        self.node.set(Link::to(waiter, index));
        // SAFETY: the caller's promise.
        unsafe { self.lock.waiters.push(&self.node) }
        self.lock.state.store(AWAITED, Ordering::Relaxed);
    }

    #[inline]
    unsafe fn unlink(&self) {
        // SAFETY: `link` puts it into this list only.
        unsafe { self.lock.waiters.remove(&self.node) }
    }
}
