//! What is in a folder.

use core::ffi::CStr;
use core::fmt;
use core::iter::FusedIterator;
use core::mem::offset_of;

use linux_raw_sys::general as linux;

use crate::error::Errno;
use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::io::Error;
use crate::sys::call::{Call, Named as _};
use crate::sys::fd::Fd;
use crate::sys::file::{self, HERE};
use crate::sys::folder;
use crate::sys::operation::Operation;

use super::again;
use super::dir::open_folder;
use super::metadata::FileType;
use super::options::Resolve;
use super::path::AsPath;

/// Room for entries; each takes 19 bytes and its name with a zero byte, in steps of 8.
const ROOM: usize = 2048;
/// Room for a name with its zero byte: 255 characters of UTF-16 that take three bytes here, such as vfat
/// may have. Most file systems have at most 255 bytes (`NAME_MAX`).
const LONGEST: usize = 766;

const LENGTH: usize = offset_of!(linux::linux_dirent64, d_reclen);
const KIND: usize = offset_of!(linux::linux_dirent64, d_type);
const NAME: usize = offset_of!(linux::linux_dirent64, d_name);

/// What is in a folder, in no order, without `.` and `..`.
///
/// # Errors
///
/// Those of openat2(2), such as [`Errno::NOTDIR`], and of [`AsPath`].
///
/// # Panics
///
/// Outside of a task.
///
/// # Examples
///
/// ```
/// use barecoro::{Errno, Runtime, fs};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// let found = RUNTIME.run(|| {
///     let mut found = false;
///     for entry in fs::read_dir("/proc")? {
///         let entry = entry?;
///         found |= entry.file_name() == c"version" && entry.file_type().is_file();
///     }
///     Ok::<_, Errno>(found)
/// }).unwrap();
/// assert_eq!(found, Ok(true));
/// ```
#[track_caller]
pub fn read_dir(path: impl AsPath) -> Result<ReadDir, Error> {
    open_folder(HERE, path, Resolve::empty()).map(ReadDir::new)
}

/// The entries of a folder, one after the other; made by [`read_dir`] and
/// [`Dir::read_dir`](super::Dir::read_dir).
///
/// Has room for 2 KiB of entries inside. When it has none left, it asks the kernel for more, and all
/// tasks stand still meanwhile.
///
/// A name of more than 765 bytes, as a file system in user space may have, is the error
/// [`Errno::NAMETOOLONG`], and the others follow. After another error it ends. So it does when the
/// folder was removed.
pub struct ReadDir {
    fd: OwnedFd,
    /// What the kernel has given, from `start` to `end`.
    buffer: [u8; ROOM],
    start: usize,
    end: usize,
    is_over: bool,
}

impl ReadDir {
    /// What is in an open folder.
    #[expect(clippy::large_stack_arrays, reason = "documented at `ReadDir`")]
    pub(super) const fn new(fd: OwnedFd) -> Self {
        Self { fd, buffer: [0; ROOM], start: 0, end: 0, is_over: false }
    }

    fn try_next(&mut self) -> Result<Option<DirEntry>, Errno> {
        loop {
            if self.start == self.end {
                self.start = 0;
                // Until there are more.
                (self.end, self.is_over) = (0, true);
                match again(|| folder::entries(self.fd.raw(), &mut self.buffer)) {
                    Ok(0) | Err(Errno::NOENT) => return Ok(None),
                    entries => self.end = entries?,
                }
                self.is_over = false;
            }
            let rest = self.buffer.get(self.start..self.end).unwrap_or_default();
            let length = field(rest, LENGTH).map_or(0, |length| u16::from_ne_bytes(length).into());
            // The kernel's entries have a length and lie in the buffer.
            let entry = rest.get(..length).filter(|entry| entry.len() > NAME).ok_or(Errno::IO)?;
            self.start += length;
            let name = entry.get(NAME..).unwrap_or_default();
            let name = CStr::from_bytes_until_nul(name).map_err(|_| Errno::IO)?;
            if name != c"." && name != c".." {
                return DirEntry::new(self.fd.raw(), entry, name).map(Some);
            }
        }
    }
}

fn field<const N: usize>(bytes: &[u8], start: usize) -> Option<[u8; N]> {
    bytes.get(start..)?.first_chunk().copied()
}

impl Iterator for ReadDir {
    type Item = Result<DirEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        self.try_next().of(Call::ReadDirectory).transpose()
    }
}

impl FusedIterator for ReadDir {}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDir").field("fd", &self.fd).finish_non_exhaustive()
    }
}

impl AsFd for ReadDir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A file in a folder.
#[derive(Clone)]
pub struct DirEntry {
    number: u64,
    kind: FileType,
    /// With its zero byte.
    name: heapless::Vec<u8, LONGEST>,
}

impl DirEntry {
    /// An entry as the kernel gives it, of the folder `folder`.
    fn new(folder: Fd, entry: &[u8], name: &CStr) -> Result<Self, Errno> {
        let kind = match field(entry, KIND) {
            Some([kind]) if u32::from(kind) != linux::DT_UNKNOWN => FileType::of_entry(kind),
            _ => ask(folder, name),
        };
        Ok(Self {
            number: field(entry, 0).map_or(0, u64::from_ne_bytes),
            kind,
            name: heapless::Vec::from_slice(name.to_bytes_with_nul())
                .map_err(|_| Errno::NAMETOOLONG)?,
        })
    }

    /// Its name, without the folder's.
    pub fn file_name(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.name).unwrap_or_default()
    }

    /// What kind of file it is. Symbolic links are not followed.
    pub const fn file_type(&self) -> FileType {
        self.kind
    }

    /// Its number in its file system.
    pub const fn ino(&self) -> u64 {
        self.number
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DirEntry").field(&self.file_name()).finish()
    }
}

/// What kind of file something is, of which the folder does not say it. Unknown if it has gone.
#[cold]
fn ask(folder: Fd, name: &CStr) -> FileType {
    let mut status = file::UNKNOWN;
    let flags = linux::AT_SYMLINK_NOFOLLOW;
    let status_of = Operation::status(folder, name, flags, linux::STATX_TYPE, &mut status);
    match status_of.perform() {
        Ok(_) => FileType::of_mode(status.stx_mode.into()),
        Err(_) => FileType::UNKNOWN,
    }
}

#[cfg(all(test, feature = "process"))]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// As some file systems in user space have it.
    #[test]
    fn a_name_that_is_too_long_hides_no_other() {
        let mut all = ReadDir::new(crate::sys::spawn::open_null().unwrap());
        for length in [1, LONGEST - 1, LONGEST, 2] {
            let size = (NAME + length + 1).next_multiple_of(8);
            let entry = all.buffer.get_mut(all.end..all.end + size).unwrap();
            entry[LENGTH..LENGTH + 2].copy_from_slice(&(size as u16).to_ne_bytes());
            entry[KIND] = linux::DT_REG as u8;
            entry[NAME..NAME + length].fill(b'n');
            all.end += size;
        }
        let lengths = all.by_ref().take(4).map(|entry| {
            entry.map(|entry| entry.file_name().count_bytes()).map_err(|error| error.errno())
        });
        let expected = [Ok(1), Ok(LONGEST - 1), Err(Errno::NAMETOOLONG), Ok(2)];
        assert_eq!(lengths.collect::<Vec<_>>(), expected);
        assert_eq!(all.next().unwrap().unwrap_err().errno(), Errno::NOTDIR, "null is no folder");
        assert!(all.next().is_none());
    }
}
