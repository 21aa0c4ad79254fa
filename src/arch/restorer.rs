//! Where a handler of signals returns to.
#![expect(unsafe_code, reason = "a naked function that ends a signal's handler")]

use core::arch::naked_asm;

/// Ends a signal's handler: `rt_sigreturn(2)` loads the registers that the signal has interrupted.
///
/// Its address goes into `sa_restorer`, which the kernel demands on x86-64. Debuggers and unwinders
/// know this place by its two instructions, byte by byte (`mov rax, 15` in its long form), and find
/// the interrupted registers in the frame. So it must not have call frame information, and gdb looks
/// only where the function's name contains `sigaction`.
///
/// # Safety
///
/// Not to be called: a handler's frame has this return address.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn sigaction_restorer() {
    naked_asm!(
        "mov rax, {number}",
        "syscall",
        number = const linux_raw_sys::general::__NR_rt_sigreturn,
    )
}
