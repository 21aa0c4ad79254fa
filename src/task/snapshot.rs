//! Looking at a runtime's tasks.
#![expect(unsafe_code, reason = "reads how far stacks are painted")]

use core::fmt;
use core::panic::Location;
use core::time::Duration;

use crate::stack::{painted_bytes, resident_bytes};
use crate::sys::clock::Instant;
use crate::text::Decimal;

use super::TaskId;
use super::life::record;
use super::place::{own_stack, stack_of};
use super::report::Place;
use super::scheduler::Scheduler;
use super::slot::{Name, Slot, State, Waiting};

/// The tasks of a runtime, one after the other; made by [`Runtime::tasks`](crate::Runtime::tasks).
/// Outside of the run there are none, nor any more.
pub struct Tasks {
    scheduler: &'static Scheduler,
    slots: core::slice::Iter<'static, Slot>,
    /// Whether the root looks, so that no task runs.
    at_root: bool,
}

impl Tasks {
    pub(crate) fn of(scheduler: &'static Scheduler) -> Self {
        Self { scheduler, slots: scheduler.used_slots().iter(), at_root: false }
    }

    /// As the root sees them: none is running.
    #[cfg(feature = "overflow")]
    pub(super) fn at_root(scheduler: &'static Scheduler) -> Self {
        Self { at_root: true, ..Self::of(scheduler) }
    }

    /// Of a runtime that does not run here.
    pub(crate) fn none(scheduler: &'static Scheduler) -> Self {
        Self { scheduler, slots: [].iter(), at_root: false }
    }
}

impl Iterator for Tasks {
    type Item = Snapshot;

    fn next(&mut self) -> Option<Snapshot> {
        // The run may be over, and another thread may have begun the next.
        if !Scheduler::current().is_some_and(|here| core::ptr::eq(here, self.scheduler)) {
            return None;
        }
        let running = if self.at_root { None } else { self.scheduler.current.get() };
        self.slots.find_map(|slot| Snapshot::take(self.scheduler, slot, running))
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").finish_non_exhaustive()
    }
}

/// What a task does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is the one that runs.
    Running,
    /// It waits for its turn.
    Ready,
    /// It waits for something to happen.
    Parked,
    /// It has ended, and its result waits to be fetched.
    Finished,
}

/// What a parked task waits for, as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitsFor(Waiting);

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What is known of a task at a moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The task's number.
    pub id: TaskId,
    /// The name that its [`Builder`](super::Builder) has given it.
    pub name: Option<Name>,
    /// Where in the source it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// What it does.
    pub status: Status,
    /// What it waits for, if it is parked.
    pub waits_for: Option<WaitsFor>,
    /// For how long it has been parked. The runtime reads the clock every 128 switches and when
    /// it has slept, so that the time may be too long by what passes between.
    pub parked_for: Option<Duration>,
    /// How often it was switched to; starts over after 4,294,967,295.
    pub switches: u32,
    /// The size of its stack in bytes: what was asked for, in whole pages. It may have up to two
    /// pages more.
    pub stack_size: usize,
    /// The most that it has used of its stack, in bytes: to the word if the runtime
    /// [paints stacks](crate::RuntimeBuilder::paint_stacks), otherwise in pages that have memory.
    /// Those include what former tasks in its slot have used, and exclude what was swapped out.
    pub stack_used: usize,
}

impl Snapshot {
    fn take(
        scheduler: &'static Scheduler,
        slot: &'static Slot,
        running: Option<&'static Slot>,
    ) -> Option<Self> {
        let status = match slot.state.get() {
            State::Free => return None,
            State::Finished => Status::Finished,
            State::Parked => Status::Parked,
            State::Runnable if running.is_some_and(|running| core::ptr::eq(slot, running)) => {
                Status::Running
            }
            State::Runnable => Status::Ready,
        };
        let is_parked = status == Status::Parked;
        let record = record(slot);
        let stack = stack_of(scheduler, slot);
        let stack_used = if scheduler.hooks.get().before_start.is_some() {
            // SAFETY: a task's stack is painted when it starts, and stays while it has its slot.
            unsafe { painted_bytes(stack) }
        } else {
            resident_bytes(stack)
        };
        let since = || Instant::now().duration_since(Instant::from_nanos(slot.since.get()));
        Some(Self {
            id: TaskId::new(slot.number()),
            name: Some(record.name.clone()).filter(|name| !name.is_empty()),
            spawned_at: record.spawned_at,
            status,
            waits_for: is_parked.then(|| WaitsFor(slot.waiting())),
            parked_for: is_parked.then(since),
            switches: slot.switches.get(),
            stack_size: own_stack(slot)
                .map_or(scheduler.pool.layout().size, |own| own.extent.size()),
            stack_used,
        })
    }
}

/// One line: `17 connection  parked for 1.2 s, waits for an unpark  stack 3.9 of 64.0 KiB
/// src/main.rs:14:9`.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Decimal(self.id.get()))?;
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        match (self.status, self.waits_for, self.parked_for) {
            (Status::Parked, Some(what), Some(time)) => {
                write!(f, "  parked for {}, waits for {what}", Seconds(time))?;
            }
            (Status::Running, _, _) => f.write_str("  running")?,
            (Status::Finished, _, _) => f.write_str("  finished, to be joined")?,
            (Status::Ready | Status::Parked, _, _) => f.write_str("  ready")?,
        }
        let (used, size) = (Kibibytes(self.stack_used), Kibibytes(self.stack_size));
        write!(f, "  stack {used} of {size} KiB  {}", Place(self.spawned_at))
    }
}

/// With one digit behind the point.
struct Kibibytes(usize);

impl fmt::Display for Kibibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10).div_ceil(1024) as u64;
        write!(f, "{}.{}", Decimal(tenths / 10), Decimal(tenths % 10))
    }
}

/// Milliseconds below a second, tenths of a second above.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            0 => write!(f, "{} ms", Decimal(self.0.subsec_millis().into())),
            seconds => {
                let tenths = self.0.subsec_millis() / 100;
                write!(f, "{}.{} s", Decimal(seconds), Decimal(tenths.into()))
            }
        }
    }
}
