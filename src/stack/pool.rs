//! The stacks of a runtime's tasks: one region, a fixed place for each slot.
//!
//! ```text
//!   region ┌───────┬──────────────┬───────┬──────────────┬───────┬───
//!          │ guard │ stack 0      │ guard │ stack 1      │ guard │ …
//!          └───────┴──────────────┴───────┴──────────────┴───────┴───
//!                  limit          base
//! ```
//!
//! The kernel gives memory when a page is first touched, so the region costs address space, and a
//! stack that was used before is warm. The bases are *coloured*: each lies a little lower in its
//! page than the one before, or the innermost frames of all tasks would share a few sets of the
//! first-level cache (measured: 36 ns a switch instead of 21 among 100,000 tasks).
#![expect(unsafe_code, reason = "owns a mapping: made in `open`, unmapped in `close`")]

use core::cell::Cell;
use core::ptr::NonNull;

use super::guard::{self, Guard};
use super::{Extent, StackError, whole_pages};
use crate::sys::mem::{self, PAGE};

/// How much lower each base lies than the one before, modulo [`COLOURS_END`]: three cache lines.
const COLOUR_STEP: usize = 192;
/// Where the colours start over.
const COLOURS_END: usize = PAGE;

/// The region, while it is open.
pub(crate) struct Pool {
    region: Cell<Option<NonNull<u8>>>,
    /// How many stacks fit.
    count: Cell<usize>,
    /// A guard and a stack, in bytes.
    stride: Cell<usize>,
    /// The guards so far that are mappings.
    guard_mappings: Cell<usize>,
}

impl Pool {
    /// A closed pool, all bytes zero.
    pub(crate) const fn new() -> Self {
        Self {
            region: Cell::new(None),
            count: Cell::new(0),
            stride: Cell::new(0),
            guard_mappings: Cell::new(0),
        }
    }

    /// Reserves `count` stacks of `size` bytes each, rounded up to whole pages. Opens once.
    pub(crate) fn open(&self, count: usize, size: usize) -> Result<(), StackError> {
        debug_assert!(self.region.get().is_none(), "a pool is opened once");
        // One page more than asked for makes room for the colours.
        let usable = whole_pages(size)?.checked_add(COLOURS_END).ok_or(StackError::TooLarge)?;
        let mut stride = usable.checked_add(PAGE).ok_or(StackError::TooLarge)?;
        // An odd number of pages, or the stacks would use only some sets of the second-level cache,
        // which has a power of two of them (measured: 19 ns a switch instead of 11 among 1,000).
        if (stride / PAGE).is_multiple_of(2) {
            stride = stride.checked_add(PAGE).ok_or(StackError::TooLarge)?;
        }
        let length = stride.checked_mul(count).ok_or(StackError::TooLarge)?;
        let region = mem::map_stack(length).map_err(StackError::Refused)?;
        // SAFETY: the mapping is new and nobody else knows it. Kernels without huge pages refuse,
        // and then there is nothing to keep out.
        let _refused = unsafe { mem::refuse_huge_pages(region, length) };
        self.region.set(Some(region));
        self.count.set(count);
        self.stride.set(stride);
        self.guard_mappings.set(0);
        Ok(())
    }

    /// The stack of slot `index`, its guard still to be installed by [`guard`](Self::guard).
    #[inline(always)]
    pub(crate) fn stack(&self, index: usize) -> Extent {
        debug_assert!(index < self.count.get(), "a slot of this runtime");
        let stride = self.stride.get();
        let colour = index * COLOUR_STEP % COLOURS_END;
        let start = self.region.get().unwrap_or(NonNull::dangling());
        // SAFETY: a slot's index is below the count, so both places lie in the region, which is
        // open while there are tasks.
        unsafe {
            let start = start.add(index * stride);
            Extent { base: start.add(stride - colour), limit: start.add(PAGE) }
        }
    }

    /// Installs the guard of slot `index`; once, before its stack is first used.
    pub(crate) fn guard(&self, index: usize) -> Result<(), StackError> {
        // SAFETY: the page below the limit belongs to the region and to no stack.
        let kind = unsafe { guard::install(self.stack(index).limit.sub(PAGE), PAGE) }?;
        if kind == Guard::Mapping {
            self.guard_mappings.set(self.guard_mappings.get() + 1);
        }
        Ok(())
    }

    /// Unmaps the region.
    ///
    /// # Safety
    ///
    /// No stack of it is used from now on.
    pub(crate) unsafe fn close(&self) {
        if let Some(region) = self.region.take() {
            guard::release(Guard::Mapping, self.guard_mappings.replace(0));
            // SAFETY: the region is the pool's own, mapped whole; nobody uses it any more.
            let _unmapped = unsafe { mem::unmap(region, self.stride.get() * self.count.get()) };
        }
    }
}
