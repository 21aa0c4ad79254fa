//! What an argument may be given as.

use core::ffi::CStr;

/// Text for another program: an argument, a path, a variable's name or value. It must not have a zero
/// byte inside.
pub trait Argument {
    /// The text, without a zero byte at its end.
    fn bytes(&self) -> &[u8];
}

impl Argument for str {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Argument for [u8] {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl<const N: usize> Argument for [u8; N] {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl Argument for CStr {
    fn bytes(&self) -> &[u8] {
        self.to_bytes()
    }
}

impl<const N: usize> Argument for heapless::String<N> {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<T: Argument + ?Sized> Argument for &T {
    fn bytes(&self) -> &[u8] {
        (**self).bytes()
    }
}

#[cfg(any(test, feature = "std"))]
mod with_std {
    use std::ffi::{CString, OsStr, OsString};
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::{Path, PathBuf};
    use std::string::String;

    use super::Argument;

    macro_rules! as_bytes {
        ($($name:ty: $this:ident => $bytes:expr;)*) => {
            $(
                impl Argument for $name {
                    fn bytes(&self) -> &[u8] {
                        let $this = self;
                        $bytes
                    }
                }
            )*
        };
    }

    as_bytes! {
        String: this => this.as_bytes();
        CString: this => this.to_bytes();
        OsStr: this => this.as_bytes();
        OsString: this => this.as_os_str().as_bytes();
        Path: this => this.as_os_str().as_bytes();
        PathBuf: this => this.as_os_str().as_bytes();
    }
}
