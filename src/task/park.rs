//! Parking a task, and waking it.

use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;
use core::sync::atomic::Ordering;

use crate::sys::clock::Instant;

use super::life::record;
use super::remote::Call;
use super::scheduler::Scheduler;
use super::slot::{Name, Slot, State, Waiting, Wake, What};
use super::{Cancelled, TaskId, WaitError};

/// The running task.
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn current() -> Task {
    let scheduler = Scheduler::here("task::current");
    Task::new(scheduler, scheduler.task())
}

/// Waits until someone unparks the running task. Returns at once if someone has since it last
/// parked.
///
/// # Cancellation
///
/// A cancelled task does not wait: it takes an unpark that has come, and fails if none has.
///
/// # Errors
///
/// [`Cancelled`] if the task was told to end.
///
/// # Panics
///
/// Outside of a task.
#[inline(always)]
#[track_caller]
pub fn park() -> Result<(), Cancelled> {
    let scheduler = Scheduler::here("task::park");
    if scheduler.task().tokens.take_unpark() {
        return Ok(());
    }
    scheduler.block(Waiting::on(What::Unpark))
}

/// As [`park`], until `deadline` at the latest.
///
/// # Errors
///
/// - [`WaitError::Cancelled`]: the task was told to end.
/// - [`WaitError::TimedOut`]: nobody has unparked it in time.
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn park_until(deadline: Instant) -> Result<(), WaitError> {
    let scheduler = Scheduler::here("task::park_until");
    if scheduler.task().tokens.take_unpark() {
        return Ok(());
    }
    scheduler.block_until(Waiting::on(What::Unpark), deadline)
}

/// Wakes a task from [`park`], or lets its next `park` return at once.
#[inline(always)]
pub(super) fn unpark(scheduler: &Scheduler, slot: &'static Slot) {
    let parked = slot.state.get() == State::Parked && slot.waits_for.get() == What::Unpark;
    if parked {
        scheduler.wake(slot, Wake::Done);
    } else {
        slot.tokens.give_unpark();
        #[cfg(feature = "sync")]
        if slot.tokens.awaits_unpark() {
            super::waker::nudge(scheduler, slot);
        }
    }
}

/// Does what somebody outside has asked for.
pub(super) fn answer(scheduler: &Scheduler, slot: &'static Slot, call: Call) {
    if call == Call::Unpark {
        unpark(scheduler, slot);
    }
    #[cfg(feature = "sync")]
    super::waker::nudge(scheduler, slot);
}

/// A task, running or not, in the shape of std's `Thread`.
///
/// It names the task and does not keep it alive: once the task has ended, its methods do nothing
/// and know nothing. It belongs to the runtime and the OS thread of the task.
#[derive(Clone, Copy)]
pub struct Task {
    pub(super) scheduler: &'static Scheduler,
    pub(super) slot: &'static Slot,
    id: TaskId,
    /// Belongs to one thread.
    marker: PhantomData<*mut ()>,
}

impl Task {
    #[inline(always)]
    pub(super) fn new(scheduler: &'static Scheduler, slot: &'static Slot) -> Self {
        // Relaxed: this thread has stored it.
        let id = TaskId::new(slot.remote.id.load(Ordering::Relaxed));
        Self { scheduler, slot, id, marker: PhantomData }
    }

    /// The task's number.
    pub fn id(self) -> TaskId {
        self.id
    }

    /// The name that its [`Builder`](super::Builder) has given it.
    pub fn name(self) -> Option<Name> {
        self.live_slot().map(|slot| record(slot).name.clone()).filter(|name| !name.is_empty())
    }

    /// Where in the source the task was spawned.
    pub fn spawned_at(self) -> Option<&'static Location<'static>> {
        self.live_slot().map(|slot| record(slot).spawned_at)
    }

    /// Wakes the task from [`park`], or lets its next `park` return at once. Costs about 3 ns.
    ///
    /// Other threads and signal handlers use an [`Unparker`].
    #[inline(always)]
    pub fn unpark(self) {
        if let Some(slot) = self.live_slot() {
            unpark(self.scheduler, slot);
        }
    }

    /// What wakes the task from other threads and from signal handlers.
    ///
    /// # Panics
    ///
    /// Outside of the run that the task belongs to.
    #[track_caller]
    pub fn unparker(self) -> Unparker {
        let scheduler = Scheduler::here("Task::unparker");
        assert!(
            core::ptr::eq(scheduler, self.scheduler),
            "an unparker was made outside of the run its task belongs to: make it in a task of the same run",
        );
        Unparker::new(scheduler, self.slot, self.id)
    }

    pub(super) fn cancel(self) {
        if let Some(slot) = self.live_slot()
            && slot.state.get() != State::Finished
        {
            self.scheduler.cancel(slot);
        }
    }

    /// The slot while the task has it, as seen from inside its run.
    #[inline(always)]
    pub(super) fn live_slot(self) -> Option<&'static Slot> {
        let here = Scheduler::current()?;
        // Relaxed: this thread has stored it.
        let live = core::ptr::eq(here, self.scheduler)
            && self.slot.remote.id.load(Ordering::Relaxed) == self.id.get();
        live.then_some(self.slot)
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.id)
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// Wakes one task from [`park`], from any thread and from signal handlers.
///
/// It may outlive the task, and then does nothing. While one exists, the runtime does not take
/// parked tasks for deadlocked, as somebody could still wake them: with nothing else to do it
/// sleeps.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, task};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// RUNTIME.run(|| {
///     let unparker = task::current().unparker();
///     std::thread::spawn(move || unparker.unpark());
///     task::park().unwrap();
/// }).unwrap();
/// ```
pub struct Unparker {
    scheduler: &'static Scheduler,
    slot: &'static Slot,
    id: TaskId,
}

impl Unparker {
    fn new(scheduler: &'static Scheduler, slot: &'static Slot, id: TaskId) -> Self {
        scheduler.inbox.add_caller();
        Self { scheduler, slot, id }
    }

    /// Wakes the task if it is parked, otherwise lets its next [`park`] return at once.
    ///
    /// Neither waits nor allocates. The runtime notices within 128 switches, or at once if it
    /// sleeps.
    pub fn unpark(&self) {
        // Relaxed: a hint that saves work; the runtime compares again.
        if self.slot.remote.id.load(Ordering::Relaxed) == self.id.get() {
            self.scheduler.inbox.send(self.slot, self.id.get(), Call::Unpark);
        }
    }

    /// The task's number.
    pub fn id(&self) -> TaskId {
        self.id
    }
}

impl Clone for Unparker {
    fn clone(&self) -> Self {
        Self::new(self.scheduler, self.slot, self.id)
    }
}

impl Drop for Unparker {
    fn drop(&mut self) {
        self.scheduler.inbox.forget_caller();
    }
}

impl fmt::Debug for Unparker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unparker").field("id", &self.id).finish_non_exhaustive()
    }
}

#[expect(unsafe_code, reason = "says what may cross threads")]
mod threads {
    use super::Unparker;

    // SAFETY: it uses the scheduler's inbox and the slot's `remote` only, which are atomics and
    // live for ever.
    unsafe impl Send for Unparker {}
    // SAFETY: as above.
    unsafe impl Sync for Unparker {}
}
