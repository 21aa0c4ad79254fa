//! A million tasks on one thread, each with a stack of its own, guarded or packed.
//!
//! `cargo run --release --example million [N] [guarded|packed]`

use std::fs;
use std::io::Write as _;
use std::process::ExitCode;

use barecoro::task::{self, JoinHandle};
use barecoro::time::Instant;
use barecoro::{Runtime, RuntimeBuilder};

const MOST: usize = 1_000_000;

/// One more than that, for the task that starts the others.
static RUNTIME: Runtime<{ MOST + 1 }> = Runtime::new();

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let n = arguments.next().map_or(Ok(MOST), |n| n.parse());
    let guard = arguments.next().unwrap_or_else(|| "guarded".into());
    let builder = match guard.as_str() {
        // With a guard and what it takes to keep them apart in the cache, five pages each.
        "guarded" => RUNTIME.builder().stack_size(12 * 1024),
        // SAFETY: the tasks do nothing but park, which takes 200 bytes in a release build.
        #[expect(unsafe_code, reason = "packed stacks have no guards")]
        "packed" => unsafe { RUNTIME.builder().packed_stacks(1024) },
        _ => return usage(),
    };
    match n {
        Ok(n @ 1..=MOST) if !(cfg!(debug_assertions) && guard == "packed") => {
            measure(builder, n, &guard);
            ExitCode::SUCCESS
        }
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: million [N, from 1 to {MOST}] [guarded|packed]; packed needs --release");
    ExitCode::from(2)
}

fn measure(builder: RuntimeBuilder<{ MOST + 1 }>, n: usize, guard: &str) {
    // Room for the handles, which is not the tasks' memory.
    let mut tasks: Vec<Option<JoinHandle<bool>>> = Vec::new();
    tasks.resize_with(n, || None);
    let result = builder.run(|| {
        let before = Memory::now();
        let cold = spawn_and_park(&mut tasks, "spawning");
        let used = Memory::now();
        let wake = wake_and_join(&mut tasks);
        let warm = spawn_and_park(&mut tasks, "spawning again, on warm stacks");
        wake_and_join(&mut tasks);
        let per_task = |after: usize, before: usize| after.saturating_sub(before) / n;
        println!("warm_spawn_ns={warm}");
        println!(
            "tasks={n} guard={guard} spawn_ns={cold} wake_ns={wake} rss_per_task={} \
             pte_per_task={} vmas={}",
            per_task(used.resident, before.resident),
            per_task(used.page_tables, before.page_tables),
            used.mappings,
        );
    });
    if let Err(error) = result {
        eprintln!("million: {error}");
        std::process::exit(1);
    }
}

/// Starts all tasks, lets them park, and returns the nanoseconds that a spawn took.
fn spawn_and_park(tasks: &mut [Option<JoinHandle<bool>>], what: &str) -> u128 {
    let progress = Progress::new(what, tasks.len());
    let start = Instant::now();
    for (n, place) in tasks.iter_mut().enumerate() {
        let spawned = task::spawn(|| task::park().is_ok());
        assert!(spawned.is_ok(), "task {n} was not started: {spawned:?}");
        *place = spawned.ok();
        progress.at(n);
    }
    let taken = start.elapsed();
    task::yield_now(); // all park
    progress.end();
    taken.as_nanos() / tasks.len() as u128
}

/// Wakes all tasks, lets them end and joins them. Returns the nanoseconds from waking one to its
/// end.
fn wake_and_join(tasks: &mut [Option<JoinHandle<bool>>]) -> u128 {
    let progress = Progress::new("waking and joining", tasks.len());
    let start = Instant::now();
    for task in tasks.iter().flatten() {
        task.task().unpark();
    }
    task::yield_now(); // all end
    let taken = start.elapsed();
    for (n, place) in tasks.iter_mut().enumerate() {
        let woken = place.take().map(JoinHandle::join);
        assert!(matches!(woken, Some(Ok(true))), "task {n} was not woken: {woken:?}");
        progress.at(n);
    }
    progress.end();
    taken.as_nanos() / tasks.len() as u128
}

/// What the process uses, in bytes, and how many mappings it has.
struct Memory {
    resident: usize,
    page_tables: usize,
    mappings: usize,
}

impl Memory {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kibibytes = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok()).unwrap_or(0)
        };
        let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        Self {
            resident: 1024 * kibibytes("VmRSS:"),
            page_tables: 1024 * kibibytes("VmPTE:"),
            mappings: maps.lines().count(),
        }
    }
}

/// A line on standard error that counts.
struct Progress<'a> {
    what: &'a str,
    step: usize,
    count: usize,
}

impl<'a> Progress<'a> {
    fn new(what: &'a str, count: usize) -> Self {
        Self { what, step: (count / 10).max(1), count }
    }

    fn at(&self, n: usize) {
        if n.is_multiple_of(self.step) {
            self.show(n);
        }
    }

    fn end(&self) {
        self.show(self.count);
        eprintln!();
    }

    fn show(&self, n: usize) {
        eprint!("\r{}: {n} of {}", self.what, self.count);
        let _flushed = std::io::stderr().flush();
    }
}
