//! What an init does with file systems and with the standard descriptors.

use core::ops::BitOr;

use linux_raw_sys::general as linux;

use crate::io::Error;
use crate::sys::call::{Call, Named as _};
use crate::sys::{fd, folder};

use super::path::{AsPath, with_path, with_paths};

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
    /// It is mounted already, and gets other flags.
    pub const REMOUNT: Self = Self(linux::MS_REMOUNT);
    /// It is mounted already, and moves to another place.
    pub const MOVE: Self = Self(linux::MS_MOVE);
    /// Goes for all that is mounted below as well.
    pub const REC: Self = Self(linux::MS_REC);
    /// What is mounted there is not seen in other namespaces.
    pub const PRIVATE: Self = Self(linux::MS_PRIVATE);

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

/// How a file system is taken out of the tree, as in umount2(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnmountFlags(u32);

impl UnmountFlags {
    /// Nobody finds it from now on; it goes when nobody uses it any more.
    pub const DETACH: Self = Self(linux::MNT_DETACH);
    /// Even if that loses data; not for all file systems.
    pub const FORCE: Self = Self(linux::MNT_FORCE);
    /// Not through a symbolic link.
    pub const NOFOLLOW: Self = Self(linux::UMOUNT_NOFOLLOW);

    /// No flags.
    pub const fn empty() -> Self {
        Self(0)
    }
}

impl BitOr for UnmountFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Mounts a file system; see mount(2).
///
/// A system call, during which all tasks stand still. Works outside of tasks as well.
///
/// # Errors
///
/// Those of mount(2), and of [`AsPath`].
pub fn mount(
    source: impl AsPath,
    target: impl AsPath,
    kind: impl AsPath,
    flags: MountFlags,
    data: impl AsPath,
) -> Result<(), Error> {
    with_paths(&source, &target, Call::Mount, |source, target| {
        with_paths(&kind, &data, Call::Mount, |kind, data| {
            folder::mount(source, target, kind, flags.0, data).of(Call::Mount)
        })
    })
}

/// Takes a file system out of the tree; see umount2(2).
///
/// A system call, during which all tasks stand still: unless it is detached, all that was written to
/// it goes to its device first. Works outside of tasks as well.
///
/// # Errors
///
/// Those of umount2(2) and of [`AsPath`]. [`Errno::BUSY`](crate::Errno::BUSY) while a file is open
/// there; a thread of `io_uring`'s may have one open for a moment longer than this program.
pub fn unmount(target: impl AsPath, flags: UnmountFlags) -> Result<(), Error> {
    with_path(target, Call::Unmount, |target| folder::unmount(target, flags.0).of(Call::Unmount))
}

/// Makes standard input, output and error the file at `path`, such as `/dev/console`.
///
/// A system call, during which all tasks stand still. Works outside of tasks as well.
///
/// # Errors
///
/// Those of open(2), and of [`AsPath`].
pub fn open_stdio(path: impl AsPath) -> Result<(), Error> {
    with_path(path, Call::Open, |path| {
        let file = fd::open(path, linux::O_RDWR).of(Call::Open)?;
        let mut duplicated = Ok(());
        for standard in 0..3 {
            if file != standard && duplicated.is_ok() {
                duplicated = fd::duplicate(file, standard).of(Call::Duplicate);
            }
        }
        if file > 2 {
            // It is closed whatever close(2) returns.
            let _closed = fd::close(file);
        }
        duplicated
    })
}
