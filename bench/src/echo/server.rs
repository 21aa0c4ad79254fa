//! A server's process: how it is started, and what is asked about it.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::ValueEnum;

use super::serve::Library;
use crate::child::Killed;
use crate::cpu;
use crate::foreign::Foreign;
use crate::process_clock::ProcessClock;

/// Who takes part.
#[derive(Clone, Copy)]
pub struct Subject {
    pub name: &'static str,
    pub program: Program,
    pub driver: Driver,
    /// What it finds in its environment.
    pub environment: &'static [(&'static str, &'static str)],
}

/// How it waits for the kernel.
#[derive(Clone, Copy, PartialEq)]
pub enum Driver {
    Uring,
    Epoll,
}

/// What is run.
#[derive(Clone, Copy)]
pub enum Program {
    /// This program once more.
    Own(Library),
    Foreign(Foreign),
}

impl Subject {
    /// How to run it, or why it cannot be run.
    pub fn command(&self) -> Result<Command, String> {
        let mut command = match self.program {
            Program::Foreign(foreign) => Command::new(foreign.build()?),
            Program::Own(library) => {
                let mut command = Command::new(own_program().map_err(|error| error.to_string())?);
                let name = library.to_possible_value().expect("no library is hidden");
                command.args(["--serve", name.get_name()]);
                command
            }
        };
        command.envs(self.environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(command)
    }
}

fn own_program() -> io::Result<PathBuf> {
    env::current_exe()
}

/// A server that runs. Dropping it ends it.
pub struct Server {
    process: Killed,
    clock: ProcessClock,
    port: u16,
}

impl Server {
    /// Starts a server on one CPU and waits until it listens.
    pub fn start(command: Command, on: usize) -> io::Result<Self> {
        let before = cpu::allowed()?;
        cpu::stay_on(on)?; // what is started inherits it
        let started = Killed::start(command);
        cpu::allow(&before)?;
        let mut process = started?;
        let said = process.0.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        let port = line.trim().parse().map_err(|_| io::Error::other("it did not start"))?;
        let clock = ProcessClock::of(process.0.id())?;
        Ok(Self { process, clock, port })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn id(&self) -> u32 {
        self.process.0.id()
    }

    /// The CPU time that it uses.
    pub fn clock(&self) -> ProcessClock {
        self.clock
    }
}
