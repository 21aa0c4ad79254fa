//! What all sockets do alike.

use linux_raw_sys::net::MSG_PEEK;

use crate::driver;
use crate::error::Errno;
use crate::fd::OwnedFd;
use crate::io::{self, Error, IoSlice, IoSliceMut};
use crate::sys::address::{Address, UNIX};
use crate::sys::call::{Call, Named as _};
use crate::sys::fd;
use crate::sys::message::{MOST_BUFFERS, Message};
use crate::sys::operation::Operation;
use crate::sys::socket::{self as sys, Choice, STREAM};

use super::Shutdown;

/// Reads what there is and leaves it there.
pub(super) const PEEK: u32 = MSG_PEEK;

/// A socket of any family and kind.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) fd: OwnedFd,
    /// Whether it is known to be of TCP. Other streams may give less than they have: up to where a
    /// descriptor was sent along.
    is_tcp: bool,
}

impl Socket {
    pub(super) fn open(family: u32, kind: u32) -> Result<Self, Error> {
        let fd = sys::open(family, kind).of(Call::Socket)?;
        Ok(Self { fd, is_tcp: kind == STREAM && family != UNIX })
    }

    /// A socket of which nothing is known.
    pub(super) const fn unknown(fd: OwnedFd) -> Self {
        Self { fd, is_tcp: false }
    }

    pub(super) fn bind(&self, address: &Address) -> Result<(), Error> {
        sys::bind(self.fd.raw(), address).of(Call::Bind)
    }

    pub(super) fn listen(&self, backlog: u32) -> Result<(), Error> {
        sys::listen(self.fd.raw(), backlog).of(Call::Listen)
    }

    /// Connects it, and returns when it is, or has failed to.
    pub(super) fn connect(&self, peer: &Address) -> Result<(), Error> {
        driver::perform(Some(&self.fd), &Operation::connect(self.fd.raw(), peer)).map(drop)
    }

    /// As [`connect`](Self::connect), to a Unix socket.
    pub(super) fn connect_unix(&self, peer: &Address) -> Result<(), Error> {
        let has_waited = fd::set_nonblocking(self.fd.raw()).of(Call::Connect)?;
        let connected = self.connect(peer);
        if has_waited {
            // Otherwise io_uring would be told of what it can wait for.
            fd::set_blocking(self.fd.raw()).of(Call::Connect)?;
        }
        connected
    }

    /// Waits for somebody to connect.
    pub(super) fn accept(&self) -> Result<(Self, Address), Error> {
        let mut peer = Address::new();
        let accept = Operation::accept(self.fd.raw(), &mut peer);
        let fd = driver::open(Some(&self.fd), &accept)?;
        Ok((Self { fd, is_tcp: self.is_tcp }, peer))
    }

    /// What a stream has.
    #[inline]
    pub(super) fn read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        // The kernel would wait for bytes that nobody has asked for.
        if buffer.is_empty() {
            return Ok(0);
        }
        let receive = Operation::recv(self.fd.raw(), buffer, 0).of_stream(self.is_tcp);
        driver::perform(Some(&self.fd), &receive)
    }

    /// As [`read`](Self::read), and leaves it there.
    pub(super) fn peek(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        if buffer.is_empty() { Ok(0) } else { self.recv(buffer, PEEK) }
    }

    /// As [`read`](Self::read), without waiting.
    pub(super) fn try_read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.try_recv(buffer)
    }

    /// Receives without waiting.
    pub(super) fn try_recv(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        driver::perform_now(&Operation::recv(self.fd.raw(), buffer, 0))
    }

    /// Sends without waiting.
    pub(super) fn try_send(&self, bytes: &[u8]) -> Result<usize, Error> {
        driver::perform_now(&Operation::send(self.fd.raw(), bytes))
    }

    /// Accepts without waiting.
    pub(super) fn try_accept(&self) -> Result<(Self, Address), Error> {
        let mut peer = Address::new();
        let fd = driver::open_now(&Operation::accept(self.fd.raw(), &mut peer))?;
        Ok((Self { fd, is_tcp: self.is_tcp }, peer))
    }

    #[inline]
    pub(super) fn recv(&self, buffer: &mut [u8], flags: u32) -> Result<usize, Error> {
        driver::perform(Some(&self.fd), &Operation::recv(self.fd.raw(), buffer, flags))
    }

    #[inline]
    pub(super) fn send(&self, bytes: &[u8]) -> Result<usize, Error> {
        driver::perform(Some(&self.fd), &Operation::send(self.fd.raw(), bytes))
    }

    /// As [`send`](Self::send), where the peer may be a Unix socket for messages.
    pub(super) fn send_to_unix_peer(&self, bytes: &[u8]) -> Result<usize, Error> {
        driver::perform(Some(&self.fd), &Operation::send(self.fd.raw(), bytes).to_unix())
    }

    pub(super) fn send_all(&self, bytes: &[u8]) -> Result<(), Error> {
        io::write_all(bytes, |rest| self.send(rest))
    }

    pub(super) fn recv_from(
        &self,
        buffer: &mut [u8],
        flags: u32,
    ) -> Result<(usize, Address), Error> {
        self.receive_from(buffer, flags, |receive| driver::perform(Some(&self.fd), receive))
    }

    /// As [`recv_from`](Self::recv_from), without waiting.
    pub(super) fn try_recv_from(&self, buffer: &mut [u8]) -> Result<(usize, Address), Error> {
        self.receive_from(buffer, 0, driver::perform_now)
    }

    #[track_caller]
    fn receive_from(
        &self,
        buffer: &mut [u8],
        flags: u32,
        perform: impl FnOnce(&Operation<'_>) -> Result<usize, Error>,
    ) -> Result<(usize, Address), Error> {
        let mut from = Address::new();
        let mut buffers = [IoSliceMut::new(buffer)];
        let mut message = Message::to_receive(&mut buffers, Some(&mut from));
        let receive = Operation::receive_message(self.fd.raw(), &mut message, flags);
        let count = perform(&receive)?;
        let length = message.name_length();
        from.set_length(length);
        Ok((count, from))
    }

    /// As [`send_to`](Self::send_to), without waiting.
    pub(super) fn try_send_to(&self, bytes: &[u8], to: &Address) -> Result<usize, Error> {
        let buffers = [IoSlice::new(bytes)];
        let message = Message::to_send(&buffers, Some(to));
        driver::perform_now(&Operation::send_message(self.fd.raw(), &message))
    }

    pub(super) fn send_to(&self, bytes: &[u8], to: &Address) -> Result<usize, Error> {
        let buffers = [IoSlice::new(bytes)];
        let message = Message::to_send(&buffers, Some(to));
        let send = Operation::send_message(self.fd.raw(), &message);
        let send = if to.family() == UNIX { send.to_unix() } else { send };
        driver::perform(Some(&self.fd), &send)
    }

    /// As [`read`](Self::read), into several buffers: the first ones, if they are too many at once.
    pub(super) fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> Result<usize, Error> {
        let count = buffers.len().min(MOST_BUFFERS);
        let buffers = buffers.get_mut(..count).unwrap_or_default();
        if buffers.iter().all(|buffer| buffer.is_empty()) {
            return Ok(0);
        }
        let mut message = Message::to_receive(buffers, None);
        let receive = Operation::receive_message(self.fd.raw(), &mut message, 0);
        driver::perform(Some(&self.fd), &receive)
    }

    /// Sends what is in several buffers: the first ones, if they are too many at once.
    pub(super) fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> Result<usize, Error> {
        let buffers = buffers.get(..buffers.len().min(MOST_BUFFERS)).unwrap_or_default();
        if buffers.iter().all(|buffer| buffer.is_empty()) {
            return Ok(0);
        }
        let message = Message::to_send(buffers, None);
        driver::perform(Some(&self.fd), &Operation::send_message(self.fd.raw(), &message))
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> Result<(), Error> {
        sys::shutdown(self.fd.raw(), how as u32).of(Call::Shutdown)
    }

    pub(super) fn name(&self) -> Result<Address, Error> {
        sys::name(self.fd.raw()).of(Call::GetSockName)
    }

    pub(super) fn peer(&self) -> Result<Address, Error> {
        sys::peer(self.fd.raw()).of(Call::GetPeerName)
    }

    pub(super) fn try_clone(&self) -> Result<Self, Error> {
        let fd = fd::duplicate_anywhere(self.fd.raw()).of(Call::Duplicate)?;
        Ok(Self { fd, is_tcp: self.is_tcp })
    }

    pub(super) fn set<const N: usize>(&self, choice: Choice, value: [i32; N]) -> Result<(), Error> {
        sys::set(self.fd.raw(), choice, value).of(Call::SetSockOpt)
    }

    pub(super) fn get<const N: usize>(&self, choice: Choice) -> Result<[i32; N], Error> {
        sys::get(self.fd.raw(), choice).of(Call::GetSockOpt)
    }

    pub(super) fn set_flag(&self, choice: Choice, value: bool) -> Result<(), Error> {
        self.set(choice, [value.into()])
    }

    pub(super) fn flag(&self, choice: Choice) -> Result<bool, Error> {
        self.get(choice).map(|[value]| value != 0)
    }

    /// The error that is noted for it, which is forgotten by that.
    pub(super) fn take_error(&self) -> Result<Option<Errno>, Error> {
        let [number] = self.get(Choice::ERROR)?;
        Ok(u16::try_from(number).ok().and_then(Errno::new))
    }

    /// How far its packets go, for whichever family it has.
    pub(super) fn ttl(&self) -> Result<u32, Error> {
        let [value] = self.get(self.choice_of_ttl()?)?;
        Ok(value.cast_unsigned())
    }

    pub(super) fn set_ttl(&self, ttl: u32) -> Result<(), Error> {
        let value = i32::try_from(ttl).unwrap_or(i32::MAX);
        self.set(self.choice_of_ttl()?, [value])
    }

    fn choice_of_ttl(&self) -> Result<Choice, Error> {
        let [family] = self.get(Choice::FAMILY)?;
        let is_v6 = family.cast_unsigned() == crate::sys::address::INET6;
        Ok(if is_v6 { Choice::HOPS } else { Choice::TTL })
    }
}
