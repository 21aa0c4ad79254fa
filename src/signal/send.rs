//! Sending signals, and saying what becomes of those that nobody waits for.
#![expect(unsafe_code, reason = "sets what is done with a signal")]

use crate::error::Errno;
use crate::io::Error;
use crate::sys::call::{Call, Named as _};
use crate::sys::signal::{self as sys, Action};

use super::Signal;

/// Sends a signal to the process `pid`.
///
/// A number can have become another process's meanwhile; for children see
/// `process::Child::signal`, which cannot meet another one. Does not block.
///
/// # Errors
///
/// - [`Errno::SRCH`]: there is no such process, or the number is not greater than 0.
/// - [`Errno::PERM`]: it is none of this process's business.
pub fn send(pid: i32, signal: Signal) -> Result<(), Error> {
    let pid = Some(pid).filter(|pid| *pid > 0).ok_or(Errno::SRCH);
    pid.and_then(|pid| sys::kill(pid, signal.number())).of(Call::Kill)
}

/// Sends a signal to all processes of the group `group`.
///
/// # Errors
///
/// - [`Errno::SRCH`]: there is no such group, or the number is not greater than 1.
/// - [`Errno::PERM`]: none of them is any of this process's business.
pub fn send_to_group(group: i32, signal: Signal) -> Result<(), Error> {
    // 1 would be all of the system's.
    let group = Some(group).filter(|group| *group > 1).ok_or(Errno::SRCH);
    group.and_then(|group| sys::kill(-group, signal.number())).of(Call::Kill)
}

/// Sends a signal to all processes that this one may send it to, but not to itself and not to PID 1.
/// That is how an init ends the others.
///
/// # Errors
///
/// - [`Errno::SRCH`]: there are none.
/// - [`Errno::PERM`]: this process may send it to none.
pub fn send_to_all(signal: Signal) -> Result<(), Error> {
    sys::kill(-1, signal.number()).of(Call::Kill)
}

/// Sends a signal to the calling thread. Where it is not waited for, ignored or handled, it does what
/// signal(7) says, such as ending the process.
pub fn raise(signal: Signal) {
    sys::raise(signal.number());
}

/// Lets nothing happen when a signal comes. Programs that this one starts ignore it too.
///
/// Where [`Signals`](super::Signals) wait for it, they do no longer.
///
/// # Errors
///
/// [`Errno::INVAL`] for `KILL` and `STOP`.
pub fn ignore(signal: Signal) -> Result<(), Error> {
    // SAFETY: no function is called.
    unsafe { sys::set_action(signal.number(), &Action::IGNORE) }.of(Call::SignalAction)
}

/// Lets the kernel do what signal(7) says when a signal comes.
///
/// A process inherits what its parent ignores; PID 1 of a container may find `CHLD` ignored, so that
/// no child's status comes.
///
/// # Errors
///
/// [`Errno::INVAL`] for `KILL` and `STOP`.
pub fn reset(signal: Signal) -> Result<(), Error> {
    // SAFETY: no function is called.
    unsafe { sys::set_action(signal.number(), &Action::DEFAULT) }.of(Call::SignalAction)
}
