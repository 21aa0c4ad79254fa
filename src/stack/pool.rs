//! The stacks of a runtime's tasks: a fixed place for each slot.
//!
//! ```text
//!   region ┌───────┬──────────────┬───────┬──────────────┬───────┬───
//!          │ guard │ stack 0      │ guard │ stack 1      │ guard │ …
//!          └───────┴──────────────┴───────┴──────────────┴───────┴───
//!                  limit          base
//!
//!   packed ┌────────┬─────────┬────────┬─────────┬────────┬───
//!          │ canary │ stack 0 │ canary │ stack 1 │ canary │ …
//!          └────────┴─────────┴────────┴─────────┴────────┴───
//! ```
//!
//! The kernel gives memory when a page is first touched, so a region costs address space, and a
//! stack that was used before is warm. Where the kernel refuses one region for all stacks, they
//! come in chunks, each as large as all before it, or as large as can be had.
#![expect(unsafe_code, reason = "owns mappings: made in `map_chunk`, unmapped in `close`")]

use core::cell::Cell;
use core::ptr::NonNull;

use super::guard::{self, Guard};
use super::layout::Layout;
use super::{Extent, StackError};
use crate::arch::tools::Registration;
use crate::error::Errno;
use crate::sys::mem::{self, PAGE};

/// As many chunks as there can be, each after the first doubling the whole.
const CHUNKS: usize = 32;
/// How many stacks the first chunk has, where not all can be had at once.
const FIRST_CHUNK: usize = 64;
/// What lies below a packed stack.
const CANARY: [u8; Layout::CANARY_SIZE] = *b"barecoro\x00\xff\x0d\x0a\x1a\x84\x81\xc5";

/// The regions, while the pool is open.
pub(crate) struct Pool {
    layout: Cell<Layout>,
    /// How many stacks there can be in all.
    count: Cell<usize>,
    /// How many there are in the chunks that are mapped.
    mapped: Cell<usize>,
    /// How many of these were given out.
    given: Cell<usize>,
    /// Where the next one is.
    next: Cell<Option<NonNull<u8>>>,
    chunks: [Cell<Option<NonNull<[u8]>>>; CHUNKS],
    /// The guards so far that are mappings.
    guard_mappings: Cell<usize>,
}

impl Pool {
    /// A closed pool, all bytes zero.
    pub(crate) const fn new() -> Self {
        Self {
            layout: Cell::new(Layout::NONE),
            count: Cell::new(0),
            mapped: Cell::new(0),
            given: Cell::new(0),
            next: Cell::new(None),
            chunks: [const { Cell::new(None) }; CHUNKS],
            guard_mappings: Cell::new(0),
        }
    }

    /// Reserves `count` stacks, or a part of them if the kernel does not give all. Opens once.
    pub(crate) fn open(&self, count: usize, layout: Layout) -> Result<(), StackError> {
        debug_assert!(self.mapped.get() == 0, "a pool is opened once");
        self.layout.set(layout);
        self.count.set(count);
        self.given.set(0);
        match self.map_chunk(count) {
            Ok(()) => Ok(()),
            Err(_) => self.map_at_most(FIRST_CHUNK.min(count)),
        }
    }

    /// Maps so many stacks more, or as many as can be had.
    fn map_at_most(&self, mut stacks: usize) -> Result<(), StackError> {
        while let Err(error) = self.map_chunk(stacks) {
            if stacks == 1 {
                return Err(error);
            }
            stacks /= 2;
        }
        Ok(())
    }

    /// Maps so many stacks more, all of them to be given out before the next chunk.
    fn map_chunk(&self, stacks: usize) -> Result<(), StackError> {
        let length = self.layout.get().stride.checked_mul(stacks);
        let length = length.and_then(|length| length.checked_next_multiple_of(PAGE));
        let length = length.ok_or(StackError::TooLarge)?;
        let free = self.chunks.iter().find(|chunk| chunk.get().is_none());
        let free = free.ok_or(StackError::Refused(Errno::NOMEM))?;
        let start = mem::map_stack(length).map_err(StackError::Refused)?;
        // SAFETY: the mapping is new and nobody else knows it. Kernels without huge pages refuse,
        // and then there is nothing to keep out.
        let _refused = unsafe { mem::refuse_huge_pages(start, length) };
        free.set(Some(NonNull::slice_from_raw_parts(start, length)));
        self.next.set(Some(start));
        self.mapped.set(self.mapped.get() + stacks);
        Ok(())
    }

    /// One more stack, with its guard or its canary.
    pub(crate) fn take(&self) -> Result<Extent, StackError> {
        let (index, mapped) = (self.given.get(), self.mapped.get());
        if index == mapped {
            self.map_at_most(mapped.min(self.count.get() - mapped))?;
        }
        let layout = self.layout.get();
        let start = self.next.get().unwrap_or(NonNull::dangling());
        if layout.packed {
            // SAFETY: the stack lies in the chunk, has not been given out, and begins with room
            // for a canary.
            unsafe { start.cast().write(CANARY) };
        // SAFETY: as above; in other layouts it begins with room for the guard.
        } else if unsafe { guard::install(start, layout.below) }? == Guard::Mapping {
            self.guard_mappings.set(self.guard_mappings.get() + 1);
        }
        self.given.set(index + 1);
        // SAFETY: at most the end of the chunk.
        let stack = unsafe {
            self.next.set(Some(start.add(layout.stride)));
            Extent { base: start.add(layout.base_of(index)), limit: start.add(layout.below) }
        };
        register(stack);
        Ok(stack)
    }

    /// The stack number `index`, counted from the first that was given out, by its base.
    pub(crate) fn stack_at(&self, base: NonNull<u8>, index: usize) -> Extent {
        let layout = self.layout.get();
        // SAFETY: `take` has computed the base from the start in the same way.
        let limit = unsafe { base.sub(layout.base_of(index) - layout.below) };
        Extent { base, limit }
    }

    /// Tells valgrind, and AddressSanitizer, that the stacks are stacks no more.
    #[cfg(any(feature = "valgrind", feature = "asan"))]
    fn unregister(&self) {
        let layout = self.layout.get();
        let mut index = 0;
        for chunk in self.chunks.iter().filter_map(Cell::get) {
            let fit = chunk.len() / layout.stride;
            for place in 0..fit.min(self.given.get() - index) {
                let start = chunk.cast::<u8>().as_ptr().wrapping_add(place * layout.stride);
                let base = start.wrapping_add(layout.base_of(index));
                crate::arch::tools::forget_contents(start, base);
                #[cfg(feature = "valgrind")]
                // SAFETY: the stack was given out, so `register` has written there.
                unsafe { base.cast::<Registration>().read_unaligned() }.end();
                index += 1;
            }
        }
    }

    /// How the stacks are laid out.
    #[inline(always)]
    pub(crate) fn layout(&self) -> Layout {
        self.layout.get()
    }

    /// Unmaps the regions.
    ///
    /// # Safety
    ///
    /// No stack of them is used from now on.
    pub(crate) unsafe fn close(&self) {
        guard::release(Guard::Mapping, self.guard_mappings.replace(0));
        #[cfg(any(feature = "valgrind", feature = "asan"))]
        self.unregister();
        for chunk in self.chunks.iter().filter_map(Cell::take) {
            // SAFETY: the region is the pool's own, mapped whole; nobody uses it any more.
            let _unmapped = unsafe { mem::unmap(chunk.cast(), chunk.len()) };
        }
        self.mapped.set(0);
    }
}

/// Tells valgrind of a stack, and notes above its base what valgrind has answered.
#[inline(always)]
fn register(stack: Extent) {
    let registration = Registration::new(stack.limit.as_ptr(), stack.base.as_ptr());
    if cfg!(feature = "valgrind") {
        // SAFETY: the layout keeps so much room above the base, for this.
        unsafe { stack.base.cast().write(registration) }
    }
}

/// Whether nothing was written over the canary below a packed stack.
///
/// # Safety
///
/// The stack comes from an open pool whose layout is packed.
pub(crate) unsafe fn is_intact(stack: Extent) -> bool {
    // SAFETY: `take` has written it there, and whatever there is now, it is bytes.
    unsafe { stack.limit.sub(CANARY.len()).cast::<[u8; CANARY.len()]>().read() == CANARY }
}

#[cfg(test)]
mod tests {
    use super::super::Plan;
    use super::*;

    /// Where the kernel refuses all at once, each stack has its place all the same.
    #[test]
    fn chunks_hold_every_stack_once() {
        for packed in [false, true] {
            let layout = Layout::of(Plan { size: 5000, guard: 0, packed }).unwrap();
            let pool = Pool::new();
            pool.layout.set(layout);
            pool.count.set(700);
            pool.map_chunk(FIRST_CHUNK).unwrap();
            let mut stacks = (0..700).map(|_| pool.take().unwrap()).collect::<std::vec::Vec<_>>();
            let chunks = pool.chunks.iter().filter(|chunk| chunk.get().is_some()).count();
            assert_eq!((chunks, pool.mapped.get()), (5, 700), "64, 64, 128, 256, 188");
            for (index, stack) in stacks.iter().enumerate() {
                assert!(stack.size() >= 5000);
                assert_eq!(pool.stack_at(stack.base, index).limit, stack.limit);
                // SAFETY: nobody uses the stacks.
                unsafe {
                    stack.limit.write(1);
                    stack.base.sub(1).write(1);
                }
            }
            stacks.sort_by_key(|stack| stack.limit);
            assert!(stacks.is_sorted_by(|one, next| one.base.addr() < next.limit.addr()));
            // SAFETY: as above.
            assert!(!packed || stacks.iter().all(|stack| unsafe { is_intact(*stack) }));
            // SAFETY: as above.
            unsafe { pool.close() }
        }
    }

    #[test]
    fn what_is_too_large_for_all_is_had_for_a_part() {
        let pool = Pool::new();
        let layout = Layout::of(Plan { size: 1 << 40, guard: 0, packed: false }).unwrap();
        pool.open(usize::MAX, layout).unwrap();
        assert!(pool.mapped.get() >= 1);
        // SAFETY: nobody uses the stacks.
        unsafe { pool.close() }
    }
}
