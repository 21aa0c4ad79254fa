//! Unix sockets for single messages, in the shape of std's.

use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::io::Error;
use crate::sys::address::UNIX;
use crate::sys::call::{Call, Named as _};
use crate::sys::socket::{self, DATAGRAM};

use super::socket::{PEEK, Socket};
use super::{Shutdown, UnixAddr};

/// A Unix socket for single messages, none of which gets lost.
///
/// A message that is longer than the buffer is cut.
#[derive(Debug)]
pub struct UnixDatagram {
    socket: Socket,
}

impl UnixDatagram {
    /// A socket at a path, where it makes a file. Nobody removes that but you.
    ///
    /// # Errors
    ///
    /// As for [`UnixListener::bind`](super::UnixListener::bind).
    pub fn bind(path: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::bind_addr(&UnixAddr::from_pathname(path).of(Call::Bind)?)
    }

    /// As [`bind`](Self::bind), with any address.
    ///
    /// # Errors
    ///
    /// As for `bind`.
    pub fn bind_addr(address: &UnixAddr) -> Result<Self, Error> {
        let this = Self::unbound()?;
        this.socket.bind(&address.0)?;
        Ok(this)
    }

    /// A socket without an address.
    ///
    /// # Errors
    ///
    /// [`Errno::MFILE`](crate::Errno::MFILE) if the process has no descriptor left.
    pub fn unbound() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(UNIX, DATAGRAM)? })
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// [`Errno::MFILE`](crate::Errno::MFILE) if the process has no descriptors left.
    pub fn pair() -> Result<(Self, Self), Error> {
        let (a, b) = socket::pair(DATAGRAM).of(Call::SocketPair)?;
        Ok((Self { socket: Socket::unknown(a) }, Self { socket: Socket::unknown(b) }))
    }

    /// Sets the peer for [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// Those of connect(2); [`Errno::INVAL`](crate::Errno::INVAL) for a path that is none.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn connect(&self, path: impl AsRef<[u8]>) -> Result<(), Error> {
        self.connect_addr(&UnixAddr::from_pathname(path).of(Call::Connect)?)
    }

    /// As [`connect`](Self::connect), to any address.
    ///
    /// # Errors
    ///
    /// As for `connect`.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn connect_addr(&self, address: &UnixAddr) -> Result<(), Error> {
        self.socket.connect_unix(&address.0)
    }

    /// Sends a message to the peer; waits while that has no room for it. As the kernel does not always tell
    /// when it has, that is looked at less and less often, at least every 16 ms.
    ///
    /// # Errors
    ///
    /// Those of send(2); [`Errno::CANCELED`](crate::Errno::CANCELED) if the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn send(&self, message: &[u8]) -> Result<usize, Error> {
        self.socket.send_to_unix_peer(message)
    }

    /// As [`send`](Self::send), and does not wait. May be called outside of tasks.
    ///
    /// # Errors
    ///
    /// [`Errno::AGAIN`](crate::Errno::AGAIN) while there is no room for the message; else as for `send`.
    pub fn try_send(&self, message: &[u8]) -> Result<usize, Error> {
        self.socket.try_send(message)
    }

    /// Sends a message to the socket at a path; waits while that has no room for it, as [`send`](Self::send)
    /// does.
    ///
    /// # Errors
    ///
    /// Those of sendmsg(2); [`Errno::INVAL`](crate::Errno::INVAL) for a path that is none.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn send_to(&self, message: &[u8], path: impl AsRef<[u8]>) -> Result<usize, Error> {
        self.send_to_addr(message, &UnixAddr::from_pathname(path).of(Call::SendMsg)?)
    }

    /// As [`send_to`](Self::send_to), and does not wait. May be called outside of tasks.
    ///
    /// # Errors
    ///
    /// [`Errno::AGAIN`](crate::Errno::AGAIN) while there is no room for the message; else as for `send_to`.
    pub fn try_send_to(&self, message: &[u8], path: impl AsRef<[u8]>) -> Result<usize, Error> {
        let to = UnixAddr::from_pathname(path).of(Call::SendMsg)?;
        self.socket.try_send_to(message, &to.0)
    }

    /// As [`send_to`](Self::send_to), to any address.
    ///
    /// # Errors
    ///
    /// As for `send_to`.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn send_to_addr(&self, message: &[u8], to: &UnixAddr) -> Result<usize, Error> {
        self.socket.send_to(message, &to.0)
    }

    /// Waits for a message, and returns its length.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost: a cancelled call has taken nothing, or returns what it has taken.
    ///
    /// # Errors
    ///
    /// Those of recv(2); [`Errno::CANCELED`](crate::Errno::CANCELED) if the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn recv(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.socket.recv(buffer, 0)
    }

    /// As [`recv`](Self::recv), and does not wait. May be called outside of tasks.
    ///
    /// # Errors
    ///
    /// [`Errno::AGAIN`](crate::Errno::AGAIN) while there is no message; else as for `recv`.
    pub fn try_recv(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.socket.try_recv(buffer)
    }

    /// As [`recv`](Self::recv), with the sender's address.
    ///
    /// # Errors
    ///
    /// As for `recv`.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, UnixAddr), Error> {
        let (count, from) = self.socket.recv_from(buffer, 0)?;
        Ok((count, UnixAddr::of(from, Call::RecvMsg)?))
    }

    /// As [`recv_from`](Self::recv_from), and does not wait. May be called outside of tasks.
    ///
    /// # Errors
    ///
    /// [`Errno::AGAIN`](crate::Errno::AGAIN) while there is no message; else as for `recv_from`.
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> Result<(usize, UnixAddr), Error> {
        let (count, from) = self.socket.try_recv_from(buffer)?;
        Ok((count, UnixAddr::of(from, Call::RecvMsg)?))
    }

    /// As [`recv`](Self::recv), and leaves the message to be received again.
    ///
    /// # Errors
    ///
    /// As for `recv`.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn peek(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.socket.recv(buffer, PEEK)
    }

    /// Ends one direction, or both.
    ///
    /// # Errors
    ///
    /// Those of shutdown(2).
    pub fn shutdown(&self, how: Shutdown) -> Result<(), Error> {
        self.socket.shutdown(how)
    }

    /// The socket's own address.
    ///
    /// # Errors
    ///
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> Result<UnixAddr, Error> {
        self.socket.name().and_then(|name| UnixAddr::of(name, Call::GetSockName))
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// [`Errno::NOTCONN`](crate::Errno::NOTCONN) without one.
    pub fn peer_addr(&self) -> Result<UnixAddr, Error> {
        self.socket.peer().and_then(|peer| UnixAddr::of(peer, Call::GetPeerName))
    }

    /// Another descriptor for the same socket.
    ///
    /// # Errors
    ///
    /// [`Errno::MFILE`](crate::Errno::MFILE) if the process has no descriptor left.
    pub fn try_clone(&self) -> Result<Self, Error> {
        self.socket.try_clone().map(|socket| Self { socket })
    }
}

super::descriptor!(UnixDatagram, "a Unix socket for messages");
crate::fd::readiness!(UnixDatagram, socket.fd);
