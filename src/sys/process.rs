//! Processes: `exit_group(2)`, wait4(2), waitid(2), `pidfd_send_signal(2)`,
//! prctl(2), reboot(2).
#![expect(unsafe_code, reason = "system calls; each function says what its arguments must be")]

use linux_raw_sys::general as linux;

use super::number;
#[cfg(feature = "process")]
use super::{fd::register, signal::Info};
#[cfg(feature = "process")]
use {super::result, crate::error::Errno};

/// Ends every thread of the process with `code`; the parent sees its low 8 bits.
pub(crate) fn exit(code: i32) -> ! {
    #[expect(clippy::cast_sign_loss, reason = "the kernel reads the low 32 bits back as an int")]
    let code = code as usize;
    loop {
        // SAFETY: the process ends; nothing of it is used any more.
        let _never = unsafe { sc::syscall1(number(linux::__NR_exit_group), code) };
    }
}

/// Ends the process by SIGABRT: by itself, or after a handler that was there for it. PID 1 of a system is
/// not ended by signals.
pub(crate) fn abort() -> ! {
    raise(linux::SIGABRT);
    #[cfg(feature = "overflow")]
    super::signal::die_of(linux::SIGABRT);
    exit(134)
}

/// Sends this thread a signal. Most programs have one caller of it.
#[inline(always)]
pub(super) fn raise(signal: u32) {
    // SAFETY: touches no memory of the program's.
    unsafe {
        let process = sc::syscall0(number(linux::__NR_getpid));
        let thread = sc::syscall0(number(linux::__NR_gettid));
        let _sent = sc::syscall3(number(linux::__NR_tgkill), process, thread, number(signal));
    }
}

/// Ignores a signal from now on.
#[cfg(all(feature = "start", feature = "epoll"))]
pub(crate) fn ignore(signal: u32) {
    // `struct sigaction`: SIG_IGN, no flags, no restorer, no signals that wait.
    let action = [1_usize, 0, 0, 0];
    // SAFETY: the kernel reads the action, which calls no function.
    let _never_fails = unsafe {
        sc::syscall4(
            number(linux::__NR_rt_sigaction),
            number(signal),
            (&raw const action).expose_provenance(),
            0,
            size_of::<u64>(),
        )
    };
}

/// Any child that has ended and the status wait4(2) gives for it; `None` while all are running.
#[cfg(feature = "process")]
pub(crate) fn reap_any() -> Result<Option<(i32, i32)>, Errno> {
    let mut status = 0_i32;
    // SAFETY: the kernel writes one int.
    let child = unsafe {
        sc::syscall4(
            number(linux::__NR_wait4),
            usize::MAX, // any child
            (&raw mut status).expose_provenance(),
            number(linux::WNOHANG | linux::__WALL),
            0,
        )
    };
    let child = i32::try_from(result(child)?).map_err(|_| Errno::CHILD)?;
    Ok((child != 0).then_some((child, status)))
}

/// Which child waitid(2) is to look at.
#[cfg(feature = "process")]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    /// By a descriptor of its process.
    Pidfd(super::fd::Fd),
    /// By its number.
    Id(i32),
}

/// The status of a child that has ended, as wait4(2) gives it, and takes the child from the system.
/// `None` while it is running.
#[cfg(feature = "process")]
pub(crate) fn reap(which: Which) -> Result<Option<i32>, Errno> {
    /// The bit that says that there is a core dump (wait4(2)).
    const CORE: i32 = 0x80;
    let (kind, child) = match which {
        Which::Pidfd(fd) => (linux::P_PIDFD, register(fd)),
        Which::Id(id) => (linux::P_PID, register(id)),
    };
    let mut info = Info::empty();
    // SAFETY: the kernel writes one description.
    let returned = unsafe {
        sc::syscall5(
            number(linux::__NR_waitid),
            number(kind),
            child,
            (&raw mut info).expose_provenance(),
            number(linux::WEXITED | linux::WNOHANG | linux::__WALL),
            0,
        )
    };
    result(returned)?;
    if info.child() == 0 {
        return Ok(None);
    }
    Ok(Some(match info.code().cast_unsigned() {
        linux::CLD_EXITED => (info.status() & 0xff) << 8,
        linux::CLD_DUMPED => info.status() | CORE,
        _ => info.status(),
    }))
}

/// Sends a signal to the process of a descriptor.
#[cfg(feature = "process")]
pub(crate) fn send_signal(pidfd: super::fd::Fd, signal: u32) -> Result<(), Errno> {
    // SAFETY: without a description, the kernel touches no memory of the program's.
    let returned = unsafe {
        let (call, signal) = (number(linux::__NR_pidfd_send_signal), number(signal));
        sc::syscall4(call, register(pidfd), signal, 0, 0)
    };
    result(returned).map(drop)
}

/// The group of this process.
#[cfg(feature = "process")]
pub(crate) fn group() -> i32 {
    // SAFETY: touches no memory of the program's, and cannot fail for this process.
    let group = unsafe { sc::syscall1(number(linux::__NR_getpgid), 0) };
    i32::try_from(group).unwrap_or(0)
}

/// The group that has the terminal of a descriptor, if that is this process's terminal.
#[cfg(feature = "process")]
pub(crate) fn foreground_group(terminal: super::fd::Fd) -> Result<i32, Errno> {
    let mut group = 0_i32;
    // SAFETY: the kernel writes one int.
    let returned = unsafe {
        sc::syscall3(
            number(linux::__NR_ioctl),
            register(terminal),
            number(linux_raw_sys::ioctl::TIOCGPGRP),
            (&raw mut group).expose_provenance(),
        )
    };
    result(returned).map(|_| group)
}

/// Gives the terminal of a descriptor to a group of this session.
#[cfg(feature = "process")]
pub(crate) fn set_foreground_group(terminal: super::fd::Fd, group: i32) -> Result<(), Errno> {
    // SAFETY: the kernel reads one int.
    let returned = unsafe {
        sc::syscall3(
            number(linux::__NR_ioctl),
            register(terminal),
            number(linux_raw_sys::ioctl::TIOCSPGRP),
            (&raw const group).expose_provenance(),
        )
    };
    result(returned).map(drop)
}

/// Lets orphans below this process become its children, or no longer.
#[cfg(feature = "process")]
pub(crate) fn set_child_subreaper(is_one: bool) -> Result<(), Errno> {
    let option = linux_raw_sys::prctl::PR_SET_CHILD_SUBREAPER;
    super::thread::control(option, usize::from(is_one)).map(drop)
}

/// Sets the name of the machine.
#[cfg(feature = "process")]
pub(crate) fn set_host_name(name: &[u8]) -> Result<(), Errno> {
    let place = name.as_ptr().expose_provenance();
    // SAFETY: the kernel reads so many bytes.
    let returned = unsafe { sc::syscall2(number(linux::__NR_sethostname), place, name.len()) };
    result(returned).map(drop)
}

/// Sets which rights new files do not get, and returns which did not before.
#[cfg(feature = "process")]
pub(crate) fn set_umask(mask: u32) -> u32 {
    // SAFETY: touches no memory of the program's.
    let before = unsafe { sc::syscall1(number(linux::__NR_umask), number(mask)) };
    u32::try_from(before).unwrap_or(0)
}

/// Has everything written that file systems have not yet written.
#[cfg(feature = "process")]
pub(crate) fn sync() {
    // SAFETY: touches no memory of the program's, and cannot fail.
    let _nothing = unsafe { sc::syscall0(number(linux::__NR_sync)) };
}

/// The number of the process that has this one as a child.
#[cfg(feature = "process")]
pub(crate) fn parent_id() -> i32 {
    // SAFETY: touches no memory of the program's, and cannot fail.
    let id = unsafe { sc::syscall0(number(linux::__NR_getppid)) };
    i32::try_from(id).unwrap_or(0)
}

/// The number of this process.
#[cfg(feature = "process")]
pub(crate) fn id() -> i32 {
    // SAFETY: touches no memory of the program's, and cannot fail.
    let id = unsafe { sc::syscall0(number(linux::__NR_getpid)) };
    i32::try_from(id).unwrap_or(0)
}

/// Stops or restarts the machine.
#[cfg(feature = "process")]
pub(crate) fn reboot(command: u32) -> Result<(), Errno> {
    // SAFETY: the machine goes down, or nothing happens.
    let returned = unsafe {
        sc::syscall4(
            number(linux::__NR_reboot),
            number(linux::LINUX_REBOOT_MAGIC1),
            number(linux::LINUX_REBOOT_MAGIC2),
            number(command),
            0,
        )
    };
    result(returned).map(drop)
}
