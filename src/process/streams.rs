//! This process's ends of the pipes to a child.

use crate::driver;
use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::io::{self, Error};
use crate::sys::operation::Operation;

/// What is written here is the child's standard input, which ends when this is dropped.
#[derive(Debug)]
pub struct ChildStdin(OwnedFd);

/// What the child writes to its standard output.
#[derive(Debug)]
pub struct ChildStdout(OwnedFd);

/// What the child writes to its standard error.
#[derive(Debug)]
pub struct ChildStderr(OwnedFd);

impl ChildStdin {
    /// Writes some of `bytes`, and returns how many; waits while there is no room for any.
    ///
    /// # Cancellation
    ///
    /// A cancelled write has written nothing, or returns how much it has.
    ///
    /// # Errors
    ///
    /// [`Errno::PIPE`](crate::Errno::PIPE) if nobody reads it any more;
    /// [`Errno::CANCELED`](crate::Errno::CANCELED) if the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn write(&self, bytes: &[u8]) -> Result<usize, Error> {
        driver::perform(Some(&self.0), &Operation::write(self.0.raw(), bytes, None))
    }

    /// As [`write`](Self::write), and does not wait. May be called outside of tasks.
    ///
    /// # Errors
    ///
    /// [`Errno::AGAIN`](crate::Errno::AGAIN) while there is no room: for up to 4096 bytes
    /// (`PIPE_BUF`), for all of them; else as for `write`.
    pub fn try_write(&self, bytes: &[u8]) -> Result<usize, Error> {
        driver::perform_now(&Operation::write(self.0.raw(), bytes, None))
    }

    /// Writes all of `bytes`.
    ///
    /// # Cancellation
    ///
    /// Some may have been written when it fails; nobody knows how many.
    ///
    /// # Errors
    ///
    /// As for [`write`](Self::write).
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn write_all(&self, bytes: &[u8]) -> Result<(), Error> {
        io::write_all(bytes, |rest| self.write(rest))
    }
}

/// Gives a type its conversions from and to descriptors.
macro_rules! descriptor {
    ($name:ty) => {
        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        impl From<$name> for OwnedFd {
            fn from(this: $name) -> Self {
                this.0
            }
        }

        impl From<OwnedFd> for $name {
            fn from(fd: OwnedFd) -> Self {
                Self(fd)
            }
        }
    };
}

/// Lets a type be read from.
macro_rules! reader {
    ($name:ty) => {
        impl $name {
            /// Reads what there is into `buffer`, and returns how many bytes; waits while there is
            /// nothing. 0 is the end: nobody writes any more.
            ///
            /// # Cancellation
            ///
            /// Nothing is lost: a cancelled read has taken nothing, or returns what it has taken.
            ///
            /// # Errors
            ///
            /// [`Errno::CANCELED`](crate::Errno::CANCELED) if the task was told to end, or an error
            /// of the driver.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[track_caller]
            pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
                driver::perform(Some(&self.0), &Operation::read(self.0.raw(), buffer, None))
            }

            /// As [`read`](Self::read), and does not wait. May be called outside of tasks.
            ///
            /// # Errors
            ///
            /// [`Errno::AGAIN`](crate::Errno::AGAIN) while there is nothing to read, and not even
            /// the end; else as for `read`.
            pub fn try_read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
                driver::perform_now(&Operation::read(self.0.raw(), buffer, None))
            }
        }

        io::reader!($name);
    };
}

crate::fd::readiness!(ChildStdin, 0, writable);
crate::fd::readiness!(ChildStdout, 0, readable);
crate::fd::readiness!(ChildStderr, 0, readable);
descriptor!(ChildStdin);
descriptor!(ChildStdout);
descriptor!(ChildStderr);
io::writer!(ChildStdin);
reader!(ChildStdout);
reader!(ChildStderr);
