//! The demonstration program: how long it takes, most of which it sleeps, and what it weighs.
//!
//! It is about barecoro alone, and the peer is the aim. `just prove` checks the rest.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{fs, io};

use crate::aim::Aim;
use crate::report::{self, Row};

/// Three tasks sleep 100 ms five times over, twice. Nanoseconds.
const TIME: f64 = 1e9;
/// How much longer it may take: about a second is what was aimed at.
const TOLERANCE: f64 = 1.05;
/// Without symbols.
const BYTES: f64 = 16.0 * 1024.0;

/// How often it runs.
const RUNS: usize = 3;

pub fn run() -> io::Result<Vec<Row>> {
    let program = build()?;
    let stripped = report::folder().join("demo");
    let strip = Command::new("strip").arg("-o").args([&stripped, &program]).status();
    if !strip.is_ok_and(|status| status.success()) {
        report::skip("demo", "the aim", "no strip");
        return Ok(Vec::new());
    }
    let bytes = fs::metadata(&stripped)?.len() as f64;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        let output = Command::new(&stripped).stdin(Stdio::null()).output()?;
        times.push(start.elapsed().as_nanos() as f64);
        if !output.status.success() || output.stdout.split(|byte| *byte == b'\n').count() != 31 {
            return Err(io::Error::other("the demonstration program did not do what it should"));
        }
    }
    let mut row = Row::new("demo", "the aim", 1, &times, &[TIME; RUNS]).with("bytes", bytes);
    row.aim_at_median(TIME * TOLERANCE);
    row.aim_at(Aim::about("size", bytes, BYTES, "bytes").exact());
    Ok(vec![row])
}

/// As `just run-freestanding` does with stable Rust.
pub fn build() -> io::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut just = Command::new("just");
    just.args(["build-freestanding", "stable"]).current_dir(&root).stderr(Stdio::inherit());
    let output = just.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.trim() {
        path if output.status.success() && !path.is_empty() => Ok(root.join(path)),
        _ => Err(io::Error::other("the demonstration program does not build here")),
    }
}
