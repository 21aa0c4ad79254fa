//! Pipes.

use crate::driver;
use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::sys::call::{Call, Named as _};
use crate::sys::fd;
use crate::sys::operation::Operation;
use crate::sys::pipe as sys;

use super::Error;

/// A pipe: what reads from it, and what writes to it. Does not wait.
///
/// It holds 64 KiB that were written and not yet read; see pipe(7). Both ends are closed on exec.
///
/// On `epoll` an end that a task has used is set not to wait (`O_NONBLOCK`), for all who have it.
///
/// # Errors
///
/// [`Errno::MFILE`](crate::Errno::MFILE) if the process has no two descriptors left.
///
/// # Examples
///
/// ```
/// use barecoro::{Errno, Runtime, io, task};
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// RUNTIME.run(|| {
///     let (reader, writer) = io::pipe()?;
///     let other = task::spawn(move || writer.write_all(b"hello")).unwrap();
///     let mut buffer = [0; 16];
///     let count = reader.read(&mut buffer)?;
///     assert_eq!(&buffer[..count], b"hello");
///     other.join().unwrap()?;
///     assert_eq!(reader.read(&mut buffer)?, 0);       // nobody writes to it any more
///     Ok::<_, Errno>(())
/// }).unwrap().unwrap();
/// ```
pub fn pipe() -> Result<(PipeReader, PipeWriter), Error> {
    let (reader, writer) = sys::new().of(Call::Pipe)?;
    Ok((PipeReader { fd: reader }, PipeWriter { fd: writer }))
}

/// The end of a pipe that is read from; made by [`pipe`].
#[derive(Debug)]
pub struct PipeReader {
    fd: OwnedFd,
}

/// The end of a pipe that is written to; made by [`pipe`].
#[derive(Debug)]
pub struct PipeWriter {
    fd: OwnedFd,
}

impl PipeReader {
    /// Reads what there is into `buffer`, and returns how many bytes; waits while there is nothing.
    /// 0 is the end: nobody can write to it any more.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost: a cancelled read has taken nothing, or returns what it has taken.
    ///
    /// # Errors
    ///
    /// Those of read(2); [`Errno::CANCELED`](crate::Errno::CANCELED) if the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[inline]
    #[track_caller]
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        driver::perform(Some(&self.fd), &Operation::read(self.fd.raw(), buffer, None))
    }

    /// As [`read`](Self::read), and does not wait. May be called outside of tasks.
    ///
    /// Sets the descriptor not to wait (`O_NONBLOCK`), for all who have it.
    ///
    /// # Errors
    ///
    /// [`Errno::AGAIN`](crate::Errno::AGAIN) while there is nothing to read, and not even the end; else
    /// as for `read`.
    pub fn try_read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        driver::perform_now(&Operation::read(self.fd.raw(), buffer, None))
    }

    /// Another descriptor for the same end.
    ///
    /// # Errors
    ///
    /// [`Errno::MFILE`](crate::Errno::MFILE) if the process has no descriptor left.
    pub fn try_clone(&self) -> Result<Self, Error> {
        fd::duplicate_anywhere(self.fd.raw()).map(Self::from).of(Call::Duplicate)
    }
}

impl PipeWriter {
    /// Writes some of `bytes`, and returns how many; waits while there is no room for any.
    ///
    /// # Cancellation
    ///
    /// A cancelled write has written nothing, or returns how much it has.
    ///
    /// # Errors
    ///
    /// Those of write(2); [`Errno::PIPE`](crate::Errno::PIPE) if nobody can read it any more, see [the
    /// module](super#broken-pipes); [`Errno::CANCELED`](crate::Errno::CANCELED) if the task was told
    /// to end.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[inline]
    #[track_caller]
    pub fn write(&self, bytes: &[u8]) -> Result<usize, Error> {
        driver::perform(Some(&self.fd), &Operation::write(self.fd.raw(), bytes, None))
    }

    /// As [`write`](Self::write), and does not wait. May be called outside of tasks.
    ///
    /// Sets the descriptor not to wait (`O_NONBLOCK`), for all who have it.
    ///
    /// # Errors
    ///
    /// [`Errno::AGAIN`](crate::Errno::AGAIN) while there is no room: for up to 4096 bytes
    /// (`PIPE_BUF`), for all of them; else as for `write`.
    pub fn try_write(&self, bytes: &[u8]) -> Result<usize, Error> {
        driver::perform_now(&Operation::write(self.fd.raw(), bytes, None))
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
        super::write_all(bytes, |rest| self.write(rest))
    }

    /// Another descriptor for the same end.
    ///
    /// # Errors
    ///
    /// [`Errno::MFILE`](crate::Errno::MFILE) if the process has no descriptor left.
    pub fn try_clone(&self) -> Result<Self, Error> {
        fd::duplicate_anywhere(self.fd.raw()).map(Self::from).of(Call::Duplicate)
    }
}

/// Gives an end its conversions from and to descriptors.
macro_rules! descriptor {
    ($name:ident) => {
        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.fd.as_fd()
            }
        }

        impl From<$name> for OwnedFd {
            fn from(this: $name) -> Self {
                this.fd
            }
        }

        /// The descriptor must be of this end of a pipe; calls fail otherwise.
        impl From<OwnedFd> for $name {
            fn from(fd: OwnedFd) -> Self {
                Self { fd }
            }
        }
    };
}

descriptor!(PipeReader);
descriptor!(PipeWriter);
crate::fd::readiness!(PipeReader, fd, readable);
crate::fd::readiness!(PipeWriter, fd, writable);

#[cfg(feature = "embedded-io")]
super::reader!(PipeReader);
#[cfg(feature = "embedded-io")]
super::writer!(PipeWriter);
