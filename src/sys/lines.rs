//! Text to a file descriptor, a line at a time.

use core::fmt;
use core::marker::PhantomData;

use super::fd::{self, Fd};
use crate::error::Errno;

/// How lines are written.
pub(crate) trait Sink {
    /// Writes all of `bytes`.
    fn write_all(fd: Fd, bytes: &[u8]) -> Result<(), Errno>;
}

/// By write(2). While nobody takes them, all tasks stand still.
#[derive(Debug)]
pub(crate) struct Direct;

impl Sink for Direct {
    fn write_all(fd: Fd, bytes: &[u8]) -> Result<(), Errno> {
        fd::write_all(fd, bytes)
    }
}

/// Collects what is written and passes it on in whole lines, so that the lines of two writers do
/// not mix. What is left goes out when the value is dropped. Errors are kept for the end: text for
/// people has nowhere to complain.
#[derive(Debug)]
pub(crate) struct Lines<S: Sink = Direct> {
    fd: Fd,
    buffer: heapless::Vec<u8, 256>,
    failed: bool,
    sink: PhantomData<S>,
}

impl Lines {
    /// Writes to `fd`, which the caller lends.
    pub(crate) const fn new(fd: Fd) -> Self {
        Self::of_sink(fd)
    }
}

impl<S: Sink> Lines<S> {
    /// As [`new`](Lines::new), in another way.
    pub(crate) const fn of_sink(fd: Fd) -> Self {
        Self { fd, buffer: heapless::Vec::new(), failed: false, sink: PhantomData }
    }

    /// Writes what is left, and says whether everything was written.
    #[cfg(feature = "io")]
    pub(crate) fn finish(mut self) -> fmt::Result {
        self.flush();
        if self.failed { Err(fmt::Error) } else { Ok(()) }
    }

    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            // Who is started without the descriptor does not want to hear anything.
            let written = S::write_all(self.fd, &self.buffer);
            self.failed |= !matches!(written, Ok(()) | Err(Errno::BADF));
            self.buffer.clear();
        }
    }
}

impl<S: Sink> fmt::Write for Lines<S> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for line in text.as_bytes().split_inclusive(|byte| *byte == b'\n') {
            for part in line.chunks(self.buffer.capacity()) {
                if self.buffer.extend_from_slice(part).is_err() {
                    self.flush();
                    // A part is no longer than the buffer, which is empty now.
                    let _fits = self.buffer.extend_from_slice(part);
                }
            }
            if line.ends_with(b"\n") {
                self.flush();
            }
        }
        if self.failed { Err(fmt::Error) } else { Ok(()) }
    }
}

impl<S: Sink> Drop for Lines<S> {
    fn drop(&mut self) {
        self.flush();
    }
}
