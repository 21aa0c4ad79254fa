//! Futures and ends of tasks, among other things to wait for.
#![expect(unsafe_code, reason = "implements functions that are unsafe to call")]

use core::cell::{Cell, RefCell};
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use crate::task::{
    Cancelled, JoinError, JoinHandle, Joined, Scheduler, ScopedJoinHandle, with_waker,
};

use super::wait::{Arm, Take, Waiter};

/// A future among other things.
pub struct Awaiting<'a, F: Future> {
    future: RefCell<Pin<&'a mut F>>,
    output: Cell<Option<F::Output>>,
}

/// What `future(…)` stands for, once the future is pinned.
pub fn future<F: Future>(future: Pin<&mut F>) -> Awaiting<'_, F> {
    Awaiting { future: RefCell::new(future), output: Cell::new(None) }
}

impl<F: Future> Arm for Awaiting<'_, F> {
    #[track_caller]
    fn try_now(&self) -> bool {
        let mut future = self.future.borrow_mut();
        let poll = with_waker(Scheduler::here("select!"), |waker| {
            future.as_mut().poll(&mut Context::from_waker(waker))
        });
        match poll {
            Poll::Ready(output) => {
                self.output.set(Some(output));
                true
            }
            Poll::Pending => false,
        }
    }

    fn calls_users(&self) -> bool {
        true
    }

    /// Its waker makes the task try again.
    unsafe fn link(&self, _waiter: &Waiter, _index: u32) {}

    unsafe fn unlink(&self) {}
}

impl<F: Future> Take for Awaiting<'_, F> {
    type Output = Result<F::Output, Cancelled>;

    fn take(&self, _cancelled: bool) -> Self::Output {
        self.output.take().ok_or(Cancelled)
    }
}

impl<F: Future> fmt::Debug for Awaiting<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Awaiting").finish_non_exhaustive()
    }
}

/// A handle that `select!` can join: [`JoinHandle`] or [`ScopedJoinHandle`].
pub trait Join {
    /// What the task returns.
    type Value;

    /// Joining it.
    #[doc(hidden)]
    type Arm<'a>: Take<Output = Result<Self::Value, JoinError<()>>>
    where
        Self: 'a;

    #[doc(hidden)]
    fn arm(&mut self) -> Self::Arm<'_>;
}

impl<T> Join for JoinHandle<T> {
    type Value = T;
    type Arm<'a>
        = Joining<'a, JoinHandle<T>, T>
    where
        Self: 'a;

    fn arm(&mut self) -> Joining<'_, Self, T> {
        Joining { handle: RefCell::new(self), result: Cell::new(None) }
    }
}

impl<'s, T> Join for ScopedJoinHandle<'s, T> {
    type Value = T;
    type Arm<'a>
        = Joining<'a, ScopedJoinHandle<'s, T>, T>
    where
        Self: 'a;

    fn arm(&mut self) -> Joining<'_, Self, T> {
        Joining { handle: RefCell::new(self), result: Cell::new(None) }
    }
}

impl<H: Join> Join for &mut H {
    type Value = H::Value;
    type Arm<'a>
        = H::Arm<'a>
    where
        Self: 'a;

    fn arm(&mut self) -> Self::Arm<'_> {
        H::arm(self)
    }
}

/// What `join(…)` stands for.
pub fn join<H: Join>(handle: &mut H) -> H::Arm<'_> {
    handle.arm()
}

/// The end of a task among other things.
pub struct Joining<'a, H, T> {
    handle: RefCell<&'a mut H>,
    result: Cell<Option<Result<T, JoinError<()>>>>,
}

impl<T, H: Joined<Value = T>> Arm for Joining<'_, H, T> {
    #[track_caller]
    fn try_now(&self) -> bool {
        match self.handle.borrow_mut().try_take() {
            Some(result) => {
                self.result.set(Some(result));
                true
            }
            None => false,
        }
    }

    /// The end of the task wakes this one, which tries again.
    unsafe fn link(&self, waiter: &Waiter, _index: u32) {
        self.handle.borrow().joined_task().watch(waiter.task());
    }

    unsafe fn unlink(&self) {
        self.handle.borrow().joined_task().unwatch();
    }
}

impl<T, H: Joined<Value = T>> Take for Joining<'_, H, T> {
    type Output = Result<T, JoinError<()>>;

    fn take(&self, _cancelled: bool) -> Self::Output {
        self.result.take().unwrap_or(Err(JoinError::Cancelled(())))
    }
}

impl<H, T> fmt::Debug for Joining<'_, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joining").finish_non_exhaustive()
    }
}
