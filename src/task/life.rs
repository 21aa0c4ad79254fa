//! The life of a task: its beginning in a free slot, its first frame, its end.
#![expect(unsafe_code, reason = "puts closures and results on stacks, and takes them from there")]

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::panic::Location;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use crate::arch::{Entry, tools};
use crate::unwind::{self, Payload};

use super::family::Family;
use super::place::{NoSlot, places_for, places_of_slot, stack_of};
use super::report;
use super::scheduler::{Scheduler, impossible};
use super::slot::{Name, Record, Slot, State, Wake};
use super::spawn::{Options, SpawnError};

/// How a task has ended.
pub(super) type Outcome<T> = Result<T, Payload>;

/// What a task runs. Not just a closure, so that a body which wraps a caller's closure can hand it
/// back.
pub(super) trait Body<T> {
    fn call(self) -> T;
}

/// A caller's closure as it is.
pub(super) struct Plain<F>(pub(super) F);

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
    options: Option<&Options<'_>>,
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
    pub(super) size: usize,
    pub(super) align: usize,
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
    options: Option<&Options<'_>>,
    spawned_at: &'static Location<'static>,
    family: Family,
    kind: &'static Kind,
) -> Result<(&'static Slot, NonNull<u8>), NoSlot> {
    let slot = scheduler.take_slot()?;
    let places = match options {
        None => places_of_slot(scheduler, slot, kind),
        Some(options) => places_for(scheduler, slot, kind, options),
    };
    let (place, payload, own_stack) = match places {
        Ok(places) => places,
        Err(why) => {
            scheduler.put_slot(slot);
            return Err(why);
        }
    };
    let name = options.map_or(Name::NONE, |options| options.builder.name.clone());
    // SAFETY: the places were carved out of a stack that nobody uses. What is below them is for the
    // task alone, and `run` is its first frame.
    unsafe {
        place.write(Record {
            name,
            spawned_at,
            payload,
            kind,
            own_stack,
            deadline: Cell::new(None),
            family,
            #[cfg(feature = "sync")]
            awaiter: Cell::new(None),
            #[cfg(feature = "sync")]
            locals: Cell::new(None),
        });
        slot.context.prepare(payload.as_ptr(), kind.run, (&raw const *slot).cast_mut().cast());
    }
    slot.record.set(Some(place));
    slot.state.set(State::Runnable);
    tell_tools(scheduler, slot, place.cast());
    if let Some(paint) = scheduler.hooks.get().before_start {
        paint(stack_of(scheduler, slot), payload);
    }
    slot.limits.clear();
    slot.switches.set(0);
    slot.tokens.clear();
    slot.detached.set(false);
    slot.warm.set(true);
    // Relaxed: others learn of the task from what they are given, not from here.
    slot.remote.id.store(scheduler.next_id(), Ordering::Relaxed);
    Ok((slot, payload))
}

/// Tells valgrind and AddressSanitizer that a new function begins on a task's stack, of which only
/// what is above `used` is in use.
#[inline(always)]
fn tell_tools(scheduler: &Scheduler, slot: &'static Slot, used: NonNull<u8>) {
    if cfg!(any(feature = "valgrind", feature = "asan")) {
        let stack = stack_of(scheduler, slot);
        tools::forget_contents(stack.limit.as_ptr(), used.as_ptr());
        #[cfg(feature = "asan")]
        slot.context.describe(stack.limit.as_ptr(), stack.base.as_ptr());
    }
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
    #[cfg(feature = "sync")]
    super::joining::wake(slot);
    if slot.detached.get() {
        // A panic in the destructor ends as one in the closure does.
        if unwind::catch(move || drop(outcome)).is_err() {
            report::panicked(slot);
            record(slot).family.fail();
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
        scheduler.wake(joiner, Wake::Done);
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
    let own_stack = slot.record.get().and_then(|mut record| {
        // SAFETY: the record is on the stack of a slot that was vacated; nobody else refers to it.
        unsafe { record.as_mut() }.own_stack.take()
    });
    if let Some(own_stack) = &own_stack {
        slot.record.set(own_stack.slot_record);
    }
    scheduler.put_slot(slot);
    drop(own_stack);
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
    if cfg!(feature = "valgrind") {
        tools::forbid_contents(
            stack_of(scheduler, slot).limit.as_ptr(),
            record(slot).payload.as_ptr(),
        );
    }
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
    // Only suspended coroutines have left anything there, and nobody vouches for them any more.
    #[cfg(feature = "sync")]
    record.locals.set(None);
    let argument = (&raw const *slot).cast_mut().cast();
    // SAFETY: the task has ended, so its stack below the result is free, and nobody is suspended
    // in its context. The place of a result is as aligned as a stack.
    unsafe { slot.context.prepare(record.payload.as_ptr(), drop_in_task, argument) };
    slot.state.set(State::Runnable);
    tell_tools(scheduler, slot, record.payload);
    slot.limits.clear();
    record.deadline.set(None);
    if scheduler.is_deadlocked() {
        slot.limits.cancel_for_good();
    }
    slot.tokens.clear();
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
        record.family.fail();
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
        // SAFETY: `begin` has put it on the task's stack, and the caller's slot has a task.
        Some(record) => unsafe { &*record.as_ptr() },
        None => impossible(),
    }
}

/// Revives every finished task. Returns whether there was one.
fn sweep(scheduler: &'static Scheduler) -> bool {
    let mut any = false;
    for slot in scheduler.used_slots() {
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
    options: Option<&Options<'_>>,
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
    match unsafe { begin(scheduler, options, spawned_at, Family::none(), Plain(first)) } {
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
