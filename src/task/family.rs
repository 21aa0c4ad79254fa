//! The tasks of a scope: who belongs to it, and waiting for them.
#![expect(unsafe_code, reason = "tasks refer to their scope, which waits for them")]

use core::cell::Cell;

use crate::unwind;

use super::Cancelled;
use super::life::{discard_outcome, record};
use super::scheduler::Scheduler;
use super::slot::{Slot, State, Waiting, Wake, What};

/// The tasks of a scope; lies in its parent's frame.
pub(super) struct Members {
    /// The first of the tasks that have not ended or whose result is still there.
    first: Cell<Option<&'static Slot>>,
    /// Tasks that have not ended.
    pub(super) running: Cell<usize>,
    /// Who waits for all to end.
    waiter: Cell<Option<&'static Slot>>,
    /// Whether the tasks were told to end.
    cancelled: Cell<bool>,
    /// Whether a task has panicked and nobody has been told.
    pub(super) panicked: Cell<bool>,
}

impl Members {
    pub(super) fn new() -> Self {
        Self {
            first: Cell::new(None),
            running: Cell::new(0),
            waiter: Cell::new(None),
            cancelled: Cell::new(false),
            panicked: Cell::new(false),
        }
    }

    pub(super) fn add(&self, slot: &'static Slot) {
        if self.cancelled.get() {
            slot.limits.cancel();
        }
        self.running.set(self.running.get() + 1);
        let second = self.first.replace(Some(slot));
        record(slot).family.next.set(second);
        if let Some(second) = second {
            record(second).family.previous.set(Some(slot));
        }
    }

    /// Tells all tasks to end, and those that are yet to come.
    pub(super) fn cancel(&self) {
        self.cancelled.set(true);
        let mut member = self.first.get();
        while let Some(slot) = member {
            if slot.state.get() != State::Finished {
                Scheduler::here("the end of a scope").cancel(slot);
            }
            member = record(slot).family.next.get();
        }
    }
}

/// Waits, when it is dropped, until a scope's tasks have ended, and drops their results.
pub(super) struct Waited<'a> {
    pub(super) members: &'a Members,
    /// Whether a panic is passing by, which ends the tasks.
    pub(super) unwinding: bool,
}

impl Drop for Waited<'_> {
    fn drop(&mut self) {
        let members = self.members;
        if self.unwinding {
            members.cancel();
        }
        let mut told = false;
        let mut panic = None;
        loop {
            if members.running.get() > 0 {
                told |= members.wait(told).is_err();
            } else if let Some(slot) = members.first.get() {
                // A destructor may spawn another task, so all is looked at again. It may also
                // panic; where that is not caught, what is left is done on the way out.
                let rest = Waited { members, unwinding: true };
                // SAFETY: the task has ended; its handle, if there is one, finds that the slot
                // does not have its number any more.
                let dropped = unwind::catch(|| unsafe {
                    discard_outcome(Scheduler::here("the end of a scope"), slot);
                });
                // A payload that is dropped here may panic too.
                panic = panic.or(dropped.err());
                core::mem::forget(rest);
            } else {
                break;
            }
        }
        if let Some(payload) = panic {
            unwind::resume(payload);
        }
    }
}

impl Members {
    /// Waits for the tasks to end; fails, having told them to, if the waiting task is to end. Who
    /// is told already waits on regardless.
    fn wait(&self, told: bool) -> Result<(), Cancelled> {
        let scheduler = Scheduler::here("the end of a scope");
        let waiting = Waiting::on(What::Scope);
        self.waiter.set(Some(scheduler.task()));
        let waited = if told {
            scheduler.block_shielded(waiting);
            Ok(())
        } else {
            scheduler.block(waiting).inspect_err(|_| self.cancel())
        };
        self.waiter.set(None);
        waited
    }
}

/// A task's place in its scope.
pub(super) struct Family {
    /// None for a task without a scope, and for one that has left it.
    members: Cell<Option<core::ptr::NonNull<Members>>>,
    previous: Cell<Option<&'static Slot>>,
    next: Cell<Option<&'static Slot>>,
    /// Whether the task has panicked and nobody has been told.
    panicked: Cell<bool>,
}

impl Family {
    /// Of a task without a scope.
    pub(super) const fn none() -> Self {
        Self {
            members: Cell::new(None),
            previous: Cell::new(None),
            next: Cell::new(None),
            panicked: Cell::new(false),
        }
    }

    pub(super) fn of(members: &Members) -> Self {
        Self { members: Cell::new(Some(members.into())), ..Self::none() }
    }

    #[inline(always)]
    fn members(&self) -> Option<&Members> {
        // SAFETY: the scope waits for its tasks, in the frame that holds its members, until each
        // has left.
        self.members.get().map(|members| unsafe { members.as_ref() })
    }

    /// The task has panicked.
    pub(super) fn fail(&self) {
        if let Some(members) = self.members() {
            self.panicked.set(true);
            members.cancel();
        }
    }

    /// The task has ended.
    #[inline(always)]
    pub(super) fn ended(&self, scheduler: &Scheduler) {
        let Some(members) = self.members() else { return };
        members.running.set(members.running.get() - 1);
        if members.running.get() == 0
            && let Some(waiter) = members.waiter.take()
        {
            scheduler.wake(waiter, Wake::Done);
        }
    }

    /// The task runs again, to drop its result: its scope, if that has not ended, waits for it.
    pub(super) fn resume(&self) {
        if let Some(members) = self.members() {
            members.running.set(members.running.get() + 1);
        }
    }

    /// Nobody will be told how the task has ended.
    pub(super) fn discard(&self) {
        if let Some(members) = self.members() {
            members.panicked.set(members.panicked.get() | self.panicked.get());
        }
    }

    /// The task is gone.
    #[inline(always)]
    pub(super) fn leave(&self) {
        let Some(members) = self.members() else { return };
        self.members.set(None);
        let (previous, next) = (self.previous.get(), self.next.get());
        match previous {
            Some(previous) => record(previous).family.next.set(next),
            None => members.first.set(next),
        }
        if let Some(next) = next {
            record(next).family.previous.set(previous);
        }
    }
}
