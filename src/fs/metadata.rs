//! What the kernel knows of a file.

use core::ffi::CStr;

use linux_raw_sys::general as linux;

use crate::driver;
use crate::error::Errno;
use crate::io::Error;
use crate::sys::call::{Call, Named as _};
use crate::sys::fd::Fd;
use crate::sys::file::{self, Status};
use crate::sys::operation::Operation;
use crate::time::SystemTime;

/// What is asked for.
const WANTED: u32 = linux::STATX_BASIC_STATS | linux::STATX_BTIME;

/// What the kernel knows of a file, in the shape of std's `Metadata`.
#[derive(Clone, Copy, Debug)]
pub struct Metadata {
    mode: u32,
    links: u32,
    owner: u32,
    group: u32,
    number: u64,
    length: u64,
    blocks: u64,
    block_size: u32,
    device: (u32, u32),
    own_device: (u32, u32),
    accessed: SystemTime,
    modified: SystemTime,
    changed: SystemTime,
    created: Option<SystemTime>,
}

impl Metadata {
    /// Asks the kernel; with an empty path about `from` itself.
    #[track_caller]
    pub(super) fn ask(from: Fd, path: &CStr, flags: u32) -> Result<Self, Error> {
        let mut status = file::UNKNOWN;
        driver::perform(None, &Operation::status(from, path, flags, WANTED, &mut status))?;
        Ok(Self::of(&status))
    }

    /// As [`ask`](Self::ask), and no path is an error.
    #[track_caller]
    pub(super) fn ask_at(from: Fd, path: &CStr, flags: u32) -> Result<Self, Error> {
        if path.is_empty() {
            return Err(Error::new(Call::Statx, Errno::NOENT));
        }
        Self::ask(from, path, flags)
    }

    /// What the kernel has in memory of an open file. Does not wait.
    pub(super) fn cached(fd: Fd) -> Result<Self, Error> {
        let mut status = file::UNKNOWN;
        let flags = linux::AT_STATX_DONT_SYNC;
        Operation::status(fd, c"", flags, WANTED, &mut status).perform().of(Call::Statx)?;
        Ok(Self::of(&status))
    }

    fn of(status: &Status) -> Self {
        let has_birth = status.stx_mask & linux::STATX_BTIME != 0;
        Self {
            mode: status.stx_mode.into(),
            links: status.stx_nlink,
            owner: status.stx_uid,
            group: status.stx_gid,
            number: status.stx_ino,
            length: status.stx_size,
            blocks: status.stx_blocks,
            block_size: status.stx_blksize,
            device: (status.stx_dev_major, status.stx_dev_minor),
            own_device: (status.stx_rdev_major, status.stx_rdev_minor),
            accessed: moment(&status.stx_atime),
            modified: moment(&status.stx_mtime),
            changed: moment(&status.stx_ctime),
            created: has_birth.then(|| moment(&status.stx_btime)),
        }
    }

    /// What kind of file it is.
    pub const fn file_type(&self) -> FileType {
        FileType(self.mode & linux::S_IFMT)
    }

    /// Whether it is a folder.
    pub const fn is_dir(&self) -> bool {
        self.file_type().is_dir()
    }

    /// Whether it is a regular file.
    pub const fn is_file(&self) -> bool {
        self.file_type().is_file()
    }

    /// Whether it is a symbolic link.
    pub const fn is_symlink(&self) -> bool {
        self.file_type().is_symlink()
    }

    /// How many bytes it has.
    #[expect(clippy::len_without_is_empty, reason = "as in std")]
    pub const fn len(&self) -> u64 {
        self.length
    }

    /// Who may do what with it.
    pub const fn permissions(&self) -> Permissions {
        Permissions(self.mode & !linux::S_IFMT)
    }

    /// When its contents were last written.
    pub const fn modified(&self) -> SystemTime {
        self.modified
    }

    /// When it was last read; file systems are not particular about it.
    pub const fn accessed(&self) -> SystemTime {
        self.accessed
    }

    /// When its contents or its metadata last changed.
    pub const fn changed(&self) -> SystemTime {
        self.changed
    }

    /// When it was made, if its file system knows.
    pub const fn created(&self) -> Option<SystemTime> {
        self.created
    }

    /// Its kind and its permissions, as in inode(7).
    pub const fn mode(&self) -> u32 {
        self.mode
    }

    /// Its number in its file system.
    pub const fn ino(&self) -> u64 {
        self.number
    }

    /// The device that its file system is on: major and minor number.
    pub const fn dev(&self) -> (u32, u32) {
        self.device
    }

    /// The device that it is, if it is one: major and minor number.
    pub const fn rdev(&self) -> (u32, u32) {
        self.own_device
    }

    /// How many names it has.
    pub const fn nlink(&self) -> u32 {
        self.links
    }

    /// The number of the user whose it is.
    pub const fn uid(&self) -> u32 {
        self.owner
    }

    /// The number of the group whose it is.
    pub const fn gid(&self) -> u32 {
        self.group
    }

    /// How many blocks of 512 bytes it takes.
    pub const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// How many bytes to read or write at once, best.
    pub const fn blksize(&self) -> u32 {
        self.block_size
    }
}

fn moment(time: &linux::statx_timestamp) -> SystemTime {
    SystemTime::new(time.tv_sec, time.tv_nsec)
}

/// What kind of file something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileType(u32);

impl FileType {
    /// None of those below.
    pub(super) const UNKNOWN: Self = Self(0);

    /// As a folder says it: the high bits of the mode (`DT_…`).
    pub(super) const fn of_entry(kind: u8) -> Self {
        Self((kind as u32) << 12)
    }

    /// As the kernel says it of an open file.
    pub(super) const fn of_mode(mode: u32) -> Self {
        Self(mode & linux::S_IFMT)
    }

    /// Whether it is a folder.
    pub const fn is_dir(self) -> bool {
        self.0 == linux::S_IFDIR
    }

    /// Whether it is a regular file.
    pub const fn is_file(self) -> bool {
        self.0 == linux::S_IFREG
    }

    /// Whether it is a symbolic link.
    pub const fn is_symlink(self) -> bool {
        self.0 == linux::S_IFLNK
    }

    /// Whether it is a named pipe.
    pub const fn is_fifo(self) -> bool {
        self.0 == linux::S_IFIFO
    }

    /// Whether it is a socket.
    pub const fn is_socket(self) -> bool {
        self.0 == linux::S_IFSOCK
    }

    /// Whether it is a device of blocks, such as a disk.
    pub const fn is_block_device(self) -> bool {
        self.0 == linux::S_IFBLK
    }

    /// Whether it is a device of characters, such as a terminal.
    pub const fn is_char_device(self) -> bool {
        self.0 == linux::S_IFCHR
    }
}

/// Who may do what with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions(u32);

impl Permissions {
    /// As in chmod(2), such as `0o644`.
    pub const fn from_mode(mode: u32) -> Self {
        Self(mode)
    }

    /// As in chmod(2).
    pub const fn mode(self) -> u32 {
        self.0
    }

    /// Whether nobody may write to it, but root.
    pub const fn readonly(self) -> bool {
        self.0 & 0o222 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_entries_are_those_of_modes() {
        assert!(FileType::of_entry(linux::DT_DIR as u8).is_dir());
        assert!(FileType::of_entry(linux::DT_REG as u8).is_file());
        assert!(FileType::of_entry(linux::DT_LNK as u8).is_symlink());
        assert!(FileType::of_entry(linux::DT_FIFO as u8).is_fifo());
        assert_eq!(FileType::of_entry(linux::DT_UNKNOWN as u8), FileType::UNKNOWN);
        assert!(FileType::of_mode(linux::S_IFSOCK | 0o777).is_socket());
    }
}
