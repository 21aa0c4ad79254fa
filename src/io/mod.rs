//! Errors of input and output, and text to standard output and standard error. Floor 6.
//!
//! The macros [`print!`](crate::print), [`println!`](crate::println), [`eprint!`](crate::eprint)
//! and [`eprintln!`](crate::eprintln) write at once and in whole lines; nothing is held back.

#[cfg(feature = "io")]
mod print;
#[cfg(feature = "embedded-io")]
mod traits;

#[cfg(feature = "epoll")]
pub use crate::sys::call::Error;
#[cfg(feature = "net")]
pub use crate::sys::message::{IoSlice, IoSliceMut};
#[cfg(feature = "io")]
pub use print::{eprint, print, read_stdin, write_stdout};
#[cfg(feature = "net")]
pub(crate) use traits::stream;
