//! Text to standard output and standard error, without std. Floor 6.
//!
//! The macros [`print!`](crate::print), [`println!`](crate::println), [`eprint!`](crate::eprint)
//! and [`eprintln!`](crate::eprintln) write at once and in whole lines; nothing is held back.

use core::fmt::{self, Write as _};

use crate::sys::Lines;
use crate::sys::fd::{Fd, STDERR, STDOUT};

/// Writes formatted text to standard output.
///
/// # Panics
///
/// If it cannot be written, as std's does.
#[macro_export]
macro_rules! print {
    ($($part:tt)*) => {
        $crate::io::print(::core::format_args!($($part)*), "")
    };
}

/// Writes formatted text and a new line to standard output.
///
/// # Panics
///
/// If it cannot be written, as std's does.
#[macro_export]
macro_rules! println {
    ($($part:tt)*) => {
        $crate::io::print(::core::format_args!($($part)*), "\n")
    };
}

/// Writes formatted text to standard error, and does not mind if it cannot.
#[macro_export]
macro_rules! eprint {
    ($($part:tt)*) => {
        $crate::io::eprint(::core::format_args!($($part)*), "")
    };
}

/// Writes formatted text and a new line to standard error, and does not mind if it cannot.
#[macro_export]
macro_rules! eprintln {
    ($($part:tt)*) => {
        $crate::io::eprint(::core::format_args!($($part)*), "\n")
    };
}

/// What [`print!`](crate::print) and [`println!`](crate::println) call.
#[doc(hidden)]
#[track_caller]
pub fn print(text: fmt::Arguments<'_>, end: &str) {
    assert!(write(STDOUT, text, end).is_ok(), "cannot write to standard output");
}

/// What [`eprint!`](crate::eprint) and [`eprintln!`](crate::eprintln) call.
#[doc(hidden)]
pub fn eprint(text: fmt::Arguments<'_>, end: &str) {
    // Nobody can be told that standard error does not work.
    let _written = write(STDERR, text, end);
}

fn write(fd: Fd, text: fmt::Arguments<'_>, end: &str) -> fmt::Result {
    let mut lines = Lines::new(fd);
    lines.write_fmt(text)?;
    lines.write_str(end)?;
    lines.finish()
}
