//! Stack overflows: which task it was, said once, before the process ends.
//!
//! The handler of SIGSEGV (and SIGBUS) looks whether the fault lies in the guard of the stack that
//! the processor runs on, and whether that is a task's. Then it writes a report, puts the
//! previous handler back and returns: the instruction faults again, and the process ends as it
//! would have without this. All other faults are the previous handler's.
//!
//! The handler may interrupt anything, so it reads only what is whole at any moment: the runtime's
//! pointer to the running task, which a switch changes by one store; that task's state, which
//! says whether its record is there; and the record, which does not change while the task lives.
//! All of it belongs to the thread that the fault has happened on. It allocates nothing, takes no
//! lock, and goes into no libc.
#![expect(unsafe_code, reason = "handles signals")]

use linux_raw_sys::general as linux;

#[cfg(any(feature = "io", feature = "epoll"))]
use crate::error::Errno;
use crate::stack::Extent;
use crate::sys::signal::{self, Context, Info, Kind};
use crate::text::Decimal;

use super::handler::Handler;
use super::place::{own_stack, stack_of};
use super::report;
use super::scheduler::Scheduler;
use super::slot::{Slot, State};

static SEGMENTATION: Handler = Handler::new(linux::SIGSEGV);
static BUS: Handler = Handler::new(linux::SIGBUS);

/// Installs the handlers, once for the process.
pub(super) fn install() {
    let both = signal::set_of(linux::SIGSEGV) | signal::set_of(linux::SIGBUS);
    // Nothing else is to report in the middle of this.
    let mask = both | signal::set_of(linux::SIGURG);
    // SAFETY: `on_fault` keeps to what a handler may do, see above.
    unsafe {
        SEGMENTATION.install(on_fault, 0, mask);
        BUS.install(on_fault, 0, mask);
    }
}

/// # Safety
///
/// Called by the kernel, for the two signals above.
unsafe extern "C" fn on_fault(number: i32, info: *mut Info, context: *mut Context) {
    let handler = if number == linux::SIGBUS.cast_signed() { &BUS } else { &SEGMENTATION };
    // SAFETY: the kernel's arguments, on this handler's stack.
    let (what, registers) = unsafe { (&*info, &*context) };
    if let Some(address) = what.fault_address()
        && let Some((task, stack)) = overflowed(address, registers.stack_pointer())
    {
        let size = Decimal(stack.size as u64 / 1024);
        let place = if what.errno() == 0 { "" } else { " in a system call" };
        report::interrupted(
            task,
            format_args!("overflowed its {size} KiB stack{place}"),
            registers,
        );
        // The instruction faults again; `check_buffer` goes on by itself.
        handler.restore();
        return;
    }
    let comes_again = comes_again(number, what.code());
    match handler.previous_kind() {
        // SAFETY: these are the handler's own arguments, and nothing is left to do.
        Kind::Function => unsafe { handler.pass_on(info, context) },
        Kind::Ignored if what.code() <= 0 => {}
        // The kernel ends a process that faults, even if it ignores that.
        Kind::Default | Kind::Ignored => {
            handler.restore();
            if !comes_again {
                // It is blocked until this handler has returned.
                signal::raise(number.cast_unsigned());
            }
        }
    }
}

/// Whether the interrupted instruction will cause the same signal again.
fn comes_again(number: i32, code: i32) -> bool {
    let is_sent = code <= 0 || code == linux::SI_KERNEL.cast_signed();
    // Memory that was found broken while nobody was using it.
    let is_early =
        number == linux::SIGBUS.cast_signed() && code == linux::BUS_MCEERR_AO.cast_signed();
    !is_sent && !is_early
}

/// A task's stack, as far as overflows are concerned.
#[derive(Clone, Copy)]
struct Guarded {
    extent: Extent,
    /// Bytes of the guard below it.
    guard: usize,
    /// What the task was promised, in bytes.
    size: usize,
}

impl Guarded {
    /// The stack of a slot that has a task.
    fn of(scheduler: &Scheduler, slot: &'static Slot) -> Self {
        let layout = scheduler.pool.layout();
        match own_stack(slot) {
            Some(own) => Self { extent: own.extent, guard: own.guard, size: own.extent.size() },
            None => Self {
                extent: stack_of(scheduler, slot),
                guard: if layout.packed { 0 } else { layout.below },
                size: layout.size,
            },
        }
    }

    /// Where the guard begins and ends.
    fn guard(self) -> core::ops::Range<usize> {
        let limit = self.extent.limit.addr().get();
        limit.saturating_sub(self.guard)..limit
    }
}

/// The task on whose stack the processor runs, if `address` lies in the guard of that.
fn overflowed(address: usize, stack_pointer: usize) -> Option<(&'static Slot, Guarded)> {
    let scheduler = Scheduler::current()?;
    // The running task comes first. The others: just before a switch the next task counts as the
    // running one already.
    let slots = scheduler.latest().into_iter().chain(scheduler.used_slots());
    slots.filter(|slot| slot.state.get() != State::Free).find_map(|slot| {
        let stack = Guarded::of(scheduler, slot);
        // Code that probes the pages of a large frame has moved the stack pointer there already.
        let runs_here =
            (stack.guard().start..=stack.extent.base.addr().get()).contains(&stack_pointer);
        (stack.guard().contains(&address) && runs_here).then_some((slot, stack))
    })
}

/// Tells an error of a system call that was given `buffer` from an overflow: where the kernel could
/// not reach it because it runs into the guard of the task's stack, says so and ends the process.
///
/// Instead of causing a fault, the kernel returns an error. A buffer that is written before it is
/// passed cannot come here, as writing it would have faulted.
#[cfg(any(feature = "io", feature = "epoll"))]
pub(crate) fn check_buffer(errno: Errno, buffer: *const [u8]) {
    if errno != Errno::FAULT {
        return;
    }
    let start = buffer.addr();
    let Some(scheduler) = Scheduler::current() else { return };
    let guard = Guarded::of(scheduler, scheduler.task()).guard();
    let first = start.max(guard.start);
    if first < start.saturating_add(buffer.len()).min(guard.end) {
        signal::die_of_fault(first, errno);
    }
}
