//! Building and running whole programs.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command of the justfile and returns what it wrote.
pub(crate) fn just(arguments: &[&str]) -> Output {
    let output = Command::new("just").args(arguments).current_dir(root()).output();
    let output = output.expect("`just` is needed: cargo install --locked just");
    assert!(
        output.status.success(),
        "just {arguments:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    output
}

/// Builds a freestanding program of this package and returns its path.
pub(crate) fn build(
    toolchain: &str,
    kind: &str,
    name: &str,
    features: &str,
    profile: &str,
) -> PathBuf {
    let output = just(&["build-freestanding", toolchain, kind, name, features, profile]);
    root().join(String::from_utf8(output.stdout).unwrap().trim())
}

/// Builds another package's program with stable Rust and returns its path.
pub(crate) fn build_package(package: &str, name: &str, release: bool, flags: &str) -> PathBuf {
    let folder = root().join(package);
    let profile = if release { "release" } else { "debug" };
    // Each set of flags in a folder of its own, or they would build everything anew in turn.
    let kind = flags.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    let target =
        root().join("target/programs").join(format!("{}{kind}", package.replace('/', "-")));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--target", "x86_64-unknown-linux-gnu", "--bin", name]);
    if release {
        cargo.arg("--release");
    }
    cargo.env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", flags).current_dir(&folder);
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("x86_64-unknown-linux-gnu").join(profile).join(name)
}

/// What a program has written and how it has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
    /// Its exit code, if no signal has ended it.
    pub(crate) code: Option<i32>,
    /// The signal that has ended it.
    pub(crate) signal: Option<i32>,
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Ended {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code(),
        signal: output.status.signal(),
    }
}
