//! Parking tasks and waking them: the one wait and the one wake that all waiting rests on.
use core::num::NonZeroU64;

use crate::sys::clock::Instant;

use super::life::record;
use super::scheduler::Scheduler;
use super::slot::{Interruptible, Slot, State, Waiting, Wake};
use super::{Cancelled, WaitError};

impl Scheduler {
    /// Parks the running task until it is woken or cancelled.
    #[inline(always)]
    pub(crate) fn block(&self, waiting: Waiting) -> Result<(), Cancelled> {
        let task = self.task();
        if task.limits.apply() {
            return self.block_within(task, waiting, None).map_err(|_| Cancelled);
        }
        match self.park(task, waiting, Interruptible::ByCancel) {
            Wake::Done | Wake::TimedOut => Ok(()),
            Wake::Cancelled => Err(Cancelled),
        }
    }

    /// Whether the running task was told to end, so that it must not begin to wait.
    #[cfg(feature = "epoll")]
    #[inline(always)]
    pub(crate) fn must_end(&self) -> bool {
        let limits = &self.task().limits;
        limits.apply() && limits.must_end()
    }

    /// Parks the running task until it is woken, whoever cancels it.
    pub(crate) fn block_shielded(&self, waiting: Waiting) {
        self.park(self.task(), waiting, Interruptible::Never);
    }

    /// As [`block_shielded`](Self::block_shielded), until `deadline` at the latest.
    #[cfg(feature = "uring")]
    pub(crate) fn block_shielded_until(&self, waiting: Waiting, deadline: Instant) {
        self.park_until(self.task(), waiting, Interruptible::Never, deadline.as_nanos());
    }

    /// Parks the running task until it is woken or cancelled, or until `deadline`.
    pub(crate) fn block_until(&self, waiting: Waiting, deadline: Instant) -> Result<(), WaitError> {
        self.block_within(self.task(), waiting, Some(deadline.as_nanos()))
    }

    /// Parks the running task, with all that can end its wait: a deadline, the one that the task
    /// is in, its cancellation.
    fn block_within(
        &self,
        task: &'static Slot,
        waiting: Waiting,
        deadline: Option<u64>,
    ) -> Result<(), WaitError> {
        if task.limits.must_end() {
            return Err(WaitError::Cancelled);
        }
        let limit = if task.limits.apply() { record(task).deadline.get() } else { None };
        let limit = limit.map(NonZeroU64::get);
        let is_limited =
            limit.is_some_and(|limit| deadline.is_none_or(|deadline| limit < deadline));
        let interruptible = if task.limits.is_shielded() {
            Interruptible::ByDeadlock
        } else {
            Interruptible::ByCancel
        };
        let wake = match if is_limited { limit } else { deadline } {
            Some(moment) => self.park_until(task, waiting, interruptible, moment),
            None => self.park(task, waiting, interruptible),
        };
        match wake {
            Wake::Done => Ok(()),
            Wake::TimedOut if is_limited => {
                task.limits.expire();
                Err(WaitError::Cancelled)
            }
            Wake::TimedOut => Err(WaitError::TimedOut),
            Wake::Cancelled => Err(WaitError::Cancelled),
        }
    }

    fn park_until(
        &self,
        task: &'static Slot,
        waiting: Waiting,
        interruptible: Interruptible,
        moment: u64,
    ) -> Wake {
        let place = self.index_of(task);
        self.timers.insert(place, moment);
        let wake = self.park(task, waiting, interruptible);
        self.timers.remove(place);
        wake
    }

    #[inline(always)]
    fn park(&self, task: &'static Slot, waiting: Waiting, interruptible: Interruptible) -> Wake {
        task.waits_for.set(waiting.what);
        if waiting.detail != 0 {
            task.detail.set(waiting.detail);
        }
        task.interruptible.set(interruptible);
        task.since.set(self.now.get());
        task.state.set(State::Parked);
        self.switch_to_next(task);
        task.wake.get()
    }

    /// Makes a parked task ready; leaves others as they are.
    #[inline]
    pub(crate) fn wake(&self, task: &'static Slot, why: Wake) {
        if task.state.get() == State::Parked {
            task.wake.set(why);
            task.state.set(State::Runnable);
            self.ready.push(task);
        }
    }

    /// Tells a task to end: its blocking calls fail from now on, the one it is in included.
    pub(crate) fn cancel(&self, task: &'static Slot) {
        task.limits.cancel();
        if task.interruptible.get() == Interruptible::ByCancel {
            self.wake(task, Wake::Cancelled);
        }
    }
}
