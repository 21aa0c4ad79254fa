//! Which task runs next.
//!
//! A task that yields or parks switches straight to the next ready one. When there is none, or
//! when enough switches have gone by, it switches to the *root* instead: the stack of the OS
//! thread, see `root`.
#![expect(unsafe_code, reason = "switches stacks; each context belongs to the slot it is in")]

use core::cell::Cell;
#[cfg(feature = "epoll")]
use core::num::NonZeroUsize;

use crate::arch::{self, Context, Message};
use crate::collections::{Fifo, Stack, Timer, Wheel};
use crate::stack::{Pool, StackError};
use crate::sys::clock::Instant;
use crate::text::Plain;

use super::hooks::{Hooks, Settings};
use super::place::{self, NoSlot};
#[cfg(feature = "overflow")]
use super::quit::Listener;
use super::remote::Inbox;
#[cfg(feature = "sim")]
use super::sim::Simulation;
use super::slot::{Slot, State};

/// How many switches there are at most between two looks at timers and wake-ups from outside.
pub(super) const BUDGET: u32 = 128;

/// What a runtime knows besides its slots.
///
/// Only the thread that runs it uses it, except for the inbox.
pub(crate) struct Scheduler {
    pub(super) current: Cell<Option<&'static Slot>>,
    pub(super) ready: Fifo<Slot>,
    /// Switches left until the next visit to the root.
    pub(super) budget: Cell<u32>,
    /// The clock in nanoseconds, as of the last visit.
    pub(super) now: Cell<u64>,
    /// Whether every task was cancelled because none could run.
    pub(super) deadlocked: Cell<bool>,
    pub(super) root: Context,
    /// Tasks that have not ended.
    pub(super) live: Cell<usize>,
    /// The last task's number.
    pub(super) last_id: Cell<u64>,

    pub(super) slots: Cell<Option<&'static [Slot]>>,
    /// How many slots this run has used, in order, and hence have guarded stacks.
    pub(super) used: Cell<usize>,
    /// Those of them that are free; the stack of the last one is the warmest.
    pub(super) free: Stack<Slot>,
    pub(super) pool: Pool,
    pub(super) hooks: Cell<Hooks>,
    #[cfg(feature = "sim")]
    pub(super) simulation: Simulation,
    /// A task that has ended on a stack of its own, which is to be unmapped.
    pub(super) doomed: Cell<Option<&'static Slot>>,

    pub(super) inbox: Inbox,
    /// What waits for the kernel, once a task has to.
    #[cfg(feature = "epoll")]
    pub(super) port: super::port::PortPlace,
    #[cfg(feature = "overflow")]
    pub(super) listener: Listener,
    pub(super) timers: Wheel,
    /// What the kernel took for that before the run, once it was told to be exact.
    #[cfg(feature = "epoll")]
    pub(super) kernels_slack: Cell<Option<NonZeroUsize>>,
    #[cfg(feature = "sync")]
    pub(super) presence: super::presence::Presence,
    /// Where the generator of lots is.
    #[cfg(feature = "sync")]
    lots: Cell<u64>,
    #[cfg(feature = "watchdog")]
    pub(super) watch: super::watchdog::Watch,
}

impl Scheduler {
    /// A runtime that has never run; all bytes zero.
    pub(crate) const fn new() -> Self {
        Self {
            current: Cell::new(None),
            ready: Fifo::new(),
            budget: Cell::new(0),
            now: Cell::new(0),
            deadlocked: Cell::new(false),
            root: Context::new(),
            live: Cell::new(0),
            last_id: Cell::new(0),
            slots: Cell::new(None),
            used: Cell::new(0),
            free: Stack::new(),
            pool: Pool::new(),
            hooks: Cell::new(Hooks::NONE),
            #[cfg(feature = "sim")]
            simulation: Simulation::new(),
            doomed: Cell::new(None),
            inbox: Inbox::new(),
            #[cfg(feature = "epoll")]
            port: super::port::PortPlace::new(),
            #[cfg(feature = "overflow")]
            listener: Listener::new(),
            timers: Wheel::new(),
            #[cfg(feature = "epoll")]
            kernels_slack: Cell::new(None),
            #[cfg(feature = "sync")]
            presence: super::presence::Presence::new(),
            #[cfg(feature = "sync")]
            lots: Cell::new(0),
            #[cfg(feature = "watchdog")]
            watch: super::watchdog::Watch::new(),
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

    /// The task that runs, or was the last to; for handlers of signals, which may come any time.
    #[cfg(feature = "overflow")]
    pub(super) fn latest(&self) -> Option<&'static Slot> {
        self.current.get()
    }

    /// How many switches are left until the next visit to the root; each takes one off.
    #[cfg(feature = "watchdog")]
    pub(super) fn budget_left(&self) -> u32 {
        self.budget.get()
    }

    /// Whether no other task is ready.
    #[cfg(feature = "uring")]
    pub(crate) fn is_alone(&self) -> bool {
        self.ready.is_empty()
    }

    /// Lets every other ready task run once.
    #[inline(always)]
    pub(crate) fn yield_now(&self) {
        let task = self.task();
        let budget = self.budget.get();
        let next = if budget == 0 {
            self.ready.push(task);
            &self.root
        } else {
            self.budget.set(budget - 1);
            match self.ready.rotate(task) {
                Some(next) => self.choose(next),
                None => return,
            }
        };
        Self::switch(task, next);
    }

    /// As [`yield_now`](Self::yield_now), and by way of the root, which looks at timers and at what the kernel has
    /// to say; also where no other task is ready.
    #[cfg(any(feature = "epoll", feature = "sync"))]
    pub(crate) fn yield_to_root(&self) {
        self.budget.set(0);
        self.yield_now();
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
        let stack = self.pool.take().map_err(NoSlot::Stack)?;
        slot.record.set(Some(place::place_of_record(stack)));
        self.used.set(index + 1);
        Ok(slot)
    }

    /// Gives a slot back.
    #[inline(always)]
    pub(super) fn put_slot(&self, slot: &'static Slot) {
        slot.state.set(State::Free);
        self.free.push(slot);
    }

    pub(super) fn slots(&self) -> &'static [Slot] {
        self.slots.get().unwrap_or_default()
    }

    /// Where a slot is in the table.
    #[inline(always)]
    pub(super) fn index_of(&self, slot: &'static Slot) -> usize {
        let first = self.slots().as_ptr().addr();
        ((&raw const *slot).addr() - first) / size_of::<Slot>()
    }

    /// The slot at a place of the table.
    pub(super) fn slot_at(&self, place: usize) -> Option<&'static Slot> {
        self.slots().get(place)
    }

    /// The slots that this run has used.
    pub(super) fn used_slots(&self) -> &'static [Slot] {
        self.slots().get(..self.used.get()).unwrap_or_default()
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
            self.budget.set(0);
        }
        #[cfg(feature = "asan")]
        arch::ends_here();
        self.switch_to_next(task);
        impossible()
    }

    #[inline(always)]
    pub(super) fn switch_to_next(&self, from: &'static Slot) {
        let budget = self.budget.get();
        let next = if budget == 0 { None } else { self.ready.pop() };
        let next = match next {
            Some(next) => {
                self.budget.set(budget - 1);
                self.choose(next)
            }
            None => &self.root,
        };
        Self::switch(from, next);
    }

    /// Makes a task the running one, and returns where it goes on.
    #[inline(always)]
    pub(super) fn choose(&self, next: &'static Slot) -> &'static Context {
        self.current.set(Some(next));
        next.switches.set(next.switches.get().wrapping_add(1));
        &next.context
    }

    #[inline(always)]
    fn switch(from: &'static Slot, to: &Context) {
        // SAFETY: `to` is the root's context, in which `drive` is suspended as a task runs, or that
        // of a task out of the ready queue, which was prepared or has suspended itself; nobody else
        // resumes it. Slots live for ever.
        unsafe { arch::switch(&from.context, to, Message::EMPTY) };
    }

    /// Reserves the stacks for a run, and notes how it is to be.
    pub(crate) fn open(&self, count: usize, settings: &Settings) -> Result<(), StackError> {
        self.hooks.set(settings.hooks);
        self.timers.set_pace(settings.pace);
        #[cfg(feature = "epoll")]
        self.port.choose(settings.driver);
        #[cfg(feature = "sim")]
        self.simulation.begin(settings.seed);
        self.pool.open(count, settings.layout)
    }

    /// Starts a run on this thread, with these slots and a timer for each.
    pub(crate) fn enter(&'static self, slots: &'static [Slot], timers: &'static [Timer]) {
        self.slots.set(Some(slots));
        self.used.set(0);
        self.free.clear();
        self.deadlocked.set(false);
        let now = Instant::now().as_nanos();
        self.now.set(now);
        self.timers.start(timers, now);
        #[cfg(feature = "sync")]
        {
            self.announce(slots);
            // So that a simulated run repeats itself; `now` is virtual there.
            self.lots.set(now);
        }
        arch::set_current((&raw const *self).cast());
        #[cfg(feature = "overflow")]
        if let Some(begin) = self.hooks.get().at_begin {
            begin(self);
        }
    }

    /// Ends the run: this thread has no runtime any more.
    pub(crate) fn leave(&'static self) {
        arch::set_current(core::ptr::null());
        #[cfg(feature = "sim")]
        self.simulation.end();
        self.current.set(None);
        #[cfg(feature = "epoll")]
        self.put_slack_back();
        if self.live.get() == 0 {
            #[cfg(feature = "epoll")]
            self.close_port();
            #[cfg(feature = "sync")]
            self.presence.end();
            // SAFETY: no task is left, and the results of all were taken or dropped.
            unsafe { self.pool.close() }
        }
    }

    /// A number drawn by lot: a step of Marsaglia's generator (Xorshift RNGs, 2003), multiplied.
    #[cfg(feature = "sync")]
    pub(crate) fn draw(&self) -> u64 {
        // Never zero, where the generator would stay.
        let mut state = self.lots.get() | 1 << 63;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.lots.set(state);
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Whether tasks of this run were stuck on the way.
    pub(super) fn is_deadlocked(&self) -> bool {
        self.deadlocked.get()
    }
}

#[cold]
#[track_caller]
#[expect(clippy::panic, reason = "a caller's bug, documented at each function that calls this")]
fn outside_of_a_task(call: &str) -> ! {
    panic!("{} was called outside of a task: call it inside of Runtime::run", Plain(call))
}

/// What a bug of this crate would come to; the backtrace says which.
#[cold]
#[inline(never)]
#[expect(clippy::panic, reason = "stands for a bug of this crate")]
pub(super) fn impossible() -> ! {
    panic!("barecoro has a bug")
}
