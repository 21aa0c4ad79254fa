//! Which task runs next.
//!
//! A task that yields or parks switches straight to the next ready one. When there is none, or
//! when enough switches have gone by, it switches to the *root* instead: the stack of the OS
//! thread, where [`Scheduler::drive`] looks for timers that have gone off and for wake-ups from
//! outside, and sleeps if there is nothing else to do.
#![expect(unsafe_code, reason = "switches stacks; each context belongs to the slot it is in")]

use core::cell::Cell;

use crate::arch::{self, Context, Message};
use crate::collections::{Fifo, Stack, Timer, Wheel};
use crate::error::Errno;
use crate::stack::{Pool, StackError};
use crate::sys::clock::Instant;
use crate::sys::thread;
use crate::text::Plain;

use super::remote::Inbox;
use super::slot::{Slot, State, Waiting, Wake};
use super::spawn::NoSlot;
use super::{Cancelled, WaitError, report};

/// How many switches there are at most between two looks at timers and wake-ups from outside.
const BUDGET: u32 = 128;

/// What a runtime knows besides its slots.
///
/// Only the thread that runs it uses it, except for the inbox.
pub(crate) struct Scheduler {
    current: Cell<Option<&'static Slot>>,
    ready: Fifo<Slot>,
    /// Switches left until the next visit to the root.
    budget: Cell<u32>,
    /// Whether every task was cancelled because none could run.
    deadlocked: Cell<bool>,
    root: Context,
    /// Tasks that have not ended.
    live: Cell<usize>,
    /// The last task's number.
    last_id: Cell<u64>,

    slots: Cell<Option<&'static [Slot]>>,
    /// How many slots this run has used, in order, and hence have guarded stacks.
    used: Cell<usize>,
    /// Those of them that are free; the stack of the last one is the warmest.
    free: Stack<Slot>,
    pub(super) pool: Pool,
    /// A task that has ended on a stack of its own, which is to be unmapped.
    pub(super) doomed: Cell<Option<&'static Slot>>,

    pub(super) inbox: Inbox,
    timers: Wheel<&'static Slot>,
}

impl Scheduler {
    /// A runtime that has never run; all bytes zero.
    pub(crate) const fn new() -> Self {
        Self {
            current: Cell::new(None),
            ready: Fifo::new(),
            budget: Cell::new(0),
            deadlocked: Cell::new(false),
            root: Context::new(),
            live: Cell::new(0),
            last_id: Cell::new(0),
            slots: Cell::new(None),
            used: Cell::new(0),
            free: Stack::new(),
            pool: Pool::new(),
            doomed: Cell::new(None),
            inbox: Inbox::new(),
            timers: Wheel::new(),
        }
    }

    /// The runtime that the caller is a task of.
    #[inline(always)]
    pub(crate) fn current() -> Option<&'static Self> {
        // SAFETY: `enter` has set the pointer, on this thread, to a scheduler that lives for ever.
        unsafe { arch::current().cast::<Self>().as_ref() }
    }

    /// As [`current`](Self::current), for calls that make sense in a task only.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn here(call: &str) -> &'static Self {
        match Self::current() {
            Some(scheduler) => scheduler,
            None => outside_of_a_task(call),
        }
    }

    /// The running task.
    #[inline(always)]
    pub(crate) fn task(&self) -> &'static Slot {
        match self.current.get() {
            Some(slot) => slot,
            None => impossible(),
        }
    }

    /// Lets every other ready task run once.
    #[inline(always)]
    pub(crate) fn yield_now(&self) {
        let task = self.task();
        let budget = self.budget.get();
        if budget == 0 {
            self.ready.push(task);
            return self.switch_to_root(task);
        }
        self.budget.set(budget - 1);
        if let Some(next) = self.ready.rotate(task) {
            self.switch(task, next);
        }
    }

    /// Parks the running task until it is woken or cancelled.
    #[inline(always)]
    pub(crate) fn block(&self, waiting: Waiting) -> Result<(), Cancelled> {
        let task = self.task();
        if task.cancelled.get() {
            return Err(Cancelled);
        }
        match self.park(task, waiting, true) {
            Wake::Done | Wake::TimedOut => Ok(()),
            Wake::Cancelled => Err(Cancelled),
        }
    }

    /// Parks the running task until it is woken, whoever cancels it.
    pub(crate) fn block_shielded(&self, waiting: Waiting) {
        self.park(self.task(), waiting, false);
    }

    /// Parks the running task until it is woken or cancelled, or until `deadline`.
    pub(crate) fn block_until(&self, waiting: Waiting, deadline: Instant) -> Result<(), WaitError> {
        let task = self.task();
        if task.cancelled.get() {
            return Err(WaitError::Cancelled);
        }
        let timer = Timer::new(deadline.as_nanos(), task);
        // SAFETY: the timer lies in this frame, which stays until it was removed below.
        unsafe { self.timers.insert(&timer) };
        let wake = self.park(task, waiting, true);
        // SAFETY: it is in this wheel or has gone off.
        unsafe { self.timers.remove(&timer) };
        match wake {
            Wake::Done => Ok(()),
            Wake::TimedOut => Err(WaitError::TimedOut),
            Wake::Cancelled => Err(WaitError::Cancelled),
        }
    }

    #[inline(always)]
    fn park(&self, task: &'static Slot, waiting: Waiting, cancellable: bool) -> Wake {
        task.waiting.set(waiting);
        task.cancellable.set(cancellable);
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
        task.cancelled.set(true);
        if task.cancellable.get() {
            self.wake(task, Wake::Cancelled);
        }
    }

    /// A free slot whose stack is ready, and its index, or the reason why there is none.
    #[inline(always)]
    pub(super) fn take_slot(&self) -> Result<&'static Slot, NoSlot> {
        match self.free.pop() {
            Some(slot) => Ok(slot),
            None => self.take_new_slot(),
        }
    }

    #[cold]
    fn take_new_slot(&self) -> Result<&'static Slot, NoSlot> {
        let index = self.used.get();
        let slot = self.slots().get(index).ok_or(NoSlot::Full)?;
        self.pool.guard(index).map_err(NoSlot::Stack)?;
        self.used.set(index + 1);
        Ok(slot)
    }

    /// Gives a slot back.
    #[inline(always)]
    pub(super) fn put_slot(&self, slot: &'static Slot) {
        slot.state.set(State::Free);
        self.free.push(slot);
    }

    fn slots(&self) -> &'static [Slot] {
        self.slots.get().unwrap_or_default()
    }

    /// Where a slot is in the table.
    #[inline(always)]
    pub(super) fn index_of(&self, slot: &'static Slot) -> usize {
        let first = self.slots().as_ptr().addr();
        ((&raw const *slot).addr() - first) / size_of::<Slot>()
    }

    /// The slots that this run has used.
    pub(super) fn slots_in_use(&self) -> impl Iterator<Item = &'static Slot> {
        self.slots().iter().take(self.used.get())
    }

    /// A number that no task of this runtime had before.
    #[inline(always)]
    pub(super) fn next_id(&self) -> u64 {
        let id = self.last_id.get() + 1;
        self.last_id.set(id);
        id
    }

    /// Adds a new task to the ready queue.
    #[inline(always)]
    pub(super) fn start(&self, task: &'static Slot) {
        self.live.set(self.live.get() + 1);
        self.ready.push(task);
    }

    /// Ends the running task, whose slot has been dealt with, and goes on with another.
    ///
    /// # Safety
    ///
    /// Nothing on the task's stack is needed any more, but for its result.
    pub(super) unsafe fn end(&self, task: &'static Slot) -> ! {
        self.live.set(self.live.get() - 1);
        // A stack with a mapping of its own is unmapped from the root.
        if self.doomed.get().is_some() {
            self.switch_to_root(task);
        } else {
            self.switch_to_next(task);
        }
        impossible()
    }

    #[inline(always)]
    fn switch_to_next(&self, from: &'static Slot) {
        let budget = self.budget.get();
        if budget != 0
            && let Some(next) = self.ready.pop()
        {
            self.budget.set(budget - 1);
            self.switch(from, next);
        } else {
            self.switch_to_root(from);
        }
    }

    #[inline(always)]
    fn switch(&self, from: &'static Slot, to: &'static Slot) {
        self.current.set(Some(to));
        // SAFETY: `to` came out of the ready queue, so it is a task that was prepared or has
        // suspended itself, and nobody else resumes it. Slots live for ever.
        unsafe { arch::switch(&from.context, &to.context, Message::EMPTY) };
    }

    #[inline(always)]
    fn switch_to_root(&self, from: &'static Slot) {
        // SAFETY: `drive` is suspended in the root's context, as a task runs.
        unsafe { arch::switch(&from.context, &self.root, Message::EMPTY) };
    }

    /// Reserves the stacks for a run.
    pub(crate) fn open_pool(&self, count: usize, size: usize) -> Result<(), StackError> {
        self.pool.open(count, size)
    }

    /// Starts a run on this thread, with these slots.
    pub(crate) fn enter(&'static self, slots: &'static [Slot]) {
        self.slots.set(Some(slots));
        self.used.set(0);
        self.free.clear();
        self.deadlocked.set(false);
        self.timers.start(Instant::now().as_nanos());
        arch::set_current((&raw const *self).cast());
    }

    /// Ends the run: this thread has no runtime any more.
    pub(crate) fn leave(&'static self) {
        arch::set_current(core::ptr::null());
        self.current.set(None);
        if self.live.get() == 0 {
            // SAFETY: no task is left, and the results of all were taken or dropped.
            unsafe { self.pool.close() }
        }
    }

    /// Whether tasks of this run were stuck on the way.
    pub(super) fn is_deadlocked(&self) -> bool {
        self.deadlocked.get()
    }

    /// Runs tasks until all have ended.
    pub(super) fn drive(&'static self) {
        while self.live.get() > 0 {
            self.look_outside();
            let Some(next) = self.ready.pop() else {
                self.wait();
                continue;
            };
            self.budget.set(BUDGET);
            self.current.set(Some(next));
            // SAFETY: as in `switch`; a task that comes here finds this context suspended.
            unsafe { arch::switch(&self.root, &next.context, Message::EMPTY) };
            if let Some(ended) = self.doomed.take() {
                super::spawn::release(self, ended);
            }
        }
    }

    /// Makes tasks ready whose timer has gone off or whom another thread has unparked.
    fn look_outside(&'static self) {
        if !self.timers.is_empty() {
            let now = Instant::now().as_nanos();
            self.timers.advance(now, |task| self.wake(task, Wake::TimedOut));
        }
        self.inbox.take(|task| super::park::unpark(self, task));
    }

    /// Sleeps until a timer goes off or another thread calls.
    fn wait(&'static self) {
        let deadline = self.timers.next().map(Instant::from_nanos);
        if deadline.is_none() && !self.inbox.may_be_called() {
            return self.break_deadlock();
        }
        let Some(word) = self.inbox.prepare_to_sleep(deadline.is_some()) else { return };
        match thread::futex_wait(word, 1, deadline) {
            Ok(()) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => {}
            Err(errno) => report::fatal(format_args!("futex(2) failed: {errno}")),
        }
        self.inbox.woken();
    }

    /// No task can ever run again: says so, and cancels all, which makes their waits fail.
    #[cold]
    fn break_deadlock(&'static self) {
        report::deadlock(self.slots_in_use(), self.live.get());
        self.deadlocked.set(true);
        for task in self.slots_in_use() {
            if matches!(task.state.get(), State::Parked) {
                self.cancel(task);
            }
        }
        if self.ready.is_empty() {
            report::fatal(format_args!("tasks are deadlocked although they were cancelled"));
        }
    }
}

#[cold]
#[track_caller]
#[expect(clippy::panic, reason = "a caller's bug, documented at each function that calls this")]
fn outside_of_a_task(call: &str) -> ! {
    panic!("{} was called outside of a task: call it inside of Runtime::run", Plain(call))
}

/// What a bug of this crate would come to; the place says which.
#[cold]
#[track_caller]
#[expect(clippy::panic, reason = "stands for a bug of this crate")]
pub(super) fn impossible() -> ! {
    panic!("barecoro has a bug")
}
