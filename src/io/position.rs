//! Reading and writing at a file's own position.

use linux_raw_sys::general::{F_GETFL, O_DIRECT, SEEK_CUR, SEEK_SET};

use crate::driver;
use crate::sys::fd::{self, Fd};
use crate::sys::operation::Operation;
use crate::sys::owned::OwnedFd;

use super::Error;

/// Does a read or a write at the file's position, and sees to it that the position has gone on.
///
/// When `io_uring` has done a part and fails at the rest, such as on a disk that is full, it says how
/// much it has done, and leaves the position as it was. So it does where the disk is asked directly
/// (`O_DIRECT`), however much it has done (both seen on Linux 6.18). The next write would overwrite what
/// was written.
#[inline]
#[track_caller]
pub(crate) fn perform_here(
    owner: Option<&OwnedFd>,
    operation: &Operation<'_>,
) -> Result<usize, Error> {
    let before = if cfg!(feature = "uring") { position(operation.fd()) } else { None };
    let count = driver::perform(owner, operation)?;
    if let Some(before) = before
        && count > 0
        && position(operation.fd()) == Some(before)
        && (count < operation.buffer().len() || is_direct(operation.fd()))
    {
        go_on(operation.fd(), before, count);
    }
    Ok(count)
}

/// Where a file is; what has no places is nowhere.
fn position(fd: Fd) -> Option<u64> {
    fd::seek(fd, 0, SEEK_CUR).ok()
}

/// Whether the disk is asked directly. Other files may have reasons to stay where they are, such as those
/// of `/proc` that take a request and then give an answer.
#[cold]
fn is_direct(fd: Fd) -> bool {
    let flags = fd::control(fd, F_GETFL, 0);
    flags.is_ok_and(|flags| flags & O_DIRECT as usize != 0)
}

#[cold]
fn go_on(fd: Fd, before: u64, count: usize) {
    if let Ok(offset) = i64::try_from(before + count as u64) {
        // It has a position, so this does not fail.
        let _moved = fd::seek(fd, offset, SEEK_SET);
    }
}
