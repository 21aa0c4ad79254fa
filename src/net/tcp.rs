//! TCP.

use core::iter::FusedIterator;
use core::net::SocketAddr;
use core::time::Duration;

use crate::error::Errno;
use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::io::{Error, IoSlice, IoSliceMut};
use crate::sys::address::Address;
use crate::sys::call::Call;
use crate::sys::socket::{Choice, STREAM};
use crate::time::{self, Instant};

use super::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use super::socket::Socket;
use super::stream::SplitError;
use super::{Shutdown, family_of, internet};

/// How many connections may wait to be accepted; the kernel takes less where it is set to
/// (`net.core.somaxconn`, 4096 since Linux 5.4).
const BACKLOG: u32 = 4096;

/// A TCP connection.
///
/// # Examples
///
/// ```
/// use barecoro::net::{TcpListener, TcpStream};
/// use barecoro::{Runtime, task};
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// RUNTIME.run(|| {
///     let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
///     let address = listener.local_addr().unwrap();
///     let client = task::spawn(move || TcpStream::connect(address)?.write_all(b"hello")).unwrap();
///     let (stream, _peer) = listener.accept().unwrap();
///     let mut buffer = [0; 16];
///     let count = stream.read(&mut buffer).unwrap();
///     assert_eq!(&buffer[..count], b"hello");
///     client.join().unwrap().unwrap();
/// }).unwrap();
/// ```
#[derive(Debug)]
pub struct TcpStream {
    socket: Socket,
}

impl TcpStream {
    /// Connects to an address.
    ///
    /// # Cancellation
    ///
    /// Nothing is left of a connection that was not made.
    ///
    /// # Errors
    ///
    /// Those of socket(2) and connect(2), or of starting the driver.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Result<Self, Error> {
        let socket = Socket::open(family_of(&address), STREAM)?;
        socket.connect(&Address::internet(address))?;
        Ok(Self { socket })
    }

    /// As [`connect`](Self::connect), for so long at most.
    ///
    /// # Errors
    ///
    /// Those of `connect`, and [`Errno::TIMEDOUT`] when the time is up.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn connect_timeout(address: SocketAddr, timeout: Duration) -> Result<Self, Error> {
        Self::connect_until(address, Instant::now() + timeout)
    }

    /// As [`connect`](Self::connect), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// Those of `connect`, and [`Errno::TIMEDOUT`] when the time is up.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn connect_until(address: SocketAddr, deadline: Instant) -> Result<Self, Error> {
        match time::timeout_until(deadline, || Self::connect(address)) {
            Ok(connected) => connected,
            // It was connected just in time.
            Err(time::Elapsed(Ok(stream))) => Ok(stream),
            Err(time::Elapsed(Err(_))) => Err(Error::new(Call::Connect, Errno::TIMEDOUT)),
        }
    }

    /// The socket's own address.
    ///
    /// # Errors
    ///
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> Result<SocketAddr, Error> {
        internet(self.socket.name()?, Call::GetSockName)
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// [`Errno::NOTCONN`] if the connection is over.
    pub fn peer_addr(&self) -> Result<SocketAddr, Error> {
        internet(self.socket.peer()?, Call::GetPeerName)
    }

    /// Whether small writes go out at once instead of waiting for more (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// Those of getsockopt(2).
    pub fn nodelay(&self) -> Result<bool, Error> {
        self.socket.flag(Choice::NODELAY)
    }

    /// Lets small writes go out at once, or wait for more.
    ///
    /// # Errors
    ///
    /// Those of setsockopt(2).
    pub fn set_nodelay(&self, nodelay: bool) -> Result<(), Error> {
        self.socket.set_flag(Choice::NODELAY, nodelay)
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

    /// How long closing tries to get rid of what was written (`SO_LINGER`); `None` for as long as
    /// it takes, in the background.
    ///
    /// # Errors
    ///
    /// Those of getsockopt(2).
    pub fn linger(&self) -> Result<Option<Duration>, Error> {
        let [is_on, seconds] = self.socket.get(Choice::LINGER)?;
        Ok((is_on != 0).then(|| Duration::from_secs(seconds.cast_unsigned().into())))
    }

    /// Sets how long closing tries to get rid of what was written, in whole seconds. With
    /// zero the connection is reset. Anything else stops *all tasks* when the stream is dropped.
    ///
    /// # Errors
    ///
    /// Those of setsockopt(2).
    pub fn set_linger(&self, linger: Option<Duration>) -> Result<(), Error> {
        let seconds = linger.map_or(0, |time| i32::try_from(time.as_secs()).unwrap_or(i32::MAX));
        self.socket.set(Choice::LINGER, [linger.is_some().into(), seconds])
    }
}

/// A TCP socket that others connect to.
#[derive(Debug)]
pub struct TcpListener {
    socket: Socket,
}

impl TcpListener {
    /// A socket with this address that others can connect to. With port 0 the kernel chooses one.
    ///
    /// The address can be had again at once after a former owner has closed it (`SO_REUSEADDR`).
    ///
    /// # Errors
    ///
    /// Those of socket(2), bind(2) and listen(2), such as [`Errno::ADDRINUSE`].
    pub fn bind(address: SocketAddr) -> Result<Self, Error> {
        Self::builder(address)?.listen(address)
    }

    /// As [`bind`](Self::bind), and other sockets may have the same address, if all say so
    /// (`SO_REUSEPORT`): the kernel spreads the connections among them. For a runtime on each of
    /// several threads.
    ///
    /// # Errors
    ///
    /// As for `bind`.
    pub fn bind_reuse_port(address: SocketAddr) -> Result<Self, Error> {
        let this = Self::builder(address)?;
        this.socket.set_flag(Choice::REUSE_PORT, true)?;
        this.listen(address)
    }

    fn builder(address: SocketAddr) -> Result<Self, Error> {
        let socket = Socket::open(family_of(&address), STREAM)?;
        socket.set_flag(Choice::REUSE_ADDRESS, true)?;
        Ok(Self { socket })
    }

    fn listen(self, address: SocketAddr) -> Result<Self, Error> {
        self.socket.bind(&Address::internet(address))?;
        self.socket.listen(BACKLOG)?;
        Ok(self)
    }

    /// Waits for a connection, and returns it with the peer's address.
    ///
    /// # Cancellation
    ///
    /// No connection is lost: a cancelled call returns one if it has got it.
    ///
    /// # Errors
    ///
    /// Those of accept(2). [`Errno::CONNABORTED`] and network errors are of one connection, and
    /// with [`Errno::MFILE`] the next waits until a descriptor is free: a server goes on.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn accept(&self) -> Result<(TcpStream, SocketAddr), Error> {
        let (socket, peer) = self.socket.accept()?;
        Ok((TcpStream { socket }, internet(peer, Call::Accept)?))
    }

    /// As [`accept`](Self::accept), and does not wait. May be called outside of tasks.
    ///
    /// Sets the listener's descriptor not to wait (`O_NONBLOCK`), for all who have it.
    ///
    /// # Errors
    ///
    /// [`Errno::AGAIN`] if there is no connection; else as for `accept`.
    pub fn try_accept(&self) -> Result<(TcpStream, SocketAddr), Error> {
        let (socket, peer) = self.socket.try_accept()?;
        Ok((TcpStream { socket }, internet(peer, Call::Accept)?))
    }

    /// The connections that come, one after the other, without end.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// The socket's own address.
    ///
    /// # Errors
    ///
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> Result<SocketAddr, Error> {
        internet(self.socket.name()?, Call::GetSockName)
    }

    /// How many hops the packets of its connections go.
    ///
    /// # Errors
    ///
    /// Those of getsockopt(2).
    pub fn ttl(&self) -> Result<u32, Error> {
        self.socket.ttl()
    }

    /// Sets how many hops the packets of its connections go: 1 to 255.
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

/// Connections, one after the other; made by [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = Result<TcpStream, Error>;

    #[track_caller]
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.listener.accept().map(|(stream, _peer)| stream))
    }
}

impl FusedIterator for Incoming<'_> {}

super::descriptor!(TcpStream, "a connected TCP socket");
super::descriptor!(TcpListener, "a TCP socket that listens");
super::stream::stream_socket!(TcpStream);
super::halves::half_addresses!(TcpStream, SocketAddr, socket => internet(socket.name()?, Call::GetSockName), internet(socket.peer()?, Call::GetPeerName));
crate::fd::readiness!(TcpListener, socket.fd, readable);
#[cfg(feature = "sync")]
super::acceptance!(TcpListener, (TcpStream, SocketAddr));
