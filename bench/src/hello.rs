//! The time from the start to the end of a program that says hello, and the size of its file.
//!
//! It is what the parent sees: a process is made, the kernel loads the program, the program gets
//! itself ready, writes a line to /dev/null and exits. What the kernel does for the smallest program
//! possible, in C without libc, is the bound. The others' start-up code runs `cpuid`, which traps in
//! virtual machines and takes microseconds each time there.
//!
//! barecoro's says hello right from its main function, or from a task on a stack of its own: seven
//! more system calls, and the page faults of new stacks. It is built for stable Rust with its core,
//! as `just build-freestanding stable` builds. All are made small and stripped, as it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::foreign::{Foreign, Language};
use crate::package;
use crate::report::{self, Row};
use crate::rounds::{self, Effort};
use crate::statistics::quantile;
use crate::table::{self, thousands};

/// How often a program runs in a turn.
const RUNS: usize = 20;

struct Program {
    name: &'static str,
    file: PathBuf,
    /// Nanoseconds a run, for each round.
    times: Vec<f64>,
    bytes: u64,
}

/// All programs by turns.
pub fn run(effort: &Effort) -> io::Result<Vec<Row>> {
    let mut programs = Vec::new();
    for (name, build) in SUBJECTS {
        match build() {
            Ok(file) => {
                let bytes = fs::metadata(&file)?.len();
                programs.push(Program { name, file, times: Vec::new(), bytes });
            }
            Err(why) => report::skip("hello", name, &why),
        }
    }
    let progress = rounds::progress("hello", effort.process_rounds);
    for round in 0..effort.process_rounds {
        for index in rounds::order(round, programs.len()) {
            let time = programs[index].time()?;
            programs[index].times.push(time);
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    print(&programs);
    let (ours, peers): (Vec<_>, Vec<_>) = programs.iter().partition(|program| program.is_ours());
    let pairs = ours.iter().flat_map(|ours| peers.iter().map(move |peer| (ours, peer)));
    let rows = pairs.map(|(ours, peer)| {
        let mut row = Row::new("hello", peer.name, 1, &ours.times, &peer.times)
            .subject(ours.name)
            .with("bytes", ours.bytes as f64)
            .with("peer_bytes", peer.bytes as f64);
        if peer.name == WITHOUT_LIBC {
            row.aim(1.1);
        }
        row
    });
    Ok(rows.collect())
}

const WITHOUT_LIBC: &str = "C without libc";

type Build = fn() -> Result<PathBuf, String>;

const SUBJECTS: [(&str, Build); 8] = [
    ("barecoro", || build_ours("plain")),
    ("barecoro, in a task", || build_ours("task")),
    (WITHOUT_LIBC, || c("hello_nolibc.c", Language::C(&["-Os", "-s", "-nostdlib", "-static"]))),
    ("C, static musl", || c("hello.c", Language::CWithMusl(&["-Os", "-s", "-static"]))),
    ("C, static glibc", || c("hello.c", Language::C(&["-Os", "-s", "-static"]))),
    ("C, glibc", || c("hello.c", Language::C(&["-Os", "-s"]))),
    ("Go", || c("hello.go", Language::Go(&["build", "-ldflags=-s -w"]))),
    ("Rust, std", || c("hello.rs", Language::Rust(SMALL_RUST))),
];

/// As ours is built.
const SMALL_RUST: &[&str] =
    &["-Copt-level=z", "-Clto=fat", "-Ccodegen-units=1", "-Cpanic=abort", "-Cstrip=symbols"];

fn c(source: &'static str, language: Language) -> Result<PathBuf, String> {
    Foreign { source, language }.build()
}

/// Builds all programs, those that can be built here.
pub fn build() {
    for (_, build) in SUBJECTS {
        let _reported_later = build();
    }
}

/// Builds a program of the package in `hello/`.
fn build_ours(program: &str) -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../linker.ld");
    let flags = format!(
        "-C force-frame-pointers=yes -C target-feature=+crt-static -C link-arg=-nostartfiles \
         -C link-arg=-nostdlib -C link-arg=-static-pie -C link-arg=-Wl,-T,{},-z,noexecstack,\
         -z,pack-relative-relocs,--no-eh-frame-hdr,--build-id=none",
        script.display()
    );
    Ok(package::build("hello", flags)?.join(program))
}

impl Program {
    fn is_ours(&self) -> bool {
        self.name.starts_with("barecoro")
    }

    /// Nanoseconds a run: the median of some.
    fn time(&self) -> io::Result<f64> {
        let mut command = Command::new(&self.file);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut times = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            let start = Instant::now();
            let status = command.status()?;
            times.push(start.elapsed().as_nanos() as f64);
            if !status.success() {
                return Err(io::Error::other(format!("{} failed: {status}", self.name)));
            }
        }
        Ok(quantile(&times, 0.5))
    }
}

fn print(programs: &[Program]) {
    let mut lines = vec![["hello", "µs", "bytes"].map(str::to_owned)];
    lines.extend(programs.iter().map(|program| {
        let time = format!("{:.0}", quantile(&program.times, 0.5) / 1e3);
        [program.name.to_owned(), time, thousands(program.bytes as f64)]
    }));
    table::print(&lines, [true, false, false]);
    println!();
}
