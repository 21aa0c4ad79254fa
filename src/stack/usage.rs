//! How much of a stack has memory, and giving it back.
#![expect(unsafe_code, reason = "gives back memory that its callers do not need")]

use core::ptr::NonNull;

use super::Extent;
use crate::sys::mem::{self, PAGE};

/// The bytes from the lowest page that has memory up to the base: as far as the stack was ever
/// used, rounded up to pages, since it was mapped or [given back](release).
pub(crate) fn resident_bytes(stack: Extent) -> usize {
    let base = stack.base.addr().get();
    let mut page = stack.limit.addr().get() & !(PAGE - 1);
    let mut answers = [0; 64];
    while let Some(start) = core::num::NonZeroUsize::new(page)
        && page < base
    {
        let start = stack.limit.with_addr(start);
        let Ok(pages) = mem::resident(start, base - page, &mut answers) else { break };
        match pages.iter().position(|answer| answer & 1 == 1) {
            Some(empty) => return base - (page + empty * PAGE).max(stack.limit.addr().get()),
            None => page += pages.len() * PAGE,
        }
    }
    0
}

/// Gives the memory of whole pages between a stack's limit and `end` back.
///
/// # Safety
///
/// Nobody needs what is there.
pub(crate) unsafe fn release(limit: NonNull<u8>, end: usize) {
    let start = limit.addr().get().next_multiple_of(PAGE);
    let end = end & !(PAGE - 1);
    if let Some(first) = core::num::NonZeroUsize::new(start)
        && start < end
    {
        // SAFETY: the caller's promise. The kernel refuses locked memory, which stays as it is.
        let _refused = unsafe { mem::discard(limit.with_addr(first), end - start) };
    }
}

/// What painted stacks are filled with: no pointer, no small number, no text.
const PAINT: u64 = 0xa5c3_96f0_0f69_3c5a;

/// Fills a stack, so that [`painted_bytes`] can tell how far it was used.
///
/// # Safety
///
/// Nobody needs what is there.
pub(crate) unsafe fn paint(stack: Extent) {
    let words = stack.size() / size_of::<u64>();
    let first = stack.limit.cast::<u64>();
    for index in 0..words {
        // SAFETY: the caller gives the stack up; its limit is aligned to 16.
        unsafe { first.add(index).write_volatile(PAINT) }
    }
}

/// How far a painted stack was used, in bytes, to the word.
///
/// # Safety
///
/// The stack was painted and is still there.
pub(crate) unsafe fn painted_bytes(stack: Extent) -> usize {
    let words = stack.size() / size_of::<u64>();
    let first = stack.limit.cast::<u64>();
    // SAFETY: inside the stack; the words may be anything.
    let is_paint = |index: &usize| unsafe { first.add(*index).read_volatile() == PAINT };
    let unused = (0..words).take_while(is_paint).count();
    stack.size() - unused * size_of::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{MappedStack, Stack};

    #[test]
    fn a_new_stack_is_not_used_and_a_touched_one_is_down_to_the_lowest_page() {
        let stack = MappedStack::new(100 * PAGE).unwrap();
        let extent = Extent::of(&stack);
        assert_eq!(resident_bytes(extent), 0);
        // SAFETY: the stack is ours.
        unsafe { stack.base().sub(1).write(1) }
        assert_eq!(resident_bytes(extent), PAGE);
        // SAFETY: as above.
        unsafe { stack.base().sub(80 * PAGE).write(1) }
        assert_eq!(resident_bytes(extent), 80 * PAGE);
        // SAFETY: as above.
        unsafe { release(extent.limit, extent.base.addr().get() - 10 * PAGE) }
        assert_eq!(resident_bytes(extent), PAGE, "what is above stays");
        // SAFETY: as above.
        unsafe { release(extent.limit, extent.base.addr().get()) }
        assert_eq!(resident_bytes(extent), 0);
    }

    #[test]
    fn paint_shows_the_last_word_that_was_written() {
        let stack = MappedStack::new(2 * PAGE).unwrap();
        let extent = Extent::of(&stack);
        // SAFETY: the stack is ours.
        unsafe {
            paint(extent);
            assert_eq!(painted_bytes(extent), 0);
            stack.base().sub(5000).write(1);
            assert_eq!(painted_bytes(extent), 5000);
        }
    }
}
