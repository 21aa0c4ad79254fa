//! Tasks that borrow from their parent, and end before it goes on.
#![expect(unsafe_code, reason = "starts tasks that borrow, and does not return before they end")]

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;

use crate::sys::clock::Instant;
use crate::unwind;

use super::WaitError;
use super::family::{Family, Members, Waited};
use super::join::JoinError;
use super::life::{Body, begin, take_outcome};
use super::park::Task;
use super::scheduler::Scheduler;
use super::spawn::{Options, SpawnError};

/// Calls `f` with a [`Scope`] in which tasks can be spawned that borrow from the caller, and
/// returns when all of them have ended.
///
/// The first that fails, `f` or a task, decides the result: the other tasks are cancelled, and
/// their errors are dropped.
///
/// # Cancellation
///
/// When the calling task is cancelled, the tasks of the scope are too, and the scope still waits
/// for them.
///
/// # Errors
///
/// The first error that `f` or a task of the scope has returned.
///
/// # Panics
///
/// Outside of a task; and with the feature `std`, if `f` or a task that nobody has joined has
/// panicked.
///
/// # Examples
///
/// ```
/// use barecoro::{Errno, Runtime, task};
///
/// static RUNTIME: Runtime<4> = Runtime::new();
/// let words = ["one", "three", "fifteen"];
/// let mut lengths = [0; 3];
/// RUNTIME.run(|| {
///     task::scope(|s| {
///         for (word, length) in words.iter().zip(&mut lengths) {
///             s.spawn(move || {
///                 *length = word.len();
///                 Ok(())
///             })?;
///         }
///         Ok::<_, Errno>(())
///     })
/// }).unwrap().unwrap();
/// assert_eq!(lengths, [3, 5, 7]);
/// ```
#[track_caller]
pub fn scope<'env, F, T, E>(f: F) -> Result<T, E>
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, E>) -> Result<T, E>,
{
    let _in_a_task = Scheduler::here("task::scope");
    let scope = Scope {
        members: Members::new(),
        error: Cell::new(None),
        lifetimes: PhantomData,
        thread: PhantomData,
    };
    // Whatever happens in `f`, the tasks end before this frame does.
    let mut waited = Waited { members: &scope.members, unwinding: true };
    let outcome = unwind::catch(|| f(&scope));
    // Errors of tasks that come from now on are consequences of the body's.
    let first = scope.error.take();
    if !matches!(outcome, Ok(Ok(_))) {
        scope.members.cancel();
    }
    waited.unwinding = false;
    drop(waited);
    let result = match outcome {
        Ok(result) => result,
        Err(payload) => unwind::resume(payload),
    };
    assert!(!scope.members.panicked.get(), "a task of the scope has panicked");
    match first {
        Some(first) => Err(first),
        None => result.and_then(|value| scope.error.take().map_or(Ok(value), Err)),
    }
}

/// Where tasks can be spawned that borrow; made by [`scope`].
pub struct Scope<'scope, 'env: 'scope, E> {
    members: Members,
    /// The first error of a task.
    error: Cell<Option<E>>,
    /// As std's scopes: invariant in both lifetimes.
    lifetimes: PhantomData<(&'scope mut &'scope (), &'env mut &'env ())>,
    /// Belongs to one thread.
    thread: PhantomData<*mut ()>,
}

impl<'scope, E> Scope<'scope, '_, E> {
    /// Starts a task that may borrow what outlives the scope. What it returns with `Ok` is for
    /// whoever joins it; its error ends the scope.
    ///
    /// # Errors
    ///
    /// As for [`task::spawn`](super::spawn()).
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> Result<ScopedJoinHandle<'scope, T>, SpawnError<F>>
    where
        F: FnOnce() -> Result<T, E> + 'scope,
        T: 'scope,
        E: 'scope,
    {
        self.spawn_with(None, Location::caller(), f)
    }

    pub(super) fn spawn_with<F, T>(
        &'scope self,
        options: Option<&Options<'_>>,
        spawned_at: &'static Location<'static>,
        f: F,
    ) -> Result<ScopedJoinHandle<'scope, T>, SpawnError<F>>
    where
        F: FnOnce() -> Result<T, E> + 'scope,
        T: 'scope,
        E: 'scope,
    {
        let scheduler = Scheduler::here("Scope::spawn");
        let family = Family::of(&self.members);
        let body = Member { f, scope: self };
        // SAFETY: what the closure and its result borrow outlives the scope, and `scope` does not
        // return before the task has ended and its result is gone.
        let begun = unsafe { begin(scheduler, options, spawned_at, family, body) };
        let slot = begun.map_err(|error| error.map(|body| body.f))?;
        self.members.add(slot);
        Ok(ScopedJoinHandle { task: Task::new(scheduler, slot), marker: PhantomData })
    }

    /// Notes a task's error, if it is the first, and cancels the other tasks.
    fn fail(&self, error: E) {
        // The first is back in its place before the other is dropped: a destructor may look.
        let (first, late) = match self.error.take() {
            Some(first) => (first, Some(error)),
            None => (error, None),
        };
        self.error.set(Some(first));
        self.members.cancel();
        drop(late);
    }
}

impl<E> fmt::Debug for Scope<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("running", &self.members.running.get())
            .finish_non_exhaustive()
    }
}

/// What a task of a scope runs.
struct Member<'scope, 'env, F, E> {
    f: F,
    scope: &'scope Scope<'scope, 'env, E>,
}

impl<F, T, E> Body<Option<T>> for Member<'_, '_, F, E>
where
    F: FnOnce() -> Result<T, E>,
{
    #[inline(always)]
    fn call(self) -> Option<T> {
        (self.f)().map_err(|error| self.scope.fail(error)).ok()
    }
}

/// A task of a scope. Dropping it lets the task run on by itself; the scope waits for it.
pub struct ScopedJoinHandle<'scope, T> {
    task: Task,
    /// Gives a `T`, within the scope.
    marker: PhantomData<&'scope fn() -> T>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits until the task has ended, and returns what it returned with `Ok`.
    ///
    /// # Errors
    ///
    /// - [`JoinError::Failed`]: the task has returned an error, which the scope will return.
    /// - [`JoinError::Cancelled`]: the waiting task was told to end; here is the handle.
    /// - `JoinError::Panicked`, with the feature `std`: the task has panicked.
    ///
    /// # Panics
    ///
    /// Outside of the run that the task belongs to.
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

    fn take(self) -> Result<T, JoinError<Self>> {
        let task = self.task;
        core::mem::forget(self);
        // SAFETY: the task has ended, its handle was made for a `T` and is gone now.
        match unsafe { take_outcome::<Option<T>>(task.scheduler, task.slot) } {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(JoinError::Failed),
            Err(payload) => Err(JoinError::panicked(payload)),
        }
    }

    /// Whether the task has ended, so that `join` would not wait.
    pub fn is_finished(&self) -> bool {
        self.task.has_ended()
    }

    /// Tells the task to end; see [`JoinHandle::cancel`](super::JoinHandle::cancel).
    pub fn cancel(&self) {
        self.task.cancel();
    }

    /// The task, for its number, its name, and to unpark it.
    pub fn task(&self) -> Task {
        self.task
    }
}

impl<T> Drop for ScopedJoinHandle<'_, T> {
    fn drop(&mut self) {
        self.task.detach::<Option<T>>();
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").field("id", &self.task.id()).finish_non_exhaustive()
    }
}
