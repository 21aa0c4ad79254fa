//! A task's place among those who wait for another thread, while it waits for other things too.
#![expect(unsafe_code, reason = "links nodes that lie in other frames")]

use core::cell::Cell;
use core::ptr::NonNull;

use crate::task::{Nudger, Scheduler};

use super::meeting::{Call, Meeting, Side, Sleeper};

/// Waiting for one side of a meeting, until something else comes first.
pub(super) struct Seat<'a, S> {
    meeting: &'a Meeting<S>,
    side: Side,
    sleeper: Sleeper,
    is_taken: Cell<bool>,
}

impl<'a, S> Seat<'a, S> {
    pub(super) fn new(meeting: &'a Meeting<S>, side: Side) -> Self {
        Self { meeting, side, sleeper: Sleeper::new(), is_taken: Cell::new(false) }
    }

    /// As [`Meeting::attempt`].
    pub(super) fn attempt<R>(&self, attempt: impl FnOnce(&mut S) -> Option<R>) -> Option<R> {
        self.meeting.attempt(self.side, attempt)
    }

    /// Has the running task called when an attempt is worth it. If one is now, it is told to look again.
    ///
    /// # Safety
    ///
    /// This stays where it is until [`leave`](Self::leave) was called.
    pub(super) unsafe fn take(&self, is_ready: impl FnOnce(&S) -> bool) {
        let scheduler = Scheduler::here("select!");
        let inside = self.meeting.lock();
        if is_ready(&inside.value) {
            drop(inside);
            return scheduler.look_again();
        }
        self.sleeper.call.set(Some(Call::Task(Nudger::new(scheduler))));
        self.sleeper.node.set(NonNull::from(&self.sleeper));
        // SAFETY: it is in no list, and stays there until `leave`, says the caller.
        unsafe { inside.list(self.side).push(&self.sleeper.node) };
        self.is_taken.set(true);
    }

    /// Undoes `take`. Who was called, and may be about to take something else, calls the next instead:
    /// there may be something for that one. If nobody waits, `unused` is called.
    pub(super) fn leave(&self, unused: impl FnOnce(&mut S)) {
        if !self.is_taken.take() {
            return;
        }
        let mut inside = self.meeting.lock();
        let was_listed = self.sleeper.node.is_linked();
        // SAFETY: it is in this list, or somebody has taken it out.
        unsafe { inside.list(self.side).remove(&self.sleeper.node) };
        let own = self.sleeper.call.take();
        let next = if was_listed { None } else { inside.next(self.side) };
        if !was_listed && next.is_none() {
            unused(&mut inside.value);
        }
        Meeting::unlock_and_call(inside, next);
        drop(own);
    }
}
