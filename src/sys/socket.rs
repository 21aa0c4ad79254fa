//! Sockets: socket(2), bind(2), listen(2), shutdown(2), getsockname(2), getsockopt(2).
#![expect(unsafe_code, reason = "system calls; each function says what its arguments must be")]

use linux_raw_sys::general;
use linux_raw_sys::net as linux;

use super::address::Address;
use super::fd::{Fd, register};
use super::owned::OwnedFd;
use super::{number, result};
use crate::error::Errno;

/// `SOCK_CLOEXEC`: closed on exec.
pub(super) const CLOEXEC: u32 = general::O_CLOEXEC;
/// A stream of bytes.
pub(crate) const STREAM: u32 = linux::SOCK_STREAM;
/// Single messages.
pub(crate) const DATAGRAM: u32 = linux::SOCK_DGRAM;

/// A new socket, closed on exec.
pub(crate) fn open(family: u32, kind: u32) -> Result<OwnedFd, Errno> {
    let kind = number(kind | CLOEXEC);
    // SAFETY: touches no memory of the program's.
    let returned = unsafe { sc::syscall3(number(general::__NR_socket), number(family), kind, 0) };
    // SAFETY: the kernel has made it for this call.
    result(returned).map(|fd| unsafe { OwnedFd::of_number(fd) })
}

/// Two Unix sockets that are connected to each other, closed on exec.
pub(crate) fn pair(kind: u32) -> Result<(OwnedFd, OwnedFd), Errno> {
    let kind = number(kind | CLOEXEC);
    let mut pair = [0_u32; 2];
    // SAFETY: the kernel writes two descriptors.
    let returned = unsafe {
        sc::syscall4(
            number(general::__NR_socketpair),
            number(linux::AF_UNIX),
            kind,
            0,
            pair.as_mut_ptr().expose_provenance(),
        )
    };
    // SAFETY: the kernel has made them for this call.
    result(returned).map(|_| unsafe {
        (OwnedFd::of_number(number(pair[0])), OwnedFd::of_number(number(pair[1])))
    })
}

/// Gives a socket its address.
pub(crate) fn bind(fd: Fd, address: &Address) -> Result<(), Errno> {
    let (place, length) = address.as_in();
    // SAFETY: the kernel reads an address of this length.
    let returned = unsafe { sc::syscall3(number(general::__NR_bind), register(fd), place, length) };
    result(returned).map(drop)
}

/// Lets others connect, so many of whom may wait to be accepted.
pub(crate) fn listen(fd: Fd, backlog: u32) -> Result<(), Errno> {
    // SAFETY: touches no memory of the program's.
    let returned =
        unsafe { sc::syscall2(number(general::__NR_listen), register(fd), number(backlog)) };
    result(returned).map(drop)
}

/// Ends one direction or both.
pub(crate) fn shutdown(fd: Fd, how: u32) -> Result<(), Errno> {
    // SAFETY: touches no memory of the program's.
    let returned =
        unsafe { sc::syscall2(number(general::__NR_shutdown), register(fd), number(how)) };
    result(returned).map(drop)
}

/// The socket's own address.
pub(crate) fn name(fd: Fd) -> Result<Address, Errno> {
    address_by(general::__NR_getsockname, fd)
}

/// The address of who is connected to it.
pub(crate) fn peer(fd: Fd) -> Result<Address, Errno> {
    address_by(general::__NR_getpeername, fd)
}

fn address_by(call: u32, fd: Fd) -> Result<Address, Errno> {
    let mut address = Address::new();
    let (place, length) = address.as_out();
    // SAFETY: the kernel writes an address into as much room as the length says, and its length.
    let returned = unsafe { sc::syscall3(number(call), register(fd), place, length) };
    result(returned).map(|_| address)
}

/// An option of a socket: its level and its number.
#[derive(Clone, Copy)]
pub(crate) struct Choice(u32, u32);

impl Choice {
    pub(crate) const ERROR: Self = Self(linux::SOL_SOCKET, linux::SO_ERROR);
    pub(crate) const REUSE_ADDRESS: Self = Self(linux::SOL_SOCKET, linux::SO_REUSEADDR);
    pub(crate) const REUSE_PORT: Self = Self(linux::SOL_SOCKET, linux::SO_REUSEPORT);
    pub(crate) const BROADCAST: Self = Self(linux::SOL_SOCKET, linux::SO_BROADCAST);
    pub(crate) const LINGER: Self = Self(linux::SOL_SOCKET, linux::SO_LINGER);
    pub(crate) const FAMILY: Self = Self(linux::SOL_SOCKET, linux::SO_DOMAIN);
    pub(crate) const CREDENTIALS: Self = Self(linux::SOL_SOCKET, linux::SO_PEERCRED);
    pub(crate) const NODELAY: Self = Self(linux::IPPROTO_TCP as u32, linux::TCP_NODELAY);
    pub(crate) const TTL: Self = Self(linux::IPPROTO_IP as u32, linux::IP_TTL);
    pub(crate) const HOPS: Self = Self(linux::IPPROTO_IPV6 as u32, linux::IPV6_UNICAST_HOPS);
}

/// Sets an option that takes numbers.
pub(crate) fn set<const N: usize>(fd: Fd, choice: Choice, value: [i32; N]) -> Result<(), Errno> {
    let Choice(level, number_of_option) = choice;
    // SAFETY: the kernel reads as many bytes as it is told.
    let returned = unsafe {
        sc::syscall5(
            number(general::__NR_setsockopt),
            register(fd),
            number(level),
            number(number_of_option),
            value.as_ptr().expose_provenance(),
            size_of_val(&value),
        )
    };
    result(returned).map(drop)
}

/// Gets an option that is numbers.
pub(crate) fn get<const N: usize>(fd: Fd, choice: Choice) -> Result<[i32; N], Errno> {
    let Choice(level, number_of_option) = choice;
    let mut value = [0; N];
    let mut length = u32::try_from(size_of_val(&value)).unwrap_or(0);
    // SAFETY: the kernel writes at most as many bytes as it is told, and how many those were.
    let returned = unsafe {
        sc::syscall5(
            number(general::__NR_getsockopt),
            register(fd),
            number(level),
            number(number_of_option),
            value.as_mut_ptr().expose_provenance(),
            (&raw mut length).expose_provenance(),
        )
    };
    result(returned).map(|_| value)
}
