//! Starting a process that shares this one's memory until it becomes another program.
#![expect(unsafe_code, reason = "a naked function that returns once and begins once")]

use core::arch::naked_asm;

/// What a new process does first, and last.
pub(crate) type Child = unsafe extern "C" fn(*const ()) -> !;

/// Makes the system call `number` with three arguments, clone(2) or `clone3(2)`, for a child with a
/// stack of its own. In the parent it returns what the kernel does; the child calls
/// `child(argument)`.
///
/// ```text
///   at the call      for the kernel
///   rdi  number      rax
///   rsi  first       rdi   flags, or the address of `clone_args`
///   rdx  second      rsi   the stack's base, or the size of `clone_args`
///   rcx  third       rdx   where the descriptor goes, or nothing
///   r8   child       r8    kept: no flag asks for thread-local storage
///   r9   argument    r9    kept
///                    r10   zero: no place for the child's number
/// ```
///
/// The parent returns on the stack on which it has called; the child never returns.
///
/// # Safety
///
/// The arguments give the child a stack of its own, whose base is aligned to 16 bytes, with memory
/// below it for what `child` does. `argument` is what that expects.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn clone(
    number: usize,
    first: usize,
    second: usize,
    third: usize,
    child: Child,
    argument: *const (),
) -> usize {
    naked_asm!(
        ".cfi_startproc",
        "mov eax, edi",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "xor r10d, r10d",
        "syscall", // overwrites rcx and r11, which the caller does not keep
        "test rax, rax",
        "jz 2f",
        "ret",
        // The child, at the base of its stack.
        "2:",
        ".cfi_undefined rip", // nobody has called this
        "mov rdi, r9",
        "xor ebp, ebp", // the end of the chain of frame pointers
        "push rbp",     // no return address, for those who look for one; twice, as the
        "push rbp",     // stack pointer is aligned
        "call r8",
        "ud2", // it does not return
        ".cfi_endproc",
    )
}
