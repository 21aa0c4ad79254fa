//! The beginning and the end of a task.
#![expect(unsafe_code, reason = "puts closures and results on stacks, and takes them from there")]

use core::fmt;
use core::mem::MaybeUninit;
use core::panic::Location;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use crate::arch::Entry;
use crate::error::Errno;
use crate::stack::{Extent, MappedStack, StackError};
use crate::unwind::{self, Payload};

use super::join::JoinHandle;
use super::report;
use super::scheduler::{Scheduler, impossible};
use super::scope::{Family, Scope, ScopedJoinHandle};
use super::slot::{Name, Record, Slot, State};

/// The size of a task's stack where nobody says otherwise, in bytes.
pub(crate) const DEFAULT_STACK_SIZE: usize = 64 * 1024;

/// What a task must have left of its stack when it starts, in bytes.
const SPARE: usize = 1024;

/// How a task has ended.
pub(super) type Outcome<T> = Result<T, Payload>;

/// Starts a task that runs `f`, and returns a handle to wait for its result with.
///
/// The task becomes ready behind all others that are; the caller goes on. The closure lies on the
/// task's own stack, nothing is allocated. Costs about 20 ns with a stack that was used before,
/// and some microseconds with a new one.
///
/// Dropping the handle lets the task run on by itself. [`Runtime::run`](crate::Runtime::run) waits
/// for it all the same.
///
/// # Errors
///
/// All of them hand the closure back:
/// - [`SpawnError::Full`]: each of the runtime's slots has a task.
/// - [`SpawnError::StackTooSmall`]: the closure or its result does not fit on the stack.
/// - [`SpawnError::Stack`]: the kernel gives no memory for the stack.
///
/// # Panics
///
/// Outside of a task.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, task};
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// let sum = RUNTIME.run(|| {
///     let other = task::spawn(|| 40).unwrap();
///     2 + other.join().unwrap()
/// }).unwrap();
/// assert_eq!(sum, 42);
/// ```
#[inline(always)]
#[track_caller]
pub fn spawn<F, T>(f: F) -> Result<JoinHandle<T>, SpawnError<F>>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    let scheduler = Scheduler::here("task::spawn");
    // SAFETY: closure and result borrow nothing that could end.
    let begun = unsafe { begin(scheduler, None, Location::caller(), Family::none(), Plain(f)) };
    match begun {
        Ok(slot) => Ok(JoinHandle::new(scheduler, slot)),
        Err(error) => Err(error.map(|body| body.0)),
    }
}

/// How a new task shall be: its name and the size of its stack.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, task};
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// RUNTIME.run(|| {
///     let parser = task::Builder::new().name("parser").stack_size(256 * 1024);
///     let name = parser.spawn(|| task::current().name()).unwrap().join().unwrap();
///     assert_eq!(name.as_deref(), Some("parser"));
/// }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    name: Name,
    /// Zero for the runtime's.
    stack_size: usize,
}

impl Builder {
    /// A task without a name, with the runtime's default stack.
    pub const fn new() -> Self {
        Self { name: Name::NONE, stack_size: 0 }
    }

    /// Names the task for reports; up to 31 bytes of it are kept, in whole characters.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Name::new(name);
        self
    }

    /// Gives the task a stack of at least so many bytes, rounded up to whole pages of 4096.
    ///
    /// Up to the runtime's default it costs nothing. A larger stack is mapped for this task and
    /// unmapped after it, which costs some microseconds.
    pub const fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes;
        self
    }

    /// Starts the task; see [`spawn`].
    ///
    /// # Errors
    ///
    /// As for [`spawn`].
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> Result<JoinHandle<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let scheduler = Scheduler::here("task::Builder::spawn");
        // SAFETY: closure and result borrow nothing that could end.
        let begun =
            unsafe { begin(scheduler, Some(&self), Location::caller(), Family::none(), Plain(f)) };
        match begun {
            Ok(slot) => Ok(JoinHandle::new(scheduler, slot)),
            Err(error) => Err(error.map(|body| body.0)),
        }
    }

    /// Starts the task in a scope; see [`Scope::spawn`].
    ///
    /// # Errors
    ///
    /// As for [`spawn`].
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn spawn_scoped<'scope, F, T, E>(
        self,
        scope: &'scope Scope<'scope, '_, E>,
        f: F,
    ) -> Result<ScopedJoinHandle<'scope, T>, SpawnError<F>>
    where
        F: FnOnce() -> Result<T, E> + 'scope,
        T: 'scope,
        E: 'scope,
    {
        scope.spawn_with(Some(&self), Location::caller(), f)
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

/// Why there is no slot.
pub(super) enum NoSlot {
    Full,
    TooSmall,
    Stack(StackError),
}

/// Why a task was not started. Each variant holds the closure.
#[non_exhaustive]
pub enum SpawnError<F> {
    /// Each of the runtime's slots has a task. As an [`Errno`]: `EAGAIN`.
    Full(F),
    /// The closure or its result does not fit on the stack. As an [`Errno`]: `E2BIG`.
    StackTooSmall(F),
    /// The kernel gives no memory for the stack.
    Stack(F, StackError),
}

impl<F> SpawnError<F> {
    /// The closure that was not called.
    pub fn into_inner(self) -> F {
        match self {
            Self::Full(f) | Self::StackTooSmall(f) | Self::Stack(f, _) => f,
        }
    }

    /// The same error for another closure.
    pub(super) fn map<G>(self, change: impl FnOnce(F) -> G) -> SpawnError<G> {
        match self {
            Self::Full(f) => SpawnError::Full(change(f)),
            Self::StackTooSmall(f) => SpawnError::StackTooSmall(change(f)),
            Self::Stack(f, error) => SpawnError::Stack(change(f), error),
        }
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("Full(..)"),
            Self::StackTooSmall(_) => f.write_str("StackTooSmall(..)"),
            Self::Stack(_, error) => write!(f, "Stack(.., {error:?})"),
        }
    }
}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("all slots of the runtime have a task"),
            Self::StackTooSmall(_) => {
                write!(
                    f,
                    "a closure of {} bytes or its result does not fit on the stack",
                    size_of::<F>()
                )
            }
            Self::Stack(_, error) => fmt::Display::fmt(error, f),
        }
    }
}

impl<F> core::error::Error for SpawnError<F> {}

impl<F> From<SpawnError<F>> for Errno {
    fn from(error: SpawnError<F>) -> Self {
        match error {
            SpawnError::Full(_) => Self::AGAIN,
            SpawnError::StackTooSmall(_) => Self::TOOBIG,
            SpawnError::Stack(_, error) => error.into(),
        }
    }
}

/// What a task runs. Not just a closure, so that a body which wraps a caller's closure can hand it
/// back.
pub(super) trait Body<T> {
    fn call(self) -> T;
}

/// A caller's closure as it is.
struct Plain<F>(F);

impl<F: FnOnce() -> T, T> Body<T> for Plain<F> {
    #[inline(always)]
    fn call(self) -> T {
        (self.0)()
    }
}

/// Puts a task into a free slot and makes it ready.
///
/// # Safety
///
/// What `body` and its result borrow lives until the task has ended and its result was dropped or
/// fetched.
#[inline]
pub(super) unsafe fn begin<B, T>(
    scheduler: &'static Scheduler,
    options: Option<&Builder>,
    spawned_at: &'static Location<'static>,
    family: Family,
    body: B,
) -> Result<&'static Slot, SpawnError<B>>
where
    B: Body<T>,
{
    let kind = const {
        &Kind {
            size: larger(size_of::<B>(), size_of::<Outcome<T>>()),
            align: larger(align_of::<B>(), align_of::<Outcome<T>>()),
            run: run::<B, T>,
            drop_result: drop_result::<T>,
            take_and_drop: take_and_drop::<T>,
        }
    };
    match allot(scheduler, options, spawned_at, family, kind) {
        Ok((slot, payload)) => {
            // SAFETY: the place has the size and the alignment of a body, and is new.
            unsafe { payload.cast::<B>().write(body) };
            scheduler.start(slot);
            Ok(slot)
        }
        Err(NoSlot::Full) => Err(SpawnError::Full(body)),
        Err(NoSlot::TooSmall) => Err(SpawnError::StackTooSmall(body)),
        Err(NoSlot::Stack(error)) => Err(SpawnError::Stack(body, error)),
    }
}

/// What tells a task's closure and result from others.
pub(super) struct Kind {
    /// Of the place for the closure and, later, the result.
    size: usize,
    align: usize,
    /// The task's first frame.
    run: Entry,
    /// Drops the result where it is.
    drop_result: unsafe fn(NonNull<u8>),
    /// Takes the result, frees the slot, and drops the result.
    take_and_drop: unsafe fn(&Scheduler, &'static Slot),
}

const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// Prepares a free slot and its stack, all but the closure, whose place is returned.
#[inline]
fn allot(
    scheduler: &'static Scheduler,
    options: Option<&Builder>,
    spawned_at: &'static Location<'static>,
    family: Family,
    kind: &'static Kind,
) -> Result<(&'static Slot, NonNull<u8>), NoSlot> {
    let slot = scheduler.take_slot()?;
    let mut extent = scheduler.pool.stack(scheduler.index_of(slot));
    let mut own_stack = None;
    if let Some(options) = options
        && options.stack_size > extent.size()
    {
        match MappedStack::new(options.stack_size) {
            Ok(larger) => extent = Extent::of(own_stack.insert(larger)),
            Err(error) => {
                scheduler.put_slot(slot);
                return Err(NoSlot::Stack(error));
            }
        }
    }
    let places = extent.carve::<Record>(0).and_then(|(record, rest)| {
        let (payload, rest) = rest.carve_layout(kind.size, kind.align, SPARE)?;
        Some((record, payload, rest))
    });
    let Some((place, payload, rest)) = places else {
        scheduler.put_slot(slot);
        return Err(NoSlot::TooSmall);
    };
    let name = options.map_or(Name::NONE, |options| options.name.clone());
    // SAFETY: the place was carved out of the slot's stack, which nobody uses. The rest of it is
    // for the task alone, and `run` is its first frame.
    unsafe {
        place.write(Record { name, spawned_at, payload, kind, own_stack, family });
        slot.context.prepare(rest.base.as_ptr(), kind.run, (&raw const *slot).cast_mut().cast());
    }
    slot.record.set(Some(place));
    slot.state.set(State::Runnable);
    slot.cancelled.set(false);
    slot.token.set(false);
    slot.detached.set(false);
    // Relaxed: others learn of the task from what they are given, not from here.
    slot.remote.id.store(scheduler.next_id(), Ordering::Relaxed);
    Ok((slot, payload))
}

/// The first Rust frame of a task: calls the closure and deals with what it returns.
///
/// # Safety
///
/// Reached only by a context that [`begin`] has prepared for these types, once.
unsafe extern "C" fn run<B, T>(slot: *mut (), _word: MaybeUninit<*mut ()>) -> !
where
    B: Body<T>,
{
    // SAFETY: `begin` has passed the address of a slot, which lives for ever.
    let slot = unsafe { &*slot.cast::<Slot>() };
    let payload = record(slot).payload;
    // SAFETY: `begin` has put the closure there, and it is taken out once.
    let body = unsafe { payload.cast::<B>().read() };
    let outcome = unwind::catch(move || body.call());
    if outcome.is_err() {
        report::panicked(slot);
        record(slot).family.fail();
    }
    if slot.detached.get() {
        // A panic in the destructor ends as one in the closure does.
        if unwind::catch(move || drop(outcome)).is_err() {
            report::panicked(slot);
        }
    } else {
        // SAFETY: the place was made for an outcome too, and the closure has left it.
        unsafe { payload.cast::<Outcome<T>>().write(outcome) }
    }
    // SAFETY: the closure has returned, so nothing but the result is on the stack.
    unsafe { end(Scheduler::here("the end of a task"), slot) }
}

/// Says that the running task has ended, and never comes back.
///
/// # Safety
///
/// As for [`Scheduler::end`]; the result is in its place, unless the task is detached.
unsafe fn end(scheduler: &'static Scheduler, slot: &'static Slot) -> ! {
    let record = record(slot);
    slot.state.set(State::Finished);
    if let Some(joiner) = slot.joiner.take() {
        scheduler.wake(joiner, super::slot::Wake::Done);
    }
    record.family.ended(scheduler);
    if slot.detached.get() {
        record.family.discard();
        vacate(slot);
        if record.own_stack.is_some() {
            scheduler.doomed.set(Some(slot));
        } else {
            release(scheduler, slot);
        }
    }
    // SAFETY: the caller's promise. A stack of the pool that was just released stays mapped, and
    // nobody can start a task on it before the switch.
    unsafe { scheduler.end(slot) }
}

/// Makes an ended task impossible to find: for its handles, for its scope, for the runtime. Only
/// the caller knows its slot then.
fn vacate(slot: &'static Slot) {
    // Relaxed: who still asks for the task by its number has come too late, or comes a little
    // later and finds the same.
    slot.remote.id.store(0, Ordering::Relaxed);
    slot.state.set(State::Free);
    record(slot).family.leave();
}

/// Gives the slot of a vacated task back, and its stack if it had one of its own. Its result is
/// gone.
#[inline]
pub(super) fn release(scheduler: &Scheduler, slot: &'static Slot) {
    if let Some(mut record) = slot.record.take() {
        // SAFETY: the record is on the stack of a slot that was vacated; nobody else refers to it.
        let own_stack = unsafe { record.as_mut() }.own_stack.take();
        scheduler.put_slot(slot);
        drop(own_stack);
    }
}

/// Takes the result of a finished task, and frees its slot.
///
/// # Safety
///
/// The task is finished, was made for a `T`, and its result is still there.
#[inline]
pub(super) unsafe fn take_outcome<T>(scheduler: &Scheduler, slot: &'static Slot) -> Outcome<T> {
    // SAFETY: `run` has put it there, and once the slot is vacated nobody looks again.
    let outcome = unsafe { record(slot).payload.cast::<Outcome<T>>().read() };
    vacate(slot);
    release(scheduler, slot);
    outcome
}

/// Drops the result of a finished task, and frees its slot.
///
/// The result is moved here first: its destructor may do anything, such as wait until after the
/// run, or drop the task's own handle.
///
/// # Safety
///
/// As for [`take_outcome`], for whatever type it was made.
pub(super) unsafe fn discard_outcome(scheduler: &Scheduler, slot: &'static Slot) {
    let record = record(slot);
    record.family.discard();
    // SAFETY: the caller's promise.
    unsafe { (record.kind.take_and_drop)(scheduler, slot) }
}

/// # Safety
///
/// As for [`take_outcome`].
unsafe fn take_and_drop<T>(scheduler: &Scheduler, slot: &'static Slot) {
    // SAFETY: the caller's promise.
    drop(unsafe { take_outcome::<T>(scheduler, slot) });
}

/// Lets a finished task run once more, below its result, to drop it: a destructor may do what only
/// a task can. Its handles do not find it any more.
fn revive(scheduler: &'static Scheduler, slot: &'static Slot) {
    let record = record(slot);
    record.family.resume();
    let argument = (&raw const *slot).cast_mut().cast();
    // SAFETY: the task has ended, so its stack below the result is free, and nobody is suspended
    // in its context. The place of a result is as aligned as a stack.
    unsafe { slot.context.prepare(record.payload.as_ptr(), drop_in_task, argument) };
    slot.state.set(State::Runnable);
    slot.cancelled.set(scheduler.is_deadlocked());
    slot.token.set(false);
    slot.detached.set(true);
    slot.remote.id.store(scheduler.next_id(), Ordering::Relaxed);
    scheduler.start(slot);
}

/// The first Rust frame of a task that [`revive`] has made ready.
///
/// # Safety
///
/// Reached only by a context that `revive` has prepared, once.
unsafe extern "C" fn drop_in_task(slot: *mut (), _word: MaybeUninit<*mut ()>) -> ! {
    // SAFETY: `revive` has passed the address of a slot, which lives for ever.
    let slot = unsafe { &*slot.cast::<Slot>() };
    let record = record(slot);
    // SAFETY: the task has left its result there, and nobody else finds it.
    let dropped = unwind::catch(|| unsafe { (record.kind.drop_result)(record.payload) });
    if dropped.is_err() {
        report::panicked(slot);
    }
    // SAFETY: the result is gone, and the task is detached.
    unsafe { end(Scheduler::here("the end of a task"), slot) }
}

/// # Safety
///
/// There is an outcome with a `T`, and nobody uses it afterwards.
unsafe fn drop_result<T>(payload: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe { payload.cast::<Outcome<T>>().drop_in_place() }
}

/// The record of a slot that has a task.
#[inline(always)]
pub(super) fn record(slot: &Slot) -> &Record {
    match slot.record.get() {
        // SAFETY: `begin` has put it on the slot's stack, and `release` clears the pointer first.
        Some(record) => unsafe { &*record.as_ptr() },
        None => impossible(),
    }
}

/// Revives every finished task. Returns whether there was one.
fn sweep(scheduler: &'static Scheduler) -> bool {
    let mut any = false;
    for slot in scheduler.slots_in_use() {
        if slot.state.get() == State::Finished {
            revive(scheduler, slot);
            any = true;
        }
    }
    any
}

/// Runs `body` as the first task, and others until all have ended. Returns what it returned, and
/// whether the tasks were deadlocked on the way.
///
/// # Errors
///
/// Hands the closure back if the task could not be started.
#[track_caller]
pub(crate) fn run_first<F, T>(
    scheduler: &'static Scheduler,
    body: F,
) -> Result<(Option<T>, bool), SpawnError<F>>
where
    F: FnOnce() -> T,
{
    let mut body = Some(body);
    let mut result = None;
    let first = || result = body.take().map(|body| body());
    let spawned_at = Location::caller();
    // SAFETY: this function returns when the task has ended, and its result is a unit.
    match unsafe { begin(scheduler, None, spawned_at, Family::none(), Plain(first)) } {
        Ok(slot) => {
            scheduler.drive();
            // SAFETY: all tasks have ended, and nobody else had a handle to this one.
            let outcome: Outcome<()> = unsafe { take_outcome(scheduler, slot) };
            // Results that nobody has fetched are dropped, by tasks, which may leave others.
            while sweep(scheduler) {
                scheduler.drive();
            }
            match outcome {
                Ok(()) => Ok((result, scheduler.is_deadlocked())),
                Err(payload) => unwind::resume(payload),
            }
        }
        Err(error) => {
            let error = error.map(drop);
            match body {
                Some(body) => Err(error.map(|()| body)),
                None => Ok((None, false)),
            }
        }
    }
}
