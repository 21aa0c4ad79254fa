//! Opening, also of named pipes, whose other side may not be there yet.
//!
//! A call that waits for the other side would keep everybody waiting on `epoll`. On `io_uring` it
//! would occupy one of the few threads that the kernel has for files, and all of them if there are
//! enough such calls; and if the path is in the kernel's cache, it does not wait at all, and the
//! reader finds an end where nobody has begun. So files are opened without waiting (`O_NONBLOCK`) on
//! both, and what is missing is waited for here.

use core::ffi::CStr;
use core::time::Duration;

use linux_raw_sys::general as linux;

use crate::driver;
use crate::error::Errno;
use crate::fd::OwnedFd;
use crate::io::Error;
use crate::sys::call::{Call, Named as _};
use crate::sys::clock::Instant;
use crate::sys::fd::Fd;
use crate::sys::file::{self, How};
use crate::sys::operation::Operation;
use crate::sys::{folder, pipe};
use crate::task::{Scheduler, WaitError, Waiting};

use super::again;

/// Opens a file; a relative path begins in `from`.
#[track_caller]
pub(super) fn open(from: Fd, path: &CStr, how: &How) -> Result<OwnedFd, Error> {
    let flags = flags_of(how);
    if never_waits(flags) {
        return driver::open(None, &Operation::open(from, path, how));
    }
    let without_waiting = How { flags: how.flags | u64::from(linux::O_NONBLOCK), ..*how };
    let mut pauses = Pauses::new();
    let fd = loop {
        match driver::open(None, &Operation::open(from, path, &without_waiting)) {
            // Nobody reads from the pipe.
            Err(error) if error.errno() == Errno::NXIO && is_pipe(from, path, how)? => {}
            // Somebody has a lease on the file, or the tree changes on the way.
            Err(error) if error.errno() == Errno::AGAIN => {}
            opened => break opened?,
        }
        pauses.pause()?;
    };
    let kind = again(|| file::kind(fd.raw())).of(Call::Open)?;
    if kind == linux::S_IFIFO && flags & linux::O_ACCMODE == linux::O_RDONLY {
        await_writer(&fd)?;
    }
    again(|| folder::set_blocking(fd.raw(), flags)).of(Call::Open)?;
    Ok(fd)
}

/// The flags, all of which are in the lower half.
fn flags_of(how: &How) -> u32 {
    u32::try_from(how.flags).unwrap_or(0)
}

/// Whether opening with these flags waits for nobody, whatever the file is.
fn never_waits(flags: u32) -> bool {
    let is_new = linux::O_CREAT | linux::O_EXCL;
    flags & (linux::O_PATH | linux::O_DIRECTORY | linux::O_NONBLOCK) != 0
        || flags & is_new == is_new
}

/// Whether the path leads to a named pipe.
fn is_pipe(from: Fd, path: &CStr, how: &How) -> Result<bool, Error> {
    let flags = linux::O_PATH | linux::O_CLOEXEC | flags_of(how) & linux::O_NOFOLLOW;
    let only_place = How { flags: flags.into(), mode: 0, resolve: how.resolve };
    let fd = driver::open(None, &Operation::open(from, path, &only_place))?;
    Ok(again(|| file::kind(fd.raw())).of(Call::Open)? == linux::S_IFIFO)
}

/// Waits until somebody has opened a named pipe to write.
fn await_writer(fd: &OwnedFd) -> Result<(), Error> {
    // There is something to read, or somebody was there and has gone.
    let is_ready = || Operation::poll(fd.raw(), linux::POLLIN).perform().is_ok();
    if is_ready() {
        return Ok(());
    }
    let (_reader, scratch) = pipe::new().of(Call::Open)?;
    let mut pauses = Pauses::new();
    let has_writer = || pipe::has_writer(fd.raw(), scratch.raw());
    while !again(has_writer).of(Call::Open)? && !is_ready() {
        pauses.pause()?;
    }
    Ok(())
}

/// Pauses between looks, which become longer.
struct Pauses(Duration);

impl Pauses {
    const LONGEST: Duration = Duration::from_millis(32);

    const fn new() -> Self {
        Self(Duration::from_millis(1))
    }

    fn pause(&mut self) -> Result<(), Error> {
        let scheduler = Scheduler::here(Call::Open.name());
        let deadline = Instant::now() + self.0;
        self.0 = (self.0 * 2).min(Self::LONGEST);
        match scheduler.block_until(Waiting::for_call(Call::Open, -1), deadline) {
            Ok(()) | Err(WaitError::TimedOut) => Ok(()),
            Err(WaitError::Cancelled) => Err(Error::new(Call::Open, Errno::CANCELED)),
        }
    }
}
