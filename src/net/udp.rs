//! UDP.

use core::net::SocketAddr;

use crate::error::Errno;
use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::io::Error;
use crate::sys::address::Address;
use crate::sys::call::Call;
use crate::sys::socket::{Choice, DATAGRAM};

use super::socket::{PEEK, Socket};
use super::{family_of, internet};

/// A UDP socket: single messages, which may get lost, come twice or in another order.
///
/// A message that is longer than the buffer is cut.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, net::UdpSocket};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// RUNTIME.run(|| {
///     let a = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
///     let b = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
///     a.send_to(b"hello", b.local_addr().unwrap()).unwrap();
///     let mut buffer = [0; 16];
///     let (count, from) = b.recv_from(&mut buffer).unwrap();
///     assert_eq!((&buffer[..count], from), (b"hello".as_slice(), a.local_addr().unwrap()));
/// }).unwrap();
/// ```
#[derive(Debug)]
pub struct UdpSocket {
    socket: Socket,
}

impl UdpSocket {
    /// A socket with this address. With port 0 the kernel chooses one.
    ///
    /// # Errors
    ///
    /// Those of socket(2) and bind(2), such as [`Errno::ADDRINUSE`].
    pub fn bind(address: SocketAddr) -> Result<Self, Error> {
        let socket = Socket::open(family_of(&address), DATAGRAM)?;
        socket.bind(&Address::internet(address))?;
        Ok(Self { socket })
    }

    /// As [`bind`](Self::bind), and other sockets may have the same address, if all say so
    /// (`SO_REUSEPORT`): the kernel spreads the messages among them.
    ///
    /// # Errors
    ///
    /// As for `bind`.
    pub fn bind_reuse_port(address: SocketAddr) -> Result<Self, Error> {
        let socket = Socket::open(family_of(&address), DATAGRAM)?;
        socket.set_flag(Choice::REUSE_PORT, true)?;
        socket.bind(&Address::internet(address))?;
        Ok(Self { socket })
    }

    /// Sets the peer for [`send`](Self::send), from whom alone messages come from now on.
    ///
    /// # Errors
    ///
    /// Those of connect(2), or of starting the driver.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn connect(&self, peer: SocketAddr) -> Result<(), Error> {
        self.socket.connect(&Address::internet(peer))
    }

    /// Sends a message to an address; waits while there is no room for it.
    ///
    /// # Errors
    ///
    /// Those of sendmsg(2), such as [`Errno::MSGSIZE`]; [`Errno::CANCELED`] if the task was told to
    /// end.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn send_to(&self, message: &[u8], to: SocketAddr) -> Result<usize, Error> {
        self.socket.send_to(message, &Address::internet(to))
    }

    /// As [`send_to`](Self::send_to), and does not wait. May be called outside of tasks.
    ///
    /// # Errors
    ///
    /// [`Errno::AGAIN`] while there is no room for the message; else as for `send_to`.
    pub fn try_send_to(&self, message: &[u8], to: SocketAddr) -> Result<usize, Error> {
        self.socket.try_send_to(message, &Address::internet(to))
    }

    /// Waits for a message, and returns its length and the sender's address.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost: a cancelled call has taken nothing, or returns what it has taken.
    ///
    /// # Errors
    ///
    /// Those of recvmsg(2); [`Errno::CANCELED`] if the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), Error> {
        let (count, from) = self.socket.recv_from(buffer, 0)?;
        Ok((count, internet(from, Call::RecvMsg)?))
    }

    /// As [`recv_from`](Self::recv_from), and does not wait. May be called outside of tasks.
    ///
    /// # Errors
    ///
    /// [`Errno::AGAIN`] while there is no message; else as for `recv_from`.
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), Error> {
        let (count, from) = self.socket.try_recv_from(buffer)?;
        Ok((count, internet(from, Call::RecvMsg)?))
    }

    /// As [`recv_from`](Self::recv_from), and leaves the message to be received again.
    ///
    /// # Errors
    ///
    /// As for `recv_from`.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn peek_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), Error> {
        let (count, from) = self.socket.recv_from(buffer, PEEK)?;
        Ok((count, internet(from, Call::RecvMsg)?))
    }

    /// Sends a message to the peer that [`connect`](Self::connect) has set.
    ///
    /// # Errors
    ///
    /// Those of send(2), such as [`Errno::DESTADDRREQ`] without a peer, and
    /// [`Errno::CONNREFUSED`] where nobody has got the message before this one;
    /// [`Errno::CANCELED`] if the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn send(&self, message: &[u8]) -> Result<usize, Error> {
        self.socket.send(message)
    }

    /// As [`send`](Self::send), and does not wait. May be called outside of tasks.
    ///
    /// # Errors
    ///
    /// [`Errno::AGAIN`] while there is no room for the message; else as for `send`.
    pub fn try_send(&self, message: &[u8]) -> Result<usize, Error> {
        self.socket.try_send(message)
    }

    /// Waits for a message, and returns its length.
    ///
    /// # Errors
    ///
    /// As for [`recv_from`](Self::recv_from).
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
    /// [`Errno::AGAIN`] while there is no message; else as for `recv`.
    pub fn try_recv(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.socket.try_recv(buffer)
    }

    /// As [`recv`](Self::recv), and leaves the message to be received again.
    ///
    /// # Errors
    ///
    /// As for `recv_from`.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn peek(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.socket.recv(buffer, PEEK)
    }

    /// The socket's own address.
    ///
    /// # Errors
    ///
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> Result<SocketAddr, Error> {
        internet(self.socket.name()?, Call::GetSockName)
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// [`Errno::NOTCONN`] without one.
    pub fn peer_addr(&self) -> Result<SocketAddr, Error> {
        internet(self.socket.peer()?, Call::GetPeerName)
    }

    /// Whether it may send to broadcast addresses.
    ///
    /// # Errors
    ///
    /// Those of getsockopt(2).
    pub fn broadcast(&self) -> Result<bool, Error> {
        self.socket.flag(Choice::BROADCAST)
    }

    /// Lets it send to broadcast addresses, or not.
    ///
    /// # Errors
    ///
    /// Those of setsockopt(2).
    pub fn set_broadcast(&self, broadcast: bool) -> Result<(), Error> {
        self.socket.set_flag(Choice::BROADCAST, broadcast)
    }

    /// How many hops its packets go.
    ///
    /// # Errors
    ///
    /// Those of getsockopt(2).
    pub fn ttl(&self) -> Result<u32, Error> {
        self.socket.ttl()
    }

    /// Sets how many hops its packets go: 1 to 255.
    ///
    /// # Errors
    ///
    /// Those of setsockopt(2).
    pub fn set_ttl(&self, ttl: u32) -> Result<(), Error> {
        self.socket.set_ttl(ttl)
    }

    /// Takes the error that the kernel has noted for the socket, if there is one.
    ///
    /// # Errors
    ///
    /// Those of getsockopt(2).
    pub fn take_error(&self) -> Result<Option<Errno>, Error> {
        self.socket.take_error()
    }

    /// Another descriptor for the same socket.
    ///
    /// # Errors
    ///
    /// [`Errno::MFILE`] if the process has no descriptor left.
    pub fn try_clone(&self) -> Result<Self, Error> {
        self.socket.try_clone().map(|socket| Self { socket })
    }
}

super::descriptor!(UdpSocket, "a UDP socket");
crate::fd::readiness!(UdpSocket, socket.fd);
