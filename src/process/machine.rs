//! This process, and the machine.

use linux_raw_sys::general as linux;

use crate::error::Errno;
use crate::io::Error;
use crate::sys::call::{Call, Named as _};
use crate::sys::fd::STDIN;
use crate::sys::{process as sys, signal};

use super::Argument;

/// The number of this process; 1 for the first of the system.
pub fn id() -> i32 {
    sys::id()
}

/// The number of the process that has this one as a child; 0 for PID 1.
pub fn parent_id() -> i32 {
    sys::parent_id()
}

/// Whether this process's group has the terminal, if standard input is one (tcgetpgrp(3)): it may read,
/// and keys such as Ctrl-C go to it. Such a process can pass the terminal on:
/// [`Command::foreground`](super::Command::foreground).
pub fn is_foreground() -> bool {
    sys::foreground_group(STDIN) == Ok(sys::group())
}

/// Takes the terminal for this process's group, if standard input is one (tcsetpgrp(3)), such as after the end
/// of a program that had got it by [`Command::foreground`](super::Command::foreground). Does not block,
/// and is not stopped by `TTOU`.
///
/// # Errors
///
/// - [`Errno::NOTTY`]: standard input is no terminal, or another session's.
/// - [`Errno::BADF`]: there is no standard input.
pub fn take_foreground() -> Result<(), Error> {
    let mask = signal::block_all();
    let taken = sys::set_foreground_group(STDIN, sys::group());
    signal::set_mask(mask);
    taken.of(Call::SetForeground)
}

/// Whether the process group `group` has processes, be it that they have ended and nobody has taken them
/// from the system yet.
pub fn group_exists(group: i32) -> bool {
    // 1 would be all of the system's. Those of another user's may not be sent a signal, but are there.
    group > 1 && signal::kill(-group, 0) != Err(Errno::SRCH)
}

/// Ends the process with `code`, of which the parent sees the low 8 bits. Nothing is dropped.
pub fn exit(code: i32) -> ! {
    sys::exit(code)
}

/// Ends the process by `SIGABRT`, with a core dump where that is wanted.
pub fn abort() -> ! {
    sys::abort()
}

/// Sets which rights new files do not get, such as `0o022`, and returns which did not before.
pub fn umask(mask: u32) -> u32 {
    sys::set_umask(mask)
}

/// Sets the name of the machine, of 64 bytes at most.
///
/// # Errors
///
/// - [`Errno::PERM`]: for a process without `CAP_SYS_ADMIN`.
/// - [`Errno::INVAL`]: the name is longer.
pub fn set_host_name(name: impl Argument) -> Result<(), Errno> {
    sys::set_host_name(name.bytes())
}

/// Has everything written that file systems have not yet written. The OS thread stands still meanwhile.
pub fn sync() {
    sys::sync();
}

/// What becomes of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reboot {
    /// It starts again.
    Restart,
    /// It stops, with power.
    Halt,
    /// It switches itself off.
    PowerOff,
}

/// Stops or restarts the machine at once. Does not write what file systems have not yet written: see
/// [`sync`].
///
/// In a PID namespace of its own, it ends that.
///
/// # Errors
///
/// [`Errno::PERM`] for a process without `CAP_SYS_BOOT`.
pub fn reboot(how: Reboot) -> Result<(), Errno> {
    sys::reboot(match how {
        Reboot::Restart => linux::LINUX_REBOOT_CMD_RESTART,
        Reboot::Halt => linux::LINUX_REBOOT_CMD_HALT,
        Reboot::PowerOff => linux::LINUX_REBOOT_CMD_POWER_OFF,
    })
}
