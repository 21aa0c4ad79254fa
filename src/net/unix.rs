//! Unix sockets, in the shapes of std's `os::unix::net`.

use core::fmt;
use core::iter::FusedIterator;

use crate::error::Errno;
use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::io::{Error, IoSlice, IoSliceMut};
use crate::sys::address::{Address, UNIX};
use crate::sys::call::{Call, Named as _};
use crate::sys::socket::{self, Choice, DATAGRAM, STREAM};

use super::Shutdown;
use super::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use super::socket::{PEEK, Socket};
use super::stream::SplitError;

/// How many connections may wait to be accepted; the kernel takes less where it is set to.
const BACKLOG: u32 = 4096;

/// The address of a Unix socket: a path in the file system, an abstract name, or none.
#[derive(Clone, Copy)]
pub struct UnixAddr(Address);

impl UnixAddr {
    /// The address at a path: at most 107 bytes, none of them zero.
    ///
    /// # Errors
    ///
    /// [`Errno::INVAL`] for another path.
    pub fn from_pathname(path: impl AsRef<[u8]>) -> Result<Self, Errno> {
        let path = path.as_ref();
        if path.is_empty() || path.contains(&0) {
            return Err(Errno::INVAL);
        }
        Address::unix(path).map(Self).ok_or(Errno::INVAL)
    }

    /// The address of a name that is in no file system, and gone with its socket: at most 107
    /// bytes.
    ///
    /// # Errors
    ///
    /// [`Errno::INVAL`] for a longer name.
    pub fn from_abstract_name(name: impl AsRef<[u8]>) -> Result<Self, Errno> {
        let name = name.as_ref();
        let mut buffer = [0; 108];
        let place = buffer.get_mut(1..=name.len()).ok_or(Errno::INVAL)?;
        place.copy_from_slice(name);
        let with_zero = buffer.get(..=name.len()).unwrap_or_default();
        Address::unix(with_zero).map(Self).ok_or(Errno::INVAL)
    }

    /// The path, if it is one.
    pub fn as_pathname(&self) -> Option<&[u8]> {
        Some(self.0.unix_path()).filter(|path| path.first().is_some_and(|first| *first != 0))
    }

    /// The abstract name, if it is one.
    pub fn as_abstract_name(&self) -> Option<&[u8]> {
        self.0.unix_path().strip_prefix(&[0])
    }

    /// Whether the socket has neither path nor name.
    pub fn is_unnamed(&self) -> bool {
        self.0.unix_path().is_empty()
    }
}

impl fmt::Debug for UnixAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.as_pathname(), self.as_abstract_name()) {
            (Some(path), _) => write!(f, "\"{}\"", path.escape_ascii()),
            (None, Some(name)) => write!(f, "\"{}\" (abstract)", name.escape_ascii()),
            (None, None) => f.write_str("(unnamed)"),
        }
    }
}

/// Who has made a connection: the process, its user and its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The number of the process when it connected or listened.
    pub pid: i32,
    /// Its effective user.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
}

/// A connection between Unix sockets.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, net::UnixStream, task};
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// RUNTIME.run(|| {
///     let (a, b) = UnixStream::pair().unwrap();
///     let writer = task::spawn(move || a.write_all(b"hello")).unwrap();
///     let mut buffer = [0; 16];
///     let count = b.read(&mut buffer).unwrap();
///     assert_eq!(&buffer[..count], b"hello");
///     writer.join().unwrap().unwrap();
/// }).unwrap();
/// ```
#[derive(Debug)]
pub struct UnixStream {
    socket: Socket,
}

impl UnixStream {
    /// Connects to the socket at a path.
    ///
    /// While that has as many connections waiting as it may have, this waits too.
    ///
    /// # Errors
    ///
    /// Those of socket(2) and connect(2), or of starting the driver; [`Errno::INVAL`] for a path
    /// that is none.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn connect(path: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::connect_addr(&UnixAddr::from_pathname(path).of(Call::Connect)?)
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
    pub fn connect_addr(address: &UnixAddr) -> Result<Self, Error> {
        let socket = Socket::open(UNIX, STREAM)?;
        socket.connect(&address.0)?;
        Ok(Self { socket })
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// [`Errno::MFILE`] if the process has no descriptors left.
    pub fn pair() -> Result<(Self, Self), Error> {
        let (a, b) = socket::pair(STREAM).of(Call::SocketPair)?;
        Ok((Self { socket: Socket::unknown(a) }, Self { socket: Socket::unknown(b) }))
    }

    /// The socket's own address.
    ///
    /// # Errors
    ///
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> Result<UnixAddr, Error> {
        self.socket.name().map(UnixAddr)
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// [`Errno::NOTCONN`] if the connection is over.
    pub fn peer_addr(&self) -> Result<UnixAddr, Error> {
        self.socket.peer().map(UnixAddr)
    }

    /// Who is on the other side, as of when the connection was made.
    ///
    /// # Errors
    ///
    /// Those of getsockopt(2).
    pub fn peer_cred(&self) -> Result<Credentials, Error> {
        let [pid, uid, gid] = self.socket.get(Choice::CREDENTIALS)?;
        Ok(Credentials { pid, uid: uid.cast_unsigned(), gid: gid.cast_unsigned() })
    }
}

/// A Unix socket that others connect to.
#[derive(Debug)]
pub struct UnixListener {
    socket: Socket,
}

impl UnixListener {
    /// A socket at a path, where it makes a file. Nobody removes that but you.
    ///
    /// # Errors
    ///
    /// Those of socket(2), bind(2) and listen(2): [`Errno::ADDRINUSE`] if there is a file;
    /// [`Errno::INVAL`] for a path that is none.
    pub fn bind(path: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::bind_addr(&UnixAddr::from_pathname(path).of(Call::Bind)?)
    }

    /// As [`bind`](Self::bind), with any address.
    ///
    /// # Errors
    ///
    /// As for `bind`.
    pub fn bind_addr(address: &UnixAddr) -> Result<Self, Error> {
        let socket = Socket::open(UNIX, STREAM)?;
        socket.bind(&address.0)?;
        socket.listen(BACKLOG)?;
        Ok(Self { socket })
    }

    /// Waits for a connection, and returns it with the peer's address.
    ///
    /// # Cancellation
    ///
    /// No connection is lost: a cancelled call returns one if it has got it.
    ///
    /// # Errors
    ///
    /// Those of accept(2); [`Errno::CANCELED`] if the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn accept(&self) -> Result<(UnixStream, UnixAddr), Error> {
        let (socket, peer) = self.socket.accept()?;
        Ok((UnixStream { socket }, UnixAddr(peer)))
    }

    /// As [`accept`](Self::accept), and does not wait. May be called outside of tasks.
    ///
    /// Sets the listener's descriptor not to wait (`O_NONBLOCK`), for all who have it.
    ///
    /// # Errors
    ///
    /// [`Errno::AGAIN`] if there is no connection; else as for `accept`.
    pub fn try_accept(&self) -> Result<(UnixStream, UnixAddr), Error> {
        let (socket, peer) = self.socket.try_accept()?;
        Ok((UnixStream { socket }, UnixAddr(peer)))
    }

    /// The connections that come, one after the other, without end.
    pub fn incoming(&self) -> UnixIncoming<'_> {
        UnixIncoming { listener: self }
    }

    /// The socket's own address.
    ///
    /// # Errors
    ///
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> Result<UnixAddr, Error> {
        self.socket.name().map(UnixAddr)
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

/// Connections, one after the other; made by [`UnixListener::incoming`].
#[derive(Debug)]
pub struct UnixIncoming<'a> {
    listener: &'a UnixListener,
}

impl Iterator for UnixIncoming<'_> {
    type Item = Result<UnixStream, Error>;

    #[track_caller]
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.listener.accept().map(|(stream, _peer)| stream))
    }
}

impl FusedIterator for UnixIncoming<'_> {}

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
    /// As for [`UnixListener::bind`].
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
    /// [`Errno::MFILE`] if the process has no descriptor left.
    pub fn unbound() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(UNIX, DATAGRAM)? })
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// [`Errno::MFILE`] if the process has no descriptors left.
    pub fn pair() -> Result<(Self, Self), Error> {
        let (a, b) = socket::pair(DATAGRAM).of(Call::SocketPair)?;
        Ok((Self { socket: Socket::unknown(a) }, Self { socket: Socket::unknown(b) }))
    }

    /// Sets the peer for [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// Those of connect(2); [`Errno::INVAL`] for a path that is none.
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
        self.socket.connect(&address.0)
    }

    /// Sends a message to the peer; waits while that has no room for it.
    ///
    /// # Errors
    ///
    /// Those of send(2); [`Errno::CANCELED`] if the task was told to end.
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

    /// Sends a message to the socket at a path; waits while that has no room for it.
    ///
    /// # Errors
    ///
    /// Those of sendmsg(2); [`Errno::INVAL`] for a path that is none.
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
    /// [`Errno::AGAIN`] while there is no room for the message; else as for `send_to`.
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
    /// Those of recv(2); [`Errno::CANCELED`] if the task was told to end.
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
        Ok((count, UnixAddr(from)))
    }

    /// As [`recv_from`](Self::recv_from), and does not wait. May be called outside of tasks.
    ///
    /// # Errors
    ///
    /// [`Errno::AGAIN`] while there is no message; else as for `recv_from`.
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> Result<(usize, UnixAddr), Error> {
        let (count, from) = self.socket.try_recv_from(buffer)?;
        Ok((count, UnixAddr(from)))
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
        self.socket.name().map(UnixAddr)
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// [`Errno::NOTCONN`] without one.
    pub fn peer_addr(&self) -> Result<UnixAddr, Error> {
        self.socket.peer().map(UnixAddr)
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

super::descriptor!(UnixStream, "a connected Unix socket");
super::descriptor!(UnixListener, "a Unix socket that listens");
super::descriptor!(UnixDatagram, "a Unix socket for messages");
super::stream::stream_socket!(UnixStream);
super::halves::half_addresses!(UnixStream, UnixAddr, socket => socket.name().map(UnixAddr), socket.peer().map(UnixAddr));
crate::fd::readiness!(UnixListener, socket.fd, readable);
#[cfg(feature = "sync")]
super::acceptance!(UnixListener, (UnixStream, UnixAddr));
crate::fd::readiness!(UnixDatagram, socket.fd);
