//! A task's end among other things to wait for, and as a future.
#![expect(unsafe_code, reason = "takes results from the places that `spawn` has made for them")]

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::Ordering;
use core::task::{Context, Poll, Waker};

use crate::unwind;

use super::join::{JoinError, JoinHandle};
use super::life::{record, take_outcome};
use super::park::Task;
use super::scheduler::Scheduler;
use super::scope::ScopedJoinHandle;
use super::slot::{Slot, State};
use super::waker::{nudge, task_of};

/// Who awaits a task's end.
pub(super) enum Awaiter {
    /// A task of the same runtime. It is no caller from outside, who could end a deadlock.
    Task(&'static Slot),
    Other(Waker),
}

/// A handle whose task can be waited for among other things.
pub(crate) trait Joined {
    type Value;

    fn joined_task(&self) -> Task;

    /// The result, if the task has ended. The handle is of no use then.
    fn try_take(&mut self) -> Option<Result<Self::Value, JoinError<()>>>;
}

impl<T> Joined for JoinHandle<T> {
    type Value = T;

    fn joined_task(&self) -> Task {
        self.task()
    }

    #[track_caller]
    fn try_take(&mut self) -> Option<Result<T, JoinError<()>>> {
        let task = self.task();
        if !task.is_to_be_taken() {
            return None;
        }
        // SAFETY: the task has ended, and its result is there. It was made for a `T`, and the slot
        // does not have the handle's number any more when this returns.
        Some(unsafe { take_outcome(task.scheduler, task.slot) }.map_err(JoinError::panicked))
    }
}

impl<T> Joined for ScopedJoinHandle<'_, T> {
    type Value = T;

    fn joined_task(&self) -> Task {
        self.task()
    }

    #[track_caller]
    fn try_take(&mut self) -> Option<Result<T, JoinError<()>>> {
        let task = self.task();
        if !task.is_to_be_taken() {
            return None;
        }
        // SAFETY: as for `JoinHandle`; tasks of scopes are made for an `Option`.
        Some(match unsafe { take_outcome::<Option<T>>(task.scheduler, task.slot) } {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(JoinError::Failed),
            Err(payload) => Err(JoinError::panicked(payload)),
        })
    }
}

impl Task {
    /// Whether the task has ended and its result is there.
    #[track_caller]
    fn is_to_be_taken(self) -> bool {
        let here = Scheduler::current();
        // Relaxed: this thread has stored it.
        if !here.is_some_and(|here| core::ptr::eq(here, self.scheduler))
            || self.slot.remote.id.load(Ordering::Relaxed) != self.id().get()
        {
            joined_before();
        }
        self.slot.state.get() == State::Finished
    }

    /// Lets the end of the task wake another.
    pub(crate) fn watch(self, watcher: &'static Slot) {
        if let Some(slot) = self.live_slot() {
            slot.joiner.set(Some(watcher));
        }
    }

    /// Undoes `watch`.
    pub(crate) fn unwatch(self) {
        if let Some(slot) = self.live_slot() {
            slot.joiner.set(None);
        }
    }
}

#[cold]
#[track_caller]
#[expect(clippy::panic, reason = "a caller's bug, documented at `select!` and `JoinHandle`")]
fn joined_before() -> ! {
    panic!("a task was waited for whose result was taken, or outside of the run it belongs to")
}

/// Gives the task's result, as `join` does, to code that awaits it.
///
/// # Panics
///
/// If it is polled after it has given the result, or outside of the run that the task belongs to.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, future, task};
///
/// static RUNTIME: Runtime<3> = Runtime::new();
/// RUNTIME.run(|| {
///     let (a, b) = (task::spawn(|| 40).unwrap(), task::spawn(|| 2).unwrap());
///     let sum = future::block_on(async { a.await.unwrap() + b.await.unwrap() });
///     assert_eq!(sum, Ok(42));
/// }).unwrap();
/// ```
impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError<()>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.try_take() {
            return Poll::Ready(result);
        }
        let awaiter = match task_of(context.waker(), self.task().scheduler) {
            Some(task) => Awaiter::Task(task),
            None => Awaiter::Other(context.waker().clone()),
        };
        // The clone may have run code of a user's, after which all may be different.
        if let Some(result) = self.try_take() {
            return Poll::Ready(result);
        }
        let former = record(self.task().slot).awaiter.replace(Some(awaiter));
        drop(former);
        Poll::Pending
    }
}

/// A task is about to end: wakes who awaits it. Whatever that does, the task has not ended yet, so
/// who asks for it meanwhile is woken again.
#[inline(always)]
pub(super) fn wake(slot: &'static Slot) {
    while let Some(awaiter) = record(slot).awaiter.take() {
        wake_one(slot, awaiter);
    }
}

#[cold]
fn wake_one(slot: &'static Slot, awaiter: Awaiter) {
    match awaiter {
        Awaiter::Task(task) => {
            if let Some(scheduler) = Scheduler::current() {
                nudge(scheduler, task);
            }
        }
        Awaiter::Other(waker) => {
            if unwind::catch(move || waker.wake()).is_err() {
                super::report::panicked(slot);
            }
        }
    }
}
