//! Text to standard output and standard error, without std. Floor 6.
//!
//! The macros [`print!`](crate::print), [`println!`](crate::println), [`eprint!`](crate::eprint)
//! and [`eprintln!`](crate::eprintln) write at once and in whole lines; nothing is held back.
//! [`read_stdin`] and [`write_stdout`] move bytes as they are.

use core::fmt::{self, Write as _};

use crate::error::Errno;
use crate::sys::Lines;
use crate::sys::fd::{self, Fd, STDERR, STDIN, STDOUT};
#[cfg(feature = "overflow")]
use crate::task::check_buffer;

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

/// Reads some bytes from standard input into `buffer` and returns how many; 0 is the end.
///
/// It is read(2): while there is nothing to read, all tasks stand still.
///
/// # Errors
///
/// Those of read(2), `EINTR` among them.
///
/// # Examples
///
/// ```no_run
/// let mut buffer = [0; 512];
/// let count = barecoro::io::read_stdin(&mut buffer)?;
/// barecoro::io::write_stdout(&buffer[..count])?;
/// # Ok::<_, barecoro::Errno>(())
/// ```
pub fn read_stdin(buffer: &mut [u8]) -> Result<usize, Errno> {
    fd::read(STDIN, buffer).inspect_err(|errno| check_buffer(*errno, buffer))
}

/// Writes some of `bytes` to standard output and returns how many.
///
/// It is write(2): while nobody takes them, all tasks stand still.
///
/// # Errors
///
/// Those of write(2), `EINTR` among them.
pub fn write_stdout(bytes: &[u8]) -> Result<usize, Errno> {
    fd::write(STDOUT, bytes).inspect_err(|errno| check_buffer(*errno, bytes))
}

/// Without the feature `overflow` an error is only an error.
#[cfg(not(feature = "overflow"))]
fn check_buffer(_: Errno, _: *const [u8]) {}

fn write(fd: Fd, text: fmt::Arguments<'_>, end: &str) -> fmt::Result {
    let mut lines = Lines::new(fd);
    lines.write_fmt(text)?;
    lines.write_str(end)?;
    lines.finish()
}
