//! A stack with a mapping of its own.
#![expect(unsafe_code, reason = "owns a mapping: made in `new`, unmapped in `drop`")]

use core::ptr::NonNull;

use super::guard::{self, Guard};
use super::{Stack, StackError, whole_pages};
use crate::arch::tools;
use crate::sys::mem::{self, PAGE};

/// A stack in a mapping of its own, with a guard below it.
///
/// The kernel gives a page of real memory when it is first touched, so an unused stack costs
/// address space only.
///
/// # Examples
///
/// ```
/// use barecoro::stack::{MappedStack, Stack};
///
/// let stack = MappedStack::new(10_000)?;
/// assert_eq!(stack.size(), 12_288);
/// assert_eq!(stack.base().addr().get() - stack.limit().addr().get(), 12_288);
/// # Ok::<_, barecoro::stack::StackError>(())
/// ```
#[derive(Debug)]
pub struct MappedStack {
    /// The start of the mapping, which is the start of the guard.
    start: NonNull<u8>,
    size: usize,
    guard_size: usize,
    guard: Guard,
}

impl MappedStack {
    /// Maps a stack of `size` bytes, rounded up to whole pages (4096 bytes), at least one, with a
    /// guard of one page.
    ///
    /// Costs two or three system calls, about 2 µs.
    ///
    /// # Errors
    ///
    /// - [`StackError::TooLarge`]: `size` and the guard are more than the address space.
    /// - [`StackError::Refused`]: the kernel is out of memory or mappings.
    /// - [`StackError::TooManyGuards`]: before Linux 6.13 only.
    pub fn new(size: usize) -> Result<Self, StackError> {
        Self::with_guard(size, PAGE)
    }

    /// As [`new`](Self::new), with a guard of `guard_size` bytes, rounded up to whole pages, at
    /// least one.
    ///
    /// One page is enough for Rust code, which probes each page of a large frame. Code in other
    /// languages may need more: a frame that is larger than the guard can jump it.
    ///
    /// # Errors
    ///
    /// As for `new`.
    pub fn with_guard(size: usize, guard_size: usize) -> Result<Self, StackError> {
        let (size, guard_size) = (whole_pages(size)?, whole_pages(guard_size)?);
        let length = size.checked_add(guard_size).ok_or(StackError::TooLarge)?;
        let start = mem::map_stack(length).map_err(StackError::Refused)?;
        // SAFETY: the mapping is new and nobody else knows it.
        match unsafe { guard::install(start, guard_size) } {
            Ok(guard) => Ok(Self { start, size, guard_size, guard }),
            Err(error) => {
                // SAFETY: as above.
                let _unmapped = unsafe { mem::unmap(start, length) };
                Err(error)
            }
        }
    }

    /// The usable size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The size of the guard in bytes.
    pub fn guard_size(&self) -> usize {
        self.guard_size
    }
}

impl Drop for MappedStack {
    fn drop(&mut self) {
        guard::release(self.guard, 1);
        tools::forget_contents(self.limit().as_ptr(), self.base().as_ptr());
        // SAFETY: the mapping is this value's own, and its users have ended with it. The kernel may
        // have joined it with a neighbour; if it has no mapping left to part them, this one stays.
        let _unmapped = unsafe { mem::unmap(self.start, self.size + self.guard_size) };
    }
}

// SAFETY: the mapping stays where it is until drop, nobody else has its address, and a guard lies
// directly below the limit.
unsafe impl Stack for MappedStack {
    fn base(&self) -> NonNull<u8> {
        // SAFETY: the end of the mapping.
        unsafe { self.start.add(self.guard_size + self.size) }
    }

    fn limit(&self) -> NonNull<u8> {
        // SAFETY: inside the mapping.
        unsafe { self.start.add(self.guard_size) }
    }
}

// SAFETY: a mapping belongs to the process, not to a thread.
unsafe impl Send for MappedStack {}
// SAFETY: a shared reference gives out addresses only.
unsafe impl Sync for MappedStack {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_sizes_are_errors() {
        assert_eq!(MappedStack::new(usize::MAX).unwrap_err(), StackError::TooLarge);
        assert_eq!(MappedStack::new(usize::MAX - 4096).unwrap_err(), StackError::TooLarge);
        let refused = MappedStack::new(1 << 60).unwrap_err();
        assert_eq!(refused, StackError::Refused(crate::Errno::NOMEM));
        assert_eq!(MappedStack::with_guard(1, usize::MAX).unwrap_err(), StackError::TooLarge);
    }

    #[test]
    fn the_whole_of_it_is_writable() {
        let stack = MappedStack::new(0).unwrap();
        assert_eq!(stack.size(), 4096);
        // SAFETY: the stack is ours.
        unsafe {
            stack.limit().write(1);
            stack.base().sub(1).write(2);
        }
    }
}
