//! What connected sockets do alike, and using the two directions of one apart.

use core::fmt;

use crate::error::Errno;
use crate::io::Error;

/// Gives a type with a `socket`, which may have a type parameter, what is done to read.
macro_rules! reading {
    ([$($generic:ident)?] $name:ty) => {
        impl<$($generic)?> $name {
            /// Reads what there is into `buffer`, and returns how many bytes; waits while there
            /// is nothing. 0 is the end: the peer has ended its direction. Or the buffer is empty.
            ///
            /// # Cancellation
            ///
            /// Nothing is lost: a cancelled read has taken nothing, or returns what it has taken.
            ///
            /// # Errors
            ///
            /// Those of recv(2), such as [`Errno::CONNRESET`](crate::Errno::CONNRESET); [`Errno::CANCELED`](crate::Errno::CANCELED) if the task
            /// was told to end.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[inline]
            #[track_caller]
            pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
                self.socket.read(buffer)
            }

            /// As [`read`](Self::read), and does not wait. May be called outside of tasks.
            ///
            /// # Errors
            ///
            /// [`Errno::AGAIN`](crate::Errno::AGAIN) while there is nothing to read, and not even the end; else as for `read`.
            ///
            /// # Examples
            ///
            /// ```
            /// use barecoro::{Errno, Runtime, net::UnixStream};
            ///
            /// static RUNTIME: Runtime<1> = Runtime::new();
            /// RUNTIME.run(|| {
            ///     let (a, b) = UnixStream::pair()?;
            ///     assert_eq!(b.try_read(&mut [0; 8]).unwrap_err().errno(), Errno::AGAIN);
            ///     assert_eq!(a.try_write(b"hello")?, 5);
            ///     b.readable()?;
            ///     assert_eq!(b.try_read(&mut [0; 8])?, 5);
            ///     Ok::<_, Errno>(())
            /// }).unwrap().unwrap();
            /// ```
            pub fn try_read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
                self.socket.try_read(buffer)
            }

            /// As [`read`](Self::read), into several buffers, one after the other: into the first 1,024
            /// at most. 0 at once if all of those are empty, or there is none.
            ///
            /// # Errors
            ///
            /// As for `read`.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[track_caller]
            pub fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> Result<usize, Error> {
                self.socket.read_vectored(buffers)
            }

            /// As [`read`](Self::read), and leaves what it has read to be read again. 0 at once if the
            /// buffer is empty.
            ///
            /// # Errors
            ///
            /// As for `read`.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[track_caller]
            pub fn peek(&self, buffer: &mut [u8]) -> Result<usize, Error> {
                self.socket.peek(buffer)
            }
        }

        crate::fd::readiness!([$($generic)?] $name, socket.fd, readable);
    };
}
pub(super) use reading;

/// Gives a type with a `socket`, which may have a type parameter, what is done to write.
macro_rules! writing {
    ([$($generic:ident)?] $name:ty) => {
        impl<$($generic)?> $name {
            /// Writes some of `bytes`, and returns how many; waits while there is no room for
            /// any.
            ///
            /// # Cancellation
            ///
            /// A cancelled write has written nothing, or returns how much it has.
            ///
            /// # Errors
            ///
            /// Those of send(2), such as [`Errno::PIPE`](crate::Errno::PIPE), without a signal; [`Errno::CANCELED`](crate::Errno::CANCELED)
            /// if the task was told to end.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[inline]
            #[track_caller]
            pub fn write(&self, bytes: &[u8]) -> Result<usize, Error> {
                self.socket.send(bytes)
            }

            /// As [`write`](Self::write), and does not wait. May be called outside of tasks.
            ///
            /// # Errors
            ///
            /// [`Errno::AGAIN`](crate::Errno::AGAIN) while there is no room for any byte; else as for `write`.
            pub fn try_write(&self, bytes: &[u8]) -> Result<usize, Error> {
                self.socket.try_send(bytes)
            }

            /// As [`write`](Self::write), of several buffers, one after the other: of the first 1,024 at
            /// most.
            ///
            /// # Errors
            ///
            /// As for `write`.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[track_caller]
            pub fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> Result<usize, Error> {
                self.socket.write_vectored(buffers)
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
            #[inline]
            #[track_caller]
            pub fn write_all(&self, bytes: &[u8]) -> Result<(), Error> {
                self.socket.send_all(bytes)
            }
        }

        crate::fd::readiness!([$($generic)?] $name, socket.fd, writable);
    };
}
pub(super) use writing;

/// Gives a type with a `socket` what a stream of bytes does.
macro_rules! stream_socket {
    ($name:ident) => {
        impl $name {
            /// Ends one direction of the connection, or both.
            ///
            /// Tasks that wait for it go on: reads find the end, writes fail.
            ///
            /// # Errors
            ///
            /// [`Errno::NOTCONN`] if the connection is over.
            pub fn shutdown(&self, how: Shutdown) -> Result<(), Error> {
                self.socket.shutdown(how)
            }

            /// Takes the error that the kernel has noted for the connection, if there is one.
            ///
            /// # Errors
            ///
            /// Those of getsockopt(2).
            pub fn take_error(&self) -> Result<Option<Errno>, Error> {
                self.socket.take_error()
            }

            /// Another descriptor for the same connection, for two tasks that do not share a
            /// scope.
            ///
            /// # Errors
            ///
            /// [`Errno::MFILE`] if the process has no descriptor left.
            pub fn try_clone(&self) -> Result<Self, Error> {
                self.socket.try_clone().map(|socket| Self { socket })
            }

            /// The two directions, for two tasks of one scope.
            pub const fn split(&self) -> (ReadHalf<'_, Self>, WriteHalf<'_, Self>) {
                (ReadHalf::new(&self.socket), WriteHalf::new(&self.socket))
            }

            /// The two directions, each with a descriptor of its own, for tasks that have nothing
            /// else in common. The half that writes ends its direction when it is dropped.
            ///
            /// # Errors
            ///
            /// [`SplitError`] with the stream, if the process has no descriptor left.
            pub fn into_split(
                self,
            ) -> Result<(OwnedReadHalf<Self>, OwnedWriteHalf<Self>), SplitError<Self>> {
                match self.socket.try_clone() {
                    Ok(other) => Ok((OwnedReadHalf::new(other), OwnedWriteHalf::new(self.socket))),
                    Err(error) => Err(SplitError { stream: self, error }),
                }
            }
        }

        super::stream::reading!([] $name);
        super::stream::writing!([] $name);
        crate::io::stream!($name);
    };
}
pub(super) use stream_socket;

/// Why a stream could not be split; here it is.
#[derive(Debug)]
#[non_exhaustive]
pub struct SplitError<S> {
    /// The stream.
    pub stream: S,
    /// What has failed.
    pub error: Error,
}

impl<S> fmt::Display for SplitError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl<S: fmt::Debug> core::error::Error for SplitError<S> {}

impl<S> From<SplitError<S>> for Errno {
    fn from(error: SplitError<S>) -> Self {
        error.error.into()
    }
}
