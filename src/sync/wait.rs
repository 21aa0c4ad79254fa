//! Waiting for something that another task does, and doing it for whoever waits.
//!
//! A task that waits has a [`Waiter`] in its frame, and a node in the list of each thing that it waits
//! for; a node holds a [`Link`] to the waiter. Who makes the thing happen takes the first node out
//! whose waiter has not *fired*, hands over what there is, and fires the waiter: that says for which of
//! its nodes it was, and wakes the task. So it is decided at that moment who gets what; the task need
//! not run for it. This is how Go's channels do it (`sudog`), and simple where all share one thread.
//!
//! A deadline or a cancellation that ends a wait finds either that the waiter has fired, and then it
//! has come too late and the wait was successful, or takes the nodes out. Nothing is lost either way.
#![expect(unsafe_code, reason = "refers to waiters in the frames of parked tasks")]

use core::cell::Cell;
use core::fmt;
use core::ptr::NonNull;

use crate::collections::List;
use crate::task::{Scheduler, Slot, WaitError, Waiting, Wake};
use crate::time::Instant;

/// A task that waits, for one thing or for several.
///
/// Nobody else can name it, and so implement [`Arm`].
#[expect(unnameable_types, reason = "memory safety rests on what implements `Arm`")]
pub struct Waiter {
    task: &'static Slot,
    /// For which of its things it was woken, counted from one. Zero: it waits.
    fired: Cell<u32>,
}

/// It waits for nothing any more, without having fired.
const CLOSED: u32 = u32::MAX;

impl Waiter {
    /// The running task.
    #[inline(always)]
    pub(super) fn new(scheduler: &Scheduler) -> Self {
        Self { task: scheduler.task(), fired: Cell::new(0) }
    }

    /// The task, to be woken so that it tries again.
    #[inline(always)]
    pub(crate) fn task(&self) -> &'static Slot {
        self.task
    }

    #[inline(always)]
    fn has_fired(&self) -> bool {
        self.fired.get() != 0
    }

    /// Lets it fire no more. Returns for which thing it has.
    pub(super) fn close(&self) -> Option<u32> {
        match self.fired.get() {
            0 => {
                self.fired.set(CLOSED);
                None
            }
            fired => Some(fired - 1),
        }
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").finish_non_exhaustive()
    }
}

/// What a node in a list holds: a waiter and which of its things the list is about.
///
/// While a node is in a list, the waiter is where it was: who links it unlinks it before the frame of
/// the waiter ends. See [`Arm::link`].
#[derive(Clone, Copy)]
pub(super) struct Link {
    waiter: NonNull<Waiter>,
    index: u32,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Link {
    /// Of a node that is in no list.
    pub(super) const NONE: Self = Self { waiter: NonNull::dangling(), index: 0 };

    #[inline(always)]
    pub(super) fn to(waiter: &Waiter, index: u32) -> Self {
        Self { waiter: NonNull::from(waiter), index }
    }

    /// Whether the waiter has fired, for this of its things.
    ///
    /// # Safety
    ///
    /// The waiter is where it was.
    pub(super) unsafe fn has_fired(self) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.waiter.as_ref() }.fired.get() == self.index + 1
    }

    /// Wakes the waiter's task, for this of its things.
    ///
    /// # Safety
    ///
    /// It comes from a list, and since its node was there neither another task has run nor code of
    /// users.
    #[inline(always)]
    pub(super) unsafe fn fire(self, scheduler: &Scheduler) {
        // SAFETY: the waiter's frame ends only after its task has run, which it has not since its node
        // was in a list.
        let waiter = unsafe { self.waiter.as_ref() };
        waiter.fired.set(self.index + 1);
        scheduler.wake(waiter.task, Wake::Done);
    }

    /// Wakes the waiter's task as it is, so that it tries again.
    ///
    /// # Safety
    ///
    /// As for [`fire`](Self::fire).
    pub(super) unsafe fn rouse(self, scheduler: &Scheduler) {
        // SAFETY: as in `fire`.
        let waiter = unsafe { self.waiter.as_ref() };
        scheduler.wake(waiter.task, Wake::Done);
    }
}

/// What nodes hold: a link and what is to be handed over to, or to be taken from.
pub(super) trait Linked: Copy {
    fn link(self) -> Link;
}

impl Linked for Link {
    #[inline(always)]
    fn link(self) -> Link {
        self
    }
}

impl<T: Copy> Linked for (Link, T) {
    #[inline(always)]
    fn link(self) -> Link {
        self.0
    }
}

/// The first whose waiter has not fired. It stays in the list; those before it do not.
#[inline(always)]
pub(super) fn first<T: Linked>(list: &List<T>) -> Option<T> {
    loop {
        let item = list.front()?;
        // SAFETY: its node is in the list, so the waiter is there.
        if !unsafe { item.link().waiter.as_ref() }.has_fired() {
            return Some(item);
        }
        list.pop();
    }
}

/// Takes the first out whose waiter has not fired.
#[inline(always)]
pub(super) fn pop<T: Linked>(list: &List<T>) -> Option<T> {
    loop {
        let item = list.pop()?;
        // SAFETY: its node was in the list just now, so the waiter is there.
        if !unsafe { item.link().waiter.as_ref() }.has_fired() {
            return Some(item);
        }
    }
}

/// Something that a task can wait for, alone or among others.
///
/// Not for use outside of this crate.
pub trait Arm {
    /// Does what is waited for, if that takes no waiting. What comes of it is kept.
    fn try_now(&self) -> bool;

    /// Sees to it that the waiter's task is woken when there is something to do.
    ///
    /// Either whoever makes it happen also does it, and fires the waiter with `index`; or the task
    /// is woken as it is, and tries again. It is woken only when it has parked: what may have happened
    /// before that, such as the failure of this, is for `Scheduler::look_again`. Does not switch.
    ///
    /// # Safety
    ///
    /// The arm is not linked. It and the waiter stay where they are until `unlink` was called, which
    /// happens in the same frame.
    unsafe fn link(&self, waiter: &Waiter, index: u32);

    /// Begins to undo `link`, as far as that takes no waiting. Called before any of the arms that a task
    /// waits for is unlinked, so that what takes time is under way for all.
    ///
    /// # Safety
    ///
    /// As for [`unlink`](Self::unlink), which follows.
    unsafe fn withdraw(&self) {}

    /// Undoes `link`, as far as that is left. May wait itself, if nothing can end that early.
    ///
    /// # Safety
    ///
    /// `link` was called, and the waiter is where it was.
    unsafe fn unlink(&self);

    /// Whether it can happen again and again without another task having run.
    fn comes_from_outside(&self) -> bool {
        false
    }

    /// Whether trying it in vain may have run code of users, which may have done anything.
    fn calls_users(&self) -> bool {
        false
    }

    /// When it happens by itself.
    fn deadline(&self) -> Option<Instant> {
        None
    }
}

/// What comes of an [`Arm`].
pub trait Take: Arm {
    /// What it gives.
    type Output;

    /// What has come of it: of an arm that was tried with success, or that has fired, or that has
    /// reached its deadline. Or that the task was cancelled.
    fn take(&self, cancelled: bool) -> Self::Output;
}

/// Parks the running task until somebody fires it for the arm.
#[inline(always)]
pub(super) fn wait(
    scheduler: &Scheduler,
    waiting: Waiting,
    arm: &impl Arm,
) -> Result<(), WaitError> {
    let waiter = Waiter::new(scheduler);
    // SAFETY: both stay in place until they are unlinked below, or were by whoever has fired.
    unsafe { arm.link(&waiter, 0) };
    loop {
        let woken = scheduler.block(waiting);
        if waiter.has_fired() {
            return Ok(());
        }
        if woken.is_err() {
            // SAFETY: it was linked above.
            unsafe { arm.unlink() };
            return Err(WaitError::Cancelled);
        }
    }
}

/// As [`wait`], until a deadline.
pub(super) fn wait_until(
    scheduler: &Scheduler,
    waiting: Waiting,
    arm: &impl Arm,
    deadline: Instant,
) -> Result<(), WaitError> {
    let waiter = Waiter::new(scheduler);
    // SAFETY: as in `wait`.
    unsafe { arm.link(&waiter, 0) };
    loop {
        let woken = scheduler.block_until(waiting, deadline);
        if waiter.has_fired() {
            return Ok(());
        }
        if let Err(error) = woken {
            // SAFETY: it was linked above.
            unsafe { arm.unlink() };
            return Err(error);
        }
    }
}

/// Parks the running task until somebody wakes it so that it tries the arm again, until it is
/// cancelled, or until a deadline.
pub(super) fn wait_to_retry(
    scheduler: &Scheduler,
    waiting: Waiting,
    arm: &impl Arm,
    deadline: Option<Instant>,
) -> Result<(), WaitError> {
    let waiter = Waiter::new(scheduler);
    // SAFETY: both stay in place until they are unlinked below.
    unsafe { arm.link(&waiter, 0) };
    let woken = match deadline {
        None => scheduler.block(waiting).map_err(|_| WaitError::Cancelled),
        Some(deadline) => scheduler.block_until(waiting, deadline),
    };
    // SAFETY: it was linked above.
    unsafe { arm.unlink() };
    woken
}

/// Tells the compiler that its caller seldom comes here, so that the registers are kept for the
/// other way: a switch needs them all.
#[cold]
#[inline]
pub(super) const fn rarely() {}
