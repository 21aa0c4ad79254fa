//! Time limits around any code.

use core::fmt;

use crate::error::Errno;
use crate::sys::clock::Instant;
use crate::task;

use super::Duration;

/// Calls `f`, whose waits end with `Cancelled` when `duration` is over.
///
/// Limits nest: in a function within a function, the one that ends first counts. What `f` is given
/// without waiting it gets also when its time is up, and a computation that does not wait goes
/// on; it may ask [`task::cancelled`].
///
/// The limit is the running task's. Tasks that `f` spawns do not have it, but a
/// [`task::scope`] passes it on by cancelling its tasks. A coroutine must not be suspended in `f`
/// and resumed outside.
///
/// # Errors
///
/// [`Elapsed`], with what `f` has returned, if the limit has ended one of its waits.
///
/// # Panics
///
/// Outside of a task.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, task, time::{self, Duration, Elapsed}};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// RUNTIME.run(|| {
///     match time::timeout(Duration::from_millis(10), || task::park()) {
///         Ok(parked) => parked.unwrap(),
///         Err(Elapsed(parked)) => assert_eq!(parked, Err(task::Cancelled)),
///     }
/// }).unwrap();
/// ```
#[track_caller]
pub fn timeout<F, T>(duration: Duration, f: F) -> Result<T, Elapsed<T>>
where
    F: FnOnce() -> T,
{
    timeout_until(Instant::now() + duration, f)
}

/// As [`timeout`], until `deadline`.
///
/// # Errors
///
/// As for `timeout`.
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn timeout_until<F, T>(deadline: Instant, f: F) -> Result<T, Elapsed<T>>
where
    F: FnOnce() -> T,
{
    match task::limit(deadline, f) {
        (value, false) => Ok(value),
        (value, true) => Err(Elapsed(value)),
    }
}

/// The time of a [`timeout`] was up; here is what the function has returned all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed<T>(pub T);

impl<T> fmt::Display for Elapsed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was up")
    }
}

impl<T: fmt::Debug> core::error::Error for Elapsed<T> {}

impl<T> From<Elapsed<T>> for Errno {
    fn from(_: Elapsed<T>) -> Self {
        Self::TIMEDOUT
    }
}
