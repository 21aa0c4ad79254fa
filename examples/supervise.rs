//! A small init: starts programs, keeps services running, reaps orphans, and ends as its main program
//! does. It can be PID 1 of a container.
//!
//! ```text
//! supervise [--grace SECONDS] [--separator WORD] MAIN [ARG]... [-- SERVICE [ARG]...]...
//! ```
//!
//! - MAIN runs once, in a process group of its own, which gets the terminal where supervise has it. When
//!   it has ended, supervise takes the terminal back, and ends with MAIN's exit code, or with 128 and the
//!   number of the signal that has ended it.
//! - Signals that come are passed on to MAIN's group, real-time signals too. Not passed on are those that
//!   nobody gets (KILL, STOP), that concern supervise itself (CHLD; TTIN and TTOU, of its own use of the
//!   terminal; PIPE, of its own messages), and those of faults (SEGV, BUS, ILL, FPE, TRAP, SYS, ABRT).
//! - Each SERVICE is started again whenever it ends: after 0.1 s, then 0.2 s, and so on up to 30 s; after
//!   0.1 s again once it has run for 10 s. When MAIN has ended, services get SIGTERM, and SIGKILL after
//!   the grace of 10 s. There are 120 at most.
//! - Orphans are taken from the system, as PID 1 has to; where it is not PID 1, it becomes their parent.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::ffi::CStr;
use core::iter;

use barecoro::process::{self, Child, Command, ExitStatus};
use barecoro::signal::{self, Signal, Signals};
use barecoro::start::{ArgsOs, Env, ExitCode};
use barecoro::time::{self, Duration, Instant};
use barecoro::{Errno, Runtime, entry, eprintln, select, task};

const MOST_SERVICES: usize = 120;

/// The first task, one for MAIN and its signals, one that reaps, and the services.
static RUNTIME: Runtime<{ MOST_SERVICES + 3 }> = Runtime::new();

/// What concerns supervise alone, and what nobody can wait for.
const KEPT: &[Signal] = &[
    Signal::KILL,
    Signal::STOP,
    Signal::CHLD,
    Signal::TTIN,
    Signal::TTOU,
    Signal::PIPE,
    Signal::SEGV,
    Signal::BUS,
    Signal::ILL,
    Signal::FPE,
    Signal::TRAP,
    Signal::SYS,
    Signal::ABRT,
];

/// What stops a process in the background that uses the terminal.
const OF_TERMINAL: [Signal; 2] = [Signal::TTIN, Signal::TTOU];

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long those who end have until they are looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// A service that has run for so long is in order.
const IN_ORDER: Duration = Duration::from_secs(10);

entry!(main);

fn main(env: Env) -> Result<ExitCode, Errno> {
    let mut options = Options { grace: Duration::from_secs(10), separator: c"--" };
    let Some(words) = options.read(env.args_os()) else {
        eprintln!(
            "usage: supervise [--grace SECONDS] [--separator WORD] \
             MAIN [ARG]... [-- SERVICE [ARG]...]..."
        );
        return Ok(ExitCode::from(2));
    };
    let program = Program { words, separator: options.separator };
    let count = program.services().count();
    if count > MOST_SERVICES {
        eprintln!("supervise: {count} services are too many: there can be {MOST_SERVICES}");
        return Ok(ExitCode::from(2));
    }
    RUNTIME.run(move || supervise(&program, options.grace))?
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
        for signal in OF_TERMINAL {
            command.reset_signal(signal);
        }
        command
    }

    /// The programs behind this one.
    fn services(&self) -> impl Iterator<Item = Self> {
        iter::successors(self.next(), Self::next)
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

/// Why all of it ends.
enum End {
    /// MAIN has ended.
    Main(ExitStatus),
    /// Something has failed.
    Failed(Errno),
}

impl<E: Into<Errno>> From<E> for End {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

fn supervise(program: &Program, grace: Duration) -> Result<ExitCode, Errno> {
    let is_first = process::id() == 1;
    if !is_first {
        process::set_child_subreaper(true)?;
    }
    // Who has started this may ignore it; then no status would come.
    signal::reset(Signal::CHLD)?;
    // It may write to a terminal that MAIN has. The programs do not ignore them, see `command`.
    for signal in OF_TERMINAL {
        signal::ignore(signal)?;
    }
    let passed_on = (1..=64).filter_map(Signal::new).filter(|signal| !KEPT.contains(signal));
    let signals = Signals::new(&passed_on.collect::<heapless::Vec<_, 64>>())?;

    let has_terminal = is_first || process::is_foreground();
    let main = match program.command().foreground(has_terminal).spawn() {
        Ok(main) => main,
        Err(error) => {
            eprintln!("supervise: {}: {error}", program.name());
            return Ok(ExitCode::from(if error.errno() == Errno::NOENT { 127 } else { 126 }));
        }
    };
    // Whatever ends it, the tasks are cancelled and awaited.
    let Err(end) = task::scope(|s| -> Result<Infallible, End> {
        let of_main = task::Builder::new().name("main").spawn_scoped(s, || {
            loop {
                select! {
                    wait(main) -> status => return Err(End::Main(status?)),
                    recv(signals) -> signal => {
                        // MAIN may have ended just now.
                        let _sent = signal::send_to_group(main.id(), signal?);
                    }
                }
            }
        })?;
        let reaper = task::Builder::new().name("reaper");
        reaper.spawn_scoped(s, || Ok::<_, End>(process::reap_orphans()?))?;
        for service in program.services() {
            let keeper = task::Builder::new().name(service.name());
            keeper.spawn_scoped(s, move || {
                keep_running(&service, grace);
                Ok(())
            })?;
        }
        // It decides, unless another one has failed before.
        Ok(of_main.join()?)
    });
    let end = match end {
        End::Main(status) => Ok(ExitCode::from(status.shell_code())),
        End::Failed(errno) => {
            stop(program, main, grace);
            Err(errno)
        }
    };
    if has_terminal {
        // There may be none, or none any more.
        let _taken = process::take_foreground();
    }
    end
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
        let deadline = Instant::now() + grace;
        // Whoever has ended meanwhile is not told.
        let _sent = signal::send_to_group(group, Signal::TERM);
        let ended = time::timeout_until(deadline, || child.wait());
        if let Ok(Err(error)) = ended {
            eprintln!("supervise: {}: {error}", service.name());
        }
        // Others of the group may take longer. The number is the group's while there are some.
        while process::group_exists(group) && Instant::now() < deadline {
            reap();
            let _shielded = time::sleep(LOOK_AGAIN);
        }
        if process::group_exists(group) {
            eprintln!("supervise: {}: killed, as it did not end", service.name());
            let _sent = signal::send_to_group(group, Signal::KILL);
        }
        // Unless it has ended, but also where it has gone to another group.
        let _killed = child.kill();
        let _status_or_said_above = child.wait();
    });
}

/// Takes orphans from the system that have ended; nobody else does when all are being stopped.
fn reap() {
    while let Ok(Some(_)) = process::reap() {}
}
