//! What the runtime knows of one task.
#![expect(unsafe_code, reason = "keeps stacks of several types in one place")]

use core::cell::Cell;
use core::fmt;
use core::mem::MaybeUninit;
use core::num::NonZeroU64;
use core::panic::Location;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use crate::arch::tools::Registration;
use crate::arch::{self, Context};
use crate::collections::Linked;
use crate::stack::{Extent, Stack};
#[cfg(feature = "epoll")]
use crate::sys::{call::Call, fd::Fd};
use crate::text::Decimal;

use super::family::Family;
use super::life::Kind;
use super::limits::Limits;

/// A place for a task. All zero is a free one, so a table of them costs no space in a file.
///
/// The first cache line is what a switch touches.
#[repr(C, align(64))]
pub(crate) struct Slot {
    pub(super) context: Context,
    /// The next one in the ready queue, or among the free ones.
    link: Cell<Option<&'static Self>>,
    /// What a parked task waits for.
    pub(super) waits_for: Cell<What>,
    pub(super) state: Cell<State>,
    /// Why a task was made ready that had been parked.
    pub(super) wake: Cell<Wake>,
    /// What can end the wait of a parked task besides what it waits for.
    pub(super) interruptible: Cell<Interruptible>,
    /// What ends its waits early.
    pub(super) limits: Limits,
    /// How often the task was switched to; starts over after 4,294,967,295.
    pub(super) switches: Cell<u32>,
    /// Whether someone has woken the task before it parked.
    pub(super) tokens: Tokens,
    /// Whether nobody wants the result.
    pub(super) detached: Cell<bool>,
    /// Whether the stack was used since its memory was last given back.
    pub(super) warm: Cell<bool>,
    /// Whether the slot is in the runtime's list of slots to look at; for other threads.
    pub(super) queued: AtomicBool,
    /// When the task parked, in nanoseconds, as of the last look at the clock.
    pub(super) since: Cell<u64>,

    /// More on what a parked task waits for: the number of a task, or a call and a descriptor.
    pub(super) detail: Cell<u64>,
    /// Who waits for the task to end.
    pub(super) joiner: Cell<Option<&'static Self>>,
    /// What is seldom wanted, at the base of the task's stack. Once known, it stays for the next
    /// task.
    pub(super) record: Cell<Option<NonNull<Record>>>,
    /// How often the slot's tasks were told to look again at what they wait for.
    #[cfg(feature = "sync")]
    pub(super) nudges: Cell<u64>,
    pub(super) remote: Remote,
}

#[cfg(not(feature = "asan"))]
const _: () = assert!(size_of::<Slot>() == 128, "two cache lines, as documented at `Runtime`");

impl Slot {
    /// Notes that the task is to look again at what it waits for.
    #[cfg(feature = "sync")]
    pub(super) fn count_nudge(&self) {
        self.nudges.set(self.nudges.get().wrapping_add(1));
    }

    /// The number of the task that has the slot; zero for none.
    #[inline(always)]
    pub(super) fn number(&self) -> u64 {
        // Relaxed: this thread has stored it.
        self.remote.id.load(Ordering::Relaxed)
    }

    /// Whether a task has the slot that has begun, or will, and has not ended.
    pub(super) fn is_suspended(&self) -> bool {
        matches!(self.state.get(), State::Runnable | State::Parked)
    }

    /// What the parked task waits for.
    pub(super) fn waiting(&self) -> Waiting {
        Waiting { what: self.waits_for.get(), detail: self.detail.get() }
    }
}

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

/// Wake-ups that have come before the task waited for them.
#[derive(Debug)]
pub(super) struct Tokens(Cell<u8>);

impl Tokens {
    /// For `park`.
    const UNPARK: u8 = 1;
    /// No wake-up, but that an unpark is one of the things that the task waits for.
    #[cfg(feature = "sync")]
    const AWAITS_UNPARK: u8 = 2;

    /// As for a new task.
    #[inline(always)]
    pub(super) fn clear(&self) {
        self.0.set(0);
    }

    #[inline(always)]
    pub(super) fn give_unpark(&self) {
        self.0.set(self.0.get() | Self::UNPARK);
    }

    #[inline(always)]
    pub(super) fn take_unpark(&self) -> bool {
        self.take(Self::UNPARK)
    }

    #[cfg(feature = "sync")]
    pub(super) fn set_awaits_unpark(&self, awaits: bool) {
        let others = self.0.get() & !Self::AWAITS_UNPARK;
        self.0.set(others | if awaits { Self::AWAITS_UNPARK } else { 0 });
    }

    #[cfg(feature = "sync")]
    pub(super) fn awaits_unpark(&self) -> bool {
        self.0.get() & Self::AWAITS_UNPARK != 0
    }

    #[cfg(feature = "sync")]
    pub(super) fn has_unpark(&self) -> bool {
        self.0.get() & Self::UNPARK != 0
    }

    #[inline(always)]
    fn take(&self, token: u8) -> bool {
        let tokens = self.0.get();
        self.0.set(tokens & !token);
        tokens & token != 0
    }
}

/// The part of a slot that other threads and signal handlers reach.
#[derive(Debug)]
pub(super) struct Remote {
    /// The task that has the slot; zero while it is free. No number comes twice.
    pub(super) id: AtomicU64,
    /// The youngest task to be woken: twice its number, and one more if it is to be unparked; zero
    /// for none.
    pub(super) pending: AtomicU64,
    /// The next one in the runtime's list of slots to look at.
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

/// What can end a wait besides what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Interruptible {
    /// Nothing.
    Never = 0,
    /// A deadlock, which ends waits that are shielded.
    ByDeadlock,
    /// The task's cancellation.
    ByCancel,
}

/// What a parked task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) what: What,
    /// The task it waits for, or the call and its descriptor, if it waits for one.
    pub(crate) detail: u64,
}

/// The kinds of things to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum What {
    Unpark = 0,
    #[cfg(feature = "time")]
    Sleep,
    Join,
    Scope,
    #[cfg(feature = "epoll")]
    Call,
    #[cfg(feature = "sync")]
    Lock,
    #[cfg(feature = "sync")]
    Read,
    #[cfg(feature = "sync")]
    Write,
    #[cfg(feature = "sync")]
    Permits,
    #[cfg(feature = "sync")]
    Condition,
    #[cfg(feature = "sync")]
    Barrier,
    #[cfg(feature = "sync")]
    Notification,
    #[cfg(feature = "sync")]
    Value,
    #[cfg(feature = "sync")]
    Group,
    #[cfg(feature = "sync")]
    Receive,
    #[cfg(feature = "sync")]
    Send,
    #[cfg(feature = "sync")]
    Change,
    #[cfg(feature = "sync")]
    Select,
    #[cfg(feature = "sync")]
    Future,
    #[cfg(feature = "sync")]
    Thread,
}

impl Waiting {
    #[inline(always)]
    pub(crate) const fn on(what: What) -> Self {
        Self { what, detail: 0 }
    }

    /// On the kernel, to do a call about a descriptor.
    #[cfg(feature = "epoll")]
    #[inline(always)]
    pub(crate) const fn for_call(call: Call, fd: Fd) -> Self {
        Self { what: What::Call, detail: (call as u64) << 32 | fd.cast_unsigned() as u64 }
    }
}

/// The number -1 in 32 bits.
#[cfg(feature = "epoll")]
const NO_DESCRIPTOR: u64 = 0xffff_ffff;

/// `read(fd 9)`; a call that is about no descriptor has only its name.
#[cfg(feature = "epoll")]
fn write_call(detail: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let number = u8::try_from(detail >> 32).ok().and_then(Call::from_number);
    f.write_str(number.map_or("the kernel", Call::name))?;
    match detail & u64::from(u32::MAX) {
        NO_DESCRIPTOR => Ok(()),
        fd => write!(f, "(fd {})", Decimal(fd)),
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
            #[cfg(feature = "epoll")]
            What::Call => write_call(self.detail, f),
            #[cfg(feature = "sync")]
            what => super::awaited::write(what, self.detail, f),
        }
    }
}

/// What is kept at the base of a task's stack, above its closure and its result.
#[repr(align(16))]
pub(super) struct Record {
    pub(super) name: Name,
    pub(super) spawned_at: &'static Location<'static>,
    /// The closure until the task starts, its result once it has ended.
    pub(super) payload: NonNull<u8>,
    pub(super) kind: &'static Kind,
    /// The stack, if it is not the slot's own.
    pub(super) own_stack: Option<OwnStack>,
    /// When the task's waits end at the latest, in nanoseconds. Where there is one, `Limits` apply.
    pub(super) deadline: Cell<Option<NonZeroU64>>,
    /// The scope that the task belongs to, and its neighbours there.
    pub(super) family: Family,
    /// What is woken when the task has ended, if somebody awaits its handle as a future.
    #[cfg(feature = "sync")]
    pub(super) awaiter: Cell<Option<super::joining::Awaiter>>,
    /// The innermost task-local that is set; see `local`.
    #[cfg(feature = "sync")]
    pub(super) locals: Cell<Option<NonNull<super::local::Binding>>>,
}

/// A stack that a task has for itself. What drops it comes with it, so that a program has the code
/// for those that it uses only.
pub(super) struct OwnStack {
    pub(super) extent: Extent,
    /// Bytes of the guard below it.
    #[cfg(feature = "overflow")]
    pub(super) guard: usize,
    /// Where the records go of tasks that run on the slot's stack.
    pub(super) slot_record: Option<NonNull<Record>>,
    stack: MaybeUninit<[usize; 5]>,
    drop: unsafe fn(NonNull<()>),
    registration: Registration,
}

impl OwnStack {
    /// Only for stacks of this crate: they are dropped outside of any task, where a destructor
    /// must not do what only tasks can.
    #[cfg_attr(not(feature = "overflow"), expect(unused_variables, reason = "nobody asks"))]
    pub(super) fn new<S: Stack>(stack: S, guard: usize, slot: &Slot) -> Self {
        const {
            assert!(
                size_of::<S>() <= size_of::<[usize; 5]>() && align_of::<S>() <= align_of::<usize>()
            );
        }
        let mut place = MaybeUninit::<[usize; 5]>::uninit();
        let extent = Extent::of(&stack);
        let registration = Registration::new(extent.limit.as_ptr(), extent.base.as_ptr());
        // SAFETY: it has the size and the alignment of a stack, as was asserted.
        unsafe { place.as_mut_ptr().cast::<S>().write(stack) };
        Self {
            extent,
            #[cfg(feature = "overflow")]
            guard,
            slot_record: slot.record.get(),
            stack: place,
            drop: drop_in_place::<S>,
            registration,
        }
    }
}

/// # Safety
///
/// There is an `S`, and nobody uses it afterwards.
unsafe fn drop_in_place<S>(place: NonNull<()>) {
    // SAFETY: the caller's promise.
    unsafe { place.cast::<S>().drop_in_place() }
}

impl Drop for OwnStack {
    fn drop(&mut self) {
        self.registration.end();
        // SAFETY: `new` has put a stack there, of the type that the function is for.
        unsafe { (self.drop)(NonNull::from(&mut self.stack).cast()) }
    }
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
