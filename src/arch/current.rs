//! Which runtime this OS thread is running: one pointer in real ELF thread-local storage.
//!
//! It is declared in assembly because `#[thread_local]` is not stable, and read through the
//! initial-exec model, which works under libc, under musl and under our own `_start`. A task never
//! moves to another OS thread, so what one read is true for as long as it runs.
#![expect(unsafe_code, reason = "reads and writes a thread-local word in assembly")]

use core::arch::{asm, global_asm};

// One word, zero in every new thread. The version is part of the name so that two versions of
// this crate can live in one program.
global_asm!(
    ".pushsection .tbss.barecoro_current_0_1,\"awT\",@nobits",
    ".globl barecoro_current_0_1",
    ".hidden barecoro_current_0_1",
    ".type barecoro_current_0_1, @tls_object",
    ".size barecoro_current_0_1, 8",
    ".balign 8",
    "barecoro_current_0_1:",
    ".zero 8",
    ".popsection",
);

/// What this OS thread last passed to [`set_current`]; null at first.
#[inline(always)]
pub(crate) fn current() -> *const () {
    let value: *const ();
    // SAFETY: the linker replaces `@gottpoff` with the place of a word that every thread has,
    // relative to its thread pointer in fs; reading it changes nothing.
    unsafe {
        asm!(
            "mov {value}, qword ptr [rip + barecoro_current_0_1@gottpoff]",
            "mov {value}, qword ptr fs:[{value}]",
            value = out(reg) value,
            options(nostack, preserves_flags, readonly),
        );
    }
    value
}

/// Sets the pointer that [`current`] returns on this OS thread.
pub(crate) fn set_current(value: *const ()) {
    // SAFETY: writes the word described at `current`, which nothing else in the program names.
    unsafe {
        asm!(
            "mov {place}, qword ptr [rip + barecoro_current_0_1@gottpoff]",
            "mov qword ptr fs:[{place}], {value}",
            place = out(reg) _,
            value = in(reg) value,
            options(nostack, preserves_flags),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{current, set_current};

    #[test]
    fn each_thread_has_its_own() {
        let here = 1u8;
        set_current((&raw const here).cast());
        let there = std::thread::spawn(|| current().is_null()).join().unwrap();
        assert!(there);
        assert_eq!(current(), (&raw const here).cast());
        set_current(core::ptr::null());
    }
}
