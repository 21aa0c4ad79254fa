//! `memcpy` and its like, for programs that link no libc and whose core does not have them.
//!
//! The compiler calls these six for copies, fills and comparisons, so they cannot be written in
//! Rust, which would compile them into calls of themselves. They are weak: a libc or a core that
//! has them wins. Each is also there under a name of its own, for the tests.
//!
//! Copies of up to 32 bytes load everything before they store anything, in halves that overlap;
//! longer ones use `rep movsb`, which is fast from there on (Intel optimization manual, 3.7.6).

#![expect(unsafe_code, reason = "defines the six functions in assembly")]

use core::arch::global_asm;

/// Opens a function with a weak standard name and a name of our own.
macro_rules! function {
    ($name:literal, $($line:literal),+ $(,)?) => {
        global_asm!(
            concat!(".pushsection .text.", $name, ",\"ax\",@progbits"),
            ".balign 16",
            concat!(".weak ", $name),
            concat!(".globl barecoro_", $name),
            concat!(".hidden barecoro_", $name),
            concat!(".type ", $name, ", @function"),
            concat!($name, ":"),
            concat!("barecoro_", $name, ":"),
            ".cfi_startproc",
            $($line,)+
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
        );
    };
}

// rdi = to, rsi = from, rdx = how many; returns rdi. The ranges do not overlap.
function!(
    "memcpy",
    "mov rax, rdi",
    "cmp rdx, 32",
    "ja 2f",
    "cmp rdx, 16",
    "jae 3f",
    "cmp rdx, 8",
    "jae 4f",
    "cmp rdx, 4",
    "jae 5f",
    "test rdx, rdx",
    "jz 6f",
    // 1 to 3: the first, the middle, the last.
    "mov rcx, rdx",
    "shr rcx",
    "movzx r8d, byte ptr [rsi]",
    "movzx r9d, byte ptr [rsi + rcx]",
    "movzx r10d, byte ptr [rsi + rdx - 1]",
    "mov [rdi], r8b",
    "mov [rdi + rcx], r9b",
    "mov [rdi + rdx - 1], r10b",
    "6:",
    "ret",
    "5:", // 4 to 7
    "mov r8d, [rsi]",
    "mov r9d, [rsi + rdx - 4]",
    "mov [rdi], r8d",
    "mov [rdi + rdx - 4], r9d",
    "ret",
    "4:", // 8 to 15
    "mov r8, [rsi]",
    "mov r9, [rsi + rdx - 8]",
    "mov [rdi], r8",
    "mov [rdi + rdx - 8], r9",
    "ret",
    "3:", // 16 to 32
    "movups xmm0, [rsi]",
    "movups xmm1, [rsi + rdx - 16]",
    "movups [rdi], xmm0",
    "movups [rdi + rdx - 16], xmm1",
    "ret",
    "2:",
    "mov rcx, rdx",
    "rep movsb",
    "ret",
);

// As memcpy, for ranges that may overlap.
function!(
    "memmove",
    "mov rax, rdi",
    "sub rax, rsi",
    "cmp rax, rdx", // to - from, as unsigned: less than the length if `to` lies in the source
    "jae barecoro_memcpy",
    "cmp rdx, 32",
    "jbe barecoro_memcpy", // loads before it stores
    // From the end, 8 at a time, then the rest.
    "mov rax, rdi",
    "2:",
    "mov r8, [rsi + rdx - 8]",
    "mov [rdi + rdx - 8], r8",
    "sub rdx, 8",
    "cmp rdx, 8",
    "jae 2b",
    "test rdx, rdx",
    "jz 4f",
    "3:",
    "movzx r8d, byte ptr [rsi + rdx - 1]",
    "mov [rdi + rdx - 1], r8b",
    "dec rdx",
    "jnz 3b",
    "4:",
    "ret",
);

// rdi = to, sil = value, rdx = how many; returns rdi.
function!(
    "memset",
    "mov r8, rdi",
    "movzx eax, sil",
    "cmp rdx, 16",
    "ja 2f",
    "movabs r9, 0x0101010101010101",
    "imul rax, r9",
    "cmp rdx, 8",
    "jae 3f",
    "cmp rdx, 4",
    "jae 4f",
    "test rdx, rdx",
    "jz 5f",
    "mov rcx, rdx",
    "shr rcx",
    "mov [rdi], al",
    "mov [rdi + rcx], al",
    "mov [rdi + rdx - 1], al",
    "5:",
    "mov rax, r8",
    "ret",
    "4:", // 4 to 7
    "mov [rdi], eax",
    "mov [rdi + rdx - 4], eax",
    "mov rax, r8",
    "ret",
    "3:", // 8 to 16
    "mov [rdi], rax",
    "mov [rdi + rdx - 8], rax",
    "mov rax, r8",
    "ret",
    "2:",
    "mov rcx, rdx",
    "rep stosb",
    "mov rax, r8",
    "ret",
);

// rdi, rsi = what to compare, rdx = how many; returns the difference of the first two bytes that
// differ, or zero.
function!(
    "memcmp",
    "2:",
    "cmp rdx, 8",
    "jb 4f",
    "mov rax, [rdi]",
    "mov rcx, [rsi]",
    "cmp rax, rcx",
    "jne 3f",
    "add rdi, 8",
    "add rsi, 8",
    "sub rdx, 8",
    "jmp 2b",
    "3:", // a difference in these eight: the first byte counts most
    "bswap rax",
    "bswap rcx",
    "cmp rax, rcx",
    "sbb eax, eax",
    "or eax, 1",
    "ret",
    "4:",
    "test rdx, rdx",
    "jz 5f",
    "movzx eax, byte ptr [rdi]",
    "movzx ecx, byte ptr [rsi]",
    "sub eax, ecx",
    "jnz 6f",
    "inc rdi",
    "inc rsi",
    "dec rdx",
    "jmp 4b",
    "5:",
    "xor eax, eax",
    "6:",
    "ret",
);

function!("bcmp", "jmp barecoro_memcmp");

// rdi = text that ends in a zero; returns its length.
function!(
    "strlen",
    "mov rax, rdi",
    "2:",
    "cmp byte ptr [rax], 0",
    "je 3f",
    "inc rax",
    "jmp 2b",
    "3:",
    "sub rax, rdi",
    "ret",
);

#[cfg(test)]
#[expect(unsafe_code, reason = "calls the functions above")]
mod tests {
    use core::ffi::{c_char, c_int, c_void};
    use std::vec::Vec;

    use proptest::prelude::*;

    unsafe extern "C" {
        fn barecoro_memcpy(to: *mut c_void, from: *const c_void, count: usize) -> *mut c_void;
        fn barecoro_memmove(to: *mut c_void, from: *const c_void, count: usize) -> *mut c_void;
        fn barecoro_memset(to: *mut c_void, value: c_int, count: usize) -> *mut c_void;
        fn barecoro_memcmp(a: *const c_void, b: *const c_void, count: usize) -> c_int;
        fn barecoro_bcmp(a: *const c_void, b: *const c_void, count: usize) -> c_int;
        fn barecoro_strlen(text: *const c_char) -> usize;
    }

    proptest! {
        #[test]
        fn copies_are_exact(source in prop::collection::vec(any::<u8>(), 0..300), before in 0..16_usize) {
            let mut target = std::vec![0xa5_u8; source.len() + 32];
            let mut expected = target.clone();
            expected[before..before + source.len()].copy_from_slice(&source);
            let to = target[before..].as_mut_ptr().cast::<c_void>();
            // SAFETY: the target is longer than the source by more than `before`.
            let returned = unsafe { barecoro_memcpy(to, source.as_ptr().cast(), source.len()) };
            prop_assert_eq!(returned, to);
            prop_assert_eq!(target, expected);
        }

        #[test]
        fn moves_may_overlap(bytes in prop::collection::vec(any::<u8>(), 0..300), a: usize, b: usize, n: usize) {
            let length = bytes.len();
            let (from, to) = (a % (length + 1), b % (length + 1));
            let count = n % (length - from.max(to) + 1);
            let (mut ours, mut expected) = (bytes.clone(), bytes);
            expected.copy_within(from..from + count, to);
            let start = ours.as_mut_ptr();
            // SAFETY: both ranges lie in the vector.
            unsafe { barecoro_memmove(start.add(to).cast(), start.add(from).cast(), count) };
            prop_assert_eq!(ours, expected);
        }

        #[test]
        fn fills_are_exact(length in 0..300_usize, value: u8, before in 0..16_usize) {
            let mut target = std::vec![0xa5_u8; length + 32];
            let mut expected = target.clone();
            expected[before..before + length].fill(value);
            let to = target[before..].as_mut_ptr().cast::<c_void>();
            // SAFETY: the target is longer than the length by more than `before`.
            let returned = unsafe { barecoro_memset(to, c_int::from(value), length) };
            prop_assert_eq!(returned, to);
            prop_assert_eq!(target, expected);
        }

        #[test]
        fn comparisons_order_as_slices(mut a in prop::collection::vec(any::<u8>(), 0..64), at: usize, with: u8) {
            let mut b = a.clone();
            if !a.is_empty() {
                let place = at % a.len();
                b[place] = with;
            }
            a.push(7);
            b.push(7);
            // SAFETY: both vectors have this length.
            let (order, equal) = unsafe {
                let (x, y) = (a.as_ptr().cast(), b.as_ptr().cast());
                (barecoro_memcmp(x, y, a.len()), barecoro_bcmp(x, y, a.len()))
            };
            prop_assert_eq!(order.cmp(&0), a.cmp(&b));
            prop_assert_eq!(equal == 0, a == b);
        }

        #[test]
        fn lengths_end_at_the_zero(text in prop::collection::vec(1..=255_u8, 0..100)) {
            let ended: Vec<u8> = text.iter().copied().chain([0, 1]).collect();
            // SAFETY: there is a zero in the vector.
            prop_assert_eq!(unsafe { barecoro_strlen(ended.as_ptr().cast()) }, text.len());
        }
    }
}
