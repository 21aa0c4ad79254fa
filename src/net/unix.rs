//! Unix sockets, in the shapes of std's `os::unix::net`.

use core::fmt;
use core::iter::FusedIterator;

use crate::error::Errno;
use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::io::{Error, IoSlice, IoSliceMut};
use crate::sys::address::{Address, UNIX};
use crate::sys::call::{Call, Named as _};
use crate::sys::socket::{self, Choice, STREAM};

use super::Shutdown;
use super::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use super::socket::Socket;
use super::stream::SplitError;

/// How many connections may wait to be accepted; the kernel takes less where it is set to.
const BACKLOG: u32 = 4096;

/// The address of a Unix socket: a path in the file system, an abstract name, or none.
#[derive(Clone, Copy)]
pub struct UnixAddr(pub(super) Address);

impl UnixAddr {
    /// The address that a call has returned.
    pub(super) fn of(address: Address, call: Call) -> Result<Self, Error> {
        // A sender without a name has no address at all.
        if address.is_empty() || address.family() == UNIX {
            return Ok(Self(address));
        }
        Err(Error::new(call, Errno::AFNOSUPPORT))
    }

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
    /// While that has as many connections waiting as it may have, this waits too. As the kernel does not
    /// tell when it has fewer, that is looked at less and less often, at least every 16 ms.
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
        socket.connect_unix(&address.0)?;
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
        self.socket.name().and_then(|name| UnixAddr::of(name, Call::GetSockName))
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// [`Errno::NOTCONN`] if the connection is over.
    pub fn peer_addr(&self) -> Result<UnixAddr, Error> {
        self.socket.peer().and_then(|peer| UnixAddr::of(peer, Call::GetPeerName))
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
        Ok((UnixStream { socket }, UnixAddr::of(peer, Call::Accept)?))
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
        Ok((UnixStream { socket }, UnixAddr::of(peer, Call::Accept)?))
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
        self.socket.name().and_then(|name| UnixAddr::of(name, Call::GetSockName))
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

super::descriptor!(UnixStream, "a connected Unix socket");
super::descriptor!(UnixListener, "a Unix socket that listens");
super::stream::stream_socket!(UnixStream);
super::halves::half_addresses!(UnixStream, UnixAddr, socket => socket.name().and_then(|name| UnixAddr::of(name, Call::GetSockName)), socket.peer().and_then(|peer| UnixAddr::of(peer, Call::GetPeerName)));
crate::fd::readiness!(UnixListener, socket.fd, readable);
#[cfg(feature = "sync")]
super::acceptance!(UnixListener, (UnixStream, UnixAddr));
