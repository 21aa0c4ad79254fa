//! A process that this one has started.

use crate::driver;
use crate::error::Errno;
use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::io::Error;
use crate::signal::Signal;
#[cfg(feature = "sync")]
use crate::sync::select::{Attempt, Attempting, Wait};
use crate::sys::call::{Call, Named as _};
use crate::sys::operation::Operation;
use crate::sys::process::{self as sys, Which};

use super::table::Place;
use super::{ChildStderr, ChildStdin, ChildStdout, ExitStatus};

/// A process that this one has started.
///
/// It is known by a descriptor, so that a signal can never meet another process that has its number
/// by now.
///
/// Dropping it closes the pipes and lets the process run, unless the command said
/// [`kill_on_drop`](super::Command::kill_on_drop). What has ended then is taken from the system when
/// others are started; where more than 16 such are running, when some more are.
#[derive(Debug)]
pub struct Child {
    /// What is written here is the process's standard input, if that was
    /// [`piped`](super::Stdio::piped).
    pub stdin: Option<ChildStdin>,
    /// The process's standard output, if that was piped.
    pub stdout: Option<ChildStdout>,
    /// The process's standard error, if that was piped.
    pub stderr: Option<ChildStderr>,
    pidfd: OwnedFd,
    id: i32,
    /// Taken when this is dropped.
    place: Option<Place>,
    kill_on_drop: bool,
}

impl Child {
    pub(super) fn new(
        pidfd: OwnedFd,
        id: i32,
        place: Place,
        [stdin, stdout, stderr]: [Option<OwnedFd>; 3],
        kill_on_drop: bool,
    ) -> Self {
        Self {
            stdin: stdin.map(ChildStdin::from),
            stdout: stdout.map(ChildStdout::from),
            stderr: stderr.map(ChildStderr::from),
            pidfd,
            id,
            place: Some(place),
            kill_on_drop,
        }
    }

    /// The process's number. It can be another one's as soon as the end of this one is known here.
    pub const fn id(&self) -> i32 {
        self.id
    }

    /// Waits until the process has ended. Only the running task is parked.
    ///
    /// First closes [`stdin`](Self::stdin): the process might wait for its end. Can be called again, and
    /// returns the same.
    ///
    /// # Cancellation
    ///
    /// The process goes on, and can be waited for again; see also
    /// [`time::timeout`](crate::time::timeout).
    ///
    /// # Errors
    ///
    /// - [`Errno::CANCELED`]: the task was told to end.
    /// - [`Errno::CHILD`]: another part of the program, such as a libc's `wait`, has taken the status, or
    ///   the program ignores `SIGCHLD`.
    ///
    /// # Panics
    ///
    /// Outside of a task, unless the process has ended.
    #[track_caller]
    pub fn wait(&mut self) -> Result<ExitStatus, Error> {
        self.stdin = None;
        let mut has_ended = false;
        loop {
            match self.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Err(error) if error.errno() == Errno::INTR => continue,
                waits => waits.map(drop)?,
            }
            let end = Operation::poll(self.pidfd.raw(), linux_raw_sys::general::POLLIN);
            // Who traces it, such as a debugger, learns of its end first, and in his own time.
            let waited = if has_ended {
                driver::pause(&end)
            } else {
                driver::perform(Some(&self.pidfd), &end).map(drop)
            };
            waited.map_err(|error| match error.errno() {
                Errno::CANCELED => Error::new(Call::Wait, Errno::CANCELED),
                _ => error,
            })?;
            has_ended = true;
        }
    }

    /// How the process has ended, if it has. Does not block.
    ///
    /// # Errors
    ///
    /// [`Errno::CHILD`], as for [`wait`](Self::wait).
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.look()
    }

    fn look(&self) -> Result<Option<ExitStatus>, Error> {
        let Some(place) = &self.place else { return Ok(None) };
        place.try_wait(Which::Pidfd(self.pidfd.raw())).of(Call::Wait)
    }

    /// Kills the process. One that has ended is left alone, without an error. Does not block, and does not
    /// [`wait`](Self::wait).
    ///
    /// # Errors
    ///
    /// [`Errno::PERM`] if the process has become another user's.
    pub fn kill(&mut self) -> Result<(), Error> {
        match self.signal(Signal::KILL) {
            Err(error) if error.errno() == Errno::SRCH => Ok(()),
            sent => sent,
        }
    }

    /// Sends the process a signal. Does not block.
    ///
    /// # Errors
    ///
    /// - [`Errno::SRCH`]: the process has ended, and its status was taken.
    /// - [`Errno::PERM`]: the process has become another user's.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        sys::send_signal(self.pidfd.raw(), signal.number()).of(Call::Kill)
    }
}

/// `select!` waits for the end of the process by `wait(child)`. In contrast to [`wait`](Child::wait) that
/// leaves [`stdin`](Child::stdin) open: other arms may be about it. If another arm was chosen, the status
/// is still there for the next call.
///
/// # Examples
///
/// ```no_run
/// use barecoro::{process::Command, select, time::Duration};
///
/// # fn in_a_task() -> Result<(), barecoro::Errno> {
/// let mut child = Command::new("/bin/sleep").arg("60").spawn()?;
/// select! {
///     wait(child) -> status => println!("ended: {}", status?),
///     sleep(Duration::from_secs(5)) => child.kill()?,
/// }
/// # Ok(()) }
/// ```
#[cfg(feature = "sync")]
impl Wait for Child {
    type Arm<'a> = Attempting<&'a Self>;

    fn arm(&self) -> Attempting<&Self> {
        Attempting::new(self)
    }
}

#[cfg(feature = "sync")]
impl Attempt for &Child {
    type Value = ExitStatus;

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }

    fn attempt(
        &self,
        _is_ready: impl Fn() -> Result<bool, Error>,
    ) -> Option<Result<ExitStatus, Error>> {
        loop {
            match self.look() {
                Err(error) if error.errno() == Errno::INTR => {}
                ended => return ended.transpose(),
            }
        }
    }

    fn failed(&self, errno: Errno) -> Error {
        Error::new(Call::Wait, errno)
    }
}

impl AsFd for Child {
    /// A descriptor that can be read when the process has ended (`pidfd_open(2)`).
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.kill_on_drop {
            // It has ended, or is not ours to kill.
            let _killed = self.kill();
        }
        if let Some(place) = self.place.take() {
            place.release(Which::Pidfd(self.pidfd.raw()));
        }
    }
}
