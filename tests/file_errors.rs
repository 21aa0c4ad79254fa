//! Every call of a program is made to fail in turn: it says which one and why, and loses nothing.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::build_package;

/// The calls that are made to fail. Those that `io_uring` does for the program are out of reach there.
const CALLS: &[&str] = &[
    "openat2",
    "statx",
    "read",
    "pread64",
    "write",
    "pwrite64",
    "lseek",
    "fcntl",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fchmod",
    "fchmodat",
    "mkdirat",
    "renameat2",
    "linkat",
    "symlinkat",
    "readlinkat",
    "getdents64",
    "unlinkat",
    "pipe2",
    "tee",
    "poll",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait2",
    "eventfd2",
    "io_uring_setup",
    "io_uring_enter",
    "mmap",
];

/// What they fail with.
const ERRORS: &[&str] =
    &["EINTR", "EIO", "ENOMEM", "EMFILE", "ENOSPC", "EACCES", "EPERM", "ENOSYS"];

/// A folder with what the program wants.
fn folder(name: &str) -> PathBuf {
    let folder =
        std::env::temp_dir().join(format!("barecoro-injected-{name}-{}", std::process::id()));
    let _old = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    let made = Command::new("mkfifo").arg(folder.join("fifo")).status().unwrap();
    assert!(made.success());
    folder
}

/// Runs the program, with a call made to fail at its `turn`.
fn run(program: &Path, driver: &str, call: &str, error: &str, turn: u32) -> Output {
    let folder = folder(&format!("{driver}-{call}-{error}"));
    let output = Command::new("timeout")
        .args(["20", "strace", "-qq", "-f", "-e", &format!("trace={call}"), "-e"])
        .arg(format!("inject={call}:error={error}:when={turn}"))
        .arg(program)
        .arg(&folder)
        .env("BARECORO_DRIVER", driver)
        .output()
        .expect("`strace` is needed: apt-get install strace");
    std::fs::remove_dir_all(folder).unwrap();
    output
}

fn each(driver: &str) {
    let flags = "-C force-frame-pointers=yes";
    let program = build_package("tests/programs", "files", true, flags);
    let mut said = BTreeSet::new();
    for call in CALLS {
        for error in ERRORS {
            for turn in 1.. {
                let output = run(&program, driver, call, error, turn);
                let what = format!("{call} {error} {turn}: {output:?}");
                let (stdout, stderr) = (
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr),
                );
                let was_injected = stderr.contains("(INJECTED)");
                let text = format!("{stdout}{stderr}");
                // A program that cannot print panics, as that is what `println` does.
                let cannot_print = *call == "write" && text.contains("standard output");
                assert!(!text.contains("panicked") || cannot_print, "{what}");
                if cannot_print {
                    continue;
                }
                let code = output.status.code();
                assert!(matches!(code, Some(0 | 1)), "{what}");
                if code == Some(0) && (*call != "write" || *error == "EINTR") {
                    assert!(text.contains("next (3, 4)"), "a descriptor is left open: {what}");
                }
                match stderr.lines().find_map(|line| line.strip_suffix(", next (3, 4)")) {
                    Some(line) => {
                        assert!(line.ends_with(&format!(": {error}")), "another error: {what}");
                        said.insert(line.to_owned());
                    }
                    None => assert!(code == Some(1) || stdout.contains("done"), "{what}"),
                }
                if !was_injected {
                    break;
                }
            }
        }
    }
    for call in ["open", "fcntl", "getdents", "chmod", "readlink", "pipe", "start of the driver"] {
        assert!(said.contains(&format!("{call}: EIO")), "{call} never failed: {said:#?}");
    }
}

#[test]
fn on_epoll() {
    each("epoll");
}

#[test]
fn on_uring() {
    each("uring");
}
