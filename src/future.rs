//! Futures in tasks: what other crates offer as `async` can be waited for in direct style.
//!
//! A future's waker is good for any thread, and may be kept for ever. While somebody keeps one, the
//! runtime does not take parked tasks for deadlocked, as it cannot know who does: it may also be another
//! task of the same run, or a channel of another crate's that lies there. Awaiting a
//! [`JoinHandle`](crate::task::JoinHandle) keeps none. Signal handlers use an
//! [`Unparker`](crate::task::Unparker) instead.

use core::future::Future;
use core::panic::Location;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use crate::task::{Cancelled, Look, Scheduler, Waiting, What, with_waker};

/// Waits for a future.
///
/// A future that wakes itself, to go on later, lets the other tasks have their turn. One that is ready
/// at once does not, as any call that need not wait.
///
/// # Cancellation
///
/// The future is dropped then. To keep it, lend it: `block_on(&mut future)`.
///
/// # Errors
///
/// [`Cancelled`] if the task was told to end before the future was ready.
///
/// # Panics
///
/// Outside of a task.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, future, task};
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// RUNTIME.run(|| {
///     let task = task::spawn(|| 42).unwrap();
///     assert_eq!(future::block_on(async { task.await.unwrap() }), Ok(42));
/// }).unwrap();
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> Result<F::Output, Cancelled> {
    let place = Location::caller();
    let mut future = pin!(future);
    loop {
        let scheduler = Scheduler::here("future::block_on");
        let look = Look::begin(scheduler);
        if let Some(output) = poll(scheduler, future.as_mut()) {
            return Ok(output);
        }
        let scheduler = Scheduler::here("future::block_on");
        if look.is_current(scheduler) {
            scheduler.block(Waiting::at(What::Future, None, place))?;
        } else {
            scheduler.let_others_run()?;
        }
    }
}

/// Polls a future, on behalf of the running task.
fn poll<F: Future>(scheduler: &Scheduler, future: Pin<&mut F>) -> Option<F::Output> {
    with_waker(scheduler, |waker| match future.poll(&mut Context::from_waker(waker)) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}
