//! Memory: mmap(2), munmap(2), mprotect(2), madvise(2).
#![expect(unsafe_code, reason = "system calls; each function says what its arguments must be")]

use core::ptr::NonNull;

use linux_raw_sys::general as linux;

use super::{number, result};
use crate::error::Errno;

/// The size of a page on x86-64, in bytes. Larger pages are multiples of it.
pub(crate) const PAGE: usize = 4096;

/// Maps `length` bytes of zeros, read and write, for stacks: no swap is reserved for them.
pub(crate) fn map_stack(length: usize) -> Result<NonNull<u8>, Errno> {
    let protection = linux::PROT_READ | linux::PROT_WRITE;
    let flags = linux::MAP_PRIVATE | linux::MAP_ANONYMOUS | linux::MAP_NORESERVE | linux::MAP_STACK;
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
    let address = unsafe {
        sc::syscall6(
            number(linux::__NR_mmap),
            0,
            length,
            number(protection),
            number(flags),
            usize::MAX, // no file
            0,
        )
    };
    let address = result(address)?;
    NonNull::new(core::ptr::with_exposed_provenance_mut(address)).ok_or(Errno::NOMEM)
}

/// Unmaps `length` bytes from `address` on.
///
/// # Safety
///
/// The range is whole pages of mappings that nobody uses from now on.
pub(crate) unsafe fn unmap(address: NonNull<u8>, length: usize) -> Result<(), Errno> {
    // SAFETY: the caller gives the range up.
    let returned = unsafe { sc::syscall2(number(linux::__NR_munmap), address.expose(), length) };
    result(returned).map(drop)
}

/// Makes `length` bytes from `address` on inaccessible by mprotect(2): two mappings more.
///
/// # Safety
///
/// The range is whole pages of a mapping of the caller's, and nobody relies on reading them.
pub(crate) unsafe fn forbid(address: NonNull<u8>, length: usize) -> Result<(), Errno> {
    // SAFETY: the caller gives the range up.
    unsafe { protect(address, length, linux::PROT_NONE) }
}

/// Makes `length` bytes from `address` on accessible again after [`forbid`].
///
/// # Safety
///
/// The range is whole pages of a mapping of the caller's that was readable and writable.
pub(crate) unsafe fn permit(address: NonNull<u8>, length: usize) -> Result<(), Errno> {
    // SAFETY: the caller's promise.
    unsafe { protect(address, length, linux::PROT_READ | linux::PROT_WRITE) }
}

/// # Safety
///
/// The range is the caller's, and nobody needs more of it than `protection` allows.
unsafe fn protect(address: NonNull<u8>, length: usize, protection: u32) -> Result<(), Errno> {
    // SAFETY: the caller's promise.
    let returned = unsafe {
        sc::syscall3(number(linux::__NR_mprotect), address.expose(), length, number(protection))
    };
    result(returned).map(drop)
}

/// Makes `length` bytes from `address` on inaccessible by guard markers in the page table, which
/// cost no mapping. `EINVAL` before Linux 6.13 and on locked memory.
///
/// # Safety
///
/// As for [`forbid`].
pub(crate) unsafe fn guard(address: NonNull<u8>, length: usize) -> Result<(), Errno> {
    // SAFETY: the caller gives the range up.
    unsafe { advise(address, length, linux::MADV_GUARD_INSTALL) }
}

/// Lets `length` bytes from `address` on be swapped out, also where the process has all its memory locked.
pub(crate) fn unlock(address: NonNull<u8>, length: usize) {
    // SAFETY: changes nothing that a program sees. Where it fails they stay locked.
    let _unlocked = unsafe {
        sc::syscall2(number(linux::__NR_munlock), address.as_ptr().expose_provenance(), length)
    };
}

/// Removes guard markers; the pages behind them read as zero.
///
/// # Safety
///
/// The range is whole pages of a mapping of the caller's.
pub(crate) unsafe fn unguard(address: NonNull<u8>, length: usize) -> Result<(), Errno> {
    // SAFETY: the caller's promise.
    unsafe { advise(address, length, linux::MADV_GUARD_REMOVE) }
}

/// Gives the memory of a private mapping back: it reads as zero afterwards. Guard markers stay.
///
/// # Safety
///
/// The range is whole pages of an anonymous mapping, and nobody needs what is there.
pub(crate) unsafe fn discard(address: NonNull<u8>, length: usize) -> Result<(), Errno> {
    // SAFETY: the caller gives the contents up.
    unsafe { advise(address, length, linux::MADV_DONTNEED) }
}

/// Asks which of the pages from `address` on have memory: the lowest bit of a byte for each.
/// Returns the part of `pages` that was filled.
pub(crate) fn resident(
    address: NonNull<u8>,
    length: usize,
    pages: &mut [u8],
) -> Result<&[u8], Errno> {
    let length = length.min(pages.len() * PAGE);
    // SAFETY: the kernel writes a byte for each page, of which there are no more than places; the
    // range may be any at all.
    let returned = unsafe {
        sc::syscall3(
            number(linux::__NR_mincore),
            address.expose(),
            length,
            pages.as_mut_ptr().expose_provenance(),
        )
    };
    result(returned)?;
    Ok(pages.get(..length.div_ceil(PAGE)).unwrap_or_default())
}

/// Keeps huge pages out of the range: a stack that uses 2 KiB should not cost 2 MiB.
///
/// # Safety
///
/// The range is whole pages of a mapping of the caller's.
pub(crate) unsafe fn refuse_huge_pages(address: NonNull<u8>, length: usize) -> Result<(), Errno> {
    // SAFETY: the advice changes no contents.
    unsafe { advise(address, length, linux::MADV_NOHUGEPAGE) }
}

/// # Safety
///
/// The caller owns the range, and the advice does to it what the caller wants.
unsafe fn advise(address: NonNull<u8>, length: usize, advice: u32) -> Result<(), Errno> {
    // SAFETY: the caller vouches for the range and the advice.
    let returned = unsafe {
        sc::syscall3(number(linux::__NR_madvise), address.expose(), length, number(advice))
    };
    result(returned).map(drop)
}

/// Makes a range that was written during start-up read-only.
///
/// # Safety
///
/// The range is whole pages of the program's image, and nobody writes to it from now on.
#[cfg(feature = "start")]
pub(crate) unsafe fn make_constant(address: *const u8, length: usize) -> Result<(), Errno> {
    // SAFETY: the caller's promise.
    let returned = unsafe {
        sc::syscall3(
            number(linux::__NR_mprotect),
            address.expose_provenance(),
            length,
            number(linux::PROT_READ),
        )
    };
    result(returned).map(drop)
}

/// Reads two words of this process, wherever they are: `None` if nothing is there. Goes through
/// `process_vm_readv(2)`, so that a bad address is an error and no fault.
#[cfg(any(feature = "panic-handler", feature = "overflow"))]
pub(crate) fn peek(address: usize) -> Option<[usize; 2]> {
    let mut words = [0_usize; 2];
    let size = size_of_val(&words);
    let (to, from) = ([(&raw mut words).expose_provenance(), size], [address, size]);
    // SAFETY: the kernel writes at most the two words; `from` may be any address at all.
    let returned = unsafe {
        sc::syscall6(
            number(linux::__NR_process_vm_readv),
            sc::syscall0(number(linux::__NR_getpid)),
            to.as_ptr().expose_provenance(),
            1,
            from.as_ptr().expose_provenance(),
            1,
            0,
        )
    };
    (result(returned) == Ok(size)).then_some(words)
}

/// The address as a number for the kernel, which may then write through it.
trait Expose {
    fn expose(self) -> usize;
}

impl Expose for NonNull<u8> {
    fn expose(self) -> usize {
        self.as_ptr().expose_provenance()
    }
}

/// A mapping that is unmapped when this is dropped.
#[cfg(feature = "epoll")]
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

#[cfg(feature = "epoll")]
impl Mapping {
    /// Zeros, for which no swap is reserved.
    pub(crate) fn zeroed(length: usize) -> Result<Self, Errno> {
        let flags = linux::MAP_PRIVATE | linux::MAP_ANONYMOUS | linux::MAP_NORESERVE;
        Self::new(length, flags, usize::MAX, 0)
    }

    /// A part of a file, shared with the kernel.
    #[cfg(feature = "uring")]
    pub(super) fn of_file(length: usize, fd: super::fd::Fd, place: u32) -> Result<Self, Errno> {
        let flags = linux::MAP_SHARED | linux::MAP_POPULATE;
        Self::new(length, flags, super::fd::register(fd), number(place))
    }

    fn new(length: usize, flags: u32, file: usize, place: usize) -> Result<Self, Errno> {
        let protection = number(linux::PROT_READ | linux::PROT_WRITE);
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
        let address = unsafe {
            sc::syscall6(
                number(linux::__NR_mmap),
                0,
                length,
                protection,
                number(flags),
                file,
                place,
            )
        };
        let address = result(address)?;
        let start = NonNull::new(core::ptr::with_exposed_provenance_mut(address));
        start.map(|start| Self { start, length }).ok_or(Errno::NOMEM)
    }

    /// Makes it longer, and moves it if there is no room where it is. What is new is zeros.
    #[cfg(feature = "process")]
    pub(super) fn grow(&mut self, length: usize) -> Result<(), Errno> {
        // SAFETY: nobody has pointers into it, as it is borrowed mutably.
        let address = unsafe {
            sc::syscall4(
                number(linux::__NR_mremap),
                self.start.expose(),
                self.length,
                length,
                number(linux::MREMAP_MAYMOVE),
            )
        };
        let address = result(address)?;
        let start = NonNull::new(core::ptr::with_exposed_provenance_mut(address));
        // Not as a whole: what is replaced would be unmapped.
        self.start = start.ok_or(Errno::NOMEM)?;
        self.length = length;
        Ok(())
    }

    /// How many bytes it has.
    pub(crate) const fn length(&self) -> usize {
        self.length
    }

    /// The place so many bytes behind the start, which is inside.
    pub(crate) fn at<T>(&self, offset: u32) -> NonNull<T> {
        debug_assert!(number(offset) < self.length, "inside of the mapping");
        // SAFETY: the place is inside, or one would be no use for the mapping.
        unsafe { self.start.add(number(offset)).cast() }
    }
}

#[cfg(feature = "epoll")]
impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: whoever has pointers into it keeps it.
        let _unmapped = unsafe { unmap(self.start, self.length) };
    }
}
