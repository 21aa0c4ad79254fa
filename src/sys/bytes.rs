//! Bytes in memory that grows, straight from the kernel.
#![expect(unsafe_code, reason = "reads and writes the part of a mapping that is in use")]

use core::ops::{Deref, DerefMut};
use core::slice;

use super::mem::{Mapping, PAGE};
use crate::error::Errno;

/// A sequence of bytes that grows. It has no memory before the first byte.
#[derive(Debug, Default)]
pub(crate) struct Bytes {
    mapping: Option<Mapping>,
    length: usize,
}

// SAFETY: the mapping is this value's own, and a mapping belongs to the process, not to a thread.
unsafe impl Send for Bytes {}
// SAFETY: a shared reference only reads.
unsafe impl Sync for Bytes {}

impl Bytes {
    pub(crate) const fn new() -> Self {
        Self { mapping: None, length: 0 }
    }

    /// Appends bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        self.reserve(bytes.len())?;
        if let Some(place) = self.spare().get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
            self.length += bytes.len();
        }
        Ok(())
    }

    /// Makes room for so many bytes more.
    pub(crate) fn reserve(&mut self, more: usize) -> Result<(), Errno> {
        let needed = self.length.checked_add(more).ok_or(Errno::NOMEM)?;
        match &mut self.mapping {
            Some(mapping) if needed <= mapping.length() => Ok(()),
            Some(mapping) => mapping.grow(whole_pages(needed.max(2 * mapping.length()))?),
            None if needed == 0 => Ok(()),
            None => {
                self.mapping = Some(Mapping::zeroed(whole_pages(needed)?)?);
                Ok(())
            }
        }
    }

    /// The room that there is.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        let Some(mapping) = &mut self.mapping else { return &mut [] };
        let start = mapping.at::<u8>(0);
        // SAFETY: the rest of the mapping, which is this value's own and begins as zeros.
        unsafe {
            let rest = mapping.length() - self.length;
            slice::from_raw_parts_mut(start.add(self.length).as_ptr(), rest)
        }
    }

    /// Says that so many bytes of the room were filled.
    pub(crate) fn advance(&mut self, count: usize) {
        let room = self.mapping.as_ref().map_or(0, Mapping::length);
        self.length = room.min(self.length.saturating_add(count));
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let Some(mapping) = &self.mapping else { return &[] };
        // SAFETY: the first bytes of the mapping, which is this value's own.
        unsafe { slice::from_raw_parts(mapping.at::<u8>(0).as_ptr(), self.length) }
    }
}

impl DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        let Some(mapping) = &self.mapping else { return &mut [] };
        // SAFETY: the first bytes of the mapping, which is this value's own, and borrowed mutably.
        unsafe { slice::from_raw_parts_mut(mapping.at::<u8>(0).as_ptr(), self.length) }
    }
}

fn whole_pages(length: usize) -> Result<usize, Errno> {
    length.checked_next_multiple_of(PAGE).ok_or(Errno::NOMEM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_stays_as_it_grows() {
        let mut bytes = Bytes::new();
        assert_eq!(&*bytes, b"");
        assert!(bytes.spare().is_empty());
        let mut all = std::vec::Vec::new();
        for number in 0..3000_u32 {
            bytes.push(&number.to_ne_bytes()).unwrap();
            all.extend_from_slice(&number.to_ne_bytes());
        }
        assert_eq!(*bytes, *all);
        bytes.reverse();
        all.reverse();
        assert_eq!(*bytes, *all);
        bytes.reserve(1).unwrap();
        bytes.spare()[0] = 7;
        bytes.advance(1);
        assert_eq!(bytes.last(), Some(&7));
        assert_eq!(bytes.reserve(usize::MAX), Err(Errno::NOMEM));
        assert_eq!(bytes.len(), 12_001);
    }
}
