//! The environment that the process was started with.
#![expect(unsafe_code, reason = "reads the kernel's strings where `start` has found them")]

use core::ffi::{CStr, c_char};

use super::auxv::known_vector;
#[cfg(feature = "process")]
use super::bytes::Bytes;
use super::fd;
#[cfg(feature = "process")]
use crate::{arch, error::Errno};
#[cfg(feature = "process")]
use core::marker::PhantomData;

/// The value of a variable, in `buffer`; as much of it as fits. `None` without the variable.
///
/// In a program that another start-up has started it is read from `/proc`, and unknown without that.
pub(crate) fn variable<'a>(name: &[u8], buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut found = Value { buffer, length: None };
    match known_vector() {
        // SAFETY: the vector is the one that the kernel has laid out.
        Some(vector) => unsafe {
            search_stack(vector.as_ptr().cast_const().cast(), name, &mut found);
        },
        None => search_file(name, &mut found),
    }
    let Value { buffer, length } = found;
    buffer.get(..length?)
}

/// The variables that a child is to inherit.
#[cfg(feature = "process")]
pub(crate) enum Inherited {
    /// Addresses of strings, and a null.
    Array(*const *const c_char),
    /// Strings with a zero byte each.
    Text(Bytes),
}

#[cfg(feature = "process")]
impl Inherited {
    /// Those that this process has: what the kernel has given to a program that `start` has started,
    /// otherwise what libc keeps, or, without libc, what `/proc` says.
    pub(crate) fn of_process() -> Result<Self, Errno> {
        if let Some(vector) = known_vector() {
            let mut first: *const *const c_char = vector.as_ptr().cast_const().cast();
            // SAFETY: below the vector there are a null, the addresses of strings, and a null.
            unsafe {
                first = first.sub(1);
                while !(*first.sub(1)).is_null() {
                    first = first.sub(1);
                }
            }
            return Ok(Self::Array(first));
        }
        if let Some(array) = arch::environ() {
            return Ok(Self::Array(array));
        }
        let mut text = Bytes::new();
        let Ok(file) = fd::open_to_read(c"/proc/self/environ") else { return Ok(Self::Text(text)) };
        let read = loop {
            if let Err(errno) = text.reserve(1) {
                break Err(errno);
            }
            match fd::read(file, text.spare()) {
                Ok(0) => break Ok(()),
                Ok(count) => text.advance(count),
                Err(Errno::INTR) => {}
                Err(errno) => break Err(errno),
            }
        };
        let _closed = fd::close(file);
        read.map(|()| Self::Text(text))
    }

    /// All of them, each as `NAME=value`.
    pub(crate) fn iter(&self) -> Variables<'_> {
        match self {
            Self::Array(array) => Variables::Array(*array, PhantomData),
            Self::Text(text) => Variables::Text(text),
        }
    }
}

/// See [`Inherited::iter`].
#[cfg(feature = "process")]
pub(crate) enum Variables<'a> {
    Array(*const *const c_char, PhantomData<&'a CStr>),
    Text(&'a [u8]),
}

#[cfg(feature = "process")]
impl<'a> Iterator for Variables<'a> {
    type Item = &'a CStr;

    fn next(&mut self) -> Option<&'a CStr> {
        match self {
            Self::Array(array, _) => {
                if array.is_null() {
                    return None;
                }
                // SAFETY: an entry of the array, or its null, beyond which nothing is read. The
                // kernel's stays; libc's may not be changed meanwhile by whoever shares it.
                let text = unsafe { **array };
                if text.is_null() {
                    return None;
                }
                // SAFETY: an entry that is not null has one behind it, and its text ends in a zero.
                unsafe {
                    *array = array.add(1);
                    Some(CStr::from_ptr(text))
                }
            }
            Self::Text(text) => {
                let line = CStr::from_bytes_until_nul(text).ok()?;
                *text = text.get(line.count_bytes() + 1..).unwrap_or_default();
                Some(line)
            }
        }
    }
}

/// Where a value is put together.
struct Value<'a> {
    buffer: &'a mut [u8],
    length: Option<usize>,
}

/// Looks through the addresses that the kernel has put below the auxiliary vector.
///
/// # Safety
///
/// Below the vector there are a null, the addresses of strings, and a null.
unsafe fn search_stack(vector: *const *const c_char, name: &[u8], found: &mut Value<'_>) {
    for distance in 2.. {
        // SAFETY: the caller's promise; this stops at the second null.
        let string = unsafe { *vector.sub(distance) };
        if string.is_null() {
            return;
        }
        // SAFETY: strings of the kernel's end in a zero byte and live as long as the process.
        let line = unsafe { CStr::from_ptr(string) }.to_bytes();
        if let Some(value) = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(b"=")) {
            for (place, byte) in found.buffer.iter_mut().zip(value) {
                *place = *byte;
            }
            found.length = Some(value.len().min(found.buffer.len()));
            return;
        }
    }
}

/// Looks through `/proc/self/environ`, piece by piece.
fn search_file(name: &[u8], found: &mut Value<'_>) {
    let Ok(file) = fd::open_to_read(c"/proc/self/environ") else { return };
    let mut piece = [0; 256];
    // How much of `NAME=` has been read of this line; `None` once it is another name.
    let mut matched = Some(0);
    'pieces: while let Ok(count) = fd::read(file, &mut piece) {
        if count == 0 {
            break;
        }
        for byte in piece.iter().take(count) {
            match (matched, found.length, *byte) {
                (_, Some(_), 0) => break 'pieces,
                (_, Some(length), byte) => {
                    let Some(place) = found.buffer.get_mut(length) else {
                        break 'pieces;
                    };
                    *place = byte;
                    found.length = Some(length + 1);
                }
                (_, None, 0) => matched = Some(0),
                (Some(length), None, b'=') if length == name.len() => found.length = Some(0),
                (Some(length), None, byte) if name.get(length) == Some(&byte) => {
                    matched = Some(length + 1);
                }
                (_, None, _) => matched = None,
            }
        }
    }
    let _closed = fd::close(file);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_process_s_own() {
        let mut buffer = [0; 4096];
        for (name, value) in std::env::vars() {
            let found = variable(name.as_bytes(), &mut buffer);
            assert_eq!(found, Some(value.as_bytes()), "{name}");
        }
        assert_eq!(variable(b"BARECORO_NO_SUCH_VARIABLE", &mut buffer), None);
        let path = std::env::var("PATH").unwrap();
        assert_eq!(variable(b"PATH", &mut [0; 2]), path.as_bytes().get(..2));
        assert_eq!(variable(b"PAT", &mut buffer), None);
    }

    #[test]
    fn on_the_first_stack_it_lies_below_the_vector() {
        let strings = [
            core::ptr::null(),
            c"A=1".as_ptr(),
            c"AB=22".as_ptr(),
            c"LONG=123456789".as_ptr(),
            core::ptr::null(),
        ];
        let mut buffer = [0; 8];
        let mut look = |name: &[u8]| {
            let mut found = Value { buffer: &mut buffer, length: None };
            // SAFETY: it is laid out as the kernel does, behind its last element.
            unsafe { search_stack(strings.as_ptr().add(strings.len()), name, &mut found) };
            found.length
        };
        assert_eq!((look(b"A"), look(b"AB"), look(b"B")), (Some(1), Some(2), None));
        assert_eq!((look(b"LONG"), buffer), (Some(8), *b"12345678"));
    }
}
