//! Processes: starting them, reaping them, and ending the machine. Floor 6.

use core::ffi::{CStr, c_char};
use core::fmt;
use core::ptr;

use linux_raw_sys::general as linux;

use crate::error::Errno;
use crate::sys::process;

/// How many arguments a [`Command`] takes, the program's name included.
const MOST_ARGUMENTS: usize = 32;

/// A program to be started, in the shape of std's `Command`.
///
/// It inherits this process's descriptors and directory. Arguments and environment are borrowed;
/// nothing is copied.
#[derive(Clone)]
pub struct Command<'a> {
    program: &'a CStr,
    arguments: heapless::Vec<&'a CStr, MOST_ARGUMENTS>,
    environment: heapless::Vec<&'a CStr, MOST_ARGUMENTS>,
    /// Whether an argument or a variable did not fit.
    overflow: bool,
}

impl<'a> Command<'a> {
    /// A command that runs the file at the path `program`, with an empty environment.
    pub fn new(program: &'a CStr) -> Self {
        let mut arguments = heapless::Vec::new();
        let overflow = arguments.push(program).is_err();
        Self { program, arguments, environment: heapless::Vec::new(), overflow }
    }

    /// Adds an argument.
    pub fn arg(&mut self, argument: &'a CStr) -> &mut Self {
        self.overflow |= self.arguments.push(argument).is_err();
        self
    }

    /// Adds a variable to the environment, as `NAME=value`.
    pub fn env(&mut self, variable: &'a CStr) -> &mut Self {
        self.overflow |= self.environment.push(variable).is_err();
        self
    }

    /// Starts the program and returns at once.
    ///
    /// # Errors
    ///
    /// - [`Errno::TOOBIG`]: more than 31 arguments or 32 variables.
    /// - [`Errno::AGAIN`], [`Errno::NOMEM`]: the kernel cannot start another process.
    ///
    /// A program that cannot be executed ends with code 127, as in a shell.
    pub fn spawn(&self) -> Result<Child, Errno> {
        if self.overflow {
            return Err(Errno::TOOBIG);
        }
        let arguments = pointers(&self.arguments);
        let environment = pointers(&self.environment);
        process::spawn(self.program, &arguments, &environment).map(|id| Child { id })
    }
}

impl fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.arguments).finish()
    }
}

/// The addresses of some strings, and a null.
fn pointers(strings: &[&CStr]) -> heapless::Vec<*const c_char, { MOST_ARGUMENTS + 1 }> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

/// A process that this one has started. It is waited for by [`reap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    id: i32,
}

impl Child {
    /// The process's number.
    pub const fn id(self) -> i32 {
        self.id
    }
}

/// The bits of a status that name the signal (wait4(2)).
const SIGNAL: i32 = 0x7f;

/// How a process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitStatus(i32);

impl ExitStatus {
    /// The exit code, unless a signal has ended the process.
    pub const fn code(self) -> Option<i32> {
        if self.has_exited() { Some(self.0 >> 8 & 0xff) } else { None }
    }

    /// The signal that has ended the process.
    pub const fn signal(self) -> Option<i32> {
        if self.has_exited() { None } else { Some(self.0 & SIGNAL) }
    }

    /// Whether the exit code is zero.
    pub const fn success(self) -> bool {
        matches!(self.code(), Some(0))
    }

    const fn has_exited(self) -> bool {
        matches!(self.0 & SIGNAL, 0)
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code(), self.signal()) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => write!(f, "status {}", self.0),
        }
    }
}

/// Takes a child that has ended, or an orphan that this process has inherited as PID 1. Does not
/// wait: `None` while all are running.
///
/// # Errors
///
/// [`Errno::CHILD`] if there are no children.
pub fn reap() -> Result<Option<(Child, ExitStatus)>, Errno> {
    let ended = process::reap_any()?;
    Ok(ended.map(|(id, status)| (Child { id }, ExitStatus(status))))
}

/// The number of this process; 1 for the first of the system.
pub fn id() -> i32 {
    process::id()
}

/// Ends the process with `code`, of which the parent sees the low 8 bits.
pub fn exit(code: i32) -> ! {
    process::exit(code)
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

/// Stops or restarts the machine at once. Does not write what file systems have not yet written.
///
/// # Errors
///
/// [`Errno::PERM`] for a process without `CAP_SYS_BOOT`.
pub fn reboot(how: Reboot) -> Result<(), Errno> {
    process::reboot(match how {
        Reboot::Restart => linux::LINUX_REBOOT_CMD_RESTART,
        Reboot::Halt => linux::LINUX_REBOOT_CMD_HALT,
        Reboot::PowerOff => linux::LINUX_REBOOT_CMD_POWER_OFF,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_wait4s() {
        assert_eq!(ExitStatus(0x0700).code(), Some(7));
        assert_eq!(ExitStatus(9).signal(), Some(9));
        assert!(ExitStatus(0).success());
        assert!(!ExitStatus(11).success());
        assert_eq!(
            std::format!("{}, {}", ExitStatus(0x100), ExitStatus(0x8b)),
            "exit code 1, signal 11"
        );
    }
}
