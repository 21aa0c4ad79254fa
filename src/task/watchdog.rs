//! Tasks that run for too long without a switch: named once, by a timer's signal.
//!
//! A timer sends the runtime's thread a signal eight times per time limit. Its handler compares
//! what runs now with what ran when it came before. It costs a switch nothing, as it needs only
//! what there is already: the running task, its number, how often it was switched to, and the
//! switches left until the next visit to the root (the budget).
//!
//! No switch goes unnoticed. One to another task changes the running task; coming back counts one
//! up for it. A yield that finds nobody else ready takes one off the budget, or goes by the
//! root, which counts one up. The count comes round after 2³² turns of one task, which would have
//! to fall exactly between two signals.
//!
//! While the root runs or sleeps nobody is to be blamed, and the signal stops the timer. The root
//! starts it again before it lets the next task run, so an idle program is left alone.
#![expect(unsafe_code, reason = "handles a signal")]

use core::cell::Cell;
use core::fmt::Write as _;
use core::sync::atomic::{Ordering, compiler_fence};
use core::time::Duration;

use linux_raw_sys::general as linux;

use crate::sys::Lines;
use crate::sys::clock::Instant;
use crate::sys::fd::STDERR;
use crate::sys::signal::{Context, Info, Kind};
use crate::sys::timer::{self, SignalTimer};
use crate::text::Decimal;

use super::handler::Handler;
use super::report;
use super::scheduler::Scheduler;
use super::slot::{Slot, State};

/// The signal: one that nobody minds, as it is ignored by default.
static URGENT: Handler = Handler::new(linux::SIGURG);

/// How often the timer goes off per limit.
const LOOKS: u32 = 8;

/// The shortest limit.
const SHORTEST: Duration = Duration::from_millis(1);

/// What a runtime's watchdog knows. All zero is none.
///
/// The runtime's thread uses it, and the handler, which interrupts that.
pub(super) struct Watch {
    limit: Cell<Duration>,
    timer: Cell<linux::__kernel_timer_t>,
    /// Whether the root runs, or sleeps.
    at_root: Cell<bool>,
    /// Whether the timer was stopped.
    stopped: Cell<bool>,
    /// What has run without a switch, and since when.
    stretch: Cell<Option<(Turn, Instant)>>,
    /// Whether that was reported.
    reported: Cell<bool>,
}

/// A task's turn, from one switch to the next.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Turn {
    task: u64,
    switches: u32,
    budget: u32,
}

impl Watch {
    pub(super) const fn new() -> Self {
        Self {
            limit: Cell::new(Duration::ZERO),
            timer: Cell::new(0),
            at_root: Cell::new(false),
            stopped: Cell::new(false),
            stretch: Cell::new(None),
            reported: Cell::new(false),
        }
    }

    /// Notes that the root goes on.
    pub(super) fn enter_root(&self) {
        self.at_root.set(true);
    }

    /// Notes that a task is about to go on.
    pub(super) fn leave_root(&self) {
        self.at_root.set(false);
        // Pairs with the handler, which runs on this thread: either it has seen the root and what
        // it did is seen below, or it sees a task.
        compiler_fence(Ordering::SeqCst);
        if self.stopped.replace(false) {
            timer::repeat(self.timer.get(), self.limit.get() / LOOKS);
        }
    }
}

/// Starts a watchdog for the run that is about to begin on this thread.
///
/// `None` where no limit is set, or the kernel has no timer left, which it says.
pub(super) fn start(scheduler: &Scheduler, limit: Duration) -> Option<SignalTimer> {
    let watch = &scheduler.watch;
    watch.limit.set(if limit.is_zero() { limit } else { limit.max(SHORTEST) });
    watch.stretch.set(None);
    watch.at_root.set(true);
    watch.stopped.set(false);
    if limit.is_zero() {
        return None;
    }
    // SAFETY: `on_timer` does what a handler may: it reads what is whole at any moment (see
    // `fault`) and what only it writes, and it writes to standard error.
    unsafe { URGENT.install(on_timer, linux::SA_RESTART, 0) };
    match SignalTimer::new(linux::SIGURG, mark()) {
        Ok(timer) => {
            watch.timer.set(timer.id());
            watch.stopped.set(true);
            Some(timer)
        }
        Err(errno) => {
            watch.limit.set(Duration::ZERO);
            let _written =
                writeln!(Lines::new(STDERR), "barecoro: the run has no watchdog: {errno}");
            None
        }
    }
}

/// What comes with the signals of our timers.
fn mark() -> usize {
    (&raw const URGENT).addr()
}

/// # Safety
///
/// Called by the kernel, for the signal above.
unsafe extern "C" fn on_timer(_number: i32, info: *mut Info, context: *mut Context) {
    // SAFETY: the kernel's arguments, on this handler's stack.
    let (what, registers) = unsafe { (&*info, &*context) };
    if what.code() != linux::SI_TIMER || what.value() != mark() {
        if URGENT.previous_kind() == Kind::Function {
            // SAFETY: these are the handler's own arguments, and nothing is left to do.
            unsafe { URGENT.pass_on(info, context) }
        }
        return;
    }
    // None if the signal was late, and the run has ended.
    if let Some(scheduler) = Scheduler::current() {
        look(scheduler, registers);
    }
}

fn look(scheduler: &Scheduler, registers: &Context) {
    let watch = &scheduler.watch;
    // A signal of an earlier run's timer may come late, in a run that has none.
    if watch.limit.get().is_zero() {
        return;
    }
    if watch.at_root.get() {
        timer::repeat(watch.timer.get(), Duration::ZERO);
        watch.stopped.set(true);
        watch.stretch.set(None);
        return;
    }
    let Some(task) = scheduler.latest() else { return };
    let now = Instant::really_now();
    let turn = turn_of(task, scheduler.budget_left());
    match watch.stretch.get() {
        Some((before, since)) if before == turn => {
            let is_late = now.duration_since(since) >= watch.limit.get();
            // A slot is free when its task is about to leave it for good.
            if is_late && !watch.reported.get() && task.state.get() != State::Free {
                watch.reported.set(true);
                let limit = Decimal(watch.limit.get().as_millis().try_into().unwrap_or(u64::MAX));
                let what = format_args!("has run for more than {limit} ms without a switch");
                report::interrupted(task, what, registers);
            }
        }
        _ => {
            watch.stretch.set(Some((turn, now)));
            watch.reported.set(false);
        }
    }
}

fn turn_of(task: &'static Slot, budget: u32) -> Turn {
    Turn { task: task.number(), switches: task.switches.get(), budget }
}
