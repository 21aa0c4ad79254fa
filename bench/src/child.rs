//! Processes that this one starts: they end with it, whatever ends it.
#![expect(unsafe_code, reason = "runs code between fork and exec")]

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

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

    /// Waits for its end, but not for longer than it takes at most. Returns what it printed.
    pub fn output(mut self, at_most: Duration) -> io::Result<String> {
        let mut out = self.0.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        // If it says nothing it is killed, which ends the pipe.
        let (done, is_done) = mpsc::channel();
        let reading = thread::spawn(move || {
            let mut said = String::new();
            let read = out.read_to_string(&mut said);
            // Nobody waits for it any more if it took too long.
            let _late = done.send(());
            read.map(|_| said)
        });
        let in_time = is_done.recv_timeout(at_most);
        drop(self);
        let said = reading.join().map_err(|_| io::ErrorKind::Other)?;
        in_time.map_err(|_| io::ErrorKind::TimedOut)?;
        said
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        // It fails if the process has ended already, which is as good.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}
