//! Which run may use what is not made for several OS threads: the things of `sync` in statics.
//!
//! A static can be reached from every thread, but what is in `sync` is plain memory, without
//! atomics, for the tasks of one run. So each of its things has an [`Owner`]: the number of the run
//! that uses it. No number comes twice.
//!
//! - A task finds its run's number there. Then no other thread uses the thing: only this thread runs
//!   this run, and nobody takes the number away while the run lasts. One relaxed load and a comparison
//!   tell; a thread sees what it has itself written last, unless another has written since, and that
//!   would be another number.
//! - It finds another number. If that run is over, all it has done came before, and nobody will
//!   ever find that number his own again: the thing is taken over. A run that is over has no tasks,
//!   so nobody waits any more.
//! - It finds the number of a run that goes on, on another thread: the caller's mistake, a panic.
//!
//! Whether a run is over is told by a list of all runtimes that have ever run, which only grows.
#![expect(unsafe_code, reason = "the list holds addresses of schedulers, which live for ever")]

use core::sync::atomic::Ordering;

use crate::text::Plain;

use super::scheduler::Scheduler;
use super::shim::{AtomicPtr, AtomicU64, AtomicUsize, constant, registry, spin_loop};
use super::slot::Slot;

/// What the process knows of its runtimes.
pub(super) struct Registry {
    /// The number of the last run.
    last: AtomicU64,
    /// The runtime that has run for the first time last.
    newest: AtomicPtr<Scheduler>,
}

impl Registry {
    constant! {
        pub(super) fn new() -> Self {
            Self { last: AtomicU64::new(NONE), newest: AtomicPtr::new(core::ptr::null_mut()) }
        }
    }
}

/// Nobody's run.
const NONE: u64 = 0;

/// A thread that has no run uses the thing for a moment.
const BUSY: u64 = u64::MAX;

/// What others can learn of a runtime. All zero is one that has never run.
pub(super) struct Presence {
    /// The number of its run; zero between runs.
    run: AtomicU64,
    /// The runtime that has run for the first time before it.
    older: AtomicPtr<Scheduler>,
    /// Its slots. Zero of them until it runs for the first time.
    first_slot: AtomicPtr<Slot>,
    slots: AtomicUsize,
}

impl Presence {
    constant! {
        pub(super) fn new() -> Self {
            Self {
                run: AtomicU64::new(NONE),
                older: AtomicPtr::new(core::ptr::null_mut()),
                first_slot: AtomicPtr::new(core::ptr::null_mut()),
                slots: AtomicUsize::new(0),
            }
        }
    }

    /// The run has ended, and all its tasks with it.
    pub(super) fn end(&self) {
        // Release: pairs with the load in `is_over`.
        self.run.store(NONE, Ordering::Release);
    }
}

impl Scheduler {
    /// A run begins.
    pub(super) fn announce(&'static self, slots: &'static [Slot]) {
        let presence = &self.presence;
        // Relaxed: written by a former run, which has ended before this one began.
        if presence.slots.load(Ordering::Relaxed) == 0 {
            presence.first_slot.store(slots.as_ptr().cast_mut(), Ordering::Relaxed);
            presence.slots.store(slots.len(), Ordering::Relaxed);
            let own = (&raw const *self).cast_mut();
            let mut newest = registry().newest.load(Ordering::Relaxed);
            loop {
                presence.older.store(newest, Ordering::Relaxed);
                // Release: publishes the stores above; pairs with the load in `known`.
                match registry().newest.compare_exchange_weak(
                    newest,
                    own,
                    Ordering::Release,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => break,
                    Err(found) => newest = found,
                }
            }
        }
        // Relaxed: only that no number comes twice matters.
        let run = registry().last.fetch_add(1, Ordering::Relaxed) + 1;
        // Release: whoever sees that the former run is over by finding this number sees what that
        // has done, as this thread does; pairs with the load in `is_over`.
        presence.run.store(run, Ordering::Release);
    }

    /// The number of the run.
    #[inline(always)]
    pub(crate) fn run(&self) -> u64 {
        // Relaxed: this thread has stored it.
        self.presence.run.load(Ordering::Relaxed)
    }

    /// The runtime that has the slot.
    pub(super) fn of_slot(slot: &'static Slot) -> Option<&'static Self> {
        known().find(|scheduler| {
            let first = scheduler.presence.first_slot.load(Ordering::Relaxed).addr();
            let count = scheduler.presence.slots.load(Ordering::Relaxed);
            let distance = (&raw const *slot).addr().wrapping_sub(first);
            distance < count * size_of::<Slot>()
        })
    }
}

/// All runtimes that have ever run.
fn known() -> impl Iterator<Item = &'static Scheduler> {
    // SAFETY: only addresses of schedulers that live for ever are put there. Acquire: pairs with
    // the exchange in `announce`.
    let newest = unsafe { registry().newest.load(Ordering::Acquire).as_ref() };
    core::iter::successors(newest, |scheduler| {
        // SAFETY: as above. Relaxed: the exchanges in `announce` are one release sequence, so the
        // load above pairs with each of them.
        unsafe { scheduler.presence.older.load(Ordering::Relaxed).as_ref() }
    })
}

/// Whether a run is over. Its number was read from an [`Owner`], by an acquiring load.
///
/// The runtime of that run has put itself on the list, and stored the number, before it put the
/// number into the owner. So it is found, with that number or a later one.
fn is_over(run: u64) -> bool {
    // Acquire: pairs with the stores in `end` and `announce`. What the run has done came before.
    known().all(|scheduler| scheduler.presence.run.load(Ordering::Acquire) != run)
}

/// Why a run may not have a thing.
pub(super) enum Refused {
    /// Another thread's run has it.
    Elsewhere,
    /// It is in use since a former run.
    Kept,
}

/// Whose a thing is that the tasks of one run use. All zero is nobody's.
pub(crate) struct Owner(AtomicU64);

impl Owner {
    constant! {
        pub(crate) fn new() -> Self {
            Self(AtomicU64::new(NONE))
        }
    }

    /// Makes sure that nobody but the calling task's run uses the thing, which is `what`.
    ///
    /// # Panics
    ///
    /// Outside of a task, and if another thread's run uses it.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn enter(&self, what: &str) -> &'static Scheduler {
        let scheduler = Scheduler::here(what);
        // Relaxed: see above; if it is this run's number, this thread has stored it.
        if self.0.load(Ordering::Relaxed) != scheduler.run() && !self.take_over(scheduler.run()) {
            used_elsewhere(what);
        }
        scheduler
    }

    /// As [`enter`](Self::enter); takes the thing over from a run that is over only if it is idle.
    ///
    /// # Panics
    ///
    /// Also if it is not.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn enter_if(&self, what: &str, idle: impl Fn() -> bool) -> &'static Scheduler {
        let scheduler = Scheduler::here(what);
        match self.try_enter_if(scheduler, idle) {
            Ok(()) => scheduler,
            Err(Refused::Elsewhere) => used_elsewhere(what),
            Err(Refused::Kept) => kept_too_long(what),
        }
    }

    #[inline(always)]
    pub(super) fn try_enter_if(
        &self,
        scheduler: &Scheduler,
        idle: impl Fn() -> bool,
    ) -> Result<(), Refused> {
        if self.0.load(Ordering::Relaxed) == scheduler.run() {
            return Ok(());
        }
        self.take_over_idle(scheduler.run(), idle)
    }

    /// Nobody uses an idle thing that a run has which is over, so it is still idle when it was
    /// taken over: whoever else takes it over changes the number.
    #[cold]
    #[inline(never)]
    fn take_over_idle(&self, run: u64, idle: impl Fn() -> bool) -> Result<(), Refused> {
        loop {
            // Acquire: as in `take_over`.
            let owner = self.0.load(Ordering::Acquire);
            if owner != NONE && !is_over(owner) {
                return Err(Refused::Elsewhere);
            }
            if !idle() {
                return Err(Refused::Kept);
            }
            // Acquire and release: as in `take_over`.
            let taken = self.0.compare_exchange(owner, run, Ordering::AcqRel, Ordering::Relaxed);
            if taken.is_ok() {
                return Ok(());
            }
        }
    }

    /// As [`enter`](Self::enter), for what must not panic: `None` outside of a task and if another
    /// thread's run uses the thing.
    #[inline(always)]
    pub(crate) fn try_enter(&self) -> Option<&'static Scheduler> {
        let scheduler = Scheduler::current()?;
        let is_own = self.0.load(Ordering::Relaxed) == scheduler.run();
        (is_own || self.take_over(scheduler.run())).then_some(scheduler)
    }

    /// Lets a thread without a run do something to a thing that no run uses, or does nothing. `f`
    /// calls no code of users.
    #[cold]
    pub(crate) fn outside(&self, f: impl FnOnce()) {
        if self.take_over(BUSY) {
            f();
            // Release: pairs with the load in `take_over`.
            self.0.store(NONE, Ordering::Release);
        }
    }

    /// Makes the thing this run's, unless another run that goes on has it.
    #[cold]
    #[inline(never)]
    fn take_over(&self, run: u64) -> bool {
        // Acquire, here and below: pairs with the exchange below and the store in `outside`.
        let mut owner = self.0.load(Ordering::Acquire);
        loop {
            if owner == BUSY {
                // For some instructions of another thread.
                spin_loop();
                owner = self.0.load(Ordering::Acquire);
                continue;
            }
            if owner != NONE && !is_over(owner) {
                return false;
            }
            // Release: pairs with the loads, for `is_over`.
            match self.0.compare_exchange(owner, run, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(found) => owner = found,
            }
        }
    }
}

#[cold]
#[inline(never)]
#[track_caller]
#[expect(clippy::panic, reason = "a caller's bug, documented at `sync`")]
fn kept_too_long(what: &str) -> ! {
    panic!(
        "{} was called while a guard from a former run exists: drop guards before their run ends",
        Plain(what)
    )
}

#[cold]
#[inline(never)]
#[track_caller]
#[expect(clippy::panic, reason = "a caller's bug, documented at `sync`")]
fn used_elsewhere(what: &str) -> ! {
    panic!(
        "{} was called while the run of another OS thread uses the same thing: sync::cross is for several threads",
        Plain(what)
    )
}
