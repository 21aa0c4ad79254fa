//! When, where and of what a row was measured: results of several days and commits can lie beside
//! each other in `target/bench`.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::rounds::Effort;

/// Where a row comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The day, year first.
    pub measured: String,
    /// Of this crate; `-dirty` if it was not all committed, and `unknown` without git.
    pub commit: String,
    /// `full` or `quick`.
    pub effort: String,
    pub kernel: String,
    /// How many processors of what kind, and whether they are virtual.
    pub cpu: String,
}

const QUICK: &str = "quick";

impl Origin {
    /// Here and now.
    pub fn now(effort: &Effort) -> Self {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            measured: said("date", &["+%Y-%m-%d"]).unwrap_or_else(unknown),
            commit: commit().unwrap_or_else(unknown),
            effort: if effort.is_quick() { QUICK } else { "full" }.to_owned(),
            kernel: kernel.trim().to_owned(),
            cpu: cpu(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
        }
    }

    /// Whether it was only a look.
    pub fn is_quick(&self) -> bool {
        self.effort == QUICK
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn commit() -> Option<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let commit = said("git", &["-C", root, "rev-parse", "--short", "HEAD"])?;
    // The page itself is written from what was measured.
    let changed = ["-C", root, "status", "--porcelain", "--untracked-files=no", "--", ":!docs"];
    let dirty = if said("git", &changed).is_some() { "-dirty" } else { "" };
    Some(commit + dirty)
}

/// What a program says, if it runs and says something.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !said.is_empty()).then_some(said)
}

/// From what the kernel knows of the processors.
fn cpu(cpus: &str) -> String {
    let field = |name: &str| {
        let line = cpus.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(": ").map_or("?", |(_, value)| value)
    };
    // Not how many this process may use: it stays on one.
    let processors = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let is_virtual = field("flags").split(' ').any(|flag| flag == "hypervisor");
    format!(
        "{processors} × {} (family {} model {}){}",
        field("model name"),
        field("cpu family"),
        field("model\t"),
        if is_virtual { ", under a hypervisor" } else { "" },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_processor_is_said_to_be_one() {
        let of = |flags| {
            cpu(&format!(
                "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: AMD EPYC\nflags\t\t: {flags}\n"
            ))
        };
        assert_eq!(of("fpu hypervisor lm"), "1 × AMD EPYC (family 25 model 1), under a hypervisor");
        assert_eq!(of("fpu lm"), "1 × AMD EPYC (family 25 model 1)");
    }
}
