//! Processes full of tasks that wait.
#![expect(unsafe_code, reason = "packed stacks have no guards")]

use std::future::pending;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use ::barecoro::{Runtime, RuntimeBuilder, task};
use clap::ValueEnum;
use corosensei::Coroutine;
use corosensei::stack::DefaultStack;
use futures_lite::future::yield_now;

use super::process::Usage;
use crate::bodies::World;
use crate::foreign;
use crate::libraries;

/// Whose tasks.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Tasks {
    Barecoro,
    BarecoroPacked,
    Corosensei,
    May,
    Tokio,
    Smol,
    Monoio,
    Compio,
    Glommio,
    Go,
}

/// One is the task that starts the others.
static RUNTIME: Runtime<1_000_001> = Runtime::new();

/// Of stacks with guards, where the user chooses.
const STACK_SIZE: usize = 12 * 1024;

impl Tasks {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Barecoro => "barecoro, guarded stacks",
            Self::BarecoroPacked => "barecoro, packed stacks",
            Self::Corosensei => "corosensei",
            Self::May => "may",
            Self::Tokio => "tokio",
            Self::Smol => "smol",
            Self::Monoio => "monoio",
            Self::Compio => "compio",
            Self::Glommio => "glommio",
            Self::Go => "Go",
        }
    }

    pub fn is_ours(self) -> bool {
        matches!(self, Self::Barecoro | Self::BarecoroPacked)
    }

    /// How many of them can be, at least with the kernel's default limit of 65,530 mappings.
    pub const fn most(self) -> usize {
        match self {
            Self::Corosensei | Self::May => 10_000,
            _ => 1_000_000,
        }
    }

    /// Starts so many in this process, prints what they occupy, and ends it with them.
    pub fn occupy(self, n: usize) -> io::Result<()> {
        match self {
            Self::Barecoro => barecoro(RUNTIME.builder().stack_size(STACK_SIZE), n),
            // SAFETY: the tasks do nothing but park, which takes 200 bytes in a release build.
            Self::BarecoroPacked => barecoro(unsafe { RUNTIME.builder().packed_stacks(1024) }, n),
            Self::Corosensei => corosensei(n),
            Self::May => may(n),
            Self::Tokio => tokio(n),
            Self::Smol => smol(n),
            Self::Monoio => monoio(n),
            Self::Compio => compio(n),
            Self::Glommio => glommio(n),
            Self::Go => return go(n),
        }
        Err(io::Error::other("it has ended before it was measured"))
    }
}

/// Prints what has come since then, and ends the process: the tasks would wait for ever.
fn tell(before: &Usage, n: usize) -> ! {
    let usage = Usage::now().expect("the kernel knows");
    let measured = serde_json::to_string(&usage.since(before, n));
    println!("{}", measured.expect("numbers can be written"));
    std::process::exit(0)
}

fn usage() -> Usage {
    Usage::now().expect("the kernel knows")
}

fn barecoro(builder: RuntimeBuilder<1_000_001>, n: usize) {
    let ran = builder.run(|| {
        let before = usage();
        for _ in 0..n {
            drop(task::spawn(|| task::park().is_ok()).expect("memory for a task"));
        }
        task::yield_now(); // all park
        tell(&before, n)
    });
    assert!(ran.is_ok(), "the runtime did not run: {ran:?}");
}

fn corosensei(n: usize) {
    let mut coroutines = Vec::with_capacity(n);
    let before = usage();
    coroutines.extend((0..n).map(|_| {
        let stack = DefaultStack::new(STACK_SIZE).expect("memory for a stack");
        let mut coroutine =
            Coroutine::<(), (), (), _>::with_stack(stack, |yielder, ()| yielder.suspend(()));
        coroutine.resume(());
        coroutine
    }));
    tell(&before, n)
}

fn may(n: usize) {
    // Without the pool of ready coroutines that it makes at first, which would count for nothing.
    let words = STACK_SIZE / size_of::<usize>();
    may::config().set_workers(1).set_pool_capacity(1).set_stack_size(words);
    // All by one coroutine, so that the worker is there before.
    let measure = may::go!(move || {
        let world = World::new();
        let before = usage();
        for _ in 0..n {
            drop(may::go!(move || {
                world.begin();
                may::coroutine::park();
            }));
        }
        while !world.has_begun(n) {
            may::coroutine::sleep(Duration::from_millis(100)); // its yield would keep the worker
        }
        tell(&before, n)
    });
    measure.join().expect("no panic");
}

/// The libraries with futures.
macro_rules! workload {
    ($($library:ident),*) => {$(
        fn $library(n: usize) {
            libraries::$library::run(async move {
                let before = usage();
                for _ in 0..n {
                    libraries::$library::start(pending());
                }
                yield_now().await; // all wait
                tell(&before, n)
            });
        }
    )*};
}

workload!(tokio, smol, monoio, compio, glommio);

/// The other program prints it, and stands in for this one.
fn go(n: usize) -> io::Result<()> {
    let program = foreign::GO.build().map_err(io::Error::other)?;
    let mut command = Command::new(program);
    Err(command.args(["memory", &n.to_string()]).env("GOMAXPROCS", "1").exec())
}
