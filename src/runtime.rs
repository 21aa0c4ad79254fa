//! The runtime: storage for tasks, and the way in. Floor 7.
#![expect(unsafe_code, reason = "shares its parts with the one thread that runs it")]

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use crate::collections::{Pace, Timer};
use crate::error::Errno;
use crate::stack::{Layout, Plan, StackError};
use crate::task::{
    self, Hooks, Lookout, Options, Scheduler, Settings, Slot, SpawnError, Tasks, check_canary,
    cool, paint, run_first, trim,
};

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
        RuntimeBuilder {
            runtime: self,
            plan: Plan::USUAL,
            hooks: Hooks::NONE,
            pace: Settings::PACE,
            #[cfg(feature = "epoll")]
            driver: None,
            #[cfg(feature = "watchdog")]
            limit: Duration::ZERO,
            #[cfg(feature = "sim")]
            seed: None,
        }
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

/// How a run is to be; made by [`Runtime::builder`].
///
/// # Examples
///
/// ```
/// use barecoro::Runtime;
///
/// static RUNTIME: Runtime<1000> = Runtime::new();
/// let answer = RUNTIME.builder().stack_size(16 * 1024).run(|| 42).unwrap();
/// assert_eq!(answer, 42);
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct RuntimeBuilder<const N: usize> {
    runtime: &'static Runtime<N>,
    plan: Plan,
    hooks: Hooks,
    pace: Pace,
    #[cfg(feature = "epoll")]
    driver: Option<task::Driver>,
    #[cfg(feature = "watchdog")]
    limit: Duration,
    #[cfg(feature = "sim")]
    seed: Option<u64>,
}

impl<const N: usize> RuntimeBuilder<N> {
    /// Sets the size of a task's stack in bytes, rounded up to whole pages of 4096. 64 KiB
    /// where nobody says otherwise.
    ///
    /// Packed stacks become only larger by it, as somebody has vouched for their size.
    pub const fn stack_size(mut self, bytes: usize) -> Self {
        if !self.plan.packed || self.plan.size < bytes {
            self.plan.size = bytes;
        }
        self
    }

    /// Sets the size of the guard below each stack in bytes, rounded up to whole pages, at least
    /// one.
    ///
    /// One page is enough for Rust code, which probes each page of a large frame. Code in other
    /// languages may need more: a frame that is larger than the guard can jump it.
    pub const fn guard_size(mut self, bytes: usize) -> Self {
        self.plan.guard = bytes;
        self
    }

    /// Packs stacks of at least so many bytes shoulder to shoulder, without guards: for a million
    /// tasks that do little. 1 KiB is little, and a debug build may need more.
    ///
    /// The first task has a stack of the usual size, with a guard, to do what there is to set up.
    ///
    /// Below each packed stack lies a canary, which is checked at every switch: an overflow is noticed
    /// when it has happened, and ends the process. Switches go by the runtime's own stack, and take
    /// about three times as long.
    ///
    /// # Safety
    ///
    /// No task needs more stack than it has: it would overwrite its neighbour's. That includes
    /// what the kernel puts there for a signal handler that runs without an alternate stack.
    pub const unsafe fn packed_stacks(mut self, bytes: usize) -> Self {
        self.plan = Plan { size: bytes, guard: 0, packed: true };
        self.hooks.after_switch = Some(check_canary);
        self
    }

    /// Lets only so many stacks of ended tasks keep their memory while the runtime sleeps. All do
    /// where nobody says otherwise; see [`Runtime::trim`] for doing it by hand.
    pub const fn keep_warm(mut self, stacks: usize) -> Self {
        self.hooks.before_sleep = Some(cool);
        self.hooks.keep_warm = stacks;
        self
    }

    /// Fills each stack with a pattern before a task starts on it, so that
    /// [`Snapshot::stack_used`](crate::task::Snapshot::stack_used) tells to the word how far it was
    /// used. It makes all of the stack's memory real, and a spawn as slow as that.
    pub const fn paint_stacks(mut self) -> Self {
        self.hooks.before_start = Some(paint);
        self
    }

    /// Lets timers go off up to so much later than asked for, never earlier, a minute at most. A
    /// thread that sleeps until the first of them is due sleeps on for so long, and those go off together
    /// that are due by then: many sleepers cost a fraction of the time.
    ///
    /// 20 µs where nobody says otherwise; with zero they are exact to a microsecond. What the kernel
    /// takes to wake the thread comes on top. The thread's own slack (`PR_SET_TIMERSLACK`, usually
    /// 50 µs) is taken away while tasks run if there is the feature `epoll`; OS threads that they
    /// start inherit that.
    ///
    /// # Examples
    ///
    /// ```
    /// use barecoro::{Runtime, time::{self, Duration, Instant}};
    ///
    /// static RUNTIME: Runtime<1> = Runtime::new();
    /// let start = Instant::now();
    /// let builder = RUNTIME.builder().timer_slack(Duration::from_millis(1));
    /// builder.run(|| time::sleep(Duration::from_millis(5))).unwrap().unwrap();
    /// assert!(start.elapsed() >= Duration::from_millis(5));
    /// ```
    pub const fn timer_slack(mut self, slack: Duration) -> Self {
        self.pace = Pace::new(slack);
        self
    }

    /// Chooses what waits for the kernel. Where nobody says otherwise, the environment variable
    /// `BARECORO_DRIVER` does, `uring` or `epoll`; and where that is not set, it is `io_uring` if
    /// the kernel allows it and otherwise `epoll`.
    ///
    /// A run starts its driver with the first operation that needs one. Where it cannot be had,
    /// that operation fails and its error says so.
    #[cfg(feature = "epoll")]
    pub const fn driver(mut self, driver: task::Driver) -> Self {
        self.driver = Some(driver);
        self
    }

    /// Reports on standard error each task that has run for longer than `limit` without a switch,
    /// with return addresses, once for each such stretch. At least 1 ms; zero reports nothing.
    ///
    /// The report comes when between `limit` and a quarter more has passed, be that spent
    /// computing or in a system call. A yield counts as a switch even if no other task is ready. A
    /// timer sends the thread of the run eight signals (SIGURG) per `limit` while tasks run, and
    /// none while all are parked; a switch costs what it did before. Those system calls fail with
    /// `EINTR` that are not restarted after any handler (signal(7)): of the task's own, not this
    /// crate's. A handler of SIGURG that was there before the run gets all signals but those.
    ///
    /// # Examples
    ///
    /// ```
    /// use barecoro::{Runtime, task, time::Duration};
    ///
    /// static RUNTIME: Runtime<2> = Runtime::new();
    /// RUNTIME.builder().watchdog(Duration::from_millis(10)).run(|| {
    ///     let hog = task::Builder::new().name("hog");
    ///     // barecoro: task 2 "hog" (spawned at …) has run for more than 10 ms without a switch
    ///     hog.spawn(|| std::thread::sleep(Duration::from_millis(30))).unwrap().join().unwrap();
    /// }).unwrap();
    /// ```
    #[cfg(feature = "watchdog")]
    pub const fn watchdog(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Lists the runtime's tasks on standard error when the process gets SIGQUIT (`kill -QUIT`, or
    /// Ctrl and \\ in a terminal), which then does not end it.
    ///
    /// From then on the process does not end by the signal, also when the run is over: nobody could
    /// say when it is safe to remove the handler.
    ///
    /// The list comes at the next visit to the root: at once if the runtime sleeps, otherwise after
    /// at most 128 switches.
    #[cfg(feature = "overflow")]
    pub const fn tasks_on_sigquit(mut self) -> Self {
        self.hooks.at_begin = Some(task::listen);
        self.hooks.at_look = Some(task::answer);
        self
    }

    /// Simulates the run. Which of the ready tasks goes on is drawn by lot, from the seed, and the
    /// clock is virtual: it passes a microsecond at each switch, and otherwise only when all tasks
    /// wait, and then at once to the next deadline.
    ///
    /// The same program with the same seed does the same, however slow the machine is. What comes
    /// from other threads and processes is not simulated, and an [`Instant`](crate::time::Instant)
    /// from outside means nothing inside.
    ///
    /// # Examples
    ///
    /// ```
    /// use barecoro::{Runtime, task};
    /// use std::cell::Cell;
    ///
    /// static RUNTIME: Runtime<3> = Runtime::new();
    ///
    /// // Two tasks add to a number, wrongly. Some orders of events show it, others do not.
    /// let sum = |seed| {
    ///     let number = Cell::new(0);
    ///     let add = || {
    ///         let before = number.get();
    ///         task::yield_now();
    ///         number.set(before + 1);
    ///         Ok::<_, task::Cancelled>(())
    ///     };
    ///     let both = || task::scope(|s| { s.spawn(add).unwrap(); s.spawn(add).unwrap(); Ok(()) });
    ///     RUNTIME.builder().seed(seed).run(both).unwrap().unwrap();
    ///     number.get()
    /// };
    /// assert!((0..100).any(|seed| sum(seed) == 2));
    /// let wrong = (0..100).find(|seed| sum(*seed) == 1).unwrap();
    /// assert_eq!(sum(wrong), 1, "again and again");
    /// ```
    #[cfg(feature = "sim")]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Calls `f` as the first task and runs tasks until every one has ended; see [`Runtime::run`].
    ///
    /// # Errors
    ///
    /// As for `Runtime::run`.
    ///
    /// # Panics
    ///
    /// As for `Runtime::run`.
    #[track_caller]
    pub fn run<F, T>(self, f: F) -> Result<T, RunError<F>>
    where
        F: FnOnce() -> T,
    {
        let settings = match Layout::of(self.plan) {
            Ok(layout) => Settings {
                layout,
                hooks: self.hooks,
                pace: self.pace,
                #[cfg(feature = "epoll")]
                driver: self.driver,
                #[cfg(feature = "watchdog")]
                limit: self.limit,
                #[cfg(feature = "sim")]
                seed: self.seed,
            },
            Err(error) => return Err(RunError::Stack(f, error)),
        };
        let first = task::Builder::new().stack_size(Plan::USUAL_SIZE).guard_size(1);
        let first = self.plan.packed.then_some(Options { builder: &first, stack: None });
        self.runtime.run_as(&settings, first.as_ref(), f)
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

/// Why a runtime did not run, or not to a good end. `F` is the closure that was not called.
#[non_exhaustive]
pub enum RunError<F> {
    /// The caller is a task already: spawn another task instead, or run on another OS thread. As
    /// an [`Errno`]: `EDEADLK`.
    Nested(F),
    /// Another thread runs this runtime: give each thread its own. As an [`Errno`]: `EBUSY`.
    Running(F),
    /// The first task does not fit on a stack of this runtime. As an [`Errno`]: `E2BIG`.
    StackTooSmall(F),
    /// The kernel gives no memory for the stacks.
    Stack(F, StackError),
    /// All tasks were parked and nothing could wake them. As an [`Errno`]: `EDEADLK`.
    Deadlock,
}

impl<F> fmt::Debug for RunError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nested(_) => f.write_str("Nested(..)"),
            Self::Running(_) => f.write_str("Running(..)"),
            Self::StackTooSmall(_) => f.write_str("StackTooSmall(..)"),
            Self::Stack(_, error) => write!(f, "Stack(.., {error:?})"),
            Self::Deadlock => f.write_str("Deadlock"),
        }
    }
}

impl<F> fmt::Display for RunError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nested(_) => {
                f.write_str("run was called in a task: spawn a task, or use another OS thread")
            }
            Self::Running(_) => {
                f.write_str("another thread runs this runtime: give each thread its own")
            }
            Self::StackTooSmall(_) => {
                f.write_str("the first task does not fit on a stack of this runtime")
            }
            Self::Stack(_, error) => fmt::Display::fmt(error, f),
            Self::Deadlock => f.write_str("all tasks were parked and nothing could wake them"),
        }
    }
}

impl<F> core::error::Error for RunError<F> {}

impl<F> From<RunError<F>> for Errno {
    fn from(error: RunError<F>) -> Self {
        match error {
            RunError::Nested(_) | RunError::Deadlock => Self::DEADLK,
            RunError::Running(_) => Self::BUSY,
            RunError::StackTooSmall(_) => Self::TOOBIG,
            RunError::Stack(_, error) => error.into(),
        }
    }
}
