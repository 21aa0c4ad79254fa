//! Processes: `exit_group(2)`, clone(2), execve(2), wait4(2), reboot(2).
#![expect(unsafe_code, reason = "system calls; each function says what its arguments must be")]

use linux_raw_sys::general as linux;

use super::number;
#[cfg(feature = "process")]
use {super::result, crate::error::Errno, core::ffi::CStr};

/// Ends every thread of the process with `code`; the parent sees its low 8 bits.
pub(crate) fn exit(code: i32) -> ! {
    #[expect(clippy::cast_sign_loss, reason = "the kernel reads the low 32 bits back as an int")]
    let code = code as usize;
    loop {
        // SAFETY: the process ends; nothing of it is used any more.
        let _never = unsafe { sc::syscall1(number(linux::__NR_exit_group), code) };
    }
}

/// Ends the process by SIGABRT, however it is handled.
pub(crate) fn abort() -> ! {
    raise(linux::SIGABRT);
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

/// Starts `path` as a child and returns its number. The parent stands still until the child has
/// become the program or failed to.
#[cfg(feature = "process")]
pub(crate) fn spawn(
    path: &CStr,
    arguments: &[*const core::ffi::c_char],
    environment: &[*const core::ffi::c_char],
) -> Result<i32, Errno> {
    debug_assert!(arguments.last().is_some_and(|last| last.is_null()), "ends in a null");
    debug_assert!(environment.last().is_some_and(|last| last.is_null()), "ends in a null");
    let flags = linux::CLONE_VFORK | linux::SIGCHLD;
    // SAFETY: without CLONE_VM the child has a copy of all memory, and goes on on its copy of this
    // stack. It does nothing but become another program, or end.
    let child = unsafe { sc::syscall5(number(linux::__NR_clone), number(flags), 0, 0, 0, 0) };
    let child = result(child)?;
    if child == 0 {
        // SAFETY: the kernel reads zero-ended arrays of zero-ended strings.
        let _failed = unsafe {
            sc::syscall3(
                number(linux::__NR_execve),
                path.as_ptr().expose_provenance(),
                arguments.as_ptr().expose_provenance(),
                environment.as_ptr().expose_provenance(),
            )
        };
        exit(127)
    }
    i32::try_from(child).map_err(|_| Errno::CHILD)
}

/// A child that has ended and the status wait4(2) gives for it; `None` while all are running.
#[cfg(feature = "process")]
pub(crate) fn reap_any() -> Result<Option<(i32, i32)>, Errno> {
    let mut status = 0_i32;
    // SAFETY: the kernel writes one int.
    let child = unsafe {
        sc::syscall4(
            number(linux::__NR_wait4),
            usize::MAX, // any child
            (&raw mut status).expose_provenance(),
            number(linux::WNOHANG),
            0,
        )
    };
    let child = i32::try_from(result(child)?).map_err(|_| Errno::CHILD)?;
    Ok((child != 0).then_some((child, status)))
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
