//! How a run is to be.
#![expect(unsafe_code, reason = "who asks for packed stacks vouches for their size")]

use core::time::Duration;

use crate::collections::Pace;
use crate::stack::{Layout, Plan};
use crate::task::{self, Hooks, Options, Settings, check_canary, cool, paint};

use super::{RunError, Runtime};

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
    /// As usual.
    pub(super) const fn new(runtime: &'static Runtime<N>) -> Self {
        Self {
            runtime,
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
    /// the kernel allows it and otherwise `epoll`: where `io_uring` is forbidden (`EPERM`, `EACCES`), or
    /// the kernel does not have it, or not as this crate needs it (`ENOSYS`, `EINVAL`). With anything
    /// else in the variable the first operation fails (`EINVAL`).
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
    /// from outside means nothing inside. The [time of day](crate::time::SystemTime) begins an hour
    /// after 1970 did.
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
