//! How many system calls a server makes, counted by the kernel's tracepoint.
//!
//! Unlike strace(1), that does not slow the server down much, which would change how many requests
//! it finds ready at a time. It is done in a run of its own all the same.

use std::{fs, io};

use perf_event::events::Tracepoint;
use perf_event::{Builder, Counter};

/// Counts from now on.
pub struct SystemCalls(Vec<Counter>);

impl SystemCalls {
    /// Counts those of a process: of the threads it has, and of those that they will start.
    pub fn of(process: u32) -> io::Result<Self> {
        let tracepoint = Tracepoint::with_id(tracepoint()?);
        let count = |thread: io::Result<fs::DirEntry>| {
            let name = thread?.file_name();
            let id = name.to_str().and_then(|name| name.parse().ok());
            let id = id.ok_or(io::ErrorKind::InvalidData)?;
            let mut counter = Builder::new(tracepoint);
            counter.observe_pid(id).any_cpu().include_kernel().inherit(true);
            let mut counter = counter.build()?;
            counter.enable()?;
            Ok(counter)
        };
        let threads = fs::read_dir(format!("/proc/{process}/task"))?;
        threads.map(count).collect::<io::Result<_>>().map(Self)
    }

    /// How many there were.
    pub fn count(&mut self) -> io::Result<u64> {
        self.0.iter_mut().map(Counter::read).sum()
    }
}

/// The tracepoint's number. It needs the file system tracefs, and the right to read it.
fn tracepoint() -> io::Result<u64> {
    let event = "tracing/events/raw_syscalls/sys_enter/id";
    let read = |root| fs::read_to_string(format!("/sys/kernel/{root}{event}"));
    let id = read("").or_else(|_| read("debug/"))?;
    id.trim().parse().map_err(io::Error::other)
}
