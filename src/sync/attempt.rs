//! What descriptors tell of, among other things: readiness, connections, ends of processes, signals.
#![expect(unsafe_code, reason = "implements functions that are unsafe to call")]

use core::cell::Cell;
use core::fmt;

use linux_raw_sys::general as linux;

use crate::driver::{Found, Watch};
use crate::error::Errno;
use crate::sys::call::{Call, Error};
use crate::sys::owned::{AsFd, AsRawFd as _, BorrowedFd};
use crate::task::Scheduler;

use super::wait::{Arm, Take, Waiter};

/// Something that can be tried without waiting, and is tried again when a descriptor is ready.
///
/// Not for use outside of this crate.
pub trait Attempt {
    /// What it gives.
    type Value;

    /// The descriptor.
    fn descriptor(&self) -> BorrowedFd<'_>;

    /// Whether it waits until the descriptor can be written, not read.
    fn is_about_writing(&self) -> bool {
        false
    }

    /// Tries it. `None` if it would have to wait. `is_ready` asks the kernel whether the descriptor is
    /// ready, unless that is known.
    fn attempt(
        &self,
        is_ready: impl Fn() -> Result<bool, Error>,
    ) -> Option<Result<Self::Value, Error>>;

    /// The error of one that was not successful in time.
    fn failed(&self, errno: Errno) -> Error;
}

/// An [`Attempt`] among other things.
pub struct Attempting<A: Attempt> {
    attempt: A,
    watch: Watch,
    outcome: Cell<Option<Result<A::Value, Error>>>,
}

impl<A: Attempt> Attempting<A> {
    pub(crate) fn new(attempt: A) -> Self {
        let events = if attempt.is_about_writing() { linux::POLLOUT } else { linux::POLLIN };
        let watch = Watch::new(attempt.descriptor().as_raw_fd(), events);
        Self { attempt, watch, outcome: Cell::new(None) }
    }
}

impl<A: Attempt> Arm for Attempting<A> {
    #[track_caller]
    fn try_now(&self) -> bool {
        let outcome = match self.watch.take_found() {
            Found::Failed(error) => Some(Err(error)),
            Found::Ready => self.attempt.attempt(|| Ok(true)),
            Found::Nothing => self.attempt.attempt(|| self.watch.look()),
            Found::Busy => {
                let scheduler = Scheduler::here("select!");
                scheduler.yield_now();
                // Others that were tried before may be ready now.
                scheduler.look_again();
                self.attempt.attempt(|| self.watch.look())
            }
        };
        let is_done = outcome.is_some();
        self.outcome.set(outcome);
        is_done
    }

    fn comes_from_outside(&self) -> bool {
        true
    }

    /// The task is woken as it is, and tries again.
    unsafe fn link(&self, _waiter: &Waiter, _index: u32) {
        // SAFETY: the caller's promise.
        unsafe { self.watch.begin(Scheduler::here("select!")) }
    }

    unsafe fn withdraw(&self) {
        self.watch.withdraw();
    }

    unsafe fn unlink(&self) {
        // SAFETY: `link` was called by this task.
        unsafe { self.watch.end() }
    }
}

impl<A: Attempt> Take for Attempting<A> {
    type Output = Result<A::Value, Error>;

    fn take(&self, _cancelled: bool) -> Self::Output {
        self.outcome.take().unwrap_or_else(|| Err(self.attempt.failed(Errno::CANCELED)))
    }
}

impl<A: Attempt> fmt::Debug for Attempting<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempting").finish_non_exhaustive()
    }
}

/// A descriptor that is to be ready.
pub struct Interest<'fd> {
    fd: BorrowedFd<'fd>,
    is_about_writing: bool,
}

impl Attempt for Interest<'_> {
    type Value = ();

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.fd
    }

    fn is_about_writing(&self) -> bool {
        self.is_about_writing
    }

    fn attempt(&self, is_ready: impl Fn() -> Result<bool, Error>) -> Option<Result<(), Error>> {
        match is_ready() {
            Ok(true) => Some(Ok(())),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn failed(&self, errno: Errno) -> Error {
        Error::new(Call::Poll, errno)
    }
}

impl fmt::Debug for Interest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interest").field("fd", &self.fd).finish_non_exhaustive()
    }
}

/// What `readable(…)` stands for.
pub fn readable<F: AsFd + ?Sized>(fd: &F) -> Attempting<Interest<'_>> {
    Attempting::new(Interest { fd: fd.as_fd(), is_about_writing: false })
}

/// What `writable(…)` stands for.
pub fn writable<F: AsFd + ?Sized>(fd: &F) -> Attempting<Interest<'_>> {
    Attempting::new(Interest { fd: fd.as_fd(), is_about_writing: true })
}

/// What listens for connections, and `select!` can accept one of, by `accept(…)`.
pub trait Accept {
    /// A connection, and whose it is.
    type Connection;

    /// Accepting one.
    #[doc(hidden)]
    type Arm<'a>: Take<Output = Result<Self::Connection, Error>>
    where
        Self: 'a;

    #[doc(hidden)]
    fn arm(&self) -> Self::Arm<'_>;
}

impl<L: Accept + ?Sized> Accept for &L {
    type Connection = L::Connection;
    type Arm<'a>
        = L::Arm<'a>
    where
        Self: 'a;

    fn arm(&self) -> Self::Arm<'_> {
        L::arm(self)
    }
}

/// What `accept(…)` stands for.
pub fn accept<L: Accept + ?Sized>(listener: &L) -> L::Arm<'_> {
    listener.arm()
}
