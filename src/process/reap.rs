//! Taking processes from the system that have ended, whoever has started them.

use core::convert::Infallible;

use crate::error::Errno;
use crate::io::Error;
use crate::signal::{Signal, Signals};
use crate::sys::call::{Call, Named as _};
use crate::sys::process as sys;

use super::{ExitStatus, table};

/// A process that was taken from the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaped {
    id: i32,
    status: ExitStatus,
}

impl Reaped {
    /// Its number, which can be another one's by now.
    pub const fn id(self) -> i32 {
        self.id
    }

    /// How it has ended.
    pub const fn status(self) -> ExitStatus {
        self.status
    }
}

/// Takes any child from the system that has ended, such as an orphan that this process has inherited as
/// PID 1. `None` while all are running. Does not block.
///
/// It takes nothing away from those who have a [`Child`](super::Child): these learn the status too.
/// But it does so from other code that waits for children, such as std's.
///
/// # Errors
///
/// [`Errno::CHILD`] if there are no children.
pub fn reap() -> Result<Option<Reaped>, Error> {
    let ended = table::reap_any().of(Call::Wait)?;
    Ok(ended.map(|(id, status)| Reaped { id, status }))
}

/// Takes all children from the system as they end, for ever. Meant to be a task; parks it meanwhile.
///
/// For PID 1, and for a [subreaper](set_child_subreaper). As for [`reap`], a [`Child`](super::Child) is
/// waited for as ever.
///
/// # Cancellation
///
/// That is how it ends. No child is lost.
///
/// # Errors
///
/// [`Errno::CANCELED`] if the task was told to end, or what [`Signals::new`] says.
///
/// # Panics
///
/// Outside of a task.
///
/// # Examples
///
/// ```no_run
/// use barecoro::{process, task};
///
/// # fn in_a_task() -> Result<(), barecoro::Errno> {
/// let reaper = task::spawn(process::reap_orphans)?;
/// # Ok(()) }
/// ```
#[track_caller]
pub fn reap_orphans() -> Result<Infallible, Error> {
    let mut ended = Signals::new(&[Signal::CHLD])?;
    loop {
        // Those too that have ended before.
        loop {
            match reap() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) if error.errno() == Errno::CHILD => break,
                Err(error) => return Err(error),
            }
        }
        ended.recv()?;
    }
}

/// Says whether orphans below this process become its children, as they would be PID 1's otherwise. Then
/// somebody should [`reap_orphans`].
///
/// # Errors
///
/// Those of prctl(2).
pub fn set_child_subreaper(is_one: bool) -> Result<(), Errno> {
    sys::set_child_subreaper(is_one)
}
