//! What the runtime knows of one task.

use core::cell::Cell;
use core::fmt;
use core::panic::Location;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64};

use crate::arch::{self, Context};
use crate::collections::Linked;
use crate::stack::MappedStack;
use crate::text::Decimal;

use super::scope::Family;
use super::spawn::Kind;

/// A place for a task. All zero is a free one, so a table of them costs no space in a file.
///
/// The first cache line is what a switch touches.
#[repr(C, align(64))]
pub(crate) struct Slot {
    pub(super) context: Context,
    /// The next one in the ready queue, or among the free ones.
    link: Cell<Option<&'static Self>>,
    /// What a parked task waits for.
    pub(super) waiting: Cell<Waiting>,
    pub(super) state: Cell<State>,
    /// Why a task was made ready that had been parked.
    pub(super) wake: Cell<Wake>,
    /// Whether a cancellation wakes the task from where it is parked.
    pub(super) cancellable: Cell<bool>,
    /// Whether the task was told to end.
    pub(super) cancelled: Cell<bool>,

    /// Whether someone has unparked the task before it parked.
    pub(super) token: Cell<bool>,
    /// Whether nobody wants the result.
    pub(super) detached: Cell<bool>,
    /// Who waits for the task to end.
    pub(super) joiner: Cell<Option<&'static Self>>,
    /// What is seldom wanted, at the base of the task's stack.
    pub(super) record: Cell<Option<NonNull<Record>>>,
    pub(super) remote: Remote,
}

const _: () = assert!(size_of::<Slot>() == 128, "two cache lines, as documented at `Runtime`");

impl Linked for Slot {
    #[inline(always)]
    fn link(&self) -> &Cell<Option<&'static Self>> {
        &self.link
    }

    #[inline]
    fn prefetch(&self) {
        self.context.prefetch_stack();
        if let Some(next) = self.link.get() {
            arch::prefetch(next);
        }
    }
}

/// The part of a slot that other threads and signal handlers reach.
#[derive(Debug)]
pub(super) struct Remote {
    /// The task that has the slot; zero while it is free. No number comes twice.
    pub(super) id: AtomicU64,
    /// The youngest task to be unparked; zero for none.
    pub(super) pending: AtomicU64,
    /// Whether the slot is in the runtime's list of slots to look at.
    pub(super) queued: AtomicBool,
    /// The next one in that list.
    pub(super) next: AtomicPtr<Slot>,
}

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    /// No task has the slot.
    Free = 0,
    /// The task runs or is in the ready queue.
    Runnable,
    /// The task waits for someone to wake it.
    Parked,
    /// The task has ended and its result waits to be fetched.
    Finished,
}

/// Why a parked task goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Wake {
    /// What it waited for has happened.
    Done = 0,
    /// Its deadline has passed.
    TimedOut,
    /// It was cancelled.
    Cancelled,
}

/// What a parked task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) what: What,
    /// The task it waits for, if it waits for one.
    pub(crate) detail: u64,
}

/// The kinds of things to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum What {
    Unpark = 0,
    #[cfg(feature = "time")]
    Sleep,
    Join,
    Scope,
}

impl Waiting {
    pub(crate) const fn on(what: What) -> Self {
        Self { what, detail: 0 }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            What::Unpark => f.write_str("an unpark"),
            #[cfg(feature = "time")]
            What::Sleep => f.write_str("a deadline"),
            What::Join => write!(f, "the end of task {}", Decimal(self.detail)),
            What::Scope => f.write_str("the tasks of its scope"),
        }
    }
}

/// What is kept at the base of a task's stack, above its closure and its result.
pub(super) struct Record {
    pub(super) name: Name,
    pub(super) spawned_at: &'static Location<'static>,
    /// The closure until the task starts, its result once it has ended.
    pub(super) payload: NonNull<u8>,
    pub(super) kind: &'static Kind,
    /// The stack, if it is not the slot's own.
    pub(super) own_stack: Option<MappedStack>,
    /// The scope that the task belongs to, and its neighbours there.
    pub(super) family: Family,
}

/// A task's name: at most 31 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(pub(super) heapless::String<31, u8>);

impl Name {
    pub(super) const NONE: Self = Self(heapless::String::new());

    /// As much of `name` as fits, in whole characters.
    pub(super) fn new(name: &str) -> Self {
        let mut this = Self::NONE;
        let room = this.0.capacity().min(name.len());
        let end = (0..=room).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
        let _fits = this.0.push_str(name.get(..end).unwrap_or_default());
        this
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::ops::Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!(&*Name::new("worker"), "worker");
        let long = "äöü".repeat(20);
        assert_eq!(&*Name::new(&long), "äöü".repeat(5).as_str());
        assert_eq!(Name::new(&"x".repeat(40)).len(), 31);
    }
}
