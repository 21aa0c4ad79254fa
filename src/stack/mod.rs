//! Where stacks come from. Floor 2.
//!
//! A stack grows down, from its *base* to its *limit*. Directly below the limit lies the guard, so
//! that a call chain that is too deep faults instead of writing over its neighbour.

#![expect(
    unsafe_code,
    reason = "declares the unsafe trait `Stack`; its modules say what they trust"
)]

mod fixed;
mod guard;
mod layout;
mod mapped;
mod pool;
mod usage;

pub use fixed::{StackMemory, StaticStack, Unguarded};
pub(crate) use layout::{Layout, Plan};
pub use mapped::MappedStack;
pub(crate) use pool::{Pool, is_intact};
pub(crate) use usage::{paint, painted_bytes, release, resident_bytes};

use core::fmt;
use core::ptr::NonNull;

use crate::error::Errno;

/// Memory that a coroutine can run on.
///
/// # Safety
///
/// For whoever implements it:
/// - the memory from [`limit`](Self::limit) up to [`base`](Self::base) is readable and writable,
///   and nobody else touches it until the value is dropped, also while the value itself moves; if
///   the value is forgotten, never again, so the memory is not borrowed unless for `'static`;
/// - the memory is not part of another stack that code runs on;
/// - both ends stay the same for as long as the value lives;
/// - what is written below the limit faults (a guard page), or the implementor knows that no code
///   which runs on the stack comes that far.
pub unsafe trait Stack {
    /// The highest address, exclusive; the first byte to be used is the one below.
    fn base(&self) -> NonNull<u8>;

    /// The lowest address, inclusive. The guard ends here.
    fn limit(&self) -> NonNull<u8>;
}

/// A stack's two ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) base: NonNull<u8>,
    pub(crate) limit: NonNull<u8>,
}

impl Extent {
    /// The ends of a stack.
    pub(crate) fn of(stack: &impl Stack) -> Self {
        Self { base: stack.base(), limit: stack.limit() }
    }

    /// How many bytes lie between the ends.
    pub(crate) fn size(self) -> usize {
        self.base.addr().get().saturating_sub(self.limit.addr().get())
    }

    /// Whether an address lies between the ends.
    pub(crate) fn contains(self, address: usize) -> bool {
        (self.limit.addr().get()..self.base.addr().get()).contains(&address)
    }

    /// The place of a `T` at the base, and the rest of the stack below it: `None` where there may
    /// not be room for it and `spare` bytes.
    #[inline(always)]
    pub(crate) fn carve<T>(self, spare: usize) -> Option<(NonNull<T>, Self)> {
        let (place, rest) = self.carve_layout(size_of::<T>(), align_of::<T>(), spare)?;
        Some((place.cast(), rest))
    }

    /// As [`carve`](Self::carve), for a size and an alignment: the largest there can be is half the
    /// address space.
    #[inline(always)]
    pub(crate) fn carve_layout(
        self,
        size: usize,
        align: usize,
        spare: usize,
    ) -> Option<(NonNull<u8>, Self)> {
        let align = align.max(crate::arch::STACK_ALIGN);
        // No type has more than half the address space, so the sum does not wrap.
        if size + align + spare > self.size() {
            return None;
        }
        let base = self.base.addr().get();
        let distance = base - ((base - size) & !(align - 1));
        // SAFETY: at most `size + align` below the base, hence in the stack.
        let place = unsafe { self.base.sub(distance) };
        Some((place, Self { base: place, limit: self.limit }))
    }
}

/// Why there is no stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackError {
    /// The size with its guard is more than the address space holds.
    TooLarge,
    /// The memory has no room for a guard and a stack.
    TooSmall,
    /// The kernel refused the memory: too little of it, or too many mappings.
    Refused(Errno),
    /// The kernel has no guard markers (they came with Linux 6.13), and guards by mprotect(2)
    /// have used up their share of the mappings: three quarters of `vm.max_map_count`.
    TooManyGuards,
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("a stack of this size does not fit the address space"),
            Self::TooSmall => f.write_str("the memory is too small for a guard and a stack"),
            Self::Refused(errno) => write!(f, "the kernel refused memory for a stack: {errno}"),
            Self::TooManyGuards => f.write_str(
                "no more stacks can be guarded: this kernel needs two mappings for each, \
                 raise vm.max_map_count",
            ),
        }
    }
}

impl core::error::Error for StackError {}

impl From<StackError> for Errno {
    fn from(error: StackError) -> Self {
        match error {
            StackError::TooLarge | StackError::TooManyGuards => Self::NOMEM,
            StackError::TooSmall => Self::INVAL,
            StackError::Refused(errno) => errno,
        }
    }
}

/// Rounds up to whole pages, at least one.
fn whole_pages(bytes: usize) -> Result<usize, StackError> {
    bytes.max(1).checked_next_multiple_of(crate::sys::mem::PAGE).ok_or(StackError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_round_up_to_pages() {
        assert_eq!(whole_pages(0), Ok(4096));
        assert_eq!(whole_pages(1), Ok(4096));
        assert_eq!(whole_pages(4096), Ok(4096));
        assert_eq!(whole_pages(4097), Ok(8192));
        assert_eq!(whole_pages(usize::MAX), Err(StackError::TooLarge));
    }

    #[test]
    fn carving_respects_alignment_and_spare() {
        #[repr(align(256))]
        struct Wide;
        let mut memory = [0_u8; 2048];
        let range = memory.as_mut_ptr_range();
        let extent = Extent {
            base: NonNull::new(range.end).unwrap(),
            limit: NonNull::new(range.start).unwrap(),
        };
        let (place, rest) = extent.carve::<Wide>(0).unwrap();
        assert_eq!(place.addr().get() % 256, 0);
        assert_eq!(rest.base.addr(), place.addr());
        assert!(extent.carve::<[u8; 2048 - 16]>(0).is_some());
        assert!(extent.carve::<[u8; 2048]>(0).is_none());
        assert!(extent.carve::<[u8; 1024]>(1024).is_none());
        assert!(extent.carve_layout(isize::MAX as usize, 16, 0).is_none());
    }
}
