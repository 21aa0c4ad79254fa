//! The moments of an interval, among other things.
#![expect(unsafe_code, reason = "implements functions that are unsafe to call")]

use core::cell::RefCell;
use core::fmt;

use crate::task::Cancelled;
use crate::time::{Instant, Interval};

use super::wait::{Arm, Take, Waiter};

/// The next moment of an interval among other things.
pub struct Tick<'a> {
    interval: RefCell<&'a mut Interval>,
    due: Instant,
}

/// What `tick(…)` stands for.
pub fn tick(interval: &mut Interval) -> Tick<'_> {
    Tick { due: interval.due(), interval: RefCell::new(interval) }
}

impl Arm for Tick<'_> {
    fn try_now(&self) -> bool {
        Instant::now() >= self.due
    }

    unsafe fn link(&self, _waiter: &Waiter, _index: u32) {}

    unsafe fn unlink(&self) {}

    fn deadline(&self) -> Option<Instant> {
        Some(self.due)
    }
}

impl Take for Tick<'_> {
    type Output = Result<Instant, Cancelled>;

    fn take(&self, cancelled: bool) -> Self::Output {
        if cancelled { Err(Cancelled) } else { Ok(self.interval.borrow_mut().take_due()) }
    }
}

impl fmt::Debug for Tick<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tick").field("due", &self.due).finish_non_exhaustive()
    }
}
