//! What is said on standard error when tasks go wrong.

use core::fmt::{self, Write as _};
use core::panic::Location;

use crate::sys::{self, Lines, fd::STDERR};
use crate::text::{Decimal, Plain};
#[cfg(feature = "overflow")]
use crate::{arch, sys::signal::Context};

use super::life::record;
use super::slot::{Slot, State};

/// How many tasks a report lists before it only counts.
const MOST: usize = 100;

/// One task as reports name it: `task 3 "parser" (spawned at src/main.rs:7:5)`.
pub(crate) struct Described(pub(super) &'static Slot);

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = record(self.0);
        write!(f, "task {}", Decimal(self.0.number()))?;
        if !record.name.is_empty() {
            write!(f, " \"{}\"", record.name)?;
        }
        write!(f, " (spawned at {})", Place(record.spawned_at))
    }
}

/// A place in the source, as std prints it.
pub(crate) struct Place<'a>(pub(crate) &'a Location<'a>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.file())?;
        write!(f, ":{}:{}", Decimal(self.0.line().into()), Decimal(self.0.column().into()))
    }
}

/// The running task, if there is one.
#[cfg(feature = "panic-handler")]
pub(crate) fn describe_current() -> Option<Described> {
    super::Scheduler::current().map(|scheduler| Described(scheduler.task()))
}

/// Lists the tasks that wait for each other.
pub(super) fn deadlock(slots: impl Iterator<Item = &'static Slot>, count: usize) {
    let mut out = Lines::new(STDERR);
    let tasks = if count == 1 { "task is" } else { "tasks are" };
    // Nobody can be told that standard error does not work.
    let _written = writeln!(
        out,
        "barecoro: deadlock: {} {} parked and nothing can wake them",
        Decimal(count as u64),
        Plain(tasks),
    );
    for slot in slots.filter(|slot| slot.state.get() == State::Parked).take(MOST) {
        let _written = writeln!(out, "  {} waits for {}", Described(slot), slot.waiting());
    }
    if count > MOST {
        let _written = writeln!(out, "  and {} more", Decimal((count - MOST) as u64));
    }
    let _written = out.write_str("  their waits now fail with Cancelled\n");
}

/// Says that a task has panicked, where the panic's own message does not.
pub(super) fn panicked(slot: &'static Slot) {
    let _written = writeln!(Lines::new(STDERR), "barecoro: {} panicked", Described(slot));
}

/// Ends the process, whose tasks wait for each other in ways that cannot be ended.
#[cold]
pub(super) fn stuck() -> ! {
    let message = b"barecoro: tasks are deadlocked although they were cancelled\n";
    let _written = sys::fd::write_all(STDERR, message);
    sys::process::abort()
}

/// How many frames the reports of signals show.
#[cfg(feature = "overflow")]
const MOST_FRAMES: usize = 16;

/// Says what a task does wrong, and where it is.
#[cfg(feature = "overflow")]
pub(super) fn interrupted(slot: &'static Slot, what: fmt::Arguments<'_>, context: &Context) {
    let mut out = Lines::new(STDERR);
    let _written = writeln!(out, "barecoro: {} {what}", Described(slot));
    let outer = arch::frame_chain(context.frame_pointer(), sys::mem::peek);
    let addresses = core::iter::once(context.instruction()).chain(outer);
    sys::write_return_addresses(&mut out, addresses.take(MOST_FRAMES));
}

/// Says what is wrong and ends the process.
pub(crate) fn fatal(message: fmt::Arguments<'_>) -> ! {
    let _written = writeln!(Lines::new(STDERR), "barecoro: {message}");
    sys::process::abort()
}

/// Asked by an unwinder that has come to the root of a stack, where nobody has caught a panic: says
/// whose it was, and ends the process. The root of every stack names this function (see
/// `arch::switch`), whose arguments are those of a personality routine (Itanium C++ ABI: exception
/// handling, 2.5.2).
#[cfg(all(panic = "unwind", not(feature = "std")))]
#[expect(unsafe_code, reason = "has a name for the linker, with the version so that it is unique")]
#[unsafe(no_mangle)]
extern "C" fn barecoro_uncaught_0_1() -> i32 {
    match super::Scheduler::current() {
        Some(scheduler) => fatal(format_args!("{} panicked", Described(scheduler.task()))),
        None => fatal(format_args!("a coroutine panicked")),
    }
}
