//! What is between threads among other things to wait for.
#![expect(unsafe_code, reason = "implements functions that are unsafe to call")]

use core::cell::Cell;
use core::fmt;

use crate::sync::select::{Receive, SendTo, Wait};
use crate::sync::wait::{Arm, Take, Waiter};
use crate::sync::{RecvError, SendError};
use crate::task::{Cancelled, WaitError};

use super::channel::{Channel, Closed, Inside};
use super::meeting::Side;
use super::notify::{self, Notify};
use super::seat::Seat;

/// Receiving an item.
pub struct Receiving<'a, T, const N: usize> {
    seat: Seat<'a, Inside<T, N>>,
    received: Cell<Option<Result<T, Closed>>>,
}

impl<T, const N: usize> Arm for Receiving<'_, T, N> {
    fn try_now(&self) -> bool {
        if let Some(received) = self.received.take() {
            // It was tried before.
            self.received.set(Some(received));
            return true;
        }
        let received = self.seat.attempt(Inside::take);
        let is_done = received.is_some();
        self.received.set(received);
        is_done
    }

    fn comes_from_outside(&self) -> bool {
        true
    }

    unsafe fn link(&self, _waiter: &Waiter, _index: u32) {
        // SAFETY: the caller's promise.
        unsafe { self.seat.take(Inside::has_something) }
    }

    unsafe fn unlink(&self) {
        self.seat.leave(|_| {});
    }
}

impl<T, const N: usize> Take for Receiving<'_, T, N> {
    type Output = Result<T, RecvError>;

    fn take(&self, _cancelled: bool) -> Self::Output {
        match self.received.take() {
            Some(received) => received.map_err(|Closed| RecvError::Closed),
            None => Err(RecvError::Cancelled),
        }
    }
}

impl<T, const N: usize> Receive for Channel<T, N> {
    type Arm<'a>
        = Receiving<'a, T, N>
    where
        Self: 'a;

    fn arm(&self) -> Receiving<'_, T, N> {
        Receiving { seat: Seat::new(&self.0, Side::Taking), received: Cell::new(None) }
    }
}

impl<T, const N: usize> fmt::Debug for Receiving<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving").finish_non_exhaustive()
    }
}

/// Sending an item.
pub struct Sending<'a, T, const N: usize> {
    seat: Seat<'a, Inside<T, N>>,
    item: Cell<Option<T>>,
}

impl<T, const N: usize> Arm for Sending<'_, T, N> {
    fn try_now(&self) -> bool {
        let mut item = self.item.take();
        let tried = self.seat.attempt(|inside| inside.put(&mut item));
        self.item.set(item);
        tried.is_some()
    }

    fn comes_from_outside(&self) -> bool {
        true
    }

    unsafe fn link(&self, _waiter: &Waiter, _index: u32) {
        // SAFETY: the caller's promise.
        unsafe { self.seat.take(Inside::has_room) }
    }

    unsafe fn unlink(&self) {
        self.seat.leave(|_| {});
    }
}

impl<T, const N: usize> Take for Sending<'_, T, N> {
    type Output = Result<(), SendError<T>>;

    fn take(&self, cancelled: bool) -> Self::Output {
        match self.item.take() {
            None => Ok(()),
            Some(item) if cancelled => Err(SendError::of(WaitError::Cancelled, item)),
            Some(item) => Err(SendError::Closed(item)),
        }
    }
}

impl<T, const N: usize> SendTo<T> for Channel<T, N> {
    type Arm<'a>
        = Sending<'a, T, N>
    where
        Self: 'a;

    fn arm(&self, item: T) -> Sending<'_, T, N> {
        Sending { seat: Seat::new(&self.0, Side::Bringing), item: Cell::new(Some(item)) }
    }
}

impl<T, const N: usize> fmt::Debug for Sending<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}

/// Being notified.
pub struct Notified<'a>(Seat<'a, notify::Notified>);

impl Arm for Notified<'_> {
    fn try_now(&self) -> bool {
        self.0.attempt(notify::Notified::take).is_some()
    }

    fn comes_from_outside(&self) -> bool {
        true
    }

    unsafe fn link(&self, _waiter: &Waiter, _index: u32) {
        // SAFETY: the caller's promise.
        unsafe { self.0.take(notify::Notified::is_there) }
    }

    unsafe fn unlink(&self) {
        self.0.leave(notify::Notified::keep);
    }
}

impl Take for Notified<'_> {
    type Output = Result<(), Cancelled>;

    fn take(&self, cancelled: bool) -> Self::Output {
        if cancelled { Err(Cancelled) } else { Ok(()) }
    }
}

impl Wait for Notify {
    type Arm<'a> = Notified<'a>;

    fn arm(&self) -> Notified<'_> {
        Notified(Seat::new(&self.0, Side::Taking))
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notified").finish_non_exhaustive()
    }
}
