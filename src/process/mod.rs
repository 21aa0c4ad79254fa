//! Processes: starting, awaiting and reaping them, and the machine. Floor 6.
//!
//! [`Command`] has the shape of std's. What is started is awaited by the running task alone, while the
//! others go on.
//!
//! # As PID 1, or as a subreaper
//!
//! Orphans become children of such a process, and somebody has to take them from the system when
//! they end: [`reap_orphans`], as a task. It takes nothing away from those who wait for a [`Child`].
//!
//! # Examples
//!
//! An init with a shell:
//!
//! ```no_run
//! # #[cfg(feature = "fs")] mod example {
//! use barecoro::fs::{self, MountFlags};
//! use barecoro::process::{self, Command, Reboot};
//! use barecoro::signal::{Signal, Signals};
//! use barecoro::{Errno, task};
//!
//! fn first_process() -> Result<(), Errno> {
//!     fs::mount("proc", "/proc", "proc", MountFlags::empty(), "")?;
//!     let mut shell = Command::new("/bin/sh").arg("-i").spawn()?;
//!     task::spawn(process::reap_orphans)?;
//!     let mut signals = Signals::new(&[Signal::TERM, Signal::INT])?;
//!     task::spawn(move || {
//!         let _signal = signals.recv()?;
//!         process::reboot(Reboot::Restart)
//!     })?;
//!     let _status = shell.wait()?;
//!     process::sync();
//!     process::reboot(Reboot::PowerOff)
//! }
//! # }
//! ```

mod argument;
mod changes;
mod child;
mod command;
mod launch;
mod machine;
mod output;
mod reap;
mod room;
mod status;
mod stdio;
mod streams;
mod table;

pub use argument::Argument;
pub use child::Child;
pub use command::Command;
pub use machine::{
    Reboot, abort, exit, group_exists, id, is_foreground, parent_id, reboot, set_host_name, sync,
    take_foreground, umask,
};
pub use output::{Captured, Output};
pub use reap::{Reaped, reap, reap_orphans, set_child_subreaper};
pub use status::ExitStatus;
pub use stdio::Stdio;
pub use streams::{ChildStderr, ChildStdin, ChildStdout};
