//! Processes that this one starts: they end with it, whatever ends it.
#![expect(unsafe_code, reason = "runs code between fork and exec")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use rustix::process::{Signal, set_parent_process_death_signal};

/// A process. Dropping it kills it and waits for its end.
pub struct Killed(pub Child);

impl Killed {
    /// Starts a process that the kernel kills when the calling thread ends.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let ask = || set_parent_process_death_signal(Some(Signal::KILL)).map_err(Into::into);
        // SAFETY: between fork and exec only what is safe in a signal handler may be done, and this
        // is one system call.
        unsafe { command.pre_exec(ask) };
        command.spawn().map(Self)
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        // It fails if the process has ended already, which is as good.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}
