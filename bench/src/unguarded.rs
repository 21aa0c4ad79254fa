//! Stacks for a hundred thousand corosensei coroutines, carved from one mapping.
//!
//! corosensei's own stacks are a mapping and an mprotect(2)ed guard each, of which a process can
//! have 32,753 by default. These have no guards: fine for a benchmark that knows its bodies, and
//! no loss of speed for corosensei. Their bases are page-aligned, as those of its own stacks are:
//! that the innermost frames of all coroutines share a few sets of the first-level cache is what
//! its users get.
#![expect(unsafe_code, reason = "implements corosensei's unsafe trait `Stack`")]

use std::sync::Arc;

use corosensei::stack::{Stack, StackPointer};
use memmap2::{Advice, MmapMut, MmapOptions};

/// A piece of the mapping, which it keeps alive.
pub struct Unguarded {
    base: StackPointer,
    limit: StackPointer,
    _mapping: Arc<MmapMut>,
}

/// Maps `count` stacks of `size` bytes, which is whole pages.
pub fn map(count: usize, size: usize) -> Vec<Unguarded> {
    let mapping = MmapOptions::new()
        .len(count * size)
        .no_reserve_swap()
        .map_anon()
        .expect("address space for the stacks");
    // As with stacks that are mapped one by one, which are too small for huge pages. A kernel
    // without huge pages refuses, and then there is nothing to keep out.
    let _refused = mapping.advise(Advice::NoHugePage);
    let start = mapping.as_ptr().expose_provenance();
    let mapping = Arc::new(mapping);
    let pointer = |address| StackPointer::new(address).expect("a mapping does not begin at zero");
    let stack = |index| Unguarded {
        base: pointer(start + (index + 1) * size),
        limit: pointer(start + index * size),
        _mapping: Arc::clone(&mapping),
    };
    (0..count).map(stack).collect()
}

// SAFETY: the piece is readable and writable, belongs to this value alone, and stays where it is
// until the value is dropped. It has no guard; the bodies of this program use a few hundred bytes.
unsafe impl Stack for Unguarded {
    fn base(&self) -> StackPointer {
        self.base
    }

    fn limit(&self) -> StackPointer {
        self.limit
    }
}
