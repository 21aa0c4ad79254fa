//! Calls about files that `io_uring` has no operations for: getdents64(2), ftruncate(2),
//! readlink(2), chmod(2), chdir(2), getcwd(2), mount(2), umount2(2).
#![expect(unsafe_code, reason = "system calls; each function says what its arguments must be")]

use core::ffi::CStr;

use linux_raw_sys::general as linux;

use super::fd::{self, Fd, register};
use super::file::HERE;
use super::{number, result};
use crate::error::Errno;

/// The register that holds a path.
fn text(path: &CStr) -> usize {
    path.as_ptr().expose_provenance()
}

/// Entries of a folder, one after the other; 0 is the end.
pub(crate) fn entries(fd: Fd, buffer: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most `buffer.len()` bytes to a buffer lent for the call.
    let returned = unsafe {
        sc::syscall3(
            number(linux::__NR_getdents64),
            register(fd),
            buffer.as_mut_ptr().expose_provenance(),
            buffer.len(),
        )
    };
    result(returned)
}

/// Sets the length of a file.
#[expect(clippy::cast_possible_truncation, reason = "registers have 64 bits")]
pub(crate) fn truncate(fd: Fd, length: u64) -> Result<(), Errno> {
    // SAFETY: touches no memory of the program's.
    let returned =
        unsafe { sc::syscall2(number(linux::__NR_ftruncate), register(fd), length as usize) };
    result(returned).map(drop)
}

/// Reads where a symbolic link leads, without a zero byte. What does not fit is cut off.
pub(crate) fn read_link(path: &CStr, buffer: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel reads the path, which ends in a zero byte, and writes at most
    // `buffer.len()` bytes.
    let returned = unsafe {
        sc::syscall4(
            number(linux::__NR_readlinkat),
            register(HERE),
            text(path),
            buffer.as_mut_ptr().expose_provenance(),
            buffer.len(),
        )
    };
    result(returned)
}

/// Sets who may do what with the file at `path`.
pub(crate) fn change_mode(path: &CStr, mode: u32) -> Result<(), Errno> {
    // SAFETY: the kernel reads the path, which ends in a zero byte.
    let returned = unsafe {
        sc::syscall3(number(linux::__NR_fchmodat), register(HERE), text(path), number(mode))
    };
    result(returned).map(drop)
}

/// Sets who may do what with an open file.
pub(crate) fn change_mode_of(fd: Fd, mode: u32) -> Result<(), Errno> {
    // SAFETY: touches no memory of the program's.
    let returned = unsafe { sc::syscall2(number(linux::__NR_fchmod), register(fd), number(mode)) };
    result(returned).map(drop)
}

/// Sets the folder that relative paths begin in.
pub(crate) fn change_directory(path: &CStr) -> Result<(), Errno> {
    // SAFETY: the kernel reads the path, which ends in a zero byte.
    let returned = unsafe { sc::syscall1(number(linux::__NR_chdir), text(path)) };
    result(returned).map(drop)
}

/// Writes the path of the folder that relative paths begin in, with a zero byte, and returns how
/// many bytes those are.
pub(crate) fn current_directory(buffer: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most `buffer.len()` bytes.
    let returned = unsafe {
        sc::syscall2(
            number(linux::__NR_getcwd),
            buffer.as_mut_ptr().expose_provenance(),
            buffer.len(),
        )
    };
    result(returned)
}

/// Mounts a file system.
pub(crate) fn mount(
    source: &CStr,
    target: &CStr,
    kind: &CStr,
    flags: u32,
    data: &CStr,
) -> Result<(), Errno> {
    // SAFETY: the kernel only reads the four texts, each of which ends in a zero byte.
    let returned = unsafe {
        sc::syscall5(
            number(linux::__NR_mount),
            text(source),
            text(target),
            text(kind),
            number(flags),
            text(data),
        )
    };
    result(returned).map(drop)
}

/// Takes a file system out of the tree.
pub(crate) fn unmount(target: &CStr, flags: u32) -> Result<(), Errno> {
    // SAFETY: the kernel reads the path, which ends in a zero byte.
    let returned =
        unsafe { sc::syscall2(number(linux::__NR_umount2), text(target), number(flags)) };
    result(returned).map(drop)
}

/// Lets calls wait again. `flags` are those that the file was opened with.
pub(crate) fn set_blocking(fd: Fd, flags: u32) -> Result<(), Errno> {
    let flags = number(flags & !linux::O_NONBLOCK);
    fd::control(fd, linux::F_SETFL, flags).map(drop)
}
