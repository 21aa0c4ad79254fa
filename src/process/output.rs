//! What a process has written.

use core::fmt;
use core::ops::Deref;

use linux_raw_sys::general as linux;

use crate::driver;
use crate::error::Errno;
use crate::fd::OwnedFd;
use crate::io::Error;
use crate::sys::bytes::Bytes;
use crate::sys::call::{Call, Named as _};
use crate::sys::epoll::Epoll;
use crate::sys::fd;
use crate::sys::operation::Operation;
use crate::task;

use super::{Child, ExitStatus};

/// How a process has ended, and what it has written.
#[derive(Debug)]
pub struct Output {
    /// How it has ended.
    pub status: ExitStatus,
    /// What it has written to standard output, if that was piped.
    pub stdout: Captured,
    /// What it has written to standard error, if that was piped.
    pub stderr: Captured,
}

/// Bytes that were read, of any number, in memory straight from the kernel.
#[derive(Default)]
pub struct Captured(Bytes);

impl Deref for Captured {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

/// How much room there is for a read, at least.
const PIECE: usize = 16 * 1024;

/// How much is read before other tasks, time limits and cancellations have their turn.
const TURN: usize = 64 * 1024;

impl Child {
    /// Waits until the process has ended, and reads what it writes until then, to the end of both pipes:
    /// also what other processes write that have inherited them.
    ///
    /// Uses two descriptors more, and memory for what is read.
    ///
    /// # Cancellation
    ///
    /// The process goes on, and nobody has it, unless it is killed
    /// ([`kill_on_drop`](super::Command::kill_on_drop)). What was read until then is lost.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait); [`Errno::NOMEM`] if there is no memory for what was written.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn wait_with_output(mut self) -> Result<Output, Error> {
        self.stdin = None;
        let pipes = [self.stdout.take().map(OwnedFd::from), self.stderr.take().map(OwnedFd::from)];
        let [stdout, stderr] = read_all(pipes)?;
        Ok(Output { status: self.wait()?, stdout, stderr })
    }
}

/// Reads pipes to their ends, from whichever there is something.
#[track_caller]
fn read_all(mut pipes: [Option<OwnedFd>; 2]) -> Result<[Captured; 2], Error> {
    let mut all = [Captured::default(), Captured::default()];
    let ready = Epoll::new().of(Call::EpollCreate)?;
    for pipe in pipes.iter().flatten() {
        fd::set_nonblocking(pipe.raw()).of(Call::Duplicate)?;
        ready
            .control(linux::EPOLL_CTL_ADD, pipe.raw(), linux::EPOLLIN, 0)
            .of(Call::EpollControl)?;
    }
    while pipes.iter().any(Option::is_some) {
        // Who never has to wait is not told otherwise.
        if task::cancelled() {
            return Err(Error::new(Call::Poll, Errno::CANCELED));
        }
        // It can be read when one of those can that it watches.
        let some = Operation::poll(ready.owner().raw(), linux::POLLIN);
        driver::perform(Some(ready.owner()), &some)?;
        for (pipe, captured) in pipes.iter_mut().zip(&mut all) {
            if let Some(open) = pipe
                && read_some(open, &mut captured.0)?
            {
                *pipe = None;
            }
        }
    }
    Ok(all)
}

/// Reads what there is, within limits. Says whether that was the end.
fn read_some(pipe: &OwnedFd, into: &mut Bytes) -> Result<bool, Error> {
    let mut rest = TURN;
    while rest > 0 {
        if into.spare().len() < PIECE {
            into.reserve(PIECE).of(Call::Map)?;
        }
        let spare = into.spare();
        let end = spare.len().min(rest);
        match fd::read(pipe.raw(), spare.get_mut(..end).unwrap_or_default()) {
            Ok(0) => return Ok(true),
            Ok(count) => {
                into.advance(count);
                rest -= count;
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(false),
            Err(errno) => return Err(Error::new(Call::Read, errno)),
        }
    }
    Ok(false)
}
