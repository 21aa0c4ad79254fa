//! Waking tasks that wait for futures, in the way that futures want it: by [`Waker`]s.
//!
//! A waker has room for one address: that of the task's slot. It wakes whichever task is there. One
//! that comes late wakes another task than it was made for, which then looks in vain at what it
//! waits for; that does no harm, as only those are woken that do look.
#![expect(unsafe_code, reason = "wakers hold addresses of slots, which live for ever")]

use core::sync::atomic::Ordering;
use core::task::{RawWaker, RawWakerVTable, Waker};

use super::Cancelled;
use super::remote::Call;
use super::scheduler::Scheduler;
use super::slot::{Slot, State, Wake, What};

/// Makes a task look again at what it waits for, now or when it is about to wait.
#[inline(never)]
pub(super) fn nudge(scheduler: &Scheduler, slot: &'static Slot) {
    slot.count_nudge();
    let looks_again = matches!(slot.waits_for.get(), What::Future | What::Select | What::Thread);
    if slot.state.get() == State::Parked && looks_again {
        scheduler.wake(slot, Wake::Done);
    }
}

/// A look at what a task waits for, at a moment.
///
/// A wait that looks, and parks if there is nothing, must not miss what happens in between. Nudges are
/// counted, not taken: while a future is polled it may wait itself, which is a wait inside of another,
/// and neither can tell for which of them a nudge is.
pub(crate) struct Look {
    runner: (u64, u64),
    nudges: u64,
}

impl Look {
    /// Before looking.
    #[inline(always)]
    pub(crate) fn begin(scheduler: &Scheduler) -> Self {
        Self { runner: scheduler.runner(), nudges: scheduler.task().nudges.get() }
    }

    /// Whether what was seen is still so, as far as the task would have been told: no nudge has come,
    /// and it is the same task that runs. A coroutine that was suspended in between may go on in another.
    #[inline(always)]
    pub(crate) fn is_current(&self, scheduler: &Scheduler) -> bool {
        self.nudges == scheduler.task().nudges.get() && self.runner == scheduler.runner()
    }
}

/// A call for a task from any thread: makes it look again at what it waits for.
///
/// As with an [`Unparker`](super::Unparker), the runtime does not take parked tasks for deadlocked
/// while one exists.
pub(crate) struct Nudger {
    scheduler: &'static Scheduler,
    slot: &'static Slot,
    id: u64,
}

impl Nudger {
    /// For the running task.
    pub(crate) fn new(scheduler: &'static Scheduler) -> Self {
        scheduler.inbox.add_caller();
        let slot = scheduler.task();
        Self { scheduler, slot, id: slot.number() }
    }

    pub(crate) fn nudge(&self) {
        // Relaxed: a hint that saves work; the runtime compares again.
        if self.slot.remote.id.load(Ordering::Relaxed) == self.id {
            self.scheduler.inbox.send(self.slot, self.id, Call::Nudge);
        }
    }
}

impl Drop for Nudger {
    fn drop(&mut self) {
        self.scheduler.inbox.forget_caller();
    }
}

// SAFETY: it uses the scheduler's inbox and the slot's `remote` only, which are atomics and live for
// ever; the number was copied.
unsafe impl Send for Nudger {}
// SAFETY: as above.
unsafe impl Sync for Nudger {}

/// Lends a waker for the running task. It is not counted among those who can wake the task from
/// outside; its clones are.
pub(crate) fn with_waker<T>(scheduler: &Scheduler, f: impl FnOnce(&Waker) -> T) -> T {
    let data = (&raw const *scheduler.task()).cast();
    // SAFETY: the functions of the table are for addresses of slots. They use what other threads
    // may use, or else find out that they are on the slot's own thread.
    let waker = unsafe { Waker::new(data, &TABLE) };
    // Dropping it would count one down that was not counted up.
    f(&core::mem::ManuallyDrop::new(waker))
}

/// The task that a waker wakes, if it is one of this runtime's.
pub(super) fn task_of(waker: &Waker, scheduler: &Scheduler) -> Option<&'static Slot> {
    if !core::ptr::eq(waker.vtable(), &raw const TABLE) {
        return None;
    }
    // SAFETY: wakers with this table hold addresses of slots.
    let slot = unsafe { slot(waker.data()) };
    Scheduler::of_slot(slot).filter(|own| core::ptr::eq(*own, scheduler)).map(|_| slot)
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, forget);

/// # Safety
///
/// `data` is the address of a slot.
unsafe fn slot(data: *const ()) -> &'static Slot {
    // SAFETY: the caller's promise; slots live for ever.
    unsafe { &*data.cast::<Slot>() }
}

/// # Safety
///
/// `data` is the address of a slot.
unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the caller's promise.
    if let Some(scheduler) = Scheduler::of_slot(unsafe { slot(data) }) {
        scheduler.inbox.add_caller();
    }
    RawWaker::new(data, &TABLE)
}

/// # Safety
///
/// `data` is the address of a slot, and `clone` has made the waker, which is gone now.
unsafe fn wake(data: *const ()) {
    // SAFETY: the caller's promise.
    unsafe {
        wake_by_ref(data);
        forget(data);
    }
}

/// # Safety
///
/// `data` is the address of a slot.
unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the caller's promise.
    let slot = unsafe { slot(data) };
    let Some(scheduler) = Scheduler::of_slot(slot) else { return };
    if Scheduler::current().is_some_and(|here| core::ptr::eq(here, scheduler)) {
        return nudge(scheduler, slot);
    }
    // Relaxed: if the task has ended meanwhile, there is nobody to wake.
    let id = slot.remote.id.load(Ordering::Relaxed);
    if id != 0 {
        scheduler.inbox.send(slot, id, Call::Nudge);
    }
}

/// # Safety
///
/// As for [`wake`].
unsafe fn forget(data: *const ()) {
    // SAFETY: the caller's promise.
    if let Some(scheduler) = Scheduler::of_slot(unsafe { slot(data) }) {
        scheduler.inbox.forget_caller();
    }
}

impl Scheduler {
    /// Lets the running task look again before it waits.
    pub(crate) fn look_again(&self) {
        self.task().count_nudge();
    }

    /// For a wait that is to look again at once: the others have their turn, and who must end is told.
    /// Else a future that always wakes itself would leave no time to anybody.
    pub(crate) fn let_others_run(&self) -> Result<(), Cancelled> {
        if self.task().must_end_now() {
            return Err(Cancelled);
        }
        self.yield_now();
        Ok(())
    }

    /// Takes an unpark of the running task, if one has come.
    pub(crate) fn take_unpark(&self) -> bool {
        self.task().tokens.take_unpark()
    }

    /// Lets an unpark wake the running task from a wait for several things. One that has come makes it
    /// look again.
    pub(crate) fn await_unpark(&self) {
        let tokens = &self.task().tokens;
        tokens.set_awaits_unpark(true);
        if tokens.has_unpark() {
            self.look_again();
        }
    }

    /// Undoes `await_unpark`.
    pub(crate) fn forget_unpark(&self) {
        self.task().tokens.set_awaits_unpark(false);
    }

    /// Which task runs, in which run. A coroutine may be suspended in one and go on in another.
    #[inline(always)]
    pub(crate) fn runner(&self) -> (u64, u64) {
        (self.run(), self.task().number())
    }
}
