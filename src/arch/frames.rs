//! Where the caller is: its stack pointer, and its chain of frame pointers.
#![expect(unsafe_code, reason = "reads two registers")]

use core::arch::asm;

/// The stack pointer, a few bytes off by the time anyone looks at it.
#[inline(always)]
pub(crate) fn stack_pointer() -> usize {
    let value: usize;
    // SAFETY: copies a register.
    unsafe { asm!("mov {}, rsp", out(reg) value, options(nomem, nostack, preserves_flags)) }
    value
}

/// The frame pointer, if the code keeps one.
#[cfg(feature = "panic-handler")]
#[inline(always)]
pub(crate) fn frame_pointer() -> usize {
    let value: usize;
    // SAFETY: copies a register.
    unsafe { asm!("mov {}, rbp", out(reg) value, options(nomem, nostack, preserves_flags)) }
    value
}

/// The return addresses above the function with this frame pointer, innermost first, as far as the
/// code keeps frame pointers.
///
/// `read` reads two words at an address, and fails where there is nothing to read: a register that
/// holds something else than a frame pointer ends the walk and does no harm.
#[cfg(any(feature = "panic-handler", feature = "overflow"))]
pub(crate) fn frame_chain(
    mut frame: usize,
    read: impl Fn(usize) -> Option<[usize; 2]>,
) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        if frame == 0 || !frame.is_multiple_of(align_of::<usize>()) {
            return None;
        }
        let [outer, address] = read(frame)?;
        // Frames lie higher the further out they are; anything else would be a loop.
        frame = if outer > frame { outer } else { 0 };
        (address != 0).then_some(address)
    })
}
