//! The standard streams.

use core::fmt;

use crate::error::Errno;
#[cfg(feature = "epoll")]
use crate::fd::{AsFd, BorrowedFd};
use crate::sys::call::{Call, Named as _};
use crate::sys::fd::{self, Fd, STDERR, STDIN, STDOUT};
#[cfg(feature = "epoll")]
use crate::sys::operation::Operation;
#[cfg(feature = "epoll")]
use crate::task::Scheduler;
#[cfg(feature = "overflow")]
use crate::task::check_buffer;

use super::Error;
#[cfg(feature = "epoll")]
use super::perform_here;
use super::print;

/// Standard input; see [`stdin`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Stdin;

/// Standard output; see [`stdout`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Stdout;

/// Standard error; see [`stderr`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Stderr;

/// Standard input, without a buffer. Lines are read with a `BufReader`.
///
/// With the feature `epoll` a read parks its task only. The descriptor is left as it is set, as other
/// processes may have it too: a terminal, above all. Without the feature, and outside of tasks, it is
/// read(2), and everything stands still meanwhile.
///
/// So on epoll a read can stop all tasks: if another process reads the same pipe or terminal and takes
/// what was there between epoll's answer and the read. On `io_uring` it stops only its own.
///
/// # Examples
///
/// ```no_run
/// # #[cfg(feature = "embedded-io")] {
/// use barecoro::io::{self, BufReader};
///
/// let mut input = BufReader::<_, 512>::new(io::stdin());
/// let mut line = heapless::String::<80>::new();
/// input.read_line(&mut line).unwrap();
/// # }
/// ```
pub const fn stdin() -> Stdin {
    Stdin
}

/// Standard output, without a buffer.
///
/// Waits as [`stdin`] does. Text that is written with `write!` keeps its lines whole, as that of
/// [`print!`](crate::print).
pub const fn stdout() -> Stdout {
    Stdout
}

/// Standard error, without a buffer. As [`stdout`].
pub const fn stderr() -> Stderr {
    Stderr
}

impl Stdin {
    /// Reads some bytes into `buffer`, and returns how many; 0 is the end, or the buffer is empty.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost: a cancelled read has taken nothing, or returns what it has taken.
    ///
    /// # Errors
    ///
    /// Those of read(2); [`Errno::CANCELED`] if the task was told to end.
    #[cfg_attr(feature = "epoll", track_caller)]
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        // Nothing is to be awaited for nothing.
        if buffer.is_empty() {
            return Ok(0);
        }
        #[cfg(feature = "epoll")]
        if Scheduler::current().is_some() {
            return perform_here(None, &Operation::read(STDIN, buffer, None));
        }
        loop {
            match fd::read(STDIN, buffer) {
                Err(Errno::INTR) => {}
                done => {
                    return done.inspect_err(|errno| check_buffer(*errno, buffer)).of(Call::Read);
                }
            }
        }
    }
}

#[cfg_attr(feature = "epoll", track_caller)]
fn write(fd: Fd, bytes: &[u8]) -> Result<usize, Error> {
    if bytes.is_empty() {
        return Ok(0);
    }
    #[cfg(feature = "epoll")]
    if Scheduler::current().is_some() {
        return perform_here(None, &Operation::write(fd, bytes, None));
    }
    loop {
        match fd::write(fd, bytes) {
            Err(Errno::INTR) => {}
            done => return done.inspect_err(|errno| check_buffer(*errno, bytes)).of(Call::Write),
        }
    }
}

/// Without the feature `overflow` an error is only an error.
#[cfg(not(feature = "overflow"))]
fn check_buffer(_: Errno, _: *const [u8]) {}

/// What the two outputs have in common.
macro_rules! output {
    ($name:ident, $fd:expr) => {
        impl $name {
            /// Writes some of `bytes`, and returns how many.
            ///
            /// # Cancellation
            ///
            /// A cancelled write has written nothing, or returns how much it has.
            ///
            /// # Errors
            ///
            /// Those of write(2), such as [`Errno::PIPE`]; [`Errno::CANCELED`] if the task was told
            /// to end.
            #[cfg_attr(feature = "epoll", track_caller)]
            pub fn write(&self, bytes: &[u8]) -> Result<usize, Error> {
                write($fd, bytes)
            }

            /// Writes all of `bytes`.
            ///
            /// # Cancellation
            ///
            /// Some may have been written when it fails; nobody knows how many.
            ///
            /// # Errors
            ///
            /// As for [`write`](Self::write).
            #[cfg_attr(feature = "epoll", track_caller)]
            pub fn write_all(&self, bytes: &[u8]) -> Result<(), Error> {
                super::write_all(bytes, |rest| self.write(rest))
            }
        }

        impl fmt::Write for $name {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                print::write($fd, format_args!("{text}"), "")
            }

            fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> fmt::Result {
                print::write($fd, text, "")
            }
        }
    };
}

output!(Stdout, STDOUT);
output!(Stderr, STDERR);

/// Gives a stream its descriptor.
#[cfg(feature = "epoll")]
macro_rules! descriptor {
    ($name:ident, $fd:expr) => {
        /// The descriptor is the process's; nobody closes it while the program uses this stream.
        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                BorrowedFd::standard($fd)
            }
        }
    };
}

#[cfg(feature = "epoll")]
descriptor!(Stdin, STDIN);
#[cfg(feature = "epoll")]
descriptor!(Stdout, STDOUT);
#[cfg(feature = "epoll")]
descriptor!(Stderr, STDERR);

#[cfg(feature = "embedded-io")]
super::reader!(Stdin);
#[cfg(feature = "embedded-io")]
super::writer!(Stdout);
#[cfg(feature = "embedded-io")]
super::writer!(Stderr);
