//! Pipes: pipe2(2), tee(2).
#![expect(unsafe_code, reason = "system calls; each function says what its arguments must be")]

use linux_raw_sys::general as linux;

#[cfg(feature = "fs")]
use super::fd::{Fd, register};
use super::owned::OwnedFd;
use super::{number, result};
use crate::error::Errno;

/// A pipe: what reads from it, and what writes to it. Both are closed on exec.
pub(crate) fn new() -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut ends = [-1_i32; 2];
    // SAFETY: the kernel writes two descriptors.
    let returned = unsafe {
        sc::syscall2(
            number(linux::__NR_pipe2),
            (&raw mut ends).expose_provenance(),
            number(linux::O_CLOEXEC),
        )
    };
    result(returned)?;
    let [reader, writer] = ends.map(|end| usize::try_from(end).unwrap_or(usize::MAX));
    // SAFETY: the kernel has made both for this call.
    Ok(unsafe { (OwnedFd::of_number(reader), OwnedFd::of_number(writer)) })
}

/// Whether the pipe `fd` has somebody who writes to it, or something to read. `scratch` is another
/// pipe's writing end; a byte of `fd` may be copied to there.
#[cfg(feature = "fs")]
pub(crate) fn has_writer(fd: Fd, scratch: Fd) -> Result<bool, Errno> {
    // SAFETY: touches no memory of the program's.
    let returned = unsafe {
        sc::syscall4(
            number(linux::__NR_tee),
            register(fd),
            register(scratch),
            1,
            number(linux::SPLICE_F_NONBLOCK),
        )
    };
    match result(returned) {
        // There is nothing to copy, and will not be.
        Ok(0) => Ok(false),
        // There is, or may be.
        Ok(_) | Err(Errno::AGAIN) => Ok(true),
        Err(errno) => Err(errno),
    }
}
