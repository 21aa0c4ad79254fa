//! Text to standard output and standard error, without std.

use core::fmt::{self, Write as _};

use crate::sys::Lines;
use crate::sys::fd::{Fd, STDERR, STDOUT};
#[cfg(not(feature = "epoll"))]
use crate::sys::lines::Direct as Patient;

#[cfg(feature = "epoll")]
mod patient;
#[cfg(feature = "epoll")]
use patient::Patient;

/// Writes formatted text to standard output.
///
/// A task parks while there is no room for it, with the feature `epoll`; its cancellation does not
/// end that. What others print goes before or after.
///
/// # Panics
///
/// If it cannot be written, as std's does. Where standard output is not open, nothing is, and that is no
/// error.
#[macro_export]
macro_rules! print {
    ($($part:tt)*) => {
        $crate::io::print(::core::format_args!($($part)*), "")
    };
}

/// Writes formatted text and a new line to standard output.
///
/// Waits as [`print!`](crate::print) does.
///
/// # Panics
///
/// As [`print!`](crate::print) does.
#[macro_export]
macro_rules! println {
    ($($part:tt)*) => {
        $crate::io::print(::core::format_args!($($part)*), "\n")
    };
}

/// Writes formatted text to standard error, and does not mind if it cannot.
///
/// Waits as [`print!`](crate::print) does.
#[macro_export]
macro_rules! eprint {
    ($($part:tt)*) => {
        $crate::io::eprint(::core::format_args!($($part)*), "")
    };
}

/// Writes formatted text and a new line to standard error, and does not mind if it cannot.
///
/// Waits as [`print!`](crate::print) does.
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

/// Writes text so that its lines stay whole.
pub(super) fn write(fd: Fd, text: fmt::Arguments<'_>, end: &str) -> fmt::Result {
    #[cfg(feature = "epoll")]
    let _turn = patient::Turn::take(fd);
    let mut lines = Lines::<Patient>::of_sink(fd);
    lines.write_fmt(text)?;
    lines.write_str(end)?;
    lines.finish()
}
