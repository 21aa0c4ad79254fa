//! Every system call in turn fails, in every plausible way: nothing crashes, hangs or is left
//! behind, and what has failed is said.
//!
//! The program is `tests/programs/src/operations.rs`; strace makes its calls fail.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::build_package;

/// How system calls fail. Those are left out that the program cannot do without, and that cannot.
const WAYS: &[(&str, &[&str])] = &[
    ("accept4", &["EINTR", "EAGAIN", "ECONNABORTED", "EMFILE", "ENFILE", "ENOBUFS", "EPERM"]),
    ("bind", &["EADDRINUSE", "EACCES"]),
    ("clone3", &["EAGAIN", "ENOMEM", "ENOSYS", "EPERM"]),
    ("close", &["EIO", "EINTR"]),
    ("connect", &["EINTR", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH", "EADDRNOTAVAIL"]),
    ("epoll_create1", &["EMFILE", "ENFILE", "ENOMEM"]),
    ("epoll_ctl", &["ENOSPC", "ENOMEM"]),
    ("epoll_pwait2", &["EINTR", "ENOSYS"]),
    ("eventfd2", &["EMFILE", "ENFILE", "ENOMEM"]),
    ("fcntl", &["EMFILE", "EPERM"]),
    ("fdatasync", &["EIO", "ENOSPC", "EINTR"]),
    ("getdents64", &["ENOTDIR", "EIO", "EINTR"]),
    ("getsockname", &["ENOBUFS"]),
    ("io_uring_enter", &["EINTR", "EAGAIN", "EBUSY", "ENOMEM"]),
    ("io_uring_setup", &["ENOMEM", "EMFILE", "EPERM", "ENOSYS", "EINVAL"]),
    ("listen", &["EADDRINUSE"]),
    ("lseek", &["EINVAL", "ESPIPE"]),
    ("madvise", &["EINVAL", "EAGAIN", "ENOMEM"]),
    ("mkdirat", &["ENOSPC", "EACCES", "EINTR"]),
    ("mmap", &["ENOMEM", "EAGAIN"]),
    ("munmap", &["ENOMEM"]),
    ("openat", &["EMFILE", "ENOENT", "EACCES"]),
    ("openat2", &["EMFILE", "ENFILE", "ENOENT", "EACCES", "EINTR", "ENOSPC"]),
    ("pipe2", &["EMFILE", "ENFILE"]),
    ("poll", &["EINTR", "ENOMEM"]),
    ("prctl", &["EINVAL", "EPERM"]),
    ("pread64", &["EIO", "EINTR"]),
    ("prlimit64", &["EPERM"]),
    ("pwrite64", &["ENOSPC", "EIO", "EINTR", "EFBIG"]),
    ("read", &["EINTR", "EIO"]),
    ("recvfrom", &["EINTR", "EAGAIN", "ECONNRESET", "ENOMEM"]),
    ("recvmsg", &["EINTR", "EAGAIN", "ECONNREFUSED", "ENOMEM"]),
    ("renameat2", &["ENOSPC", "EACCES"]),
    ("rt_sigaction", &["EINVAL"]),
    ("sendmsg", &["EINTR", "EAGAIN", "ENOBUFS", "EPIPE"]),
    ("sendto", &["EINTR", "EAGAIN", "ENOBUFS", "EPIPE", "ECONNRESET"]),
    ("setsockopt", &["ENOPROTOOPT", "ENOMEM"]),
    ("shutdown", &["ENOTCONN"]),
    ("sigaltstack", &["ENOMEM"]),
    ("socket", &["EMFILE", "ENFILE", "ENOBUFS", "EACCES"]),
    ("socketpair", &["EMFILE", "ENFILE"]),
    ("statx", &["ENOENT", "EACCES", "EINTR"]),
    ("unlinkat", &["ENOENT", "EBUSY", "EINTR"]),
    ("waitid", &["EINTR"]),
    ("write", &["EINTR", "ENOSPC", "EIO", "EPIPE"]),
];

/// Calls that must not be seen to fail: they are tried again, or done in another way.
const HARMLESS: &[(&str, &str)] = &[
    ("accept4", "EINTR"),
    ("clone3", "ENOSYS"),
    ("connect", "EINTR"),
    ("epoll_pwait2", "EINTR"),
    ("epoll_pwait2", "ENOSYS"),
    ("io_uring_enter", "EINTR"),
    ("io_uring_enter", "EAGAIN"),
    ("io_uring_enter", "EBUSY"),
    ("io_uring_enter", "ENOMEM"),
    ("poll", "EINTR"),
    ("prctl", "EINVAL"),
    ("prctl", "EPERM"),
    ("pread64", "EINTR"),
    ("prlimit64", "EPERM"),
    ("pwrite64", "EINTR"),
    ("recvfrom", "EINTR"),
    ("recvmsg", "EINTR"),
    ("sendmsg", "EINTR"),
    ("sendto", "EINTR"),
    ("waitid", "EINTR"),
];

/// How often a call is made to fail at most, each time another one of its kind.
const MOST: usize = 12;

/// What is not done is left behind.
fn leaves_something(call: &str) -> bool {
    matches!(call, "close" | "munmap")
}

fn program() -> PathBuf {
    build_package("tests/programs", "operations", true, "-C force-frame-pointers=yes")
}

/// How often the program makes each call.
fn calls(program: &Path, driver: &str, folder: &Path) -> BTreeMap<String, usize> {
    let log = folder.join("log");
    let status = Command::new("strace")
        .args(["-o"])
        .arg(&log)
        .arg(program)
        .arg(driver)
        .arg(folder)
        .status()
        .expect("strace is needed");
    assert!(status.success());
    let mut calls = BTreeMap::new();
    for line in std::fs::read_to_string(log).unwrap().lines() {
        let name = Some(line).and_then(|rest| rest.split_once('('));
        if let Some((name, _)) = name {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    calls
}

/// Lets one call fail, and says what is wrong about what comes of it. Whether the call was made at
/// all: how often some are depends on who is faster.
fn inject(
    program: &Path,
    driver: &str,
    folder: &Path,
    call: &str,
    errno: &str,
    number: usize,
) -> Result<bool, String> {
    let log = folder.join("log");
    let mut child = Command::new("strace")
        // Not the children: the programs that it starts are others.
        .args(["-qq", "-e", "signal=none", "-e"])
        .arg(format!("trace={call}"))
        .arg("-e")
        .arg(format!("inject={call}:error={errno}:when={number}"))
        .arg("-o")
        .arg(&log)
        .arg(program)
        .arg(driver)
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            child.wait().unwrap();
            return Err("it hangs".to_owned());
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    if !std::fs::read_to_string(log).unwrap().contains("INJECTED") {
        return Ok(false);
    }
    match status.code() {
        Some(0) if said.is_empty() => Ok(true),
        Some(0) => Err(format!("it says something and ends well: {said}")),
        Some(9) if leaves_something(call) => Ok(true),
        Some(1) if said.is_empty() => Err("it fails and says nothing".to_owned()),
        Some(1) if HARMLESS.contains(&(call, errno)) => Err(format!("it minds: {said}")),
        Some(1) => Ok(true),
        _ => Err(format!("{status}: {said}")),
    }
}

fn inject_all(driver: &'static str) {
    let program = program();
    let folder = tempfile::tempdir().unwrap();
    let made = calls(&program, driver, folder.path());
    let mut runs = Vec::new();
    for (call, errnos) in WAYS {
        let count = made.get(*call).copied().unwrap_or(0).min(MOST);
        for errno in *errnos {
            runs.extend((1..=count).map(|number| (*call, *errno, number)));
        }
    }
    println!("{} runs on {driver}", runs.len());
    assert!(runs.len() > 150, "only {} runs: {made:?}", runs.len());
    let next = Mutex::new(runs.into_iter());
    let wrong = Mutex::new(Vec::new());
    let (planned, made) = (next.lock().unwrap().len(), AtomicUsize::new(0));
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                let folder = tempfile::tempdir().unwrap();
                loop {
                    let Some((call, errno, number)) = next.lock().unwrap().next() else { break };
                    let ended = inject(&program, driver, folder.path(), call, errno, number);
                    match ended {
                        Ok(true) => drop(made.fetch_add(1, Ordering::Relaxed)),
                        Ok(false) => {}
                        Err(what) => {
                            wrong.lock().unwrap().push(format!("{call} {errno} {number}: {what}"));
                        }
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    let made = made.into_inner() + wrong.len();
    assert!(made * 10 > planned * 9, "only {made} of {planned} calls were made to fail");
    assert!(wrong.is_empty(), "{} on {driver}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn on_uring() {
    inject_all("uring");
}

#[test]
fn on_epoll() {
    inject_all("epoll");
}
