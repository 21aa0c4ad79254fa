//! Reading through a buffer, and by lines.

use core::fmt;

use embedded_io::{BufRead, ErrorType, Read};

use crate::error::Errno;

/// Reads through a buffer of `N` bytes, which is inside.
///
/// A read waits only when the buffer is empty. What is in the buffer is lost with it.
///
/// # Examples
///
/// ```
/// use barecoro::io::BufReader;
///
/// let mut reader = BufReader::<_, 4>::new(&b"one\ntwo"[..]);
/// let mut line = heapless::String::<16>::new();
/// assert_eq!(reader.read_line(&mut line), Ok(4));
/// assert_eq!(reader.read_line(&mut line), Ok(3));
/// assert_eq!(line, "one\ntwo");                       // lines are appended, as std does
/// assert_eq!(reader.read_line(&mut line), Ok(0));     // the end
/// ```
pub struct BufReader<R, const N: usize> {
    inner: R,
    buffer: [u8; N],
    /// What was read and not yet taken, from `start` to `end`.
    start: usize,
    end: usize,
    /// Whether it is in the middle of a line that is not text.
    is_in_bad_line: bool,
}

impl<R, const N: usize> BufReader<R, N> {
    /// Reads from `inner`.
    pub const fn new(inner: R) -> Self {
        const { assert!(N >= 4, "the buffer has no room for a character") }
        Self { inner, buffer: [0; N], start: 0, end: 0, is_in_bad_line: false }
    }

    /// What it reads from.
    pub const fn get_ref(&self) -> &R {
        &self.inner
    }

    /// What it reads from. Reading from that takes what follows on the buffer.
    pub const fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// What it reads from; what is in the buffer is lost.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// What was read and not yet taken.
    pub fn buffer(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }
}

impl<R: Read, const N: usize> BufReader<R, N> {
    /// Appends a line to `line`, with its end (`\n`) if it has one, and returns how many bytes it has;
    /// 0 is the end of the stream. Waits until the line is there.
    ///
    /// # Cancellation
    ///
    /// As for any error of reading, nothing is lost but a line that is not text.
    ///
    /// # Errors
    ///
    /// - [`ReadLineError::Read`]: reading has failed. `line` has what was read before, and the next
    ///   call goes on behind that. If that is not UTF-8, `line` is as before, and the next call says so
    ///   when the rest of the line was read.
    /// - [`ReadLineError::TooLong`]: it does not fit. `line` is as before. As much as would have
    ///   fitted is lost, and the next call goes on in the middle of the line.
    /// - [`ReadLineError::NotText`]: it is not UTF-8. `line` is as before, and the line is lost.
    pub fn read_line<const M: usize>(
        &mut self,
        line: &mut heapless::String<M>,
    ) -> Result<usize, ReadLineError<R::Error>> {
        if self.is_in_bad_line {
            self.skip_line().map_err(ReadLineError::Read)?;
            self.is_in_bad_line = false;
            return Err(ReadLineError::NotText);
        }
        let before = line.len();
        let mut bytes = core::mem::take(line).into_bytes();
        let mut outcome = self.append_until(b'\n', &mut bytes);
        if let Err(error) = core::str::from_utf8(&bytes) {
            let (valid, is_cut) = (error.valid_up_to(), error.error_len().is_none());
            if matches!(outcome, Err(ReadLineError::Read(_))) {
                if is_cut {
                    // The rest of the character may still come.
                    self.put_back(bytes.get(valid..).unwrap_or_default());
                    bytes.truncate(valid);
                } else {
                    self.is_in_bad_line = true;
                    bytes.truncate(before);
                }
            } else if !matches!(outcome, Err(ReadLineError::TooLong)) {
                outcome = Err(ReadLineError::NotText);
            }
        }
        if matches!(outcome, Err(ReadLineError::TooLong | ReadLineError::NotText)) {
            bytes.truncate(before);
        }
        // What is not text was cut off.
        *line = heapless::String::from_utf8(bytes).unwrap_or_default();
        outcome
    }

    /// Puts the beginning of a character into the buffer, which is empty.
    fn put_back(&mut self, bytes: &[u8]) {
        if let Some(place) = self.buffer.get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
            (self.start, self.end) = (0, bytes.len());
        }
    }

    /// Appends bytes to `bytes` up to `delimiter`, with that if there is one, and returns how many; 0
    /// is the end of the stream. Waits until they are there.
    ///
    /// # Errors
    ///
    /// - [`ReadLineError::Read`]: reading has failed. `bytes` has what was read before.
    /// - [`ReadLineError::TooLong`]: they do not fit. `bytes` is full, and the next call goes on
    ///   behind them.
    pub fn read_until<const M: usize>(
        &mut self,
        delimiter: u8,
        bytes: &mut heapless::Vec<u8, M>,
    ) -> Result<usize, ReadLineError<R::Error>> {
        self.append_until(delimiter, bytes)
    }

    /// Reads up to the end of a line, or to the end of all, and drops it.
    fn skip_line(&mut self) -> Result<(), R::Error> {
        loop {
            let found = self.fill_buf()?;
            let end = found.iter().position(|byte| *byte == b'\n').map(|place| place + 1);
            let (count, is_end) = (end.unwrap_or(found.len()), found.is_empty());
            self.consume(count);
            if end.is_some() || is_end {
                return Ok(());
            }
        }
    }

    fn append_until<const M: usize>(
        &mut self,
        delimiter: u8,
        bytes: &mut heapless::Vec<u8, M>,
    ) -> Result<usize, ReadLineError<R::Error>> {
        let before = bytes.len();
        loop {
            let found = self.fill_buf().map_err(ReadLineError::Read)?;
            let end = found.iter().position(|byte| *byte == delimiter).map(|place| place + 1);
            let wanted = end.unwrap_or(found.len());
            let fitting = wanted.min(bytes.capacity() - bytes.len());
            let _fits = bytes.extend_from_slice(found.get(..fitting).unwrap_or_default());
            let is_end = found.is_empty();
            self.consume(fitting);
            if fitting < wanted {
                return Err(ReadLineError::TooLong);
            }
            if end.is_some() || is_end {
                return Ok(bytes.len() - before);
            }
        }
    }
}

impl<R: ErrorType, const N: usize> ErrorType for BufReader<R, N> {
    type Error = R::Error;
}

impl<R: Read, const N: usize> Read for BufReader<R, N> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, R::Error> {
        // Nothing is to be awaited for nothing.
        if buffer.is_empty() {
            return Ok(0);
        }
        // What is at least as large as the buffer needs none.
        if self.buffer().is_empty() && buffer.len() >= N && !self.is_in_bad_line {
            return self.inner.read(buffer);
        }
        let found = self.fill_buf()?;
        let count = found.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), found.get(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read, const N: usize> BufRead for BufReader<R, N> {
    fn fill_buf(&mut self) -> Result<&[u8], R::Error> {
        if self.start == self.end {
            // Empty until the read has succeeded.
            (self.start, self.end) = (0, 0);
            self.end = self.inner.read(&mut self.buffer)?.min(N);
        }
        Ok(self.buffer())
    }

    fn consume(&mut self, count: usize) {
        let end = self.start.saturating_add(count).min(self.end);
        let taken = self.buffer.get(self.start..end).unwrap_or_default();
        self.is_in_bad_line &= !taken.contains(&b'\n');
        self.start = end;
    }
}

impl<R: fmt::Debug, const N: usize> fmt::Debug for BufReader<R, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("BufReader");
        debug.field("inner", &self.inner).field("buffered", &(self.end - self.start));
        debug.finish_non_exhaustive()
    }
}

/// Why there is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadLineError<E> {
    /// Reading has failed.
    Read(E),
    /// The line does not fit.
    TooLong,
    /// The line is not UTF-8.
    NotText,
}

impl<E: fmt::Display> fmt::Display for ReadLineError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => fmt::Display::fmt(error, f),
            Self::TooLong => f.write_str("the line is too long"),
            Self::NotText => f.write_str("the line is not UTF-8"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for ReadLineError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::TooLong | Self::NotText => None,
        }
    }
}

impl<E: Into<Errno>> From<ReadLineError<E>> for Errno {
    fn from(error: ReadLineError<E>) -> Self {
        match error {
            ReadLineError::Read(error) => error.into(),
            ReadLineError::TooLong => Self::MSGSIZE,
            ReadLineError::NotText => Self::ILSEQ,
        }
    }
}
