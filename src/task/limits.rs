//! What ends a task's waits early: its cancellation, and the deadlines that it is in.

use core::cell::Cell;
use core::num::NonZeroU64;

use crate::sys::clock::Instant;

use super::life::record;
use super::scheduler::Scheduler;
use super::slot::Slot;

/// Whether a task's waits are to end early. Its deadline is in its record.
pub(super) struct Limits {
    /// Whether the task was told to end.
    cancelled: Cell<Cancelled>,
    /// Whether that does not count at the moment.
    shielded: Cell<bool>,
    /// Whether the deadline has ended a wait.
    expired: Cell<bool>,
    /// Whether a wait has to look closer, as there is a cancellation, a shield or a deadline.
    apply: Cell<bool>,
}

/// Whether and how firmly a task was told to end.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Cancelled {
    No = 0,
    /// By somebody; a shield keeps it away.
    Yes,
    /// Since all tasks were deadlocked, which nothing keeps away.
    ForGood,
}

impl Limits {
    /// As for a new task.
    #[inline(always)]
    pub(super) fn clear(&self) {
        self.cancelled.set(Cancelled::No);
        self.shielded.set(false);
        self.expired.set(false);
        self.apply.set(false);
    }

    /// Whether a wait has to look closer.
    #[inline(always)]
    pub(super) fn apply(&self) -> bool {
        self.apply.get()
    }

    /// Tells the task to end.
    pub(super) fn cancel(&self) {
        if self.cancelled.get() == Cancelled::No {
            self.cancelled.set(Cancelled::Yes);
        }
        self.apply.set(true);
    }

    /// Tells the task to end, shielded or not.
    pub(super) fn cancel_for_good(&self) {
        self.cancelled.set(Cancelled::ForGood);
        self.apply.set(true);
    }

    /// Whether the task was told to end, and that counts at the moment.
    pub(super) fn must_end(&self) -> bool {
        match self.cancelled.get() {
            Cancelled::No => false,
            Cancelled::Yes => !self.shielded.get(),
            Cancelled::ForGood => true,
        }
    }

    /// Whether cancellation does not count at the moment.
    pub(super) fn is_shielded(&self) -> bool {
        self.shielded.get()
    }

    /// Notes that the deadline has ended a wait.
    pub(super) fn expire(&self) {
        self.expired.set(true);
    }
}

/// What applies to the running task, to be put back.
struct Before {
    task: &'static Slot,
    id: u64,
    shielded: bool,
    expired: bool,
    deadline: Option<NonZeroU64>,
    /// Whether it is the new deadline, and not one from before, that can end a wait now.
    is_own: bool,
}

impl Before {
    /// Puts other limits in the place of those that apply.
    fn replace(
        task: &'static Slot,
        shielded: bool,
        deadline: Option<NonZeroU64>,
        is_own: bool,
    ) -> Self {
        let limits = &task.limits;
        limits.apply.set(true);
        Self {
            task,
            id: task.number(),
            shielded: limits.shielded.replace(shielded),
            expired: limits.expired.replace(false),
            deadline: record(task).deadline.replace(deadline),
            is_own,
        }
    }

    /// Whether the deadline has ended a wait since.
    #[cfg(feature = "time")]
    fn has_expired(&self) -> bool {
        self.is_own && self.is_in_its_task() && self.task.limits.expired.get()
    }

    /// Whether the slot still has the task. A coroutine may have carried this to another task, or
    /// beyond the end of its own, and even of the run.
    fn is_in_its_task(&self) -> bool {
        self.task.number() == self.id
    }
}

impl Drop for Before {
    fn drop(&mut self) {
        if !self.is_in_its_task() {
            return;
        }
        let limits = &self.task.limits;
        limits.shielded.set(self.shielded);
        // Where it was a deadline from before, whoever has set that is to hear of it.
        limits.expired.set(self.expired || (limits.expired.get() && !self.is_own));
        record(self.task).deadline.set(self.deadline);
        let is_cancelled = limits.cancelled.get() != Cancelled::No;
        limits.apply.set(is_cancelled || self.shielded || self.deadline.is_some());
    }
}

/// Calls `f` and keeps cancellations, and time limits from outside of it, away from its waits.
///
/// They count again when `f` has returned: nothing is forgotten. Use it for what must be done to
/// the end, like giving something back that takes a wait.
///
/// Only a deadlock of all tasks ends a wait in it, with `Cancelled`. A coroutine must not be
/// suspended in `f` and resumed outside.
///
/// # Panics
///
/// Outside of a task.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, task, time::{self, Duration}};
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// RUNTIME.run(|| {
///     let task = task::spawn(|| {
///         let inside = task::shield(|| time::sleep(Duration::from_millis(5)));
///         (inside.is_ok(), time::sleep(Duration::from_millis(5)).is_ok())
///     }).unwrap();
///     task::yield_now();
///     task.cancel();
///     assert_eq!(task.join().unwrap(), (true, false));
/// }).unwrap();
/// ```
#[track_caller]
pub fn shield<F, T>(f: F) -> T
where
    F: FnOnce() -> T,
{
    let task = Scheduler::here("task::shield").task();
    let _before = Before::replace(task, true, None, true);
    f()
}

/// Calls `f`, whose waits end with `Cancelled` at `deadline` at the latest. Returns what it
/// returned, and whether it was this deadline that has ended one.
#[cfg(feature = "time")]
#[track_caller]
pub(crate) fn limit<F, T>(deadline: Instant, f: F) -> (T, bool)
where
    F: FnOnce() -> T,
{
    let task = Scheduler::here("time::timeout").task();
    // Zero stands for none; the clock has left it behind.
    let own = NonZeroU64::new(deadline.as_nanos().max(1));
    let outer = record(task).deadline.get();
    let is_earlier = outer.is_none() || own <= outer;
    let soonest = if is_earlier { own } else { outer };
    let before = Before::replace(task, task.limits.is_shielded(), soonest, is_earlier);
    let value = f();
    (value, before.has_expired())
}

/// Whether the running task was told to end, or the time is up that it has.
///
/// Its blocking calls fail with an error from then on. A task that computes for long and does not
/// block asks this now and then. Inside of a [`time::timeout`](crate::time::timeout) it reads the
/// clock.
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn cancelled() -> bool {
    Scheduler::here("task::cancelled").task().must_end_now()
}

impl Slot {
    /// Whether the running task, which this is, was told to end, or its time is up at this moment.
    pub(super) fn must_end_now(&self) -> bool {
        let limits = &self.limits;
        if !limits.apply() {
            return false;
        }
        if limits.must_end() {
            return true;
        }
        let deadline = record(self).deadline.get();
        let is_late = deadline.is_some_and(|end| Instant::now().as_nanos() >= end.get());
        if is_late {
            limits.expire();
        }
        is_late
    }
}
