//! The two directions of a stream, for two tasks.

use core::marker::PhantomData;

use crate::fd::{AsFd, BorrowedFd};
use crate::io::{Error, IoSlice, IoSliceMut};

use super::socket::Socket;
use super::stream::{reading, writing};
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
    };
}

macro_rules! write_half {
    ($name:ty) => {
        impl<S> $name {
            /// Lets the peer find the end.
            ///
            /// # Errors
            ///
            /// [`Errno::NOTCONN`](crate::Errno::NOTCONN) if the connection is over.
            pub fn shutdown(&self) -> Result<(), Error> {
                self.socket.shutdown(Shutdown::Write)
            }
        }

        writing!([S] $name);
        crate::io::writer!([S] $name);
    };
}

macro_rules! read_half {
    ($name:ty) => {
        reading!([S] $name);
        crate::io::reader!([S] $name);
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
read_half!(ReadHalf<'_, S>);
read_half!(OwnedReadHalf<S>);
write_half!(WriteHalf<'_, S>);
write_half!(OwnedWriteHalf<S>);
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
