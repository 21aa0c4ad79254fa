//! An operation that may have to wait, in the two ways to ask the kernel for it: by a system call
//! of its own, or by an entry in the queue of `io_uring`.
#![expect(unsafe_code, reason = "system calls; each constructor says what is lent to the kernel")]

use core::marker::PhantomData;

use linux_raw_sys::general as linux;

#[cfg(feature = "net")]
use super::address::Address;
use super::call::Call;
use super::fd::{Fd, register};
#[cfg(feature = "net")]
use super::message::Message;
use super::{number, result, word};
use crate::error::Errno;

/// The most bytes that Linux moves at once (read(2), NOTES).
const MOST: usize = 0x7fff_f000;

/// The place in a file that stands for its own position.
const HERE: u64 = u64::MAX;

/// Something that the kernel is to do. What it needs for that stays lent for `'a`.
///
/// The fields are those of an entry of `io_uring`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation<'a> {
    pub(super) call: Call,
    pub(super) fd: Fd,
    /// A buffer, an address, a path, or a list of buffers.
    pub(super) address: usize,
    pub(super) length: u32,
    /// A place in a file, a second address, or a length that is not the buffer's.
    pub(super) offset: u64,
    pub(super) flags: u32,
    /// Whether a short read means that nothing is left for now.
    pub(super) is_stream: bool,
    /// Whether it may have to wait for what its descriptor's readiness does not tell.
    pub(super) is_unsure: bool,
    pub(super) lent: PhantomData<&'a mut [u8]>,
}

impl<'a> Operation<'a> {
    pub(super) const fn new(call: Call, fd: Fd) -> Self {
        Self {
            call,
            fd,
            address: 0,
            length: 0,
            offset: 0,
            flags: 0,
            is_stream: false,
            is_unsure: false,
            lent: PhantomData,
        }
    }

    fn with_buffer(self, buffer: *mut [u8]) -> Self {
        let length = u32::try_from(buffer.len().min(MOST)).unwrap_or(u32::MAX);
        Self { address: buffer.cast::<u8>().expose_provenance(), length, ..self }
    }

    /// read(2), or pread(2) from a place on.
    pub(crate) fn read(fd: Fd, buffer: &'a mut [u8], place: Option<u64>) -> Self {
        Self { offset: place.unwrap_or(HERE), ..Self::new(Call::Read, fd) }
            .with_buffer(&raw mut *buffer)
    }

    /// write(2), or pwrite(2) from a place on.
    pub(crate) fn write(fd: Fd, bytes: &'a [u8], place: Option<u64>) -> Self {
        Self { offset: place.unwrap_or(HERE), ..Self::new(Call::Write, fd) }
            .with_buffer((&raw const *bytes).cast_mut())
    }

    /// recv(2).
    #[cfg(feature = "net")]
    pub(crate) fn recv(fd: Fd, buffer: &'a mut [u8], flags: u32) -> Self {
        Self { flags, ..Self::new(Call::Recv, fd) }.with_buffer(&raw mut *buffer)
    }

    /// Says whether the descriptor is of a stream that does not hold back what it has.
    #[cfg(feature = "net")]
    pub(crate) const fn of_stream(self, is_stream: bool) -> Self {
        Self { is_stream, ..self }
    }

    /// Says that it sends to a Unix socket that may have no room for the message. Its own socket can be
    /// written then, or it cannot when there is room again.
    #[cfg(feature = "net")]
    pub(crate) const fn to_unix(self) -> Self {
        Self { is_unsure: true, ..self }
    }

    /// send(2). A broken connection is an error and no signal.
    #[cfg(feature = "net")]
    pub(crate) fn send(fd: Fd, bytes: &'a [u8]) -> Self {
        Self { flags: NOSIGNAL, ..Self::new(Call::Send, fd) }
            .with_buffer((&raw const *bytes).cast_mut())
    }

    /// recvmsg(2).
    #[cfg(feature = "net")]
    pub(crate) fn receive_message(fd: Fd, message: &'a mut Message<'_>, flags: u32) -> Self {
        let address = (&raw mut *message).expose_provenance();
        Self { flags, address, length: 1, ..Self::new(Call::RecvMsg, fd) }
    }

    /// sendmsg(2). A broken connection is an error and no signal.
    #[cfg(feature = "net")]
    pub(crate) fn send_message(fd: Fd, message: &'a Message<'_>) -> Self {
        let address = (&raw const *message).expose_provenance();
        Self { flags: NOSIGNAL, address, length: 1, ..Self::new(Call::SendMsg, fd) }
    }

    /// accept4(2): the new descriptor is closed on exec. The peer's address comes along.
    #[cfg(feature = "net")]
    pub(crate) fn accept(fd: Fd, peer: &'a mut Address) -> Self {
        let (address, length) = peer.as_out();
        Self {
            address,
            offset: length as u64,
            flags: super::socket::CLOEXEC,
            ..Self::new(Call::Accept, fd)
        }
    }

    /// connect(2). A Unix socket waits while its listener has its hands full, which no event tells.
    #[cfg(feature = "net")]
    pub(crate) fn connect(fd: Fd, peer: &'a Address) -> Self {
        let (address, length) = peer.as_in();
        let is_unsure = peer.family() == super::address::UNIX;
        Self { address, offset: length as u64, is_unsure, ..Self::new(Call::Connect, fd) }
    }

    /// poll(2): waits for one of some events of one descriptor.
    pub(crate) fn poll(fd: Fd, events: u32) -> Self {
        Self { flags: events, ..Self::new(Call::Poll, fd) }
    }

    /// Which call it is.
    pub(crate) const fn name(&self) -> Call {
        self.call
    }

    /// The descriptor that it is about.
    pub(crate) const fn fd(&self) -> Fd {
        self.fd
    }

    /// The memory that it reads or writes, as far as that may run into a guard.
    #[cfg(any(feature = "overflow", feature = "fs", feature = "io"))]
    pub(crate) const fn buffer(&self) -> *const [u8] {
        let start = core::ptr::with_exposed_provenance(self.address);
        let is_buffer = matches!(self.call, Call::Read | Call::Write | Call::Recv | Call::Send);
        // The length of others is of something else.
        let length = if is_buffer { self.length } else { 1 };
        core::ptr::slice_from_raw_parts(start, length as usize)
    }

    /// What must be ready for it to succeed at once, as events of poll(2). Of what cannot be waited
    /// for nothing.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are done at once")]
    pub(crate) const fn awaited(&self) -> u32 {
        match self.call {
            Call::Read | Call::Readv | Call::Recv | Call::RecvMsg | Call::Accept => linux::POLLIN,
            Call::Write | Call::Writev | Call::Send | Call::SendMsg | Call::Connect => {
                linux::POLLOUT
            }
            Call::Poll => self.flags,
            _ => 0,
        }
    }

    /// Whether readiness says too little, so that it has to be tried again and again.
    pub(crate) const fn is_unsure(&self) -> bool {
        cfg!(feature = "net") && self.is_unsure
    }

    /// Whether there is nothing to write, which can be done at any time where it means nothing.
    pub(crate) const fn writes_nothing(&self) -> bool {
        self.length == 0 && matches!(self.call, Call::Write | Call::Send)
    }

    /// Whether its result is a new descriptor.
    #[cfg(any(feature = "net", feature = "fs"))]
    pub(crate) const fn makes_a_descriptor(&self) -> bool {
        matches!(self.call, Call::Accept | Call::Open)
    }

    /// Whether waiting for its descriptor makes it possible.
    #[cfg(feature = "uring")]
    pub(crate) const fn can_be_awaited(&self) -> bool {
        self.awaited() != 0 && !matches!(self.call, Call::Poll)
    }

    /// Whether [`perform`](Self::perform) never waits, however the descriptor is set.
    pub(crate) const fn never_waits(&self) -> bool {
        matches!(self.call, Call::Recv | Call::RecvMsg | Call::Send | Call::SendMsg | Call::Poll)
    }

    /// Whether it sends, which most often can be done at once, and never waits.
    #[cfg(feature = "uring")]
    pub(crate) const fn is_sent_at_once(&self) -> bool {
        matches!(self.call, Call::Send | Call::SendMsg)
    }

    /// The same with no more than so many bytes to write.
    pub(crate) fn at_most(&self, bytes: u32) -> Self {
        let is_write = matches!(self.call, Call::Write);
        Self { length: if is_write { self.length.min(bytes) } else { self.length }, ..*self }
    }

    /// Whether a stream has given all that it had, so that nothing is left for a next time.
    pub(crate) fn has_emptied(&self, done: Result<usize, Errno>) -> bool {
        let is_plain = self.is_stream && self.flags == 0;
        is_plain && done.is_ok_and(|count| count > 0 && count < number(self.length))
    }

    /// Does it by a system call of its own. Transfers of sockets that would have to wait fail with
    /// `EAGAIN`; all else waits, or does not, as its descriptor is set to.
    pub(crate) fn perform(&self) -> Result<usize, Errno> {
        let Self { address, .. } = *self;
        let (fd, length, flags) = (register(self.fd), number(self.length), number(self.flags));
        let no_wait = flags | number(DONTWAIT);
        let offset = word(self.offset);
        match self.call {
            Call::Read if self.offset == HERE => ask(linux::__NR_read, [fd, address, length]),
            Call::Read => ask(linux::__NR_pread64, [fd, address, length, offset]),
            Call::Write if self.offset == HERE => ask(linux::__NR_write, [fd, address, length]),
            Call::Write => ask(linux::__NR_pwrite64, [fd, address, length, offset]),
            Call::Readv => ask(linux::__NR_preadv2, [fd, address, length, offset, 0, flags]),
            Call::Writev => ask(linux::__NR_pwritev2, [fd, address, length, offset, 0, flags]),
            Call::Recv => ask(linux::__NR_recvfrom, [fd, address, length, no_wait]),
            Call::Send => ask(linux::__NR_sendto, [fd, address, length, no_wait]),
            Call::RecvMsg => ask(linux::__NR_recvmsg, [fd, address, no_wait]),
            Call::SendMsg => ask(linux::__NR_sendmsg, [fd, address, no_wait]),
            Call::Accept => ask(linux::__NR_accept4, [fd, address, offset, flags]),
            Call::Connect => ask(linux::__NR_connect, [fd, address, offset]),
            Call::Poll => self.look(),
            #[cfg(feature = "fs")]
            _ => self.perform_on_files(),
            #[cfg(not(feature = "fs"))]
            _ => Err(Errno::NOSYS),
        }
    }

    /// poll(2) without waiting: the events that there are, or `EAGAIN`.
    fn look(&self) -> Result<usize, Errno> {
        let events = i16::try_from(self.flags).unwrap_or(i16::MAX);
        let mut descriptor = linux::pollfd { fd: self.fd, events, revents: 0 };
        // SAFETY: the kernel reads and writes one `pollfd`.
        let returned = unsafe {
            sc::syscall3(number(linux::__NR_poll), (&raw mut descriptor).expose_provenance(), 1, 0)
        };
        match result(returned)? {
            0 => Err(Errno::AGAIN),
            _ if u32::from(descriptor.revents.cast_unsigned()) & linux::POLLNVAL != 0 => {
                Err(Errno::BADF)
            }
            _ => Ok(usize::from(descriptor.revents.cast_unsigned())),
        }
    }
}

/// Makes a system call with its first arguments; the others are zero.
#[inline]
pub(super) fn ask<const N: usize>(call: u32, first: [usize; N]) -> Result<usize, Errno> {
    let argument = |index: usize| first.get(index).copied().unwrap_or(0);
    // SAFETY: the constructors of operations have put together what the call wants; what their
    // addresses lead to is lent to the operation.
    let returned = unsafe {
        sc::syscall6(
            number(call),
            argument(0),
            argument(1),
            argument(2),
            argument(3),
            argument(4),
            argument(5),
        )
    };
    result(returned)
}

/// For sockets (recv(2)): do not wait.
const DONTWAIT: u32 = linux_raw_sys::net::MSG_DONTWAIT;
/// For sockets (send(2)): no signal where the other side has gone.
#[cfg(feature = "net")]
const NOSIGNAL: u32 = linux_raw_sys::net::MSG_NOSIGNAL;
