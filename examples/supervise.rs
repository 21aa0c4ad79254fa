//! A small init: starts programs, keeps services running, reaps orphans, and ends as its main program
//! does. It can be PID 1 of a container.
//!
//! ```text
//! supervise [--grace SECONDS] [--separator WORD] MAIN [ARG]... [-- SERVICE [ARG]...]...
//! ```
//!
//! - MAIN runs once. Signals that come are passed on to its process group. When it has ended, supervise
//!   ends with its exit code, or with 128 and the number of the signal that has ended it.
//! - Each SERVICE is started again whenever it ends: after 0.1 s, then 0.2 s, and so on up to 30 s; after
//!   0.1 s again once it has run for 10 s. When MAIN has ended, services get SIGTERM, and SIGKILL after
//!   the grace of 10 s.
//! - Orphans are taken from the system, as PID 1 has to; where it is not PID 1, it becomes their parent.
#![no_std]
#![no_main]

use core::ffi::CStr;

use barecoro::io::Error;
use barecoro::process::{self, Child, Command, ExitStatus};
use barecoro::signal::{self, Signal, Signals};
use barecoro::start::{ArgsOs, Env, ExitCode};
use barecoro::time::{self, Duration, Instant};
use barecoro::{Errno, Runtime, entry, eprintln, select, task};

/// MAIN and its signals, who reaps, and the services.
static RUNTIME: Runtime<128> = Runtime::new();

/// What a process can do something about, and does not concern supervise itself.
const PASSED_ON: &[Signal] = &[
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::USR1,
    Signal::USR2,
    Signal::ALRM,
    Signal::TERM,
    Signal::CONT,
    Signal::TSTP,
    Signal::WINCH,
    Signal::PWR,
];

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A service that has run for so long is in order.
const IN_ORDER: Duration = Duration::from_secs(10);

entry!(main);

fn main(env: Env) -> Result<ExitCode, Errno> {
    let mut options = Options { grace: Duration::from_secs(10), separator: c"--" };
    let Some(programs) = options.read(env.args_os()) else {
        eprintln!(
            "usage: supervise [--grace SECONDS] [--separator WORD] \
             MAIN [ARG]... [-- SERVICE [ARG]...]..."
        );
        return Ok(ExitCode::from(2));
    };
    RUNTIME.run(move || supervise(programs, options))?
}

#[derive(Clone, Copy)]
struct Options {
    /// How long services have to end.
    grace: Duration,
    /// What stands between two programs.
    separator: &'static CStr,
}

impl Options {
    /// Reads the options, and returns the arguments behind them, if there are any and all is right.
    fn read(&mut self, mut arguments: ArgsOs) -> Option<ArgsOs> {
        let _own_name = arguments.next();
        loop {
            let rest = arguments.clone();
            let option = arguments.next()?;
            match option.to_bytes() {
                b"--grace" => {
                    let seconds = arguments.next()?.to_str().ok()?.parse().ok()?;
                    self.grace = Duration::from_secs(seconds);
                }
                b"--separator" => self.separator = arguments.next()?,
                option
                    if option.starts_with(b"-") || rest.clone().next() == Some(self.separator) =>
                {
                    return None;
                }
                _ => return Some(rest),
            }
        }
    }
}

/// One of the programs: its words, up to the separator.
#[derive(Clone)]
struct Program {
    words: ArgsOs,
    separator: &'static CStr,
}

impl Program {
    fn words(&self) -> impl Iterator<Item = &'static CStr> {
        let separator = self.separator;
        self.words.clone().take_while(move |word| *word != separator)
    }

    fn name(&self) -> &'static str {
        self.words().next().and_then(|name| name.to_str().ok()).unwrap_or("?")
    }

    /// The program, in a process group of its own.
    fn command(&self) -> Command {
        let mut words = self.words();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).process_group(0);
        command
    }

    /// The program behind the next separator.
    fn next(&self) -> Option<Self> {
        let mut words = self.words.clone();
        words.find(|word| *word == self.separator)?;
        // A separator at the end, or a second one, begins no program.
        words.clone().next()?;
        let next = Self { words, ..self.clone() };
        if next.words().next().is_none() { next.next() } else { Some(next) }
    }
}

fn supervise(words: ArgsOs, options: Options) -> Result<ExitCode, Errno> {
    let is_first = process::id() == 1;
    if !is_first {
        process::set_child_subreaper(true)?;
    }
    // Who has started this may ignore it; then no status would come.
    signal::reset(Signal::CHLD)?;
    let signals = Signals::new(PASSED_ON)?;

    let program = Program { words, separator: options.separator };
    let main = match program.command().foreground(is_first).spawn() {
        Ok(main) => main,
        Err(error) => {
            eprintln!("supervise: {}: {error}", program.name());
            return Ok(ExitCode::from(if error.errno() == Errno::NOENT { 127 } else { 126 }));
        }
    };
    let reaper = task::Builder::new().name("reaper").spawn(process::reap_orphans)?;
    let mut services = heapless::Vec::<_, 120>::new();
    let mut last = program;
    while let Some(service) = last.next() {
        last = service.clone();
        let task = task::Builder::new().name(service.name());
        let keeper = task.spawn(move || keep_running(&service, options.grace))?;
        services.push(keeper).map_err(|_| Errno::TOOBIG)?;
    }

    let status = loop {
        select! {
            wait(main) -> status => break status,
            recv(signals) -> signal => match signal {
                // It may have ended just now.
                Ok(signal) => drop(signal::send_to_group(main.id(), signal)),
                Err(error) => break Err(error),
            },
        }
    };
    for service in &services {
        service.cancel();
    }
    for service in services {
        service.join()?;
    }
    reaper.cancel();
    // It has been cancelled, or could not begin.
    let _cancelled = reaper.join()?;
    Ok(ExitCode::from(status?.shell_code()))
}

/// Starts a service again and again, until the task is cancelled.
fn keep_running(service: &Program, grace: Duration) {
    let mut pause = FIRST_PAUSE;
    loop {
        let start = Instant::now();
        match service.command().spawn() {
            Ok(mut child) => match child.wait() {
                Ok(status) => eprintln!("supervise: {}: ended: {status}", service.name()),
                Err(error) => {
                    if !error.is_cancelled() {
                        eprintln!("supervise: {}: {error}", service.name());
                    }
                    return stop(service, child, grace);
                }
            },
            Err(error) => eprintln!("supervise: {}: {error}", service.name()),
        }
        if start.elapsed() >= IN_ORDER {
            pause = FIRST_PAUSE;
        }
        if time::sleep(pause).is_err() {
            return;
        }
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// Ends a service and all of its group.
fn stop(service: &Program, mut child: Child, grace: Duration) {
    task::shield(|| {
        let group = child.id();
        // Whoever has ended meanwhile is not told.
        let _sent = signal::send_to_group(group, Signal::TERM);
        let ended = time::timeout(grace, || child.wait());
        let ended: Result<ExitStatus, Error> = ended.unwrap_or_else(|_| {
            eprintln!("supervise: {}: killed, as it did not end", service.name());
            let _sent = signal::send_to_group(group, Signal::KILL);
            child.wait()
        });
        if let Err(error) = ended {
            eprintln!("supervise: {}: {error}", service.name());
        }
    });
}
