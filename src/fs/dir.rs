//! Folders that paths begin in.

use linux_raw_sys::general as linux;

use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::io::Error;
use crate::sys::call::{Call, Named as _};
use crate::sys::fd::Fd;
use crate::sys::file::{HERE, How};

use super::file::File;
use super::metadata::Metadata;
use super::open;
use super::options::{OpenOptions, Resolve};
use super::path::{AsPath, with_path};
use super::read_dir::ReadDir;

/// An open folder, in the shape of std's `Dir` (not stable there).
///
/// What is opened in it lies in it: paths that lead out, by `..`, by symbolic links, or from the root
/// on, are refused ([`Resolve::BENEATH`]). That is the kernel's work, so nobody gets around it by
/// changing the tree meanwhile.
///
/// # Examples
///
/// ```
/// use barecoro::{Errno, Runtime, fs::Dir};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// RUNTIME.run(|| {
///     let folder = Dir::open("/proc/sys")?;
///     assert!(folder.open_file("kernel/ostype")?.metadata()?.is_file());
///     assert_eq!(folder.open_file("../version").unwrap_err().errno(), Errno::XDEV);
///     assert_eq!(folder.open_file("/proc/version").unwrap_err().errno(), Errno::XDEV);
///     Ok::<_, Errno>(())
/// }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
}

impl Dir {
    /// Opens a folder.
    ///
    /// # Errors
    ///
    /// Those of openat2(2), such as [`Errno::NOTDIR`](crate::Errno::NOTDIR), and of [`AsPath`].
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn open(path: impl AsPath) -> Result<Self, Error> {
        open_folder(HERE, path, Resolve::empty()).map(Self::from)
    }

    /// Opens a folder in this one.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open); [`Errno::XDEV`](crate::Errno::XDEV) if the path leads out of this folder.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn open_dir(&self, path: impl AsPath) -> Result<Self, Error> {
        open_folder(self.fd.raw(), path, Resolve::BENEATH).map(Self::from)
    }

    /// Opens a file in this folder to read it.
    ///
    /// # Errors
    ///
    /// As for [`open_file_with`](Self::open_file_with).
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn open_file(&self, path: impl AsPath) -> Result<File, Error> {
        self.open_file_with(path, OpenOptions::new().read(true))
    }

    /// Opens a file in this folder.
    ///
    /// With [`Resolve::IN_ROOT`] paths that would lead out end up in the folder instead.
    ///
    /// # Errors
    ///
    /// As for [`OpenOptions::open`]; [`Errno::XDEV`](crate::Errno::XDEV) if the path leads out of this folder.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn open_file_with(&self, path: impl AsPath, options: &OpenOptions) -> Result<File, Error> {
        let how = options.how_within().of(Call::Open)?;
        with_path(path, Call::Open, |path| open::open(self.fd.raw(), path, &how)).map(File::from)
    }

    /// What the kernel knows of the file that a path leads to, which begins here. It may lead
    /// anywhere.
    ///
    /// # Errors
    ///
    /// Those of statx(2) and of [`AsPath`].
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn metadata(&self, path: impl AsPath) -> Result<Metadata, Error> {
        self.about(path, 0)
    }

    /// As [`metadata`](Self::metadata), of a symbolic link itself.
    ///
    /// # Errors
    ///
    /// As for `metadata`.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn symlink_metadata(&self, path: impl AsPath) -> Result<Metadata, Error> {
        self.about(path, linux::AT_SYMLINK_NOFOLLOW)
    }

    #[track_caller]
    fn about(&self, path: impl AsPath, flags: u32) -> Result<Metadata, Error> {
        with_path(path, Call::Statx, |path| Metadata::ask_at(self.fd.raw(), path, flags))
    }

    /// What is in the folder.
    ///
    /// # Errors
    ///
    /// Those of openat2(2).
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn read_dir(&self) -> Result<ReadDir, Error> {
        // Opened once more, as there is one position for each time.
        open_folder(self.fd.raw(), c".", Resolve::BENEATH).map(ReadDir::new)
    }
}

/// Opens a folder to list it.
#[track_caller]
pub(super) fn open_folder(from: Fd, path: impl AsPath, resolve: Resolve) -> Result<OwnedFd, Error> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(linux::O_DIRECTORY);
    let how: How = options.how(resolve).of(Call::Open)?;
    with_path(path, Call::Open, |path| open::open(from, path, &how))
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Dir> for OwnedFd {
    fn from(folder: Dir) -> Self {
        folder.fd
    }
}

/// The descriptor must be of a folder; calls fail otherwise.
impl From<OwnedFd> for Dir {
    fn from(fd: OwnedFd) -> Self {
        Self { fd }
    }
}
