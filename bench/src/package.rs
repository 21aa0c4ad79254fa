//! Packages of this benchmark that are built on their own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds a package in a folder beside `src`, for release. Returns the folder of its programs.
pub fn build(name: &str, rust_flags: impl AsRef<OsStr>) -> Result<PathBuf, String> {
    const TARGET: &str = "x86_64-unknown-linux-gnu";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let target = crate::report::folder().join(name);
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--quiet", "--target", TARGET, "--manifest-path"]);
    cargo.arg(folder.join("Cargo.toml"));
    cargo.env("RUSTFLAGS", rust_flags.as_ref()).env("CARGO_TARGET_DIR", &target);
    let status = cargo.status().map_err(|error| format!("no cargo: {error}"))?;
    if status.success() {
        Ok(target.join(TARGET).join("release"))
    } else {
        Err(format!("the package {name} does not build here"))
    }
}
