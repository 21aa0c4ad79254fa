//! File systems. Floor 6.

use core::ffi::CStr;
use core::ops::BitOr;

use linux_raw_sys::general as linux;

use crate::error::Errno;
use crate::sys::{fd, process};

/// The longest text that [`mount`] passes to the kernel, with its zero byte. The kernel takes 4096
/// bytes; four such texts would not fit on a small stack.
const LONGEST: usize = 256;

/// How a file system is mounted, as in mount(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MountFlags(u32);

impl MountFlags {
    /// Nothing is executed from it.
    pub const NOEXEC: Self = Self(linux::MS_NOEXEC);
    /// Set-user-id bits do not count.
    pub const NOSUID: Self = Self(linux::MS_NOSUID);
    /// Device files do not work.
    pub const NODEV: Self = Self(linux::MS_NODEV);
    /// Nothing is written to it.
    pub const RDONLY: Self = Self(linux::MS_RDONLY);
    /// What is mounted is another place of the tree.
    pub const BIND: Self = Self(linux::MS_BIND);

    /// No flags.
    pub const fn empty() -> Self {
        Self(0)
    }
}

impl BitOr for MountFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Mounts a file system; see mount(2).
///
/// # Errors
///
/// Those of mount(2); [`Errno::INVAL`] for text with a zero byte, and [`Errno::NAMETOOLONG`] for
/// text of more than 255 bytes.
pub fn mount(
    source: &str,
    target: &str,
    kind: &str,
    flags: MountFlags,
    data: &str,
) -> Result<(), Errno> {
    let mut buffers = [[0; LONGEST]; 4];
    let [a, b, c, d] = &mut buffers;
    process::mount(
        terminated(source, a)?,
        terminated(target, b)?,
        terminated(kind, c)?,
        flags.0,
        terminated(data, d)?,
    )
}

/// Makes standard input, output and error the file at `path`, such as `/dev/console`.
///
/// # Errors
///
/// Those of open(2).
pub fn open_stdio(path: &CStr) -> Result<(), Errno> {
    let file = fd::open(path, linux::O_RDWR)?;
    for standard in 0..3 {
        if file != standard
            && let Err(errno) = fd::duplicate(file, standard)
        {
            if file > 2 {
                let _closed = fd::close(file);
            }
            return Err(errno);
        }
    }
    if file > 2 { fd::close(file) } else { Ok(()) }
}

/// Copies `text` and a zero byte into `buffer`.
fn terminated<'a>(text: &str, buffer: &'a mut [u8; LONGEST]) -> Result<&'a CStr, Errno> {
    let place = buffer.get_mut(..=text.len()).ok_or(Errno::NAMETOOLONG)?;
    if let Some((zero, place)) = place.split_last_mut() {
        place.copy_from_slice(text.as_bytes());
        *zero = 0;
    }
    let end = buffer.get(..=text.len()).ok_or(Errno::NAMETOOLONG)?;
    CStr::from_bytes_with_nul(end).map_err(|_| Errno::INVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_checked() {
        let mut buffer = [1; LONGEST];
        assert_eq!(terminated("proc", &mut buffer), Ok(c"proc"));
        assert_eq!(terminated("", &mut buffer), Ok(c""));
        assert_eq!(terminated("a\0b", &mut buffer), Err(Errno::INVAL));
        let long = "x".repeat(LONGEST);
        assert_eq!(terminated(&long, &mut buffer), Err(Errno::NAMETOOLONG));
        assert_eq!(terminated(&long[1..], &mut buffer).map(CStr::count_bytes), Ok(LONGEST - 1));
    }
}
