//! Time: sleeping, moments and spans. Floor 5.
//!
//! [`Instant`], [`SystemTime`] and [`Duration`] are what std's are. Deadlines are absolute and named `…_until`, time
//! limits are relative.

pub use core::time::Duration;

pub use crate::sys::clock::Instant;
pub use crate::sys::system_time::{SystemTime, SystemTimeError, UNIX_EPOCH};

#[cfg(feature = "time")]
mod interval;
#[cfg(feature = "time")]
mod timeout;

#[cfg(feature = "time")]
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
#[cfg(feature = "time")]
pub use timeout::{Elapsed, timeout, timeout_until};

#[cfg(feature = "time")]
use crate::task::{Cancelled, Scheduler, WaitError, Waiting, What};

/// Parks the running task for at least `duration`; the other tasks go on.
///
/// The task becomes ready at most 20 µs after the time is up, and what the kernel takes to wake the
/// thread, or as [`RuntimeBuilder::timer_slack`](crate::RuntimeBuilder::timer_slack) says. Then it
/// waits for its turn.
///
/// # Cancellation
///
/// A cancelled task wakes at once.
///
/// # Errors
///
/// [`Cancelled`] if the task was told to end before the time was up.
///
/// # Panics
///
/// Outside of a task.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, time::{self, Duration, Instant}};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// let start = Instant::now();
/// RUNTIME.run(|| time::sleep(Duration::from_millis(10))).unwrap().unwrap();
/// assert!(start.elapsed() >= Duration::from_millis(10));
/// ```
#[cfg(feature = "time")]
#[track_caller]
pub fn sleep(duration: Duration) -> Result<(), Cancelled> {
    sleep_until(Instant::now() + duration)
}

/// Parks the running task until `deadline`. One that has passed is met within some microseconds,
/// after the other ready tasks had their turn.
///
/// # Errors
///
/// [`Cancelled`] if the task was told to end before.
///
/// # Panics
///
/// Outside of a task.
#[cfg(feature = "time")]
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Result<(), Cancelled> {
    let scheduler = Scheduler::here("time::sleep");
    match scheduler.block_until(Waiting::on(What::Sleep), deadline) {
        Err(WaitError::Cancelled) => Err(Cancelled),
        Ok(()) | Err(WaitError::TimedOut) => Ok(()),
    }
}
