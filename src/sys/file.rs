//! Operations on files by their paths: openat2(2), statx(2), fsync(2), renameat2(2), unlinkat(2),
//! mkdirat(2), symlinkat(2), linkat(2).
//!
//! Where the fields of an entry go is as in `io_uring_enter(2)`.

use core::ffi::CStr;

use linux_raw_sys::general as linux;
use linux_raw_sys::io_uring::IORING_FSYNC_DATASYNC;

use super::call::Call;
use super::fd::{Fd, register};
use super::number;
use super::operation::{Operation, ask};
use crate::error::Errno;

/// The folder that relative paths begin in, where no other is said: the process's own.
pub(crate) const HERE: Fd = linux::AT_FDCWD;

/// How a file is opened.
pub(crate) type How = linux::open_how;

/// How large that is.
#[expect(clippy::cast_possible_truncation, reason = "24 bytes")]
const HOW: u32 = size_of::<How>() as u32;

/// What the kernel knows of a file.
pub(crate) type Status = linux::statx;

/// A status to be filled in.
pub(crate) const UNKNOWN: Status = {
    // SAFETY: all of it is integers.
    #[expect(unsafe_code, reason = "integers whose names are the kernel's")]
    unsafe {
        core::mem::zeroed()
    }
};

/// Where a second path is.
fn place(path: &CStr) -> u64 {
    path.as_ptr().expose_provenance() as u64
}

impl<'a> Operation<'a> {
    fn with_path(self, path: &CStr) -> Self {
        Self { address: path.as_ptr().expose_provenance(), ..self }
    }

    /// openat2(2).
    pub(crate) fn open(folder: Fd, path: &'a CStr, how: &'a How) -> Self {
        Self {
            length: HOW,
            offset: (&raw const *how).expose_provenance() as u64,
            ..Self::new(Call::Open, folder)
        }
        .with_path(path)
    }

    /// statx(2): what `mask` asks for. With an empty path it is about `folder` itself.
    pub(crate) fn status(
        folder: Fd,
        path: &'a CStr,
        flags: u32,
        mask: u32,
        status: &'a mut Status,
    ) -> Self {
        Self {
            length: mask,
            offset: (&raw mut *status).expose_provenance() as u64,
            flags: flags | if path.is_empty() { linux::AT_EMPTY_PATH } else { 0 },
            ..Self::new(Call::Statx, folder)
        }
        .with_path(path)
    }

    /// fsync(2).
    pub(crate) fn sync(fd: Fd) -> Self {
        Self::new(Call::Fsync, fd)
    }

    /// fdatasync(2).
    pub(crate) fn sync_data(fd: Fd) -> Self {
        Self { flags: IORING_FSYNC_DATASYNC, ..Self::new(Call::Fsync, fd) }
    }

    /// rename(2).
    pub(crate) fn rename(from: &'a CStr, to: &'a CStr) -> Self {
        Self { length: HERE.cast_unsigned(), offset: place(to), ..Self::new(Call::Rename, HERE) }
            .with_path(from)
    }

    /// unlink(2).
    pub(crate) fn unlink(path: &'a CStr) -> Self {
        Self::new(Call::Unlink, HERE).with_path(path)
    }

    /// rmdir(2).
    pub(crate) fn remove_directory(path: &'a CStr) -> Self {
        Self { flags: linux::AT_REMOVEDIR, ..Self::unlink(path) }
    }

    /// mkdir(2).
    pub(crate) fn make_directory(path: &'a CStr, mode: u32) -> Self {
        Self { length: mode, ..Self::new(Call::MakeDirectory, HERE) }.with_path(path)
    }

    /// symlink(2): a link at `path` that leads to `target`.
    pub(crate) fn make_link(target: &'a CStr, path: &'a CStr) -> Self {
        Self { offset: place(path), ..Self::new(Call::MakeLink, HERE) }.with_path(target)
    }

    /// link(2): `to` is another name of the file at `from`.
    pub(crate) fn link(from: &'a CStr, to: &'a CStr) -> Self {
        Self { length: HERE.cast_unsigned(), offset: place(to), ..Self::new(Call::Link, HERE) }
            .with_path(from)
    }

    /// Does one of these by a system call of its own.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are not made here")]
    pub(super) fn perform_on_files(&self) -> Result<usize, Errno> {
        let Self { address, .. } = *self;
        let (fd, length, flags) = (register(self.fd), number(self.length), number(self.flags));
        let offset = usize::try_from(self.offset).unwrap_or(0);
        match self.call {
            Call::Open => ask(linux::__NR_openat2, [fd, address, offset, length]),
            Call::Statx => ask(linux::__NR_statx, [fd, address, flags, length, offset]),
            Call::Fsync if self.flags == 0 => ask(linux::__NR_fsync, [fd]),
            Call::Fsync => ask(linux::__NR_fdatasync, [fd]),
            Call::Rename => ask(linux::__NR_renameat2, [fd, address, length, offset, flags]),
            Call::Unlink => ask(linux::__NR_unlinkat, [fd, address, flags]),
            Call::MakeLink => ask(linux::__NR_symlinkat, [address, fd, offset]),
            Call::Link => ask(linux::__NR_linkat, [fd, address, length, offset, flags]),
            Call::MakeDirectory => ask(linux::__NR_mkdirat, [fd, address, length]),
            _ => Err(Errno::NOSYS),
        }
    }
}

/// The kind of an open file, as in the high bits of its mode. Does not wait: what is asked for is in
/// memory.
pub(crate) fn kind(fd: Fd) -> Result<u32, Errno> {
    let mut status = UNKNOWN;
    Operation::status(fd, c"", linux::AT_STATX_DONT_SYNC, linux::STATX_TYPE, &mut status)
        .perform()?;
    Ok(u32::from(status.stx_mode) & linux::S_IFMT)
}
