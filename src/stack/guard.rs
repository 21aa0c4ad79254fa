//! Guards: memory below a stack that faults when touched.
//!
//! Since Linux 6.13 a guard is a marker in the page table (`MADV_GUARD_INSTALL`) and costs nothing
//! else. Before, and in locked memory, a guard is a mapping without permissions, and splits the
//! mapping it is in: two mappings a guard, of which a process has 65,530 by default.
#![expect(unsafe_code, reason = "makes memory inaccessible that its callers own")]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::StackError;
use crate::error::Errno;
use crate::sys::{fd, mem};

/// How a guard was made; hand it back to [`release`] when its memory is unmapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// A marker in the page table.
    Marker,
    /// A mapping without permissions, counted.
    Mapping,
}

/// Guards made of mappings, in the whole process.
static MAPPINGS: AtomicUsize = AtomicUsize::new(0);

/// Makes a range inaccessible.
///
/// # Safety
///
/// The range is whole pages of a mapping of the caller's, and nobody relies on reading them.
pub(super) unsafe fn install(address: NonNull<u8>, length: usize) -> Result<Guard, StackError> {
    if !lacks_markers() {
        // SAFETY: the caller gives the range up.
        match unsafe { mem::guard(address, length) } {
            Ok(()) => return Ok(Guard::Marker),
            // An old kernel, or locked memory, which takes no markers.
            Err(Errno::INVAL) => find_out_whether_markers_are_lacking(),
            Err(errno) => return Err(StackError::Refused(errno)),
        }
    }
    // Relaxed: a count, which publishes nothing.
    if MAPPINGS.fetch_add(1, Ordering::Relaxed) >= most_mappings() {
        release(Guard::Mapping, 1);
        return Err(StackError::TooManyGuards);
    }
    // SAFETY: the caller gives the range up.
    unsafe { mem::forbid(address, length) }.map(|()| Guard::Mapping).map_err(|errno| {
        release(Guard::Mapping, 1);
        StackError::Refused(errno)
    })
}

/// Makes a guarded range accessible again; what it held before is lost.
///
/// # Safety
///
/// The range was made a guard of this kind by [`install`], is still mapped, and was readable and
/// writable before.
pub(super) unsafe fn remove(address: NonNull<u8>, length: usize, kind: Guard) {
    // SAFETY: the caller's promise. The kernel needs no memory for the first; where it has none to
    // join mappings for the second, they stay guarded, which nobody needs to know.
    let _removed = unsafe {
        match kind {
            Guard::Marker => mem::unguard(address, length),
            Guard::Mapping => mem::permit(address, length),
        }
    };
    release(kind, 1);
}

/// Says that `count` guards have been unmapped.
pub(super) fn release(kind: Guard, count: usize) {
    if kind == Guard::Mapping {
        // Relaxed: as above.
        MAPPINGS.fetch_sub(count, Ordering::Relaxed);
    }
}

/// Whether the kernel is known not to know guard markers.
static LACKS_MARKERS: AtomicBool = AtomicBool::new(cfg!(barecoro_no_guard_markers));

fn lacks_markers() -> bool {
    // Relaxed, here and below: nothing else depends on it, and threads that try at once find the same.
    LACKS_MARKERS.load(Ordering::Relaxed)
}

/// Tries a marker on a page that is not locked, so that later guards need not try.
#[cold]
fn find_out_whether_markers_are_lacking() {
    let Ok(page) = mem::map_stack(mem::PAGE) else { return };
    // It is locked from the start where all memory is (`MCL_FUTURE`).
    mem::unlock(page, mem::PAGE);
    // SAFETY: the page is new and nobody else knows it.
    unsafe {
        if mem::guard(page, mem::PAGE) == Err(Errno::INVAL) {
            LACKS_MARKERS.store(true, Ordering::Relaxed);
        }
        let _unmapped = mem::unmap(page, mem::PAGE);
    }
}

/// How many guards may be mappings: two each, in three quarters of the process's allowance.
fn most_mappings() -> usize {
    /// What Linux allows where nobody says otherwise.
    const USUAL: usize = 65_530;
    /// Zero while nobody has asked.
    static MOST: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: two threads that ask at once find the same.
    match MOST.load(Ordering::Relaxed) {
        0 => {
            let most = max_map_count().unwrap_or(USUAL) / 4 * 3 / 2;
            MOST.store(most, Ordering::Relaxed);
            most
        }
        most => most,
    }
}

/// The number in `/proc/sys/vm/max_map_count`.
fn max_map_count() -> Option<usize> {
    let file = fd::open_to_read(c"/proc/sys/vm/max_map_count").ok()?;
    let mut digits = [0; 24];
    let read = fd::read(file, &mut digits);
    let _closed = fd::close(file);
    let digits = digits.iter().take(read.ok()?).take_while(|digit| digit.is_ascii_digit());
    digits
        .map(|digit| usize::from(digit - b'0'))
        .try_fold(0_usize, |number, digit| number.checked_mul(10)?.checked_add(digit))
}
