//! Where libc keeps the environment, in programs that have a libc.
#![expect(unsafe_code, reason = "looks for a variable that may not be there")]

use core::arch::asm;
use core::ffi::c_char;

/// libc's `environ`: the addresses of strings, and a null; or null, if there are none. `None` without
/// libc.
pub(crate) fn environ() -> Option<*const *const c_char> {
    let variable: *const *const *const c_char;
    // SAFETY: copies an address. The symbol is weak: where no library has it, the linker puts zero.
    unsafe {
        asm!(
            ".weak environ",
            "mov {}, qword ptr [rip + environ@GOTPCREL]",
            out(reg) variable,
            options(nostack, preserves_flags, readonly),
        );
    }
    // SAFETY: it is the variable of environ(7), which has this type, or null.
    unsafe { variable.as_ref() }.copied()
}
