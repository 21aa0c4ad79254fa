//! What is done with paths.

use linux_raw_sys::general as linux;

use crate::driver;
use crate::error::Errno;
use crate::io::Error;
use crate::sys::call::{Call, Named as _};
use crate::sys::file::HERE;
use crate::sys::folder;
use crate::sys::operation::Operation;

use super::again;
use super::metadata::{Metadata, Permissions};
use super::path::{AsPath, with_path, with_paths};

/// What the kernel knows of the file that a path leads to.
///
/// # Errors
///
/// Those of statx(2) and of [`AsPath`].
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn metadata(path: impl AsPath) -> Result<Metadata, Error> {
    with_path(path, Call::Statx, |path| Metadata::ask_at(HERE, path, 0))
}

/// As [`metadata`], of a symbolic link itself.
///
/// # Errors
///
/// As for `metadata`.
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn symlink_metadata(path: impl AsPath) -> Result<Metadata, Error> {
    let flags = linux::AT_SYMLINK_NOFOLLOW;
    with_path(path, Call::Statx, |path| Metadata::ask_at(HERE, path, flags))
}

/// Whether a path leads to a file.
///
/// # Errors
///
/// Those of statx(2) and of [`AsPath`], but for [`Errno::NOENT`].
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn exists(path: impl AsPath) -> Result<bool, Error> {
    match metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.errno() == Errno::NOENT => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a folder.
///
/// # Errors
///
/// Those of mkdir(2) and of [`AsPath`].
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn create_dir(path: impl AsPath) -> Result<(), Error> {
    with_path(path, Call::MakeDirectory, |path| {
        driver::perform(None, &Operation::make_directory(path, 0o777)).map(drop)
    })
}

/// Makes a folder, and those on the way to it. It may be there already, as the one of no path (`""`) is.
///
/// # Errors
///
/// Those of mkdir(2) and of [`AsPath`].
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn create_dir_all(path: impl AsPath) -> Result<(), Error> {
    let bytes = path.bytes();
    let slashes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    let ends = slashes.map(|(index, _)| index).chain([bytes.len()]);
    for folder in ends.filter_map(|end| bytes.get(..end)) {
        if folder.ends_with(b"/") || folder.is_empty() {
            continue;
        }
        // Where it may not be made, it may be there.
        if let Err(error) = create_dir(folder)
            && !metadata(folder).is_ok_and(|found| found.is_dir())
        {
            return Err(error);
        }
    }
    Ok(())
}

/// Removes a file's name, and the file with its last name.
///
/// # Errors
///
/// Those of unlink(2) and of [`AsPath`].
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn remove_file(path: impl AsPath) -> Result<(), Error> {
    with_path(path, Call::Unlink, |path| driver::perform(None, &Operation::unlink(path)).map(drop))
}

/// Removes an empty folder.
///
/// # Errors
///
/// Those of rmdir(2) and of [`AsPath`], such as [`Errno::NOTEMPTY`].
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn remove_dir(path: impl AsPath) -> Result<(), Error> {
    with_path(path, Call::Unlink, |path| {
        driver::perform(None, &Operation::remove_directory(path)).map(drop)
    })
}

/// Gives a file another name, in the same file system. What had that name is removed.
///
/// # Errors
///
/// Those of rename(2) and of [`AsPath`], such as [`Errno::XDEV`].
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn rename(from: impl AsPath, to: impl AsPath) -> Result<(), Error> {
    with_paths(&from, &to, Call::Rename, |from, to| {
        driver::perform(None, &Operation::rename(from, to)).map(drop)
    })
}

/// Gives a file one more name.
///
/// # Errors
///
/// Those of link(2) and of [`AsPath`].
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn hard_link(original: impl AsPath, link: impl AsPath) -> Result<(), Error> {
    with_paths(&original, &link, Call::Link, |original, link| {
        driver::perform(None, &Operation::link(original, link)).map(drop)
    })
}

/// Makes a symbolic link that leads to `original`.
///
/// # Errors
///
/// Those of symlink(2) and of [`AsPath`].
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn symlink(original: impl AsPath, link: impl AsPath) -> Result<(), Error> {
    with_paths(&original, &link, Call::MakeLink, |original, link| {
        driver::perform(None, &Operation::make_link(original, link)).map(drop)
    })
}

/// Where a symbolic link leads: the part of `buffer` that was filled. All tasks stand still
/// meanwhile.
///
/// # Errors
///
/// Those of readlink(2) and of [`AsPath`]; [`Errno::NAMETOOLONG`] if there is not a byte of room
/// more than it takes.
pub fn read_link(path: impl AsPath, buffer: &mut [u8]) -> Result<&mut [u8], Error> {
    let length = with_path(path, Call::ReadLink, |path| {
        again(|| folder::read_link(path, buffer)).of(Call::ReadLink)
    })?;
    if length == buffer.len() {
        return Err(Error::new(Call::ReadLink, Errno::NAMETOOLONG));
    }
    Ok(buffer.get_mut(..length).unwrap_or_default())
}

/// Sets who may do what with a file. All tasks stand still meanwhile.
///
/// # Errors
///
/// Those of chmod(2) and of [`AsPath`].
pub fn set_permissions(path: impl AsPath, permissions: Permissions) -> Result<(), Error> {
    with_path(path, Call::ChangeMode, |path| {
        again(|| folder::change_mode(path, permissions.mode())).of(Call::ChangeMode)
    })
}

/// Sets the folder that relative paths begin in, for the whole process. All tasks stand still
/// meanwhile.
///
/// # Errors
///
/// Those of chdir(2) and of [`AsPath`].
pub fn set_current_dir(path: impl AsPath) -> Result<(), Error> {
    with_path(path, Call::ChangeDirectory, |path| {
        again(|| folder::change_directory(path)).of(Call::ChangeDirectory)
    })
}

/// The folder that relative paths begin in: the part of `buffer` that was filled. Does not wait.
///
/// # Errors
///
/// Those of getcwd(2); [`Errno::RANGE`] if there is not a byte of room more than it takes.
pub fn current_dir(buffer: &mut [u8]) -> Result<&mut [u8], Error> {
    let length = folder::current_directory(buffer).of(Call::CurrentDirectory)?;
    Ok(buffer.get_mut(..length.saturating_sub(1)).unwrap_or_default())
}
