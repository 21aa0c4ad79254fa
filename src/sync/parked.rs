//! An unpark among other things to wait for.
#![expect(unsafe_code, reason = "implements functions that are unsafe to call")]

use crate::task::{Cancelled, Scheduler};

use super::wait::{Arm, Take, Waiter};

/// An unpark of the running task among other things.
#[derive(Debug)]
pub struct Parked(());

/// What `park()` stands for.
pub fn parked() -> Parked {
    Parked(())
}

impl Arm for Parked {
    #[track_caller]
    fn try_now(&self) -> bool {
        Scheduler::here("select!").take_unpark()
    }

    unsafe fn link(&self, _waiter: &Waiter, _index: u32) {
        Scheduler::here("select!").await_unpark();
    }

    unsafe fn unlink(&self) {
        Scheduler::here("select!").forget_unpark();
    }
}

impl Take for Parked {
    type Output = Result<(), Cancelled>;

    fn take(&self, cancelled: bool) -> Self::Output {
        if cancelled { Err(Cancelled) } else { Ok(()) }
    }
}
