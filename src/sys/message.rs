//! Messages of sockets, and lists of buffers: `struct msghdr` of recvmsg(2), `struct iovec`.
#![expect(unsafe_code, reason = "lists of buffers are laid out as the kernel's")]

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use linux_raw_sys::general::iovec;
use linux_raw_sys::net as linux;

use super::address::Address;
use super::word;

/// How many buffers the kernel takes at once (`UIO_MAXIOV`).
pub(crate) const MOST_BUFFERS: usize = 1024;

/// One of several buffers to write, in the shape of std's `IoSlice`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct IoSlice<'a> {
    vector: iovec,
    lent: PhantomData<&'a [u8]>,
}

/// One of several buffers to read into, in the shape of std's `IoSliceMut`.
#[repr(transparent)]
pub struct IoSliceMut<'a> {
    vector: iovec,
    lent: PhantomData<&'a mut [u8]>,
}

impl<'a> IoSlice<'a> {
    /// A buffer to write.
    pub const fn new(bytes: &'a [u8]) -> Self {
        let iov_base = bytes.as_ptr().cast_mut().cast();
        Self { vector: iovec { iov_base, iov_len: bytes.len() as _ }, lent: PhantomData }
    }
}

impl<'a> IoSliceMut<'a> {
    /// A buffer to read into.
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        let iov_base = buffer.as_mut_ptr().cast();
        Self { vector: iovec { iov_base, iov_len: buffer.len() as _ }, lent: PhantomData }
    }
}

impl Deref for IoSlice<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let iovec { iov_base, iov_len } = self.vector;
        // SAFETY: `new` was given a slice with this start and this length, which stays lent.
        unsafe { core::slice::from_raw_parts(iov_base.cast(), word(iov_len)) }
    }
}

impl Deref for IoSliceMut<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let iovec { iov_base, iov_len } = self.vector;
        // SAFETY: `new` was given a slice with this start and this length, which stays lent.
        unsafe { core::slice::from_raw_parts(iov_base.cast(), word(iov_len)) }
    }
}

impl DerefMut for IoSliceMut<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        let iovec { iov_base, iov_len } = self.vector;
        // SAFETY: as in `deref`, and it was lent to be written.
        unsafe { core::slice::from_raw_parts_mut(iov_base.cast(), word(iov_len)) }
    }
}

impl fmt::Debug for IoSlice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Debug for IoSliceMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

// SAFETY: it is a shared slice of bytes.
unsafe impl Send for IoSlice<'_> {}
// SAFETY: as above.
unsafe impl Sync for IoSlice<'_> {}
// SAFETY: it is an exclusive slice of bytes.
unsafe impl Send for IoSliceMut<'_> {}
// SAFETY: as above.
unsafe impl Sync for IoSliceMut<'_> {}

/// What sendmsg(2) and recvmsg(2) take: buffers, and an address.
#[repr(transparent)]
pub(crate) struct Message<'a> {
    header: linux::msghdr,
    lent: PhantomData<&'a mut [u8]>,
}

impl<'a> Message<'a> {
    fn new(buffers: *const iovec, count: usize) -> Self {
        let header = linux::msghdr {
            msg_name: core::ptr::null_mut(),
            msg_namelen: 0,
            msg_iov: buffers.cast_mut().cast(),
            // More than `MOST_BUFFERS` are the kernel's to refuse.
            msg_iovlen: count,
            msg_control: core::ptr::null_mut(),
            msg_controllen: 0,
            msg_flags: 0,
        };
        Self { header, lent: PhantomData }
    }

    /// Buffers to be sent, to an address if the socket has no peer.
    pub(crate) fn to_send(buffers: &'a [IoSlice<'a>], to: Option<&'a Address>) -> Self {
        let mut this = Self::new(buffers.as_ptr().cast(), buffers.len());
        if let Some((name, length)) = to.map(Address::as_in) {
            this.header.msg_name = core::ptr::with_exposed_provenance_mut(name);
            this.header.msg_namelen = i32::try_from(length).unwrap_or(0);
        }
        this
    }

    /// Buffers to be filled, and room for the sender's address.
    pub(crate) fn to_receive(
        buffers: &'a mut [IoSliceMut<'_>],
        from: Option<&'a mut Address>,
    ) -> Self {
        let mut this = Self::new(buffers.as_mut_ptr().cast(), buffers.len());
        if let Some(from) = from {
            let (name, _) = from.as_out();
            this.header.msg_name = core::ptr::with_exposed_provenance_mut(name);
            this.header.msg_namelen = const { Address::ROOM.cast_signed() };
        }
        this
    }

    /// How long the sender's address is.
    pub(crate) fn name_length(&self) -> u32 {
        self.header.msg_namelen.cast_unsigned()
    }
}
