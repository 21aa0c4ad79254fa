//! Memory for what the child and the kernel read at a start.
#![expect(unsafe_code, reason = "divides a mapping up")]

use core::cell::Cell;
use core::ffi::c_char;
use core::slice;

use crate::error::Errno;
use crate::sys::mem::Mapping;

use super::launch::END;

/// How many of each there are to be, at most.
pub(super) struct Sizes {
    /// Addresses, a null included.
    pub(super) arguments: usize,
    /// Addresses, a null included.
    pub(super) environment: usize,
    pub(super) groups: usize,
    /// Bytes.
    pub(super) candidate: usize,
}

/// Two lists of addresses, a list of groups, and a buffer for paths, in a mapping of their own.
pub(super) struct Room {
    mapping: Mapping,
    /// Where the parts begin and the last one ends, in bytes.
    places: [usize; 5],
}

impl Room {
    pub(super) fn new(sizes: &Sizes) -> Result<Self, Errno> {
        let bytes = [
            sizes.arguments.checked_mul(size_of::<*const c_char>()),
            sizes.environment.checked_mul(size_of::<*const c_char>()),
            sizes.groups.checked_mul(size_of::<u32>()),
            Some(sizes.candidate),
        ];
        let mut places = [0_usize; 5];
        let mut end = 0_usize;
        for (place, bytes) in places.iter_mut().skip(1).zip(bytes) {
            end = bytes.and_then(|bytes| end.checked_add(bytes)).ok_or(Errno::NOMEM)?;
            *place = end;
        }
        Ok(Self { mapping: Mapping::zeroed(end)?, places })
    }

    /// The arguments, and a null.
    pub(super) fn arguments(
        &self,
        strings: impl Iterator<Item = *const c_char>,
    ) -> &[*const c_char] {
        let cells = self.part::<0, _>();
        // The last place is the null's, whatever there is to fill in.
        fill(cells, strings.take(cells.len().saturating_sub(1)).chain([END]))
    }

    /// The environment, and a null.
    pub(super) fn environment(
        &self,
        strings: impl Iterator<Item = *const c_char>,
    ) -> &[*const c_char] {
        let cells = self.part::<1, _>();
        // It may have grown since it was counted, by another thread.
        fill(cells, strings.take(cells.len().saturating_sub(1)).chain([END]))
    }

    /// The groups.
    pub(super) fn groups(&self, groups: impl Iterator<Item = u32>) -> &[u32] {
        fill(self.part::<2, _>(), groups)
    }

    /// The buffer for paths.
    pub(super) fn candidate(&self) -> &[Cell<u8>] {
        self.part::<3, _>()
    }

    fn part<const PART: usize, T: Plain<PART>>(&self) -> &[Cell<T>] {
        let [start, end] = [self.places[PART], self.places[PART + 1]];
        let first = self.mapping.at::<u8>(0);
        // SAFETY: the part lies in the mapping, which is this value's own and is only seen through
        // cells. Larger things come first, so it is aligned; each part has one type, of which zeros
        // are a value.
        unsafe {
            let first = first.add(start).cast::<Cell<T>>();
            slice::from_raw_parts(first.as_ptr(), (end - start) / size_of::<T>())
        }
    }
}

/// The type of a part's elements; zeros are one.
trait Plain<const PART: usize> {}

impl Plain<0> for *const c_char {}
impl Plain<1> for *const c_char {}
impl Plain<2> for u32 {}
impl Plain<3> for u8 {}

/// Fills cells, and lends those that were filled. Each part is filled once.
fn fill<T: Copy>(cells: &[Cell<T>], values: impl Iterator<Item = T>) -> &[T] {
    let mut count = 0;
    for (cell, value) in cells.iter().zip(values) {
        cell.set(value);
        count += 1;
    }
    let filled = cells.get(..count).unwrap_or_default();
    // SAFETY: a cell is laid out as what is in it. Nobody sets these cells any more: `Room` lends them
    // to this function only.
    unsafe { slice::from_raw_parts(filled.as_ptr().cast(), filled.len()) }
}
