//! Descriptors of any kind: who owns one, and waiting until it can be read or written. Floor 6.
//!
//! The types have the shapes of those in [`std::os::fd`](https://doc.rust-lang.org/std/os/fd/), and
//! with the feature `std` they convert into each other.
//!
//! On epoll a descriptor that this crate owns is set not to wait (`O_NONBLOCK`) by the first call that
//! might, and stays so, also for whoever else has the same open file: in another process, or by
//! `try_clone`. On both drivers `try_accept`, the arm `accept(…)` of `select!`, and `try_read` and
//! `try_write` of pipes do the same. Who sets it back makes such calls stop all tasks. Standard input,
//! output and error, and what is borrowed, are left as they are.

pub use crate::sys::owned::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use linux_raw_sys::general as linux;

use crate::driver;
use crate::sys::call::Error;
use crate::sys::operation::Operation;

/// Waits until there is something to read: bytes, a connection to accept, the end, or an error.
///
/// For descriptors that this crate has no type for, such as those of inotify(7), and for those of
/// other libraries. What is found ready may not be so any more when it is read: somebody else may
/// have been faster. So the descriptor should be set not to wait (`O_NONBLOCK`).
///
/// # Errors
///
/// [`Errno::CANCELED`](crate::Errno::CANCELED) if the task was told to end; those of poll(2), or of
/// starting the driver.
///
/// # Panics
///
/// Outside of a task.
///
/// # Examples
///
/// ```
/// use barecoro::fd::{self, BorrowedFd};
/// use barecoro::{Runtime, task};
/// use std::io::{Read as _, Write as _};
/// use std::os::fd::AsRawFd as _;
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// let (mut reader, mut writer) = std::io::pipe().unwrap();
/// RUNTIME.run(|| {
///     let writing = task::spawn(move || writer.write_all(b"x").unwrap()).unwrap();
///     // SAFETY: the reader is open until the end of this function.
///     let borrowed = unsafe { BorrowedFd::borrow_raw(reader.as_raw_fd()) };
///     fd::readable(borrowed).unwrap();
///     assert_eq!(reader.read(&mut [0]).unwrap(), 1);
///     writing.join().unwrap();
/// }).unwrap();
/// ```
#[track_caller]
pub fn readable(fd: impl AsFd) -> Result<(), Error> {
    wait(fd, linux::POLLIN)
}

/// Waits until something can be written, or there is an error. See [`readable`].
///
/// # Errors
///
/// As for `readable`.
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn writable(fd: impl AsFd) -> Result<(), Error> {
    wait(fd, linux::POLLOUT)
}

#[track_caller]
fn wait(fd: impl AsFd, events: u32) -> Result<(), Error> {
    driver::perform(None, &Operation::poll(fd.as_fd().as_raw_fd(), events)).map(drop)
}

/// As [`readable`] and [`writable`], for a descriptor that this crate has, which the driver then knows.
#[track_caller]
pub(crate) fn wait_for(owner: &OwnedFd, for_writing: bool) -> Result<(), Error> {
    let events = if for_writing { linux::POLLOUT } else { linux::POLLIN };
    driver::perform(Some(owner), &Operation::poll(owner.raw(), events)).map(drop)
}

/// Gives a type methods that wait until it is ready: `readable`, `writable`, or both. `$fd` leads from a
/// value to its descriptor.
macro_rules! readiness {
    ([$($generic:ident)?] $name:ty, $($fd:tt).+, readable) => {
        impl<$($generic)?> $name {
            /// Waits until there is something to read: bytes, a message, a connection, the end, or an
            /// error. Only the running task is parked.
            ///
            /// Among other things it is waited for by the arm `readable(…)` of `select!`. Somebody else
            /// may read it before this task does; then the next read waits.
            ///
            /// # Errors
            ///
            /// [`Errno::CANCELED`](crate::Errno::CANCELED) if the task was told to end; those of
            /// poll(2), or of starting the driver.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[track_caller]
            pub fn readable(&self) -> Result<(), crate::sys::call::Error> {
                crate::fd::wait_for(&self.$($fd).+, false)
            }
        }
    };
    ([$($generic:ident)?] $name:ty, $($fd:tt).+, writable) => {
        impl<$($generic)?> $name {
            /// Waits until there is room for something to be written, or an error. Only the running
            /// task is parked.
            ///
            /// Among other things it is waited for by the arm `writable(…)` of `select!`. Others may
            /// take the room before this task does; then the next write waits.
            ///
            /// # Errors
            ///
            /// [`Errno::CANCELED`](crate::Errno::CANCELED) if the task was told to end; those of
            /// poll(2), or of starting the driver.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[track_caller]
            pub fn writable(&self) -> Result<(), crate::sys::call::Error> {
                crate::fd::wait_for(&self.$($fd).+, true)
            }
        }
    };
    ($name:ty, $($fd:tt).+, $direction:ident) => {
        crate::fd::readiness!([] $name, $($fd).+, $direction);
    };
    ($name:ty, $($fd:tt).+) => {
        crate::fd::readiness!([] $name, $($fd).+, readable);
        crate::fd::readiness!([] $name, $($fd).+, writable);
    };
}
pub(crate) use readiness;

/// Conversions from and to std's types.
#[cfg(feature = "std")]
#[expect(unsafe_code, reason = "tells each of the two what the other vouches for")]
mod of_std {
    use std::os::fd::{AsRawFd as _, FromRawFd as _, IntoRawFd as _};

    use super::{AsRawFd as _, BorrowedFd, FromRawFd as _, IntoRawFd as _, OwnedFd};

    impl From<std::os::fd::OwnedFd> for OwnedFd {
        fn from(fd: std::os::fd::OwnedFd) -> Self {
            // SAFETY: it is open, and its owner has given it up.
            unsafe { Self::from_raw_fd(fd.into_raw_fd()) }
        }
    }

    impl From<OwnedFd> for std::os::fd::OwnedFd {
        fn from(fd: OwnedFd) -> Self {
            // SAFETY: it is open, and its owner has given it up.
            unsafe { Self::from_raw_fd(fd.into_raw_fd()) }
        }
    }

    impl<'fd> From<std::os::fd::BorrowedFd<'fd>> for BorrowedFd<'fd> {
        fn from(fd: std::os::fd::BorrowedFd<'fd>) -> Self {
            // SAFETY: it is open for this lifetime.
            unsafe { Self::borrow_raw(fd.as_raw_fd()) }
        }
    }

    impl<'fd> From<BorrowedFd<'fd>> for std::os::fd::BorrowedFd<'fd> {
        fn from(fd: BorrowedFd<'fd>) -> Self {
            // SAFETY: it is open for this lifetime.
            unsafe { Self::borrow_raw(fd.as_raw_fd()) }
        }
    }
}
