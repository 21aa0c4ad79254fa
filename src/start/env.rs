//! What the kernel gives a program: arguments, environment, auxiliary vector.
//!
//! ```text
//!   rsp → argument count
//!         arguments …, null
//!         environment …, null
//!         auxiliary vector: key and value …, zero key
//! ```
#![expect(unsafe_code, reason = "walks the arrays that the kernel has laid out, to their ends")]

use core::ffi::{CStr, c_char};
use core::iter::FusedIterator;

/// A program's arguments, environment variables and auxiliary vector, in the kernel's own memory.
///
/// Nothing is copied; all text lives as long as the process.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Env {
    block: *const usize,
}

// SAFETY: the memory is there for as long as the process and nobody writes to it.
unsafe impl Send for Env {}
// SAFETY: as above.
unsafe impl Sync for Env {}

impl Env {
    /// # Safety
    ///
    /// `block` is where the stack pointer was when the kernel started the program.
    pub(super) unsafe fn new(block: *const usize) -> Self {
        Self { block }
    }

    /// The arguments as text, the program's name first.
    ///
    /// # Panics
    ///
    /// The iterator panics at an argument that is not UTF-8, as std's does; see
    /// [`args_os`](Self::args_os).
    pub fn args(self) -> Args {
        Args(self.args_os())
    }

    /// The arguments as they are.
    pub fn args_os(self) -> ArgsOs {
        // SAFETY: the array begins behind the count, and the kernel ends it with a null.
        ArgsOs(unsafe { self.block.add(1).cast() })
    }

    /// The environment variables as text: name and value.
    ///
    /// # Panics
    ///
    /// The iterator panics at a variable that is not UTF-8, as std's does; see
    /// [`vars_os`](Self::vars_os).
    pub fn vars(self) -> Vars {
        Vars(self.vars_os())
    }

    /// The environment variables as they are, each `NAME=value`.
    pub fn vars_os(self) -> VarsOs {
        // SAFETY: the kernel puts the environment behind the arguments and their null.
        VarsOs(ArgsOs(unsafe { self.args_os().end().add(1) }))
    }

    /// The value of a variable; `None` if it is not set or not UTF-8.
    pub fn var(self, name: &str) -> Option<&'static str> {
        self.vars_os().find_map(|variable| {
            let (found, value) = split(variable.to_bytes());
            (found == name.as_bytes()).then(|| core::str::from_utf8(value).ok())?
        })
    }

    /// The auxiliary vector: keys as in getauxval(3), and their values.
    pub fn auxv(self) -> Auxv {
        Auxv(self.auxv_pointer())
    }

    pub(super) fn auxv_pointer(self) -> *const [usize; 2] {
        // SAFETY: the kernel puts the vector behind the environment and its null.
        unsafe { self.vars_os().0.end().add(1).cast() }
    }

    /// The value of an entry of the auxiliary vector.
    pub fn auxiliary_value(self, key: usize) -> Option<usize> {
        self.auxv().find_map(|(found, value)| (found == key).then_some(value))
    }
}

/// Splits `NAME=value`; a variable without the sign has an empty value.
fn split(variable: &[u8]) -> (&[u8], &[u8]) {
    // An equals sign in front belongs to the name.
    let sign = variable.iter().skip(1).position(|byte| *byte == b'=').map(|place| place + 1);
    match sign.and_then(|sign| variable.split_at_checked(sign)) {
        Some((name, value)) => (name, value.get(1..).unwrap_or_default()),
        None => (variable, &[]),
    }
}

/// An array of strings that ends with a null, as an iterator.
#[derive(Clone, Debug)]
pub struct ArgsOs(*const *const c_char);

impl ArgsOs {
    /// Where the null is.
    fn end(mut self) -> *const *const c_char {
        while self.next().is_some() {}
        self.0
    }
}

impl Iterator for ArgsOs {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        // SAFETY: this is an entry of the array, or its null, beyond which nothing is read.
        let text = unsafe { *self.0 };
        if text.is_null() {
            return None;
        }
        // SAFETY: an entry that is not null has one behind it, and its text ends in a zero byte.
        unsafe {
            self.0 = self.0.add(1);
            Some(CStr::from_ptr(text))
        }
    }
}

impl FusedIterator for ArgsOs {}

/// The arguments as text; made by [`Env::args`].
#[derive(Clone, Debug)]
pub struct Args(ArgsOs);

impl Iterator for Args {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        self.0.next().map(utf8)
    }
}

impl FusedIterator for Args {}

/// The environment variables as they are; made by [`Env::vars_os`].
#[derive(Clone, Debug)]
pub struct VarsOs(ArgsOs);

impl Iterator for VarsOs {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        self.0.next()
    }
}

impl FusedIterator for VarsOs {}

/// The environment variables as text; made by [`Env::vars`].
#[derive(Clone, Debug)]
pub struct Vars(VarsOs);

impl Iterator for Vars {
    type Item = (&'static str, &'static str);

    fn next(&mut self) -> Option<Self::Item> {
        let variable = utf8(self.0.next()?);
        let (name, value) = split(variable.as_bytes());
        // Both ends of the sign are ends of characters.
        Some((variable.get(..name.len())?, variable.get(variable.len() - value.len()..)?))
    }
}

impl FusedIterator for Vars {}

#[expect(clippy::panic, reason = "std's own behaviour, documented at the callers")]
fn utf8(text: &'static CStr) -> &'static str {
    let Ok(text) = text.to_str() else { panic!("{text:?} is not UTF-8: use args_os or vars_os") };
    text
}

/// The auxiliary vector; made by [`Env::auxv`].
#[derive(Clone, Debug)]
pub struct Auxv(*const [usize; 2]);

impl Iterator for Auxv {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        // SAFETY: this is an entry of the vector, or the last, beyond which nothing is read.
        let [key, value] = unsafe { *self.0 };
        if key == 0 {
            return None;
        }
        // SAFETY: an entry with a key has one behind it.
        self.0 = unsafe { self.0.add(1) };
        Some((key, value))
    }
}

impl FusedIterator for Auxv {}
