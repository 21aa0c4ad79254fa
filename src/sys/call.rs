//! The names of calls, and errors that say which call has failed.

use core::fmt;

use linux_raw_sys::io_uring::io_uring_op as op;

use crate::error::Errno;

macro_rules! calls {
    ($($name:ident = $number:expr, $text:literal;)*) => {
        /// A system call. Those that `io_uring` can do have its numbers; the others follow from 127 on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[allow(dead_code, reason = "which ones are made depends on the features")]
        pub(crate) enum Call {
            $($name = $number,)*
        }

        impl Call {
            /// The name of its manual page.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The call with this number.
            #[cfg(feature = "epoll")]
            pub(crate) const fn from_number(number: u8) -> Option<Self> {
                $(
                    if number == Self::$name as u8 {
                        return Some(Self::$name);
                    }
                )*
                None
            }
        }
    };
}

calls! {
    Readv = op::IORING_OP_READV as u8, "readv";
    Writev = op::IORING_OP_WRITEV as u8, "writev";
    Poll = op::IORING_OP_POLL_ADD as u8, "poll";
    SendMsg = op::IORING_OP_SENDMSG as u8, "sendmsg";
    RecvMsg = op::IORING_OP_RECVMSG as u8, "recvmsg";
    Accept = op::IORING_OP_ACCEPT as u8, "accept";
    Connect = op::IORING_OP_CONNECT as u8, "connect";
    Fsync = op::IORING_OP_FSYNC as u8, "fsync";
    Statx = op::IORING_OP_STATX as u8, "statx";
    Open = op::IORING_OP_OPENAT2 as u8, "open";
    Rename = op::IORING_OP_RENAMEAT as u8, "rename";
    Unlink = op::IORING_OP_UNLINKAT as u8, "unlink";
    MakeDirectory = op::IORING_OP_MKDIRAT as u8, "mkdir";
    MakeLink = op::IORING_OP_SYMLINKAT as u8, "symlink";
    Link = op::IORING_OP_LINKAT as u8, "link";
    Read = op::IORING_OP_READ as u8, "read";
    Write = op::IORING_OP_WRITE as u8, "write";
    Send = op::IORING_OP_SEND as u8, "send";
    Recv = op::IORING_OP_RECV as u8, "recv";
    Socket = 128, "socket";
    SocketPair = 127, "socketpair";
    Bind = 129, "bind";
    Listen = 130, "listen";
    Shutdown = 131, "shutdown";
    GetSockName = 132, "getsockname";
    GetPeerName = 133, "getpeername";
    GetSockOpt = 134, "getsockopt";
    SetSockOpt = 135, "setsockopt";
    Duplicate = 136, "fcntl";
    Pipe = 137, "pipe";
    Wait = 138, "wait";
    Seek = 160, "lseek";
    Truncate = 161, "ftruncate";
    ReadDirectory = 162, "getdents";
    ReadLink = 163, "readlink";
    ChangeMode = 166, "chmod";
    ChangeDirectory = 167, "chdir";
    CurrentDirectory = 168, "getcwd";
    Mount = 169, "mount";
    Unmount = 170, "umount";
    Clone = 180, "clone";
    Map = 181, "mmap";
    Execute = 182, "execve";
    SetUser = 183, "setuid";
    SetGroup = 184, "setgid";
    SetGroups = 185, "setgroups";
    SetSession = 186, "setsid";
    SetProcessGroup = 187, "setpgid";
    SetForeground = 188, "tcsetpgrp";
    DuplicateTo = 189, "dup2";
    Kill = 190, "kill";
    SignalAction = 191, "sigaction";
    Event = 192, "eventfd";
    EpollCreate = 193, "epoll_create";
    EpollControl = 194, "epoll_ctl";
    Driver = 255, "start of the driver";
}

/// A call to the kernel that has failed: which one, and why.
///
/// It converts into an [`Errno`] for `?`. A call that was cancelled, or whose time was up, has failed
/// with [`Errno::CANCELED`].
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "net")] {
/// use barecoro::{Errno, net::TcpListener};
///
/// let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
/// let error = TcpListener::bind(taken.local_addr().unwrap()).unwrap_err();
/// assert_eq!(error.errno(), Errno::ADDRINUSE);
/// assert_eq!(error.call(), "bind");
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error {
    call: Call,
    errno: Errno,
}

impl Error {
    pub(crate) const fn new(call: Call, errno: Errno) -> Self {
        Self { call, errno }
    }

    /// Why it has failed.
    pub const fn errno(self) -> Errno {
        self.errno
    }

    /// The name of the call, as of its manual page.
    pub const fn call(self) -> &'static str {
        self.call.name()
    }

    /// Whether the task was cancelled, or the time was up that it had.
    pub fn is_cancelled(self) -> bool {
        self.errno == Errno::CANCELED
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call(), self.errno)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.call(), self.errno)
    }
}

impl core::error::Error for Error {}

impl From<Error> for Errno {
    fn from(error: Error) -> Self {
        error.errno
    }
}

/// Says which call it was that has failed.
pub(crate) trait Named<T> {
    fn of(self, call: Call) -> Result<T, Error>;
}

impl<T> Named<T> for Result<T, Errno> {
    #[inline]
    fn of(self, call: Call) -> Result<T, Error> {
        self.map_err(|errno| Error::new(call, errno))
    }
}
