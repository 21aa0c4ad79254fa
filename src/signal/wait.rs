//! Waiting for signals.

use core::fmt;

use linux_raw_sys::general as linux;

use crate::driver;
#[cfg(feature = "sync")]
use crate::error::Errno;
use crate::fd::{AsFd, BorrowedFd};
use crate::io::Error;
#[cfg(feature = "sync")]
use crate::sync::select::{Attempt, Attempting, Receive};
use crate::sys::call::{Call, Named as _};
#[cfg(feature = "sync")]
use crate::sys::epoll;
use crate::sys::epoll::EventFd;
use crate::sys::operation::Operation;
use crate::sys::signal::set_of;

use super::Signal;
use super::hub::{Listening, Seen};

/// Signals to wait for, instead of what they do by themselves.
///
/// From [`new`](Self::new) on until the last that wants a signal is dropped, that signal does nothing
/// but be noted here; afterwards it does what it did before. Each of several `Signals` gets all that it
/// wants, also where others want the same. A signal that comes again before it was taken comes once, as
/// the kernel does it.
///
/// # Threads
///
/// It does not matter which thread of the program the kernel chooses, and nothing is blocked. System
/// calls of other code that are interrupted go on, as far as the kernel lets them (`SA_RESTART`; see
/// signal(7) for those that fail with `EINTR`). A handler that another part of the program has installed
/// before is called too.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, signal::{self, Signal, Signals}};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// RUNTIME.run(|| {
///     let mut signals = Signals::new(&[Signal::TERM, Signal::USR1])?;
///     signal::raise(Signal::USR1);
///     assert_eq!(signals.recv()?, Signal::USR1);
///     Ok::<_, barecoro::io::Error>(())
/// }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct Signals {
    /// Dropped first: nobody makes the descriptor readable once it is closed.
    listening: Listening,
    event: EventFd,
}

impl Signals {
    /// Begins to note some signals. Uses one descriptor and one page of memory. Does not block.
    ///
    /// # Errors
    ///
    /// - [`Errno::INVAL`](crate::Errno::INVAL): `KILL` and `STOP`, which nothing keeps away, and the
    ///   faults of instructions (`SEGV`, `BUS`, `ILL`, `FPE`, `TRAP`, `SYS`).
    /// - [`Errno::MFILE`](crate::Errno::MFILE), [`Errno::NOMEM`](crate::Errno::NOMEM): the process has no
    ///   descriptor or no memory left.
    pub fn new(signals: &[Signal]) -> Result<Self, Error> {
        let wanted = signals.iter().fold(0, |set, signal| set | set_of(signal.number()));
        let event = EventFd::new().of(Call::Event)?;
        let listening = Listening::begin(wanted, event.raw()).of(Call::SignalAction)?;
        Ok(Self { listening, event })
    }

    /// Waits for one of the signals. Only the running task is parked. Of several that have come, the one
    /// with the smallest number is first.
    ///
    /// # Cancellation
    ///
    /// No signal is lost: it comes with the next call.
    ///
    /// # Errors
    ///
    /// [`Errno::CANCELED`](crate::Errno::CANCELED) if the task was told to end, or an error of the
    /// driver.
    ///
    /// # Panics
    ///
    /// Outside of a task, unless a signal is there.
    #[track_caller]
    pub fn recv(&mut self) -> Result<Signal, Error> {
        self.recv_info().map(|info| info.signal)
    }

    /// As [`recv`](Self::recv), with what came with the signal: of several that became one, with the last.
    ///
    /// # Errors
    ///
    /// As for `recv`.
    ///
    /// # Panics
    ///
    /// As for `recv`.
    #[track_caller]
    pub fn recv_info(&mut self) -> Result<Info, Error> {
        loop {
            if let Some(info) = self.try_recv() {
                return Ok(info);
            }
            // The number says nothing: what has come is noted elsewhere.
            let mut number = [0; 8];
            let event = self.event.owner();
            driver::perform(Some(event), &Operation::read(event.raw(), &mut number, None))?;
        }
    }

    /// A signal that has come, if there is one. Does not block.
    pub fn try_recv(&mut self) -> Option<Info> {
        self.look()
    }

    fn look(&self) -> Option<Info> {
        let (number, seen) = self.listening.take()?;
        let signal = i32::try_from(number).ok().and_then(Signal::new)?;
        Some(Info { signal, seen })
    }
}

/// `select!` receives a signal by `recv(signals)`. If another arm was chosen, none is lost.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, select, signal::{self, Signal, Signals}, time::Duration};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// RUNTIME.run(|| {
///     let signals = Signals::new(&[Signal::USR2])?;
///     signal::raise(Signal::USR2);
///     select! {
///         recv(signals) -> signal => assert_eq!(signal?, Signal::USR2),
///         sleep(Duration::from_secs(5)) => unreachable!(),
///     }
///     Ok::<_, barecoro::io::Error>(())
/// }).unwrap().unwrap();
/// ```
#[cfg(feature = "sync")]
impl Receive for Signals {
    type Arm<'a> = Attempting<&'a Self>;

    fn arm(&self) -> Attempting<&Self> {
        Attempting::new(self)
    }
}

#[cfg(feature = "sync")]
impl Attempt for &Signals {
    type Value = Signal;

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }

    fn attempt(
        &self,
        _is_ready: impl Fn() -> Result<bool, Error>,
    ) -> Option<Result<Signal, Error>> {
        if let Some(info) = self.look() {
            return Some(Ok(info.signal));
        }
        // It may be readable for signals that were taken: that must not count again.
        let was_readable = self.event.reset();
        let info = self.look()?;
        if was_readable {
            // There may be more, for others who wait for this.
            epoll::signal(self.event.raw());
        }
        Some(Ok(info.signal))
    }

    fn failed(&self, errno: Errno) -> Error {
        Error::new(Call::Read, errno)
    }
}

impl AsFd for Signals {
    /// A descriptor that can be read when a signal has come. It is nobody else's to read.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.owner().as_fd()
    }
}

/// A signal, and what came with it.
#[derive(Clone, Copy)]
pub struct Info {
    signal: Signal,
    seen: Seen,
}

impl Info {
    /// The signal.
    pub const fn signal(&self) -> Signal {
        self.signal
    }

    /// The process that has sent it, or the child that it is about. `None` if it comes from the kernel,
    /// such as from the terminal.
    pub const fn pid(&self) -> Option<i32> {
        if self.has_sender() { Some(self.seen.process) } else { None }
    }

    /// The user of that process.
    pub const fn uid(&self) -> Option<u32> {
        if self.has_sender() { Some(self.seen.user) } else { None }
    }

    /// Of [`Signal::CHLD`] from the kernel: the child's exit code, or the number of the signal that has
    /// ended it, stopped it or let it go on. `process::reap` and `process::Child` know more.
    pub const fn child_status(&self) -> Option<i32> {
        if self.is_about_child() { Some(self.seen.status) } else { None }
    }

    /// `si_code` of sigaction(2): where it comes from.
    pub const fn code(&self) -> i32 {
        self.seen.code
    }

    const fn is_about_child(&self) -> bool {
        self.signal.number() == linux::SIGCHLD && self.seen.code > 0 && self.seen.code < 0x80
    }

    /// By kill(2), sigqueue(3) or tgkill(2), or about a child.
    const fn has_sender(&self) -> bool {
        matches!(self.seen.code, 0 | -1 | -6) || self.is_about_child()
    }
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Info")
            .field("signal", &self.signal)
            .field("pid", &self.pid())
            .field("uid", &self.uid())
            .field("child_status", &self.child_status())
            .field("code", &self.code())
            .finish_non_exhaustive()
    }
}
