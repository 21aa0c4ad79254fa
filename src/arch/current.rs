//! What belongs to an OS thread: one word that says which runtime it is running, and with the
//! feature `sim` another with its virtual time, in real ELF thread-local storage.
//!
//! They are declared in assembly because `#[thread_local]` is not stable, and read through the
//! initial-exec model, which works under libc, under musl and under our own `_start`. A task never
//! moves to another OS thread, so what one read is true for as long as it runs.
#![expect(unsafe_code, reason = "reads and writes thread-local words in assembly")]

use core::arch::{asm, global_asm};

/// Declares a thread-local word, zero in every new thread, and functions that read and write it.
/// The version is part of the name so that two versions of this crate can live in one program.
macro_rules! thread_word {
    ($name:literal, $(#[$read_doc:meta])* $read:ident, $(#[$write_doc:meta])* $write:ident) => {
        global_asm!(
            concat!(".pushsection .tbss.", $name, ",\"awT\",@nobits"),
            concat!(".globl ", $name),
            concat!(".hidden ", $name),
            concat!(".type ", $name, ", @tls_object"),
            concat!(".size ", $name, ", 8"),
            ".balign 8",
            concat!($name, ":"),
            ".zero 8",
            ".popsection",
        );

        $(#[$read_doc])*
        #[inline(always)]
        fn $read() -> usize {
            let value: usize;
            // SAFETY: the linker replaces `@gottpoff` with the place of a word that every thread
            // has, relative to its thread pointer in fs; reading it changes nothing.
            unsafe {
                asm!(
                    concat!("mov {value}, qword ptr [rip + ", $name, "@gottpoff]"),
                    "mov {value}, qword ptr fs:[{value}]",
                    value = out(reg) value,
                    options(nostack, preserves_flags, readonly),
                );
            }
            value
        }

        $(#[$write_doc])*
        fn $write(value: usize) {
            // SAFETY: writes the word described above, which nothing else in the program names.
            unsafe {
                asm!(
                    concat!("mov {place}, qword ptr [rip + ", $name, "@gottpoff]"),
                    "mov qword ptr fs:[{place}], {value}",
                    place = out(reg) _,
                    value = in(reg) value,
                    options(nostack, preserves_flags),
                );
            }
        }
    };
}

thread_word!("barecoro_current_0_1", read_current, write_current);
#[cfg(feature = "sim")]
thread_word!("barecoro_time_0_1", read_time, write_time);

/// What this OS thread last passed to [`set_current`]; null at first.
#[inline(always)]
pub(crate) fn current() -> *const () {
    core::ptr::with_exposed_provenance(read_current())
}

/// Sets the pointer that [`current`] returns on this OS thread.
pub(crate) fn set_current(value: *const ()) {
    write_current(value.expose_provenance());
}

/// The virtual time of this OS thread in nanoseconds, if it has one.
#[cfg(feature = "sim")]
#[inline(always)]
pub(crate) fn virtual_time() -> Option<u64> {
    Some(read_time() as u64).filter(|time| *time != 0)
}

/// Sets what [`virtual_time`] returns on this OS thread; zero for none.
#[cfg(feature = "sim")]
pub(crate) fn set_virtual_time(time: u64) {
    // On x86-64 they are the same.
    write_time(usize::try_from(time).unwrap_or(usize::MAX));
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
