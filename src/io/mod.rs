//! Input and output: errors, pipes, the standard streams, and text to them. Floor 6.
//!
//! The macros [`print!`](crate::print), [`println!`](crate::println), [`eprint!`](crate::eprint)
//! and [`eprintln!`](crate::eprintln) write at once and in whole lines; nothing is held back. With the
//! feature `epoll` a task that prints to a full pipe or terminal parks until there is room, and no
//! other does.
//!
//! # Broken pipes
//!
//! A write to a pipe that nobody reads fails with [`Errno::PIPE`](crate::Errno::PIPE). The signal
//! `SIGPIPE`, which would end the process, is ignored by programs that start with
//! [`entry!`](crate::entry) and have the feature `epoll`, as std's programs do.

#[cfg(feature = "embedded-io")]
mod buffered;
#[cfg(feature = "epoll")]
mod pipe;
#[cfg(any(feature = "fs", all(feature = "io", feature = "epoll")))]
mod position;
#[cfg(feature = "io")]
mod print;
#[cfg(feature = "io")]
mod stdio;
#[cfg(feature = "embedded-io")]
mod traits;

#[cfg(feature = "embedded-io")]
pub use embedded_io::SeekFrom;

#[cfg(feature = "embedded-io")]
pub use buffered::{BufReader, ReadLineError};
#[cfg(feature = "epoll")]
pub use pipe::{PipeReader, PipeWriter, pipe};
#[cfg(any(feature = "fs", all(feature = "io", feature = "epoll")))]
pub(crate) use position::perform_here;
#[cfg(feature = "io")]
pub use print::{eprint, print};
#[cfg(feature = "io")]
pub use stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
#[cfg(any(feature = "net", feature = "fs"))]
pub(crate) use traits::stream;
#[cfg(all(feature = "embedded-io", any(feature = "epoll", feature = "io")))]
pub(crate) use traits::{reader, writer};

pub use crate::sys::call::Error;
#[cfg(feature = "net")]
pub use crate::sys::message::{IoSlice, IoSliceMut};

use crate::error::Errno;
use crate::sys::call::Call;

/// Writes all of `bytes` by calls that write some and say how many.
#[inline]
pub(crate) fn write_all(
    bytes: &[u8],
    mut write: impl FnMut(&[u8]) -> Result<usize, Error>,
) -> Result<(), Error> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match write(rest)? {
            // Else it would never end.
            0 => return Err(Error::new(Call::Write, Errno::IO)),
            count => rest = rest.get(count..).unwrap_or_default(),
        }
    }
    Ok(())
}
