//! Waiting for a task's end.
#![expect(unsafe_code, reason = "takes results from the places that `spawn` has made for them")]

use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::Ordering;

use crate::error::Errno;
use crate::sys::clock::Instant;
use crate::unwind::Payload;

use super::life::{record, take_outcome};
use super::park::{Task, Unparker};
use super::scheduler::Scheduler;
use super::slot::{Slot, State, Waiting, What};
use super::{TaskId, WaitError};

/// A task whose result can be waited for. Dropping it lets the task run on by itself.
///
/// It belongs to the runtime and the OS thread of its task.
pub struct JoinHandle<T> {
    task: Task,
    /// Gives a `T`.
    marker: PhantomData<fn() -> T>,
}

impl<T> JoinHandle<T> {
    #[inline(always)]
    pub(super) fn new(scheduler: &'static Scheduler, slot: &'static Slot) -> Self {
        Self { task: Task::new(scheduler, slot), marker: PhantomData }
    }

    /// Waits until the task has ended, and returns its result.
    ///
    /// # Cancellation
    ///
    /// If the *waiting* task is cancelled, the handle comes back in the error.
    ///
    /// # Errors
    ///
    /// - [`JoinError::Cancelled`]: the waiting task was told to end.
    /// - `JoinError::Panicked`, with the feature `std`: the task has panicked.
    ///
    /// # Panics
    ///
    /// Outside of the run that the task belongs to.
    #[inline(always)]
    #[track_caller]
    pub fn join(self) -> Result<T, JoinError<Self>> {
        match self.task.wait_for_end(None) {
            Ok(()) => self.take(),
            Err(_) => Err(JoinError::Cancelled(self)),
        }
    }

    /// As [`join`](Self::join), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// Those of `join`, and [`JoinError::TimedOut`] with the handle.
    ///
    /// # Panics
    ///
    /// Outside of the run that the task belongs to.
    #[track_caller]
    pub fn join_until(self, deadline: Instant) -> Result<T, JoinError<Self>> {
        match self.task.wait_for_end(Some(deadline)) {
            Ok(()) => self.take(),
            Err(WaitError::Cancelled) => Err(JoinError::Cancelled(self)),
            Err(WaitError::TimedOut) => Err(JoinError::TimedOut(self)),
        }
    }

    /// The result of the task, which has ended.
    #[inline(always)]
    fn take(self) -> Result<T, JoinError<Self>> {
        let task = self.task;
        core::mem::forget(self);
        // SAFETY: the task has ended, its handle was made for a `T` and is gone now.
        match unsafe { take_outcome(task.scheduler, task.slot) } {
            Ok(value) => Ok(value),
            Err(payload) => Err(JoinError::panicked(payload)),
        }
    }

    /// Whether the task has ended, so that `join` would not wait.
    pub fn is_finished(&self) -> bool {
        self.task.has_ended()
    }

    /// Tells the task to end: its blocking calls return `Cancelled` from now on, also the one that
    /// it is in. A task that has ended is left as it is.
    pub fn cancel(&self) {
        self.task.cancel();
    }

    /// The task's number.
    pub fn id(&self) -> TaskId {
        self.task.id()
    }

    /// The task, for its name and to unpark it.
    pub fn task(&self) -> Task {
        self.task
    }

    /// What wakes the task from other threads.
    ///
    /// # Panics
    ///
    /// Outside of the run that the task belongs to.
    #[track_caller]
    pub fn unparker(&self) -> Unparker {
        self.task.unparker()
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.task.detach::<T>();
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("id", &self.task.id()).finish_non_exhaustive()
    }
}

impl Task {
    /// Waits until the task has ended.
    #[inline(always)]
    #[track_caller]
    pub(super) fn wait_for_end(self, deadline: Option<Instant>) -> Result<(), WaitError> {
        let scheduler = Scheduler::here("JoinHandle::join");
        // Relaxed: this thread has stored it.
        if !core::ptr::eq(scheduler, self.scheduler)
            || self.slot.remote.id.load(Ordering::Relaxed) != self.id().get()
        {
            joined_elsewhere();
        }
        while self.slot.state.get() != State::Finished {
            self.slot.joiner.set(Some(scheduler.task()));
            let waiting = Waiting { what: What::Join, detail: self.id().get() };
            let woken = match deadline {
                None => scheduler.block(waiting).map_err(|_| WaitError::Cancelled),
                Some(deadline) => scheduler.block_until(waiting, deadline),
            };
            self.slot.joiner.set(None);
            woken?;
        }
        Ok(())
    }

    /// Whether the task has ended: it has no slot any more, or waits there to be joined.
    pub(super) fn has_ended(self) -> bool {
        self.live_slot().is_none_or(|slot| slot.state.get() == State::Finished)
    }

    /// Gives up the task's result, which is a `T`.
    #[inline(always)]
    pub(super) fn detach<T>(self) {
        if let Some(slot) = self.live_slot() {
            if slot.state.get() == State::Finished {
                record(slot).family.discard();
                // SAFETY: the task has ended, and its only handle is being dropped.
                drop(unsafe { take_outcome::<T>(self.scheduler, slot) });
            } else {
                slot.detached.set(true);
            }
        }
    }
}

/// Why a join has no result. `H` is the handle.
#[non_exhaustive]
pub enum JoinError<H> {
    /// The waiting task was told to end; here is the handle.
    Cancelled(H),
    /// The deadline has passed; here is the handle.
    TimedOut(H),
    /// The task has returned an error, which its scope returns.
    Failed,
    /// The task has panicked; here is what the panic carried.
    #[cfg(feature = "std")]
    Panicked(std::boxed::Box<dyn core::any::Any + Send>),
}

impl<H> JoinError<H> {
    #[cfg(all(feature = "std", panic = "unwind"))]
    pub(super) fn panicked(payload: Payload) -> Self {
        Self::Panicked(payload)
    }

    #[cfg(not(all(feature = "std", panic = "unwind")))]
    pub(super) fn panicked(payload: Payload) -> Self {
        match payload {}
    }
}

impl<H> fmt::Debug for JoinError<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled(_) => "Cancelled(..)",
            Self::TimedOut(_) => "TimedOut(..)",
            Self::Failed => "Failed",
            #[cfg(feature = "std")]
            Self::Panicked(_) => "Panicked(..)",
        })
    }
}

impl<H> fmt::Display for JoinError<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled(_) => "the waiting task was cancelled",
            Self::TimedOut(_) => "the deadline has passed",
            Self::Failed => "the task has returned an error",
            #[cfg(feature = "std")]
            Self::Panicked(_) => "the task has panicked",
        })
    }
}

impl<H> core::error::Error for JoinError<H> {}

impl<H> From<JoinError<H>> for Errno {
    fn from(error: JoinError<H>) -> Self {
        match error {
            JoinError::Cancelled(_) => Self::CANCELED,
            JoinError::TimedOut(_) => Self::TIMEDOUT,
            JoinError::Failed => Self::CHILD,
            #[cfg(feature = "std")]
            JoinError::Panicked(_) => Self::CHILD,
        }
    }
}

#[cold]
#[track_caller]
#[expect(clippy::panic, reason = "a caller's bug, documented at `join`")]
fn joined_elsewhere() -> ! {
    panic!("a task was joined outside of the run it belongs to: join it before that run ends")
}
