//! The two directions of a stream, for two tasks.

use core::marker::PhantomData;

use crate::fd::{AsFd, BorrowedFd};
use crate::io::{Error, IoSlice, IoSliceMut};

use super::socket::Socket;
use super::{Shutdown, TcpStream};

/// The direction of a stream of type `S` that is read, borrowed; made by `split`.
#[derive(Debug)]
pub struct ReadHalf<'a, S = TcpStream> {
    socket: &'a Socket,
    stream: PhantomData<S>,
}

/// The direction of a stream of type `S` that is written, borrowed; made by `split`.
#[derive(Debug)]
pub struct WriteHalf<'a, S = TcpStream> {
    socket: &'a Socket,
    stream: PhantomData<S>,
}

/// The direction of a stream of type `S` that is read; made by `into_split`.
#[derive(Debug)]
pub struct OwnedReadHalf<S = TcpStream> {
    socket: Socket,
    stream: PhantomData<S>,
}

/// The direction of a stream of type `S` that is written; made by `into_split`. Ends it when it is
/// dropped.
#[derive(Debug)]
pub struct OwnedWriteHalf<S = TcpStream> {
    socket: Socket,
    stream: PhantomData<S>,
}

impl<S> Drop for OwnedWriteHalf<S> {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.socket.shutdown(Shutdown::Write);
    }
}

/// Gives all halves what they have in common.
macro_rules! half {
    ($name:ident, $socket:ty $(, $lifetime:lifetime)?) => {
        impl<$($lifetime,)? S> $name<$($lifetime,)? S> {
            pub(super) const fn new(socket: $socket) -> Self {
                Self { socket, stream: PhantomData }
            }

            pub(super) const fn socket(&self) -> &Socket {
                &self.socket
            }
        }

        impl<$($lifetime,)? S> AsFd for $name<$($lifetime,)? S> {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.socket.fd.as_fd()
            }
        }

        impl<$($lifetime,)? S> embedded_io::ErrorType for $name<$($lifetime,)? S> {
            type Error = Error;
        }

        impl<$($lifetime,)? S> embedded_io::ErrorType for &$name<$($lifetime,)? S> {
            type Error = Error;
        }
    };
}

macro_rules! read_half {
    ($name:ident $(, $lifetime:lifetime)?) => {
        impl<$($lifetime,)? S> $name<$($lifetime,)? S> {
            /// As the stream's `read`.
            ///
            /// # Errors
            ///
            /// As for that.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[track_caller]
            pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
                self.socket.read(buffer)
            }

            /// As the stream's `try_read`.
            ///
            /// # Errors
            ///
            /// As for that.
            pub fn try_read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
                self.socket.try_read(buffer)
            }

            /// As the stream's `read_vectored`.
            ///
            /// # Errors
            ///
            /// As for that.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[track_caller]
            pub fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> Result<usize, Error> {
                self.socket.read_vectored(buffers)
            }

            /// As the stream's `peek`.
            ///
            /// # Errors
            ///
            /// As for that.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[track_caller]
            pub fn peek(&self, buffer: &mut [u8]) -> Result<usize, Error> {
                self.socket.peek(buffer)
            }

            /// As the stream's `readable`.
            ///
            /// # Errors
            ///
            /// As for that.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[track_caller]
            pub fn readable(&self) -> Result<(), Error> {
                crate::fd::wait_for(&self.socket.fd, false)
            }
        }

        impl<$($lifetime,)? S> embedded_io::Read for $name<$($lifetime,)? S> {
            fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
                <$name<$($lifetime,)? S>>::read(self, buffer)
            }
        }

        impl<$($lifetime,)? S> embedded_io::Read for &$name<$($lifetime,)? S> {
            fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
                <$name<$($lifetime,)? S>>::read(self, buffer)
            }
        }
    };
}

macro_rules! write_half {
    ($name:ident $(, $lifetime:lifetime)?) => {
        impl<$($lifetime,)? S> $name<$($lifetime,)? S> {
            /// As the stream's `write`.
            ///
            /// # Errors
            ///
            /// As for that.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[track_caller]
            pub fn write(&self, bytes: &[u8]) -> Result<usize, Error> {
                self.socket.send(bytes)
            }

            /// As the stream's `try_write`.
            ///
            /// # Errors
            ///
            /// As for that.
            pub fn try_write(&self, bytes: &[u8]) -> Result<usize, Error> {
                self.socket.try_send(bytes)
            }

            /// As the stream's `write_vectored`.
            ///
            /// # Errors
            ///
            /// As for that.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[track_caller]
            pub fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> Result<usize, Error> {
                self.socket.write_vectored(buffers)
            }

            /// As the stream's `write_all`.
            ///
            /// # Errors
            ///
            /// As for that.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[track_caller]
            pub fn write_all(&self, bytes: &[u8]) -> Result<(), Error> {
                self.socket.send_all(bytes)
            }

            /// As the stream's `writable`.
            ///
            /// # Errors
            ///
            /// As for that.
            ///
            /// # Panics
            ///
            /// Outside of a task.
            #[track_caller]
            pub fn writable(&self) -> Result<(), Error> {
                crate::fd::wait_for(&self.socket.fd, true)
            }

            /// Lets the peer find the end.
            ///
            /// # Errors
            ///
            /// [`Errno::NOTCONN`](crate::Errno::NOTCONN) if the connection is over.
            pub fn shutdown(&self) -> Result<(), Error> {
                self.socket.shutdown(Shutdown::Write)
            }
        }

        impl<$($lifetime,)? S> embedded_io::Write for $name<$($lifetime,)? S> {
            fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
                <$name<$($lifetime,)? S>>::write(self, bytes)
            }

            fn flush(&mut self) -> Result<(), Error> {
                Ok(())
            }
        }

        impl<$($lifetime,)? S> embedded_io::Write for &$name<$($lifetime,)? S> {
            fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
                <$name<$($lifetime,)? S>>::write(self, bytes)
            }

            fn flush(&mut self) -> Result<(), Error> {
                Ok(())
            }
        }
    };
}

/// Borrowed halves can be copied, whatever the stream is.
macro_rules! copied {
    ($name:ident) => {
        impl<S> Clone for $name<'_, S> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<S> Copy for $name<'_, S> {}
    };
}

half!(ReadHalf, &'a Socket, 'a);
half!(WriteHalf, &'a Socket, 'a);
half!(OwnedReadHalf, Socket);
half!(OwnedWriteHalf, Socket);
read_half!(ReadHalf, 'a);
read_half!(OwnedReadHalf);
write_half!(WriteHalf, 'a);
write_half!(OwnedWriteHalf);
copied!(ReadHalf);
copied!(WriteHalf);

/// Gives the halves of a stream its addresses, by expressions that find them at a socket.
macro_rules! half_addresses {
    ($stream:ident, $address:ty, $socket:ident => $local:expr, $peer:expr) => {
        super::halves::half_addresses!(@of ReadHalf<'_, $stream>, $address, $socket => $local, $peer);
        super::halves::half_addresses!(@of WriteHalf<'_, $stream>, $address, $socket => $local, $peer);
        super::halves::half_addresses!(@of OwnedReadHalf<$stream>, $address, $socket => $local, $peer);
        super::halves::half_addresses!(@of OwnedWriteHalf<$stream>, $address, $socket => $local, $peer);
    };
    (@of $half:ty, $address:ty, $socket:ident => $local:expr, $peer:expr) => {
        impl $half {
            /// As the stream's `local_addr`.
            ///
            /// # Errors
            ///
            /// As for that.
            pub fn local_addr(&self) -> Result<$address, Error> {
                let $socket = self.socket();
                $local
            }

            /// As the stream's `peer_addr`.
            ///
            /// # Errors
            ///
            /// As for that.
            pub fn peer_addr(&self) -> Result<$address, Error> {
                let $socket = self.socket();
                $peer
            }
        }
    };
}
pub(super) use half_addresses;
