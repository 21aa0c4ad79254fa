//! Paths, as they are handed to the kernel: with a zero byte at the end.

use core::ffi::CStr;

use crate::error::Errno;
use crate::io::Error;
use crate::sys::call::{Call, Named as _};

/// The longest path that is copied to the caller's frame, with its zero byte.
const SHORT: usize = 256;
/// The longest path that Linux takes, with its zero byte (`PATH_MAX`).
const LONGEST: usize = 4096;

/// What names a file: text, bytes, or a [`CStr`].
///
/// Linux wants a zero byte at the end. A `CStr` has one, and is passed as it is. All else is copied
/// to the stack: up to 255 bytes take 256 there, longer ones 4096, until the call is over.
///
/// A zero byte inside is [`Errno::INVAL`]. More than 4095 bytes are [`Errno::NAMETOOLONG`].
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, fs};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// RUNTIME.run(|| {
///     assert!(fs::metadata("/proc").unwrap().is_dir());
///     assert!(fs::metadata(b"/proc").unwrap().is_dir());
///     assert!(fs::metadata(c"/proc").unwrap().is_dir());
/// }).unwrap();
/// ```
pub trait AsPath {
    /// The path, without a zero byte.
    fn bytes(&self) -> &[u8];

    /// The path with its zero byte, if it is at hand.
    fn c_str(&self) -> Option<&CStr> {
        None
    }
}

impl AsPath for CStr {
    fn bytes(&self) -> &[u8] {
        self.to_bytes()
    }

    fn c_str(&self) -> Option<&CStr> {
        Some(self)
    }
}

impl AsPath for [u8] {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl<const N: usize> AsPath for [u8; N] {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl AsPath for str {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<const N: usize> AsPath for heapless::String<N> {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<P: AsPath + ?Sized> AsPath for &P {
    fn bytes(&self) -> &[u8] {
        P::bytes(self)
    }

    fn c_str(&self) -> Option<&CStr> {
        P::c_str(self)
    }
}

/// A path, with or without its zero byte.
#[derive(Clone, Copy)]
enum Text<'a> {
    Ended(&'a CStr),
    Open(&'a [u8]),
}

impl<'a> Text<'a> {
    fn of(path: &'a impl AsPath) -> Self {
        path.c_str().map_or_else(|| Self::Open(path.bytes()), Self::Ended)
    }
}

/// What is done with a path that has its zero byte.
type Then<'a> = &'a mut dyn FnMut(&CStr) -> Result<(), Error>;

/// Calls `then` with the path. `call` is what fails if that is none.
pub(super) fn with_path<T>(
    path: impl AsPath,
    call: Call,
    mut then: impl FnMut(&CStr) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut done = None;
    with_text(Text::of(&path), call, &mut |path| {
        done = Some(then(path)?);
        Ok(())
    })?;
    // It was called if nothing has failed.
    done.ok_or(Error::new(call, Errno::INVAL))
}

/// As [`with_path`], with two paths.
pub(super) fn with_paths(
    first: impl AsPath,
    second: impl AsPath,
    call: Call,
    mut then: impl FnMut(&CStr, &CStr) -> Result<(), Error>,
) -> Result<(), Error> {
    let (first, second) = (Text::of(&first), Text::of(&second));
    with_text(first, call, &mut |first| with_text(second, call, &mut |second| then(first, second)))
}

fn with_text(text: Text<'_>, call: Call, then: Then<'_>) -> Result<(), Error> {
    match text {
        Text::Ended(path) => then(path),
        Text::Open(bytes) if bytes.len() < SHORT => with_short(bytes, call, then),
        Text::Open(bytes) => with_long(bytes, call, then),
    }
}

#[inline(never)]
fn with_short(bytes: &[u8], call: Call, then: Then<'_>) -> Result<(), Error> {
    let mut buffer = [0; SHORT];
    then(terminated(bytes, &mut buffer).of(call)?)
}

#[cold]
#[inline(never)]
fn with_long(bytes: &[u8], call: Call, then: Then<'_>) -> Result<(), Error> {
    #[expect(clippy::large_stack_arrays, reason = "documented at `AsPath`")]
    let mut buffer = [0; LONGEST];
    then(terminated(bytes, &mut buffer).of(call)?)
}

/// Copies bytes and a zero byte into `buffer`.
fn terminated<'a>(bytes: &[u8], buffer: &'a mut [u8]) -> Result<&'a CStr, Errno> {
    let place = buffer.get_mut(..=bytes.len()).ok_or(Errno::NAMETOOLONG)?;
    if let Some((zero, place)) = place.split_last_mut() {
        place.copy_from_slice(bytes);
        *zero = 0;
    }
    CStr::from_bytes_with_nul(place).map_err(|_| Errno::INVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(path: impl AsPath) -> Result<usize, Errno> {
        with_path(path, Call::Open, |path| Ok(path.count_bytes())).map_err(Error::errno)
    }

    #[test]
    fn text_gets_a_zero_byte() {
        assert_eq!(length("proc"), Ok(4));
        assert_eq!(length(""), Ok(0));
        assert_eq!(length(b"\xff\xfe"), Ok(2));
        assert_eq!(length(c"proc"), Ok(4));
        assert_eq!(length(heapless::String::<8>::try_from("proc").unwrap()), Ok(4));
    }

    #[test]
    fn text_is_checked() {
        assert_eq!(length("a\0b"), Err(Errno::INVAL));
        assert_eq!(length("a\0"), Err(Errno::INVAL));
        for long in [SHORT - 1, SHORT, SHORT + 1, LONGEST - 1] {
            assert_eq!(length(&*"x".repeat(long)), Ok(long));
        }
        assert_eq!(length(&*"x".repeat(LONGEST)), Err(Errno::NAMETOOLONG));
    }

    #[test]
    fn two_paths_are_both_there() {
        let both = with_paths("a", c"bc", Call::Rename, |a, b| {
            assert_eq!((a, b), (c"a", c"bc"));
            Ok(())
        });
        assert_eq!(both, Ok(()));
        let bad = with_paths("a", "b\0c", Call::Rename, |_, _| Ok(()));
        assert_eq!(bad.map_err(Error::errno), Err(Errno::INVAL));
    }
}
