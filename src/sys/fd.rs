//! File descriptors: read(2), write(2), open(2), close(2), dup3(2), fcntl(2), lseek(2).
#![expect(unsafe_code, reason = "system calls; each function says what its arguments must be")]

use core::ffi::CStr;
#[cfg(feature = "epoll")]
use core::sync::atomic::{AtomicU32, Ordering};

use linux_raw_sys::general as linux;

#[cfg(feature = "epoll")]
use super::owned::OwnedFd;
use super::{number, result};
use crate::error::Errno;

/// A descriptor's number.
pub(crate) type Fd = i32;

/// Standard input.
#[cfg(any(feature = "io", feature = "process"))]
pub(crate) const STDIN: Fd = 0;
/// Standard output.
#[cfg(feature = "io")]
pub(crate) const STDOUT: Fd = 1;
/// Standard error.
pub(crate) const STDERR: Fd = 2;

/// The register that holds a descriptor.
#[expect(clippy::cast_sign_loss, reason = "the kernel reads the low 32 bits back as an int")]
pub(super) const fn register(fd: Fd) -> usize {
    fd as usize
}

/// Reads into `buffer`; 0 is the end of the file.
pub(crate) fn read(fd: Fd, buffer: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most `buffer.len()` bytes to a buffer lent for the call.
    let returned = unsafe {
        sc::syscall3(
            number(linux::__NR_read),
            register(fd),
            buffer.as_mut_ptr().expose_provenance(),
            buffer.len(),
        )
    };
    result(returned)
}

/// Writes some of `bytes` and says how many.
pub(crate) fn write(fd: Fd, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel only reads from a buffer lent for the call.
    let returned = unsafe {
        sc::syscall3(
            number(linux::__NR_write),
            register(fd),
            bytes.as_ptr().expose_provenance(),
            bytes.len(),
        )
    };
    result(returned)
}

/// Writes all of `bytes`, however many calls it takes.
pub(crate) fn write_all(fd: Fd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match write(fd, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Opens a file to read, closed on exec.
pub(crate) fn open_to_read(path: &CStr) -> Result<Fd, Errno> {
    open(path, linux::O_RDONLY | linux::O_CLOEXEC)
}

/// Opens an existing file with `flags` as in open(2).
pub(crate) fn open(path: &CStr, flags: u32) -> Result<Fd, Errno> {
    // SAFETY: the kernel only reads the path, which ends in a zero byte.
    let returned = unsafe {
        sc::syscall4(
            number(linux::__NR_openat),
            register(linux::AT_FDCWD),
            path.as_ptr().expose_provenance(),
            number(flags),
            0,
        )
    };
    let fd = result(returned)?;
    Fd::try_from(fd).map_err(|_| Errno::BADF)
}

/// Closes a descriptor that the caller owns.
pub(crate) fn close(fd: Fd) -> Result<(), Errno> {
    // SAFETY: closing touches no memory of the program's.
    let returned = unsafe { sc::syscall1(number(linux::__NR_close), register(fd)) };
    result(returned).map(drop)
}

/// Makes `to` another name for `from`.
#[cfg(feature = "fs")]
pub(crate) fn duplicate(from: Fd, to: Fd) -> Result<(), Errno> {
    // SAFETY: duplicating touches no memory of the program's.
    let returned =
        unsafe { sc::syscall3(number(linux::__NR_dup3), register(from), register(to), 0) };
    result(returned).map(drop)
}

/// Another descriptor for the same file, closed on exec.
#[cfg(feature = "epoll")]
pub(crate) fn duplicate_anywhere(fd: Fd) -> Result<OwnedFd, Errno> {
    // From 3 on: 0 to 2 have a meaning, also where they are not open.
    let fd = control(fd, linux::F_DUPFD_CLOEXEC, 3)?;
    // SAFETY: the kernel has made it for this call.
    Ok(unsafe { OwnedFd::of_number(fd) })
}

/// Lets calls fail with `EAGAIN` that would have to wait. Says whether they did wait before.
#[cfg(feature = "epoll")]
pub(crate) fn set_nonblocking(fd: Fd) -> Result<bool, Errno> {
    change_flags(fd, |flags| flags | number(linux::O_NONBLOCK))
}

/// Lets calls wait that have to. Says whether they did not.
#[cfg(any(feature = "net", feature = "process"))]
pub(crate) fn set_blocking(fd: Fd) -> Result<bool, Errno> {
    change_flags(fd, |flags| flags & !number(linux::O_NONBLOCK))
}

/// Sets what an open file is set to, if that is anything else. Says whether it was.
#[cfg(feature = "epoll")]
fn change_flags(fd: Fd, change: impl FnOnce(usize) -> usize) -> Result<bool, Errno> {
    let flags = control(fd, linux::F_GETFL, 0)?;
    let wanted = change(flags);
    if wanted == flags { Ok(false) } else { control(fd, linux::F_SETFL, wanted).map(|_| true) }
}

/// Opens `/dev/null` for those of the descriptors 0 to 2 that are not open, so that no socket gets such
/// a number, and with it what is printed. Where there is no such file nothing is done.
#[cfg(all(feature = "start", feature = "epoll"))]
pub(crate) fn fill_standard() {
    let mut standard = [0, 1, 2].map(|fd| linux::pollfd { fd, events: 0, revents: 0 });
    // SAFETY: the kernel reads and writes three `pollfd`s.
    let returned = unsafe {
        sc::syscall3(
            number(linux::__NR_poll),
            standard.as_mut_ptr().expose_provenance(),
            standard.len(),
            0,
        )
    };
    if result(returned).unwrap_or(0) > 0 {
        for place in &standard {
            if u32::from(place.revents.cast_unsigned()) & linux::POLLNVAL != 0 {
                // The kernel takes the lowest number that is free. It stays open.
                let _opened = open(c"/dev/null", linux::O_RDWR);
            }
        }
    }
}

/// Counts how often this crate has let descriptors wait again. Others may have the same open file.
#[cfg(feature = "epoll")]
static FORGOTTEN: AtomicU32 = AtomicU32::new(1);

/// What is known of flags of open files holds while this number is the same. Never zero.
#[cfg(feature = "epoll")]
pub(crate) fn flags_known_since() -> u32 {
    // Relaxed: threads that share an open file order what they do to it by other means.
    FORGOTTEN.load(Ordering::Relaxed).max(1)
}

/// What is known of flags of open files may not hold any more.
#[cfg(feature = "process")]
pub(crate) fn forget_flags() {
    FORGOTTEN.fetch_add(1, Ordering::Relaxed);
}

/// fcntl(2) with a number.
#[cfg(feature = "epoll")]
pub(crate) fn control(fd: Fd, what: u32, argument: usize) -> Result<usize, Errno> {
    // SAFETY: the commands that this is called with touch no memory of the program's.
    let returned =
        unsafe { sc::syscall3(number(linux::__NR_fcntl), register(fd), number(what), argument) };
    result(returned)
}

/// Sets the position in a file, and returns it.
#[cfg(any(feature = "fs", all(feature = "io", feature = "epoll")))]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "registers have 64 bits"
)]
pub(crate) fn seek(fd: Fd, offset: i64, whence: u32) -> Result<u64, Errno> {
    // SAFETY: touches no memory of the program's.
    let returned = unsafe {
        sc::syscall3(number(linux::__NR_lseek), register(fd), offset as usize, number(whence))
    };
    result(returned).map(|place| place as u64)
}

/// How many descriptors the process may have at most.
#[cfg(feature = "epoll")]
pub(crate) fn most_descriptors() -> u64 {
    let mut limits = linux::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes the limits.
    let returned = unsafe {
        sc::syscall4(
            number(linux::__NR_prlimit64),
            0,
            number(linux::RLIMIT_NOFILE),
            0,
            (&raw mut limits).expose_provenance(),
        )
    };
    result(returned).map_or(0, |_| limits.rlim_max)
}
