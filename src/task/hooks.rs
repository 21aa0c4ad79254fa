//! What a run does besides running tasks, if it was asked to: checking canaries, painting stacks,
//! giving memory back.
//!
//! Each is a function that the scheduler calls by its address, so that a program has the code of
//! those that it asks for only.
#![expect(unsafe_code, reason = "paints, and gives back, what nobody needs of stacks")]

use core::ptr::NonNull;
use core::time::Duration;

use crate::collections::Pace;
use crate::stack::{self, Extent, Layout};
use crate::sys::mem::PAGE;
use crate::text::Decimal;

#[cfg(feature = "epoll")]
use super::port::Driver;
use super::scheduler::Scheduler;
use super::{place, report};

/// How a run is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) layout: Layout,
    pub(crate) hooks: Hooks,
    /// How much later than asked for timers may go off.
    pub(crate) pace: Pace,
    /// What waits for the kernel; none for the best that there is.
    #[cfg(feature = "epoll")]
    pub(crate) driver: Option<Driver>,
    /// How long a task may run without a switch; zero for as long as it likes.
    #[cfg(feature = "watchdog")]
    pub(crate) limit: Duration,
    /// What a simulated run draws its lots from.
    #[cfg(feature = "sim")]
    pub(crate) seed: Option<u64>,
}

impl Settings {
    /// How much later than asked for timers may go off where nobody says otherwise: about what it
    /// takes to wake a thread.
    pub(crate) const PACE: Pace = Pace::new(Duration::from_micros(20));

    pub(crate) const USUAL: Self = Self {
        layout: Layout::USUAL,
        hooks: Hooks::NONE,
        pace: Self::PACE,
        #[cfg(feature = "epoll")]
        driver: None,
        #[cfg(feature = "watchdog")]
        limit: Duration::ZERO,
        #[cfg(feature = "sim")]
        seed: None,
    };
}

/// What is called at certain moments of a run. All zero is nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hooks {
    /// With a new task's stack and how far it is used already.
    pub(crate) before_start: Option<fn(Extent, NonNull<u8>)>,
    /// At each switch, on the root.
    pub(crate) after_switch: Option<fn(&Scheduler)>,
    /// On the root, when the run begins.
    #[cfg(feature = "overflow")]
    pub(crate) at_begin: Option<fn(&'static Scheduler)>,
    /// On the root, at every look at timers and wake-ups from outside.
    #[cfg(feature = "overflow")]
    pub(crate) at_look: Option<fn(&'static Scheduler)>,
    /// When there is nothing to do.
    pub(crate) before_sleep: Option<fn(&Scheduler)>,
    /// How many stacks of ended tasks may keep their memory then.
    pub(crate) keep_warm: usize,
}

impl Hooks {
    pub(crate) const NONE: Self = Self {
        before_start: None,
        after_switch: None,
        #[cfg(feature = "overflow")]
        at_begin: None,
        #[cfg(feature = "overflow")]
        at_look: None,
        before_sleep: None,
        keep_warm: 0,
    };
}

/// Paints what a new task has of its stack, to see later how far it has come.
pub(crate) fn paint(stack: Extent, used: NonNull<u8>) {
    // SAFETY: the task has not begun, so nothing is below its closure yet.
    unsafe { stack::paint(Extent { base: used, ..stack }) }
}

/// Ends the process if the task that has just run on a packed stack has left it.
pub(crate) fn check_canary(scheduler: &Scheduler) {
    let task = scheduler.task();
    if place::own_stack(task).is_some() {
        return;
    }
    let stack = place::stack_of(scheduler, task);
    // SAFETY: this is a hook of packed layouts, and the pool is open while tasks run.
    if !unsafe { stack::is_intact(stack) } {
        report::fatal(format_args!(
            "{} overflowed its packed stack of {} bytes",
            report::Described(task),
            Decimal(scheduler.pool.layout().size as u64),
        ));
    }
}

/// Gives back the memory of all stacks of ended tasks but the warmest.
pub(crate) fn cool(scheduler: &Scheduler) {
    trim_free(scheduler, scheduler.hooks.get().keep_warm);
}

/// As [`cool`]; returns how many stacks those were.
fn trim_free(scheduler: &Scheduler, keep: usize) -> usize {
    if scheduler.pool.layout().packed {
        return 0;
    }
    // The cold ones lie below the warm ones: those that were used since are on top.
    let surplus = scheduler.free.iter().skip(keep).take_while(|slot| slot.warm.get());
    surplus
        .map(|slot| {
            slot.warm.set(false);
            let stack = place::stack_of(scheduler, slot);
            // Up to where the next guard begins: the rest of the last page belongs to nobody else.
            // Unless valgrind's number for the stack is there.
            let end = stack.base.addr().get();
            let end = if cfg!(feature = "valgrind") { end } else { end.next_multiple_of(PAGE) };
            // SAFETY: the slot is free, so nobody needs what is on its stack.
            unsafe { stack::release(stack.limit, end) }
        })
        .count()
}

/// Gives back the memory of stacks that is not in use: of ended tasks, and below the innermost
/// frames of tasks that wait. Returns how many stacks those were.
pub(crate) fn trim(scheduler: &Scheduler) -> usize {
    let mut count = trim_free(scheduler, 0);
    // What is given back is zeros, which would look like use of a painted stack.
    if scheduler.pool.layout().packed || scheduler.hooks.get().before_start.is_some() {
        return count;
    }
    for slot in scheduler.used_slots().iter().filter(|slot| slot.is_suspended()) {
        let stack = place::stack_of(scheduler, slot);
        let innermost = slot.context.stack_pointer();
        // A task that was suspended inside of a coroutine has its innermost frame elsewhere.
        if stack.contains(innermost) && !core::ptr::eq(slot, scheduler.task()) {
            // SAFETY: nobody needs what is below the innermost frame of a suspended stack, but
            // for the 128 bytes that a function may use there (System V ABI, 3.2.2).
            unsafe { stack::release(stack.limit, innermost - 128) }
            count += 1;
        }
    }
    count
}
