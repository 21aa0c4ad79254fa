//! What a panic does in a program without std.
#![expect(unsafe_code, reason = "defines a symbol in assembly")]

use core::fmt::Write as _;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::arch;
use crate::sys::{self, Lines, fd::STDERR};
use crate::task;

/// What the parent process sees, as with std.
const EXIT_CODE: i32 = 101;
/// How many frames are printed.
const MOST_FRAMES: usize = 64;

/// Says on standard error which task has panicked, where and why, and ends the process.
///
/// The numbers are return addresses, innermost first: `addr2line -e PROGRAM` turns the second of
/// each line into a place in the source. There are as many as the code keeps frame pointers
/// (`-C force-frame-pointers=yes`).
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    static PANICKED: AtomicBool = AtomicBool::new(false);
    // Relaxed: only whether it was set matters.
    if PANICKED.swap(true, Ordering::Relaxed) {
        sys::process::exit(EXIT_CODE); // the report itself has panicked
    }
    let mut out = Lines::new(STDERR);
    // Nobody can be told that standard error does not work.
    let _written = match task::describe_current() {
        Some(task) => write!(out, "{task} "),
        None => out.write_str("the program "),
    };
    let _written = match info.location() {
        Some(place) => writeln!(out, "panicked at {}:\n{}", task::Place(place), info.message()),
        None => writeln!(out, "panicked:\n{}", info.message()),
    };
    let frames = arch::frame_chain(arch::frame_pointer(), sys::mem::peek);
    sys::write_return_addresses(&mut out, frames.take(MOST_FRAMES));
    drop(out);
    sys::process::exit(EXIT_CODE)
}

/// The symbol that core's unwinding tables refer to. Nothing unwinds here.
#[cfg(not(test))]
mod personality {
    core::arch::global_asm!(
        ".pushsection .text.rust_eh_personality,\"ax\",@progbits",
        ".weak rust_eh_personality",
        ".type rust_eh_personality, @function",
        "rust_eh_personality:",
        "ud2",
        ".size rust_eh_personality, . - rust_eh_personality",
        ".popsection",
    );
}
