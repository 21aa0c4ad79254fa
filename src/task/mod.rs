//! Tasks: coroutines that a runtime schedules. Floor 4.
//!
//! The names and shapes are those of [`std::thread`](https://doc.rust-lang.org/std/thread/): spawn
//! a closure, join its handle, yield, park. All of it works inside of [`Runtime::run`] only, needs
//! no reference to the runtime, and panics with a message that says so elsewhere.
//!
//! Tasks of a runtime share one OS thread, and a task runs until it yields, waits or ends. The
//! ready ones take turns strictly in the order in which they became ready.
//!
//! In programs with std: do not yield or wait inside of a `thread_local!` initialiser; see
//! [`Coroutine`](crate::Coroutine#thread-locals-of-std).
//!
//! [`Runtime::run`]: crate::Runtime::run

#[cfg(feature = "overflow")]
mod alternate;
#[cfg(feature = "sync")]
mod awaited;
mod family;
#[cfg(feature = "overflow")]
mod fault;
#[cfg(feature = "overflow")]
mod handler;
mod hooks;
mod join;
#[cfg(feature = "sync")]
mod joining;
mod life;
mod limits;
#[cfg(feature = "sync")]
mod local;
mod lookout;
#[cfg(all(loom, test))]
mod model;
mod park;
mod place;
#[cfg(feature = "epoll")]
mod port;
#[cfg(feature = "sync")]
mod presence;
#[cfg(feature = "overflow")]
mod quit;
mod remote;
mod report;
mod root;
mod scheduler;
mod scope;
mod shim;
#[cfg(feature = "sim")]
mod sim;
mod slot;
mod snapshot;
mod spawn;
mod wait;
#[cfg(feature = "sync")]
mod waker;
#[cfg(feature = "watchdog")]
mod watchdog;

pub use join::{JoinError, JoinHandle};
pub use limits::{cancelled, shield};
#[cfg(feature = "sync")]
pub use local::{LocalKey, NotSet};
pub use park::{Task, Unparker, current, park, park_until};
#[cfg(feature = "epoll")]
pub use port::Driver;
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use slot::Name;
pub use snapshot::{Snapshot, Status, Tasks, WaitsFor};
pub use spawn::{Builder, SpawnError, spawn};

#[cfg(all(feature = "overflow", any(feature = "io", feature = "epoll")))]
pub(crate) use fault::check_buffer;
pub(crate) use hooks::{Hooks, Settings, check_canary, cool, paint, trim};
#[cfg(feature = "sync")]
pub(crate) use joining::Joined;
pub(crate) use life::run_first;
#[cfg(feature = "time")]
pub(crate) use limits::limit;
pub(crate) use lookout::Lookout;
#[cfg(feature = "epoll")]
pub(crate) use port::Port;
#[cfg(feature = "sync")]
pub(crate) use presence::Owner;
#[cfg(feature = "overflow")]
pub(crate) use quit::{answer, listen};
#[cfg(feature = "epoll")]
pub(crate) use report::fatal;
#[cfg(feature = "panic-handler")]
pub(crate) use report::{Place, describe_current};
pub(crate) use scheduler::Scheduler;
pub(crate) use slot::Slot;
#[cfg(any(feature = "time", feature = "epoll"))]
pub(crate) use slot::Waiting;
#[cfg(any(feature = "epoll", feature = "sync"))]
pub(crate) use slot::Wake;
#[cfg(feature = "time")]
pub(crate) use slot::What;
pub(crate) use spawn::Options;
#[cfg(feature = "sync")]
pub(crate) use waker::{Look, Nudger, with_waker};

use core::fmt;
use core::num::NonZeroU64;

use crate::error::Errno;

/// A task's number. A runtime gives each number once, from 1 on, also over several runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(NonZeroU64);

impl TaskId {
    /// The number itself.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    #[inline(always)]
    fn new(id: u64) -> Self {
        // Ids are counted from 1 on and never wrap: at one a nanosecond, 64 bits last 584 years.
        Self(NonZeroU64::new(id).unwrap_or(NonZeroU64::MAX))
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The task that was waiting has been told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task was cancelled")
    }
}

impl core::error::Error for Cancelled {}

impl From<Cancelled> for Errno {
    fn from(_: Cancelled) -> Self {
        Self::CANCELED
    }
}

/// Why a wait with a deadline has ended without what it was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitError {
    /// The task that was waiting has been told to end.
    Cancelled,
    /// The deadline has passed.
    TimedOut,
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => fmt::Display::fmt(&Cancelled, f),
            Self::TimedOut => f.write_str("the deadline has passed"),
        }
    }
}

impl core::error::Error for WaitError {}

impl From<WaitError> for Errno {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Cancelled => Self::CANCELED,
            WaitError::TimedOut => Self::TIMEDOUT,
        }
    }
}

/// Lets every other task that is ready run once, then goes on.
///
/// Returns at once if no other is ready. Costs 2 to 8 ns among some or 1,000 tasks, and 20 to 100 ns among
/// 100,000, where each waits for memory; see `docs/performance.md`. It is not a point of cancellation, and cannot fail.
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
/// RUNTIME.run(|| {
///     let other = task::spawn(|| task::yield_now()).unwrap();
///     while !other.is_finished() {
///         task::yield_now();
///     }
/// }).unwrap();
/// ```
#[inline(always)]
#[track_caller]
pub fn yield_now() {
    Scheduler::here("task::yield_now").yield_now();
}
