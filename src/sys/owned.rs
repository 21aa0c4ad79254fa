//! Descriptors that somebody owns, in the shapes of std's `os::fd`.
#![expect(unsafe_code, reason = "whoever makes one of a number vouches for the number")]

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::sync::atomic::{AtomicU64, Ordering};

use super::fd::{self, Fd};

/// A descriptor's number.
pub type RawFd = Fd;

/// A descriptor that is closed when this is dropped.
///
/// It is closed on exec, as are all that this crate opens.
pub struct OwnedFd {
    fd: RawFd,
    /// The number under which a driver knows it, zero for none.
    serial: AtomicU64,
}

impl OwnedFd {
    /// A descriptor that the kernel has just returned.
    ///
    /// # Safety
    ///
    /// It is open, and nobody else owns it.
    pub(crate) unsafe fn of_number(fd: usize) -> Self {
        // The kernel's descriptors fit into an int.
        Self { fd: RawFd::try_from(fd).unwrap_or(-1), serial: AtomicU64::new(0) }
    }

    /// Its number.
    #[inline]
    pub(crate) const fn raw(&self) -> RawFd {
        self.fd
    }

    /// The number under which a driver knows it.
    #[cfg(feature = "epoll")]
    pub(crate) fn serial(&self) -> u64 {
        // Relaxed: a driver compares it with its own table, and no memory hangs on it.
        self.serial.load(Ordering::Relaxed)
    }

    /// Notes under which number a driver knows it.
    #[cfg(feature = "epoll")]
    pub(crate) fn set_serial(&self, serial: u64) {
        // Relaxed: as above.
        self.serial.store(serial, Ordering::Relaxed);
    }
}

impl Drop for OwnedFd {
    fn drop(&mut self) {
        // It is closed whatever close(2) returns; on Linux it must not be tried again.
        let _closed = fd::close(self.fd);
    }
}

impl fmt::Debug for OwnedFd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedFd").field("fd", &self.fd).finish_non_exhaustive()
    }
}

/// A descriptor that is open for `'fd` at least.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct BorrowedFd<'fd> {
    fd: RawFd,
    owner: PhantomData<&'fd OwnedFd>,
}

impl BorrowedFd<'_> {
    /// A descriptor of this number.
    ///
    /// # Safety
    ///
    /// It stays open as long as this is used.
    pub const unsafe fn borrow_raw(fd: RawFd) -> Self {
        Self { fd, owner: PhantomData }
    }
}

#[cfg(all(feature = "io", feature = "epoll"))]
impl BorrowedFd<'static> {
    /// One of the three standard descriptors. They are the process's: this crate never closes them,
    /// and whoever does by its own means vouches for that nobody uses them.
    pub(crate) const fn standard(fd: RawFd) -> Self {
        Self { fd, owner: PhantomData }
    }
}

impl fmt::Debug for BorrowedFd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BorrowedFd").field("fd", &self.fd).finish()
    }
}

/// What has a descriptor to lend.
pub trait AsFd {
    /// Lends the descriptor.
    fn as_fd(&self) -> BorrowedFd<'_>;
}

/// What has a descriptor's number.
pub trait AsRawFd {
    /// The number.
    fn as_raw_fd(&self) -> RawFd;
}

/// What can be made of a descriptor's number.
pub trait FromRawFd {
    /// Takes the descriptor over.
    ///
    /// # Safety
    ///
    /// It is open, of the kind that this type is for, and nobody else owns it.
    unsafe fn from_raw_fd(fd: RawFd) -> Self;
}

/// What gives its descriptor away.
pub trait IntoRawFd {
    /// Gives the descriptor away. Nobody closes it from now on but the caller.
    fn into_raw_fd(self) -> RawFd;
}

impl AsFd for OwnedFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        BorrowedFd { fd: self.fd, owner: PhantomData }
    }
}

impl AsFd for BorrowedFd<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        *self
    }
}

impl<T: AsFd + ?Sized> AsFd for &T {
    fn as_fd(&self) -> BorrowedFd<'_> {
        (**self).as_fd()
    }
}

impl<T: AsFd + ?Sized> AsFd for &mut T {
    fn as_fd(&self) -> BorrowedFd<'_> {
        (**self).as_fd()
    }
}

impl<T: AsFd> AsRawFd for T {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().fd
    }
}

impl FromRawFd for OwnedFd {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        Self { fd, serial: AtomicU64::new(0) }
    }
}

impl IntoRawFd for OwnedFd {
    fn into_raw_fd(self) -> RawFd {
        ManuallyDrop::new(self).fd
    }
}
