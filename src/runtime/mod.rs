//! The runtime: storage for tasks, and the way in. Floor 7.
#![expect(unsafe_code, reason = "shares its parts with the one thread that runs it")]

mod builder;
mod error;

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::collections::Timer;
use crate::stack::StackError;
use crate::task::{
    Lookout, Options, Scheduler, Settings, Slot, SpawnError, Tasks, run_first, trim,
};

pub use builder::RuntimeBuilder;
pub use error::RunError;

/// Room for `N` tasks at once, and what schedules them.
///
/// It lives in a `static` and is all zeros until it runs, so that even a million slots cost nothing
/// in the program's file and no memory before they are used. A slot has 128 bytes, and 24 for a timer.
///
/// [`run`](Self::run) makes the calling OS thread run tasks until all have ended. Several runtimes
/// may run on several OS threads at a time; a task stays on the thread of its run.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, task, time::{self, Duration}};
///
/// static RUNTIME: Runtime<16> = Runtime::new();
///
/// let total = RUNTIME.run(|| {
///     let a = task::spawn(|| { time::sleep(Duration::from_millis(20)).unwrap(); 1 }).unwrap();
///     let b = task::spawn(|| { task::yield_now(); 2 }).unwrap();
///     a.join().unwrap() + b.join().unwrap()
/// }).unwrap();
/// assert_eq!(total, 3);
/// ```
pub struct Runtime<const N: usize> {
    /// Whether a thread runs it.
    running: AtomicBool,
    scheduler: Scheduler,
    slots: UnsafeCell<MaybeUninit<heapless::Vec<Slot, N>>>,
    /// Beside the slots, as many of them are looked at when only one task is woken.
    timers: UnsafeCell<MaybeUninit<[Timer; N]>>,
}

// SAFETY: the scheduler and the slots are used by the one thread that has set `running`, but for
// the parts of them that are atomic.
unsafe impl<const N: usize> Sync for Runtime<N> {}

impl<const N: usize> Runtime<N> {
    /// A runtime with `N` slots whose tasks have stacks of 64 KiB.
    pub const fn new() -> Self {
        const { assert!(N > 0, "a runtime needs at least one slot, for the first task") };
        const { assert!(N < 0xffff_ffff, "a runtime has less than 4,294,967,295 slots") };
        Self {
            running: AtomicBool::new(false),
            scheduler: Scheduler::new(),
            // Not `Vec::new()`, whose slots would be undefined. Zeros are an empty vector too: a
            // length and an array.
            slots: UnsafeCell::new(MaybeUninit::zeroed()),
            timers: UnsafeCell::new(MaybeUninit::zeroed()),
        }
    }

    /// Calls `f` as the first task and runs tasks until every one has ended. Returns what `f`
    /// returned.
    ///
    /// It can be called again afterwards, also on another thread.
    ///
    /// # Errors
    ///
    /// - [`RunError::Nested`]: the caller is a task already.
    /// - [`RunError::Running`]: another thread runs this runtime.
    /// - [`RunError::Stack`]: the kernel gives no memory for the stacks.
    /// - [`RunError::StackTooSmall`]: the first task does not fit on a stack of this runtime.
    /// - [`RunError::Deadlock`]: on the way there came a moment when every task was parked and
    ///   nothing could wake any. A report on standard error lists them. Their waits then failed
    ///   with [`Cancelled`](crate::task::Cancelled), so that they could end in good order.
    ///
    /// # Panics
    ///
    /// With the feature `std`, if `f` has panicked. Otherwise a panic ends the process.
    #[track_caller]
    pub fn run<F, T>(&'static self, f: F) -> Result<T, RunError<F>>
    where
        F: FnOnce() -> T,
    {
        self.run_as(&Settings::USUAL, None, f)
    }

    #[track_caller]
    fn run_as<F, T>(
        &'static self,
        settings: &Settings,
        first: Option<&Options<'_>>,
        f: F,
    ) -> Result<T, RunError<F>>
    where
        F: FnOnce() -> T,
    {
        if Scheduler::current().is_some() {
            return Err(RunError::Nested(f));
        }
        // Acquire: pairs with the store in `Run::drop`.
        if self.running.swap(true, Ordering::Acquire) {
            return Err(RunError::Running(f));
        }
        let run = match Run::begin(self, settings) {
            Ok(run) => run,
            Err(error) => return Err(RunError::Stack(f, error)),
        };
        let ended = run_first(&self.scheduler, first, f);
        drop(run);
        match ended {
            Ok((Some(value), false)) => Ok(value),
            Ok((_, _)) => Err(RunError::Deadlock),
            Err(SpawnError::Stack(f, error)) => Err(RunError::Stack(f, error)),
            Err(error) => Err(RunError::StackTooSmall(error.into_inner())),
        }
    }

    /// A run that is not as usual: with other stacks, for example.
    pub const fn builder(&'static self) -> RuntimeBuilder<N> {
        RuntimeBuilder::new(self)
    }

    /// The tasks that have not been joined, in the order of their slots. Costs a system call for
    /// each.
    ///
    /// # Panics
    ///
    /// While another OS thread runs this runtime. If none does, there are no tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// use barecoro::{Runtime, task};
    ///
    /// static RUNTIME: Runtime<2> = Runtime::new();
    /// RUNTIME.run(|| {
    ///     let task = task::Builder::new().name("connection").spawn(task::park).unwrap();
    ///     task::yield_now();
    ///     for task in RUNTIME.tasks() {
    ///         println!("{task}");
    ///     }
    ///     task.task().unpark();
    /// }).unwrap();
    /// ```
    pub fn tasks(&'static self) -> Tasks {
        if self.check_thread("tasks") {
            Tasks::of(&self.scheduler)
        } else {
            Tasks::none(&self.scheduler)
        }
    }

    /// Gives the memory of stacks back that is not in use: of tasks that have ended, and below
    /// the innermost frames of those that wait. Returns how many stacks those were.
    ///
    /// Costs a system call for each. The next tasks pay for touching the memory anew. In a run with
    /// packed stacks all keep their memory, and painted ones that are in use keep theirs.
    ///
    /// # Panics
    ///
    /// While another OS thread runs this runtime. If none does, it has no stacks.
    pub fn trim(&'static self) -> usize {
        if self.check_thread("trim") { trim(&self.scheduler) } else { 0 }
    }

    /// Whether the caller is a task of this runtime.
    #[track_caller]
    fn check_thread(&'static self, call: &str) -> bool {
        let here =
            Scheduler::current().is_some_and(|here| core::ptr::eq(here, &raw const self.scheduler));
        assert!(
            here || !self.running.load(Ordering::Relaxed),
            "Runtime::{call} was called outside of the run: call it in one of its tasks",
        );
        here
    }

    /// A timer for each slot.
    fn timers(&'static self) -> &'static [Timer] {
        // SAFETY: `new` has made them of zeros, which are timers that are not set. Only the thread that
        // runs the runtime comes here, and nobody has them otherwise.
        unsafe { (*self.timers.get()).assume_init_ref() }
    }

    /// The slots, all of them.
    fn slots(&'static self) -> &'static [Slot] {
        let slots = self.slots.get();
        // SAFETY: `new` has made it of zeros, which are an empty vector, and a slot of zeros is a
        // free one. Only the thread that runs the runtime comes here, and the vector itself is
        // written the first time only, before anyone refers to a slot.
        unsafe {
            if (*slots).assume_init_ref().is_empty() {
                (*slots).assume_init_mut().set_len(N);
            }
            (*slots).assume_init_ref()
        }
    }
}

impl<const N: usize> Default for Runtime<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Debug for Runtime<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("slots", &N)
            .field("running", &self.running.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

/// A run, from its beginning to its end however it ends.
struct Run<const N: usize> {
    runtime: &'static Runtime<N>,
    /// Dropped after the rest.
    lookout: Lookout,
}

impl<const N: usize> Run<N> {
    fn begin(runtime: &'static Runtime<N>, settings: &Settings) -> Result<Self, StackError> {
        let mut run = Self { runtime, lookout: Lookout::NONE };
        runtime.scheduler.open(N, settings)?;
        run.lookout = Lookout::begin(&runtime.scheduler, settings)?;
        runtime.scheduler.enter(runtime.slots(), runtime.timers());
        Ok(run)
    }
}

impl<const N: usize> Drop for Run<N> {
    fn drop(&mut self) {
        self.runtime.scheduler.leave();
        // Release: pairs with the swap in `run`.
        self.runtime.running.store(false, Ordering::Release);
    }
}
