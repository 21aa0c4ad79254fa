//! Futures in tasks: what other crates offer as `async` can be waited for in direct style.
//!
//! A future's waker is good for any thread, and may be kept for ever. While one exists outside of
//! the task, the runtime does not take parked tasks for deadlocked. Signal handlers use an
//! [`Unparker`](crate::task::Unparker) instead.

use core::future::Future;
use core::panic::Location;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use crate::task::{Cancelled, Nudges, Scheduler, Waiting, What, with_waker};

/// Waits for a future.
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
    let nudges = Nudges::new();
    loop {
        let scheduler = Scheduler::here("future::block_on");
        let runner = scheduler.runner();
        // What has called until now is seen by polling.
        nudges.take(scheduler);
        if let Some(output) = poll(scheduler, future.as_mut()) {
            return Ok(output);
        }
        // In its poll, the future may have suspended a coroutine that goes on in another task, which its
        // waker does not wake.
        let scheduler = Scheduler::here("future::block_on");
        if scheduler.runner() == runner && !nudges.take(scheduler) {
            scheduler.block(Waiting::at(What::Future, None, place))?;
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
