//! What several test files share.
#![allow(dead_code, reason = "each file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "part of tests")]
// Every test of the crate is built from this file; nothing outside can name its items.
#![allow(unreachable_pub, reason = "a module of several crates")]

use core::cell::Cell;
use core::time::Duration;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Instant;

/// Names the test that a child process is to run.
const CHILD: &str = "BARECORO_TEST_CHILD";

/// How long a child may take before it counts as hung: generous, as machines can be busy.
const LIMIT: Duration = Duration::from_secs(50);

/// How a child process has ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stderr: String,
}

/// Runs `body` in a process of its own and says how that ended. `name` is the calling test's, with
/// its module; the process ends with code 0 if `body` returns.
///
/// For what ends the process or counts its mappings: the other tests share this one.
pub fn in_child(name: &str, body: impl FnOnce()) -> Ended {
    in_child_with(name, &[], body)
}

/// As [`in_child`], with more variables in its environment.
pub fn in_child_with(name: &str, variables: &[(&str, &str)], body: impl FnOnce()) -> Ended {
    // Without it, a wrong `name` would be a child that runs no test, and ends well.
    let marker = format!("this is the child of {name}\n");
    if std::env::var(CHILD).as_deref() == Ok(name) {
        eprint!("{marker}");
        body();
        std::process::exit(0);
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, name)
        .env("RUST_BACKTRACE", "0")
        .envs(variables.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        pipe.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        // An emulated machine is slow.
        let is_slow = std::env::var_os("BARECORO_VIRTUAL_MACHINE").is_some();
        if start.elapsed() > if is_slow { 4 * LIMIT } else { LIMIT } {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{name} hangs; it had said: {}", reader.join().unwrap());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let stderr = reader.join().unwrap();
    assert!(stderr.contains(&marker), "there is no test {name}: {stderr}");
    Ended { status, stderr: stderr.replace(&marker, "") }
}

impl Ended {
    /// The child returned from its body.
    #[track_caller]
    pub fn well(self) -> Self {
        assert!(self.status.success(), "{self:#?}");
        self
    }

    /// The child panicked with `message` and was ended by that, one way or the other.
    #[track_caller]
    pub fn by_panic(self, message: &str) -> Self {
        const SIGABRT: i32 = 6;
        let ended = self.status.code() == Some(101) || self.status.signal() == Some(SIGABRT);
        assert!(ended && self.stderr.contains("panicked"), "{self:#?}");
        self.saying(message)
    }

    /// The child was aborted.
    #[track_caller]
    pub fn by_abort(self) -> Self {
        const SIGABRT: i32 = 6;
        assert_eq!(self.status.signal(), Some(SIGABRT), "{self:#?}");
        self
    }

    /// The child wrote `text` on standard error.
    #[track_caller]
    pub fn saying(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in {self:#?}");
        self
    }

    /// The child did not write `text` on standard error.
    #[track_caller]
    pub fn not_saying(self, text: &str) -> Self {
        assert!(!self.stderr.contains(text), "{text:?} in {self:#?}");
        self
    }
}

/// Counts how often its tokens are dropped.
#[derive(Clone, Debug, Default)]
pub struct Drops(Rc<Cell<usize>>);

impl Drops {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn count(&self) -> usize {
        self.0.get()
    }

    /// A value that is counted when it is dropped. Its box makes a second drop of the same value
    /// fail loudly.
    pub fn token(&self) -> Token {
        Token { drops: self.clone(), alive: Box::new(true) }
    }
}

/// See [`Drops::token`].
#[derive(Debug)]
pub struct Token {
    drops: Drops,
    alive: Box<bool>,
}

impl Drop for Token {
    fn drop(&mut self) {
        assert!(core::mem::replace(&mut *self.alive, false), "a token was dropped twice");
        self.drops.0.set(self.drops.0.get() + 1);
    }
}

/// Calls a closure when it is dropped.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A record of events in the order in which they happen. Clones share it.
#[derive(Debug)]
pub struct Trace<E>(Rc<core::cell::RefCell<Vec<E>>>);

impl<E> Clone for Trace<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> Trace<E> {
    pub fn new() -> Self {
        Self(Rc::default())
    }

    pub fn note(&self, event: E) {
        self.0.borrow_mut().push(event);
    }

    /// All events so far; leaves an empty record.
    pub fn take(&self) -> Vec<E> {
        self.0.take()
    }
}

/// How many mappings the process has. Of use in a child only.
pub fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

/// What the process's descriptors are. Of use in a child only.
pub fn open_descriptors() -> Vec<String> {
    let folder = std::fs::read_dir("/proc/self/fd").unwrap();
    // The one that reads the folder is gone when it is looked at.
    let links = folder.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    links
        .map(|link| link.to_string_lossy().into_owned())
        .filter(|link| !link.ends_with("/fd"))
        .collect()
}

/// Lets the process have as many descriptors as it may.
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// Whether `address` lies in a mapping.
pub fn is_mapped(address: usize) -> bool {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().any(|line| {
        let (range, _) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let number = |text| usize::from_str_radix(text, 16).unwrap();
        (number(start)..number(end)).contains(&address)
    })
}

/// The memory that the process really has, in pages. Of use in a child only.
pub fn resident_pages() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Runs `body` as the first task of a runtime, once on each driver.
#[cfg(feature = "uring")]
pub fn on_both_drivers<const N: usize>(runtime: &'static barecoro::Runtime<N>, body: impl Fn()) {
    for driver in [barecoro::Driver::Uring, barecoro::Driver::Epoll] {
        eprintln!("on {driver:?}");
        runtime.builder().driver(driver).run(&body).unwrap();
    }
}

/// Takes a descriptor over from std.
#[cfg(feature = "epoll")]
#[expect(unsafe_code, reason = "by its number, as without the feature `std` there is no other way")]
pub fn descriptor(fd: impl Into<std::os::fd::OwnedFd>) -> barecoro::fd::OwnedFd {
    use barecoro::fd::FromRawFd as _;
    let number = std::os::fd::IntoRawFd::into_raw_fd(fd.into());
    // SAFETY: std has given it up.
    unsafe { barecoro::fd::OwnedFd::from_raw_fd(number) }
}

/// Sets how many connections may wait for a listener.
pub fn set_backlog(listener: &impl std::os::fd::AsFd, backlog: i32) {
    rustix::net::listen(listener, backlog).unwrap();
}

/// Lends a descriptor of std's.
#[cfg(feature = "epoll")]
#[expect(unsafe_code, reason = "by its number, as without the feature `std` there is no other way")]
pub fn borrow(fd: &impl std::os::fd::AsRawFd) -> barecoro::fd::BorrowedFd<'_> {
    // SAFETY: it is open as long as its owner is borrowed.
    unsafe { barecoro::fd::BorrowedFd::borrow_raw(fd.as_raw_fd()) }
}

/// Sets a descriptor not to wait, and whoever has a copy of it.
#[cfg(feature = "epoll")]
#[expect(unsafe_code, reason = "lends the descriptor to another crate by its number")]
pub fn set_nonblocking(fd: &barecoro::fd::OwnedFd) {
    use barecoro::fd::AsRawFd as _;
    // SAFETY: it is open as long as its owner is borrowed.
    let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd.as_raw_fd()) };
    rustix::fs::fcntl_setfl(fd, rustix::fs::OFlags::NONBLOCK).unwrap();
}

/// The processor time of this thread.
pub fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap())
}
