//! How a process has ended.

use core::fmt;

use crate::signal::Signal;

/// The bits of a status that name the signal (wait4(2)).
const SIGNAL: i32 = 0x7f;
/// The bit that says that there is a core dump.
const CORE: i32 = 0x80;

/// How a process has ended, with the names of std's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExitStatus(i32);

impl ExitStatus {
    /// Of a status as wait4(2) gives it.
    pub const fn from_raw(status: i32) -> Self {
        Self(status)
    }

    /// As wait4(2) gives it.
    pub const fn into_raw(self) -> i32 {
        self.0
    }

    /// The exit code, 0 to 255, unless a signal has ended the process.
    pub const fn code(self) -> Option<i32> {
        if self.has_exited() { Some(self.0 >> 8 & 0xff) } else { None }
    }

    /// The signal that has ended the process.
    pub const fn signal(self) -> Option<Signal> {
        if self.has_exited() { None } else { Signal::new(self.0 & SIGNAL) }
    }

    /// Whether a core dump was written.
    pub const fn core_dumped(self) -> bool {
        !self.has_exited() && self.0 & CORE != 0
    }

    /// Whether the exit code is zero.
    pub const fn success(self) -> bool {
        matches!(self.code(), Some(0))
    }

    /// The exit code for a program that ends as this one did: its code, or 128 and the signal, as a
    /// shell does it.
    pub const fn shell_code(self) -> u8 {
        let code = if self.has_exited() { self.0 >> 8 & 0xff } else { 128 + (self.0 & SIGNAL) };
        code.to_le_bytes()[0]
    }

    const fn has_exited(self) -> bool {
        matches!(self.0 & SIGNAL, 0)
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code(), self.signal()) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => {
                let dump = if self.core_dumped() { " (core dumped)" } else { "" };
                write!(f, "signal {} ({signal}){dump}", signal.get())
            }
            (None, None) => write!(f, "status {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_wait4s() {
        let [seven, killed, dumped] = [0x0700, 9, 0x8b].map(ExitStatus::from_raw);
        assert_eq!((seven.code(), seven.signal(), seven.shell_code()), (Some(7), None, 7));
        assert_eq!((killed.code(), killed.signal()), (None, Some(Signal::KILL)));
        assert_eq!((killed.shell_code(), killed.core_dumped()), (137, false));
        assert!(dumped.core_dumped() && !dumped.success());
        assert!(ExitStatus::from_raw(0).success());
        assert_eq!(
            std::format!("{seven}, {killed}, {dumped}"),
            "exit code 7, signal 9 (SIGKILL), signal 11 (SIGSEGV) (core dumped)"
        );
    }
}
