//! Futures in tasks: what other crates offer as `async` can be waited for in direct style.
//!
//! A future's waker is good for any thread, and may be kept for ever. While one exists outside of
//! the task, the runtime does not take parked tasks for deadlocked. Signal handlers use an
//! [`Unparker`](crate::task::Unparker) instead.
#![expect(unsafe_code, reason = "pins a future where it lies")]

use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::panic::Location;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use crate::task::{Cancelled, Scheduler, Waiting, What, with_waker};
