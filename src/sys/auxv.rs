//! The auxiliary vector: what the kernel tells a program when it starts it (getauxval(3)).
#![expect(unsafe_code, reason = "reads the kernel's vector where `start` has found it")]

use core::sync::atomic::{AtomicPtr, Ordering};

use super::{fd, number, result};
use crate::error::Errno;

/// One entry: a key (`AT_…` in getauxval(3)) and its value.
type Pair = [usize; 2];

/// More entries than any kernel gives; Linux 6.18 gives 25.
const CAPACITY: usize = 64;

/// The vector on the first stack of a program that `start` has started, otherwise null.
///
/// It lies where the addresses are that relocation corrects: `start` writes it before that becomes
/// read-only, and a small program has a page less to touch.
#[cfg_attr(feature = "start", unsafe(link_section = ".data.rel.ro"))]
static KNOWN: AtomicPtr<Pair> = AtomicPtr::new(core::ptr::null_mut());

/// Tells this module where the vector is.
///
/// # Safety
///
/// `vector` is readable for as long as the process lives, and ends with a zero key. What only
/// relocation writes is not read-only yet.
#[cfg_attr(not(feature = "start"), expect(dead_code, reason = "called by `start`"))]
pub(crate) unsafe fn remember(vector: *const Pair) {
    // Release: pairs with the load in `auxiliary_value`.
    KNOWN.store(vector.cast_mut(), Ordering::Release);
}

/// The value of the entry `key`, if the kernel gave one. Costs a few system calls in a program
/// that another start-up has started.
pub(crate) fn auxiliary_value(key: u32) -> Option<usize> {
    // Acquire: pairs with the store in `remember`.
    let known = KNOWN.load(Ordering::Acquire);
    if known.is_null() {
        let mut copy = [[0; 2]; CAPACITY];
        copy_vector(&mut copy).ok()?;
        return find(copy, key);
    }
    // SAFETY: `remember`'s caller says that the vector is readable up to its zero key, and `find`
    // reads no further.
    let vector = (0..).map(|index| unsafe { *known.add(index) });
    find(vector, key)
}

/// The vector on the first stack, of a program that `start` has started.
#[cfg(feature = "epoll")]
pub(super) fn known_vector() -> Option<core::ptr::NonNull<Pair>> {
    // Acquire: pairs with the store in `remember`.
    core::ptr::NonNull::new(KNOWN.load(Ordering::Acquire))
}

/// Where the program is in memory: the address of its first byte, as far as the kernel tells.
#[cfg(any(feature = "panic-handler", feature = "overflow"))]
pub(super) fn image_base() -> usize {
    // The program headers lie in the first page.
    auxiliary_value(linux_raw_sys::auxvec::AT_PHDR).unwrap_or(0) & !(super::mem::PAGE - 1)
}

fn find(vector: impl IntoIterator<Item = Pair>, key: u32) -> Option<usize> {
    vector
        .into_iter()
        .take_while(|[entry, _]| *entry != 0)
        .find_map(|[entry, value]| (entry == number(key)).then_some(value))
}

/// Fills `copy` from `/proc`, or by prctl(2) where that is not mounted. What is not filled stays
/// zero. In this order: valgrind hides the vDSO from programs in the file, but not from the call.
fn copy_vector(copy: &mut [Pair; CAPACITY]) -> Result<(), Errno> {
    let bytes = size_of_val(copy);
    if let Ok(file) = fd::open_to_read(c"/proc/self/auxv") {
        // SAFETY: the array as bytes; every pattern of bytes is a number.
        let buffer = unsafe { core::slice::from_raw_parts_mut(copy.as_mut_ptr().cast(), bytes) };
        let read = fd::read(file, buffer);
        fd::close(file)?;
        return read.map(drop);
    }
    // SAFETY: the kernel writes at most `bytes` bytes to an array of plain numbers.
    let returned = unsafe {
        sc::syscall5(
            number(linux_raw_sys::general::__NR_prctl),
            number(linux_raw_sys::prctl::PR_GET_AUXV),
            copy.as_mut_ptr().expose_provenance(),
            bytes,
            0,
            0,
        )
    };
    result(returned).map(drop)
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, auxiliary_value, find};

    #[test]
    fn the_page_size_is_known() {
        assert_eq!(auxiliary_value(linux_raw_sys::auxvec::AT_PAGESZ), Some(4096));
    }

    #[test]
    fn the_search_ends_at_the_zero_key() {
        let mut vector = [[0; 2]; CAPACITY];
        vector[0] = [7, 70];
        vector[2] = [9, 90];
        assert_eq!(find(vector, 7), Some(70));
        assert_eq!(find(vector, 9), None);
    }
}
