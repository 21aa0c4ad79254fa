//! How the stacks of a pool are laid out: sizes and distances, in bytes.

use super::{StackError, whole_pages};
use crate::arch::tools::REGISTRATION_SIZE;
use crate::sys::mem::PAGE;

/// What a runtime asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Usable bytes of a stack.
    pub(crate) size: usize,
    /// Bytes of the guard below it; zero for one page.
    pub(crate) guard: usize,
    /// Whether a canary stands in the place of the guard, and stacks need not be whole pages.
    pub(crate) packed: bool,
}

impl Plan {
    /// The size of a task's stack where nobody says otherwise, in bytes.
    pub(crate) const USUAL_SIZE: usize = 64 * 1024;

    pub(crate) const USUAL: Self = Self { size: Self::USUAL_SIZE, guard: 0, packed: false };
}

/// Where a pool's stacks lie.
///
/// Their bases are *coloured*: each lies a little lower in its page than the one before, or the
/// innermost frames of all tasks would share a few sets of the first-level cache (measured: 36 ns
/// a switch instead of 21 among 100,000 tasks).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// From one stack to the next.
    pub(crate) stride: usize,
    /// The guard or the canary, below the limit.
    pub(crate) below: usize,
    /// What every stack has at least.
    pub(crate) size: usize,
    /// What a task must have left when it starts.
    pub(crate) spare: usize,
    pub(crate) packed: bool,
}

impl Layout {
    /// Of a pool that is closed.
    pub(crate) const NONE: Self = Self { stride: 0, below: 0, size: 0, spare: 0, packed: false };

    /// Bytes of a canary: a multiple of what a stack is aligned to.
    pub(crate) const CANARY_SIZE: usize = 16;

    /// How much lower each base lies than the one before, modulo a page: three cache lines.
    const COLOUR_STEP: usize = 192;
    const CACHE_LINE: usize = 64;

    /// The layout that a plan comes to.
    pub(crate) fn of(plan: Plan) -> Result<Self, StackError> {
        if plan.packed { Self::packed(plan.size) } else { Self::guarded(plan.size, plan.guard) }
            .ok_or(StackError::TooLarge)
    }

    /// The layout of [`Plan::USUAL`].
    pub(crate) const USUAL: Self = Self {
        stride: Plan::USUAL_SIZE + 3 * PAGE,
        below: PAGE,
        size: Plan::USUAL_SIZE,
        spare: 1024,
        packed: false,
    };

    fn guarded(size: usize, guard: usize) -> Option<Self> {
        let (size, below) = (whole_pages(size).ok()?, whole_pages(guard).ok()?);
        // One page more than asked for makes room for the colours.
        let stride = size.checked_add(PAGE)?.checked_add(below)?;
        // An odd number of pages, or the stacks would use only some sets of the second-level cache,
        // which has a power of two of them (measured: 19 ns a switch instead of 11 among 1,000).
        let stride = odd_multiple(stride, PAGE)?;
        Some(Self { stride, below, size, spare: 1024, packed: false })
    }

    fn packed(size: usize) -> Option<Self> {
        let below = Self::CANARY_SIZE;
        // Likewise an odd number of cache lines.
        let stride = odd_multiple(size.checked_add(below + REGISTRATION_SIZE)?, Self::CACHE_LINE)?;
        let size = stride - below - REGISTRATION_SIZE;
        Some(Self { stride, below, size, spare: 256, packed: true })
    }

    /// Where the base of slot `index`'s stack is, counted from where its stride begins.
    #[inline(always)]
    pub(crate) fn base_of(self, index: usize) -> usize {
        let colour = if self.packed { 0 } else { index * Self::COLOUR_STEP % PAGE };
        self.stride - colour - REGISTRATION_SIZE
    }
}

/// The next odd multiple of `unit`.
fn odd_multiple(bytes: usize, unit: usize) -> Option<usize> {
    let rounded = bytes.checked_next_multiple_of(unit)?;
    if (rounded / unit).is_multiple_of(2) { rounded.checked_add(unit) } else { Some(rounded) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(size: usize, guard: usize, packed: bool) -> Plan {
        Plan { size, guard, packed }
    }

    #[test]
    fn every_stack_is_as_large_as_asked_for() {
        for size in [0, 1, 4095, 4096, 4097, 16 * 1024, 1 << 30] {
            for guard in [0, 1, 4096, 65_536] {
                let layout = Layout::of(plan(size, guard, false)).unwrap();
                assert!(layout.size >= size && layout.size.is_multiple_of(PAGE));
                assert!(layout.below >= guard && layout.below >= PAGE);
                assert!(!(layout.stride / PAGE).is_multiple_of(2));
                for index in 0..100 {
                    assert!(layout.base_of(index) >= layout.below + layout.size, "{layout:?}");
                    assert!(layout.base_of(index) <= layout.stride);
                    assert!(layout.base_of(index).is_multiple_of(16));
                }
            }
            let layout = Layout::of(plan(size, 0, true)).unwrap();
            assert!(layout.size >= size && layout.base_of(7) == layout.below + layout.size);
            assert!(layout.stride - size < 2 * 64 + 32, "little is wasted: {layout:?}");
        }
    }

    #[test]
    fn what_does_not_fit_the_address_space_is_an_error() {
        for (size, guard) in [(usize::MAX, 0), (1, usize::MAX), (usize::MAX - 4096, 4096)] {
            for packed in [false, true] {
                let layout = Layout::of(plan(size, guard, packed));
                let fits = packed && size != usize::MAX;
                assert_eq!(layout.is_err(), !fits, "{size} {guard} {packed}: {layout:?}");
            }
        }
        assert_eq!(Layout::of(Plan::USUAL), Ok(Layout::USUAL));
    }
}
