//! Sockets, in the shapes of [`std::net`](https://doc.rust-lang.org/std/net/). Floor 6.
//!
//! A call that has to wait parks the running task and no other. All of them take `&self`, so that
//! two tasks can use one socket at a time, such as the two directions of a connection.
//!
//! # Cancellation
//!
//! A call that waits fails with [`Errno::CANCELED`](crate::Errno::CANCELED) if the task is told to end; what the kernel has done by
//! then is returned as done. Buffers are borrowed, and are the caller's again when the call returns,
//! also where it was cancelled: it waits until the kernel has let go of them.

/// Gives a type with a `socket` its conversions from and to descriptors.
macro_rules! descriptor {
    ($name:ident, $what:literal) => {
        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.socket.fd.as_fd()
            }
        }

        impl From<$name> for OwnedFd {
            fn from(this: $name) -> Self {
                this.socket.fd
            }
        }

        #[doc = concat!("The descriptor must be of ", $what, "; calls fail otherwise.")]
        impl From<OwnedFd> for $name {
            fn from(fd: OwnedFd) -> Self {
                Self { socket: Socket::unknown(fd) }
            }
        }
    };
}
use descriptor;

/// Lets `select!` accept connections of a listener.
#[cfg(feature = "sync")]
macro_rules! acceptance {
    ($name:ident, $connection:ty) => {
        impl crate::sync::select::Accept for $name {
            type Connection = $connection;
            type Arm<'a> = crate::sync::select::Attempting<&'a Self>;

            fn arm(&self) -> Self::Arm<'_> {
                crate::sync::select::Attempting::new(self)
            }
        }

        impl crate::sync::select::Attempt for &$name {
            type Value = $connection;

            fn descriptor(&self) -> BorrowedFd<'_> {
                self.as_fd()
            }

            fn attempt(
                &self,
                is_ready: impl Fn() -> Result<bool, Error>,
            ) -> Option<Result<$connection, Error>> {
                match is_ready() {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(error) => return Some(Err(error)),
                }
                match self.try_accept() {
                    // Somebody else has been faster.
                    Err(error) if error.errno() == Errno::AGAIN => None,
                    accepted => Some(accepted),
                }
            }

            fn failed(&self, errno: Errno) -> Error {
                Error::new(Call::Accept, errno)
            }
        }
    };
}
#[cfg(feature = "sync")]
use acceptance;

mod halves;
mod socket;
mod stream;
mod tcp;
mod udp;
mod unix;
mod unix_datagram;

pub use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

pub use halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
pub use stream::SplitError;
pub use tcp::{Incoming, TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unix::{Credentials, UnixAddr, UnixIncoming, UnixListener, UnixStream};
pub use unix_datagram::UnixDatagram;

use linux_raw_sys::net as linux;

use crate::error::Errno;
use crate::io::Error;
use crate::sys::address::{Address, INET, INET6};
use crate::sys::call::Call;

/// Which directions of a connection to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Shutdown {
    /// Reading: what has not been read is dropped, and reads find the end.
    Read = linux::SHUT_RD,
    /// Writing: the peer finds the end.
    Write = linux::SHUT_WR,
    /// Both.
    Both = linux::SHUT_RDWR,
}

fn family_of(address: &SocketAddr) -> u32 {
    if address.is_ipv4() { INET } else { INET6 }
}

/// The internet address that a call has returned.
fn internet(address: Address, call: Call) -> Result<SocketAddr, Error> {
    address.to_internet().ok_or(Error::new(call, Errno::AFNOSUPPORT))
}
