//! Starting a program: `clone3(2)` or clone(2), and what the child does until execve(2).
//!
//! The child shares this process's memory and has a stack of its own; the calling thread stands still
//! until the child has become the program, or has ended. So nothing is copied, and the child can say
//! what went wrong in the parent's own frame. Other threads run on meanwhile: the child touches nothing
//! but its plan.
#![expect(unsafe_code, reason = "the child runs in this process's memory")]

use core::cell::Cell;
use core::ffi::{CStr, c_char};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicI32, Ordering};

use linux_raw_sys::general as linux;

use super::call::{Call, Error, Named as _};
use super::fd::{self, Fd, STDIN, control, register};
use super::owned::OwnedFd;
use super::signal::{self, Action, Kind};
use super::{number, process, result};
use crate::arch;
use crate::error::Errno;

/// What the child is to do.
pub(crate) struct Plan<'a> {
    pub(crate) program: &'a CStr,
    /// Where to look for the program, folders with colons between them; `None` if it is a path.
    pub(crate) path: Option<&'a [u8]>,
    /// Room for a folder, a slash, the program and a zero byte, whichever folder.
    pub(crate) candidate: &'a [Cell<u8>],
    /// Addresses of strings, and a null.
    pub(crate) arguments: &'a [*const c_char],
    /// Addresses of strings, and a null.
    pub(crate) environment: &'a [*const c_char],
    /// What becomes descriptors 0 to 2; the others stay as they are.
    pub(crate) stdio: [Option<Fd>; 3],
    pub(crate) directory: Option<&'a CStr>,
    pub(crate) user: Option<u32>,
    pub(crate) group: Option<u32>,
    pub(crate) groups: Option<&'a [u32]>,
    pub(crate) process_group: Option<i32>,
    pub(crate) foreground: bool,
    pub(crate) session: bool,
    /// Signals that the program is to find ignored: they were, before this process waited for them.
    pub(crate) ignored: u64,
    /// Signals that the program is not to find ignored.
    pub(crate) reset: u64,
    /// Where the child's number goes, before anybody can learn of its end.
    pub(crate) id: &'a AtomicI32,
    /// Where the child says what has failed.
    pub(crate) failure: Cell<Option<Error>>,
    /// Whether the kernel has not reset the handlers of signals.
    pub(crate) has_handlers: Cell<bool>,
}

/// Starts the child, and returns when it has become the program, or has failed to and said so in the
/// plan. The descriptor is one of its process; it is closed on exec.
///
/// # Safety
///
/// `stack` is the base of a stack of at least 32 KiB, aligned to 16 bytes, and nobody else uses it
/// meanwhile. The plan's addresses are those of strings.
pub(crate) unsafe fn spawn(plan: &Plan<'_>, stack: NonNull<u8>) -> Result<OwnedFd, Errno> {
    debug_assert!(plan.arguments.last().is_some_and(|last| last.is_null()), "ends in a null");
    debug_assert!(plan.environment.last().is_some_and(|last| last.is_null()), "ends in a null");
    // A handler must not run in the child, where it would meet this process's memory.
    let mask = signal::block_all();
    let terminal = plan.stdio[0].unwrap_or(STDIN);
    let before = plan.foreground.then(|| process::foreground_group(terminal));
    // SAFETY: the caller's promise.
    let pidfd = unsafe { clone(plan, stack) };
    if plan.failure.get().is_some()
        && let Some(Ok(group)) = before
    {
        // The child that has got it is no more. Signals are blocked still, so that a process in the
        // background may do this.
        let _was_given = process::set_foreground_group(terminal, group);
    }
    signal::set_mask(mask);
    // SAFETY: the kernel has made it for this call.
    pidfd.map(|fd| unsafe { OwnedFd::of_number(fd) })
}

/// # Safety
///
/// As for [`spawn`].
unsafe fn clone(plan: &Plan<'_>, stack: NonNull<u8>) -> Result<usize, Errno> {
    const FLAGS: u32 = linux::CLONE_VM | linux::CLONE_VFORK | linux::CLONE_PIDFD;
    const STACK_SIZE: usize = 32 * 1024;
    let mut pidfd: Fd = -1;
    let place = (&raw mut pidfd).expose_provenance();
    let argument = (&raw const *plan).cast();
    let base = stack.as_ptr().expose_provenance();
    let arguments = linux::clone_args {
        flags: u64::from(FLAGS | linux::CLONE_PARENT_SETTID) | linux::CLONE_CLEAR_SIGHAND,
        pidfd: place as u64,
        child_tid: 0,
        // The kernel writes it before the child begins.
        parent_tid: plan.id.as_ptr().expose_provenance() as u64,
        exit_signal: linux::SIGCHLD.into(),
        stack: (base - STACK_SIZE) as u64,
        stack_size: STACK_SIZE as u64,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    };
    let address = (&raw const arguments).expose_provenance();
    plan.has_handlers.set(false);
    // SAFETY: the child has a stack of its own, and `child` wants a plan, which is borrowed until
    // the child has no more part in this memory: CLONE_VFORK lets this thread stand still until then.
    let started = result(unsafe {
        let size = size_of_val(&arguments);
        arch::clone(number(linux::__NR_clone3), address, size, 0, child, argument)
    });
    let number = match started {
        // Filters of system calls cannot look into the arguments, so that many forbid this one.
        // EINVAL: Linux before 5.5 cannot reset handlers.
        Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => {
            plan.has_handlers.set(true);
            let flags = number(FLAGS | linux::SIGCHLD);
            // SAFETY: as above.
            let started = unsafe {
                arch::clone(number(linux::__NR_clone), flags, base, place, child, argument)
            };
            result(started)?
        }
        started => started?,
    };
    // By clone(2), a child that was killed at once has not written it: who reaps it before this store
    // does not know whose it was. Release: as in `child`.
    plan.id.store(i32::try_from(number).unwrap_or(0), Ordering::Release);
    // The kernel has written it, at an address that the compiler does not follow.
    // SAFETY: it is a variable of this frame.
    let pidfd = unsafe { (&raw const pidfd).read_volatile() };
    usize::try_from(pidfd).map_err(|_| Errno::NOSYS)
}

/// The child: all signals wait, and this process's memory is there, on another stack.
///
/// # Safety
///
/// `plan` is the address of a [`Plan`].
unsafe extern "C" fn child(plan: *const ()) -> ! {
    // SAFETY: the caller's promise. The parent's thread stands still, so nobody else uses it.
    let plan = unsafe { &*plan.cast::<Plan<'_>>() };
    // clone(2) cannot write it and give a descriptor too.
    if plan.id.load(Ordering::Relaxed) == 0 {
        // Release: pairs with the load of whoever has reaped the child and looks whose it was.
        plan.id.store(process::id(), Ordering::Release);
    }
    plan.failure.set(prepare(plan).and_then(|()| execute(plan)).err());
    process::exit(127)
}

/// Makes the child what the program is to find.
fn prepare(plan: &Plan<'_>) -> Result<(), Error> {
    set_stdio(plan.stdio)?;
    set_ids(plan)?;
    if let Some(directory) = plan.directory {
        let path = directory.as_ptr().expose_provenance();
        call(linux::__NR_chdir, [path, 0, 0]).of(Call::ChangeDirectory)?;
    }
    if plan.session {
        call(linux::__NR_setsid, [0; 3]).of(Call::SetSession)?;
    }
    if let Some(group) = plan.process_group {
        call(linux::__NR_setpgid, [0, register(group), 0]).of(Call::SetProcessGroup)?;
    }
    if plan.foreground {
        set_foreground().of(Call::SetForeground)?;
    }
    set_signals(plan);
    Ok(())
}

/// Puts descriptors where the program looks for them, where they are not closed on exec.
fn set_stdio(mut stdio: [Option<Fd>; 3]) -> Result<(), Error> {
    // Those that lie where others are to go step aside.
    for (target, source) in (0..).zip(&mut stdio) {
        if let Some(fd) = source
            && *fd < 3
            && *fd != target
        {
            let elsewhere = control(*fd, linux::F_DUPFD_CLOEXEC, 3).of(Call::Duplicate)?;
            *fd = Fd::try_from(elsewhere).unwrap_or(-1);
        }
    }
    for (target, source) in (0..).zip(stdio) {
        match source {
            None => {}
            Some(fd) if fd == target => {
                control(fd, linux::F_SETFD, 0).of(Call::Duplicate)?;
            }
            Some(fd) => {
                call(linux::__NR_dup3, [register(fd), register(target), 0])
                    .of(Call::DuplicateTo)?;
            }
        }
    }
    Ok(())
}

/// Groups first: whoever has given up being root cannot set them.
fn set_ids(plan: &Plan<'_>) -> Result<(), Error> {
    if let Some(groups) = plan.groups {
        let list = groups.as_ptr().expose_provenance();
        call(linux::__NR_setgroups, [groups.len(), list, 0]).of(Call::SetGroups)?;
    }
    if let Some(group) = plan.group {
        call(linux::__NR_setgid, [number(group), 0, 0]).of(Call::SetGroup)?;
    }
    if let Some(user) = plan.user {
        // As std does: root's other groups are not for the new user.
        if plan.groups.is_none() && call(linux::__NR_getuid, [0; 3]) == Ok(0) {
            call(linux::__NR_setgroups, [0; 3]).of(Call::SetGroups)?;
        }
        call(linux::__NR_setuid, [number(user), 0, 0]).of(Call::SetUser)?;
    }
    Ok(())
}

/// Gives the terminal to the child's process group, if standard input is one.
fn set_foreground() -> Result<(), Errno> {
    match process::set_foreground_group(STDIN, process::group()) {
        Err(Errno::NOTTY | Errno::BADF) => Ok(()),
        set => set,
    }
}

/// Signals as a program expects them: none waits, and none of this process's handlers is left.
fn set_signals(plan: &Plan<'_>) {
    // std ignores it, and has its children not do so.
    let reset = plan.reset | signal::set_of(linux::SIGPIPE);
    if plan.has_handlers.get() {
        for signal in 1..=64 {
            if signal::action(signal).is_ok_and(|action| action.kind() == Kind::Function) {
                // SAFETY: no function is called.
                let _never_fails = unsafe { signal::set_action(signal, &Action::DEFAULT) };
            }
        }
    }
    for (signals, action) in [(plan.ignored, Action::IGNORE), (reset, Action::DEFAULT)] {
        for signal in signal::each(signals) {
            // SAFETY: no function is called.
            let _never_fails = unsafe { signal::set_action(signal, &action) };
        }
    }
    signal::set_mask(0);
}

/// Becomes the program. Returns only the error.
fn execute(plan: &Plan<'_>) -> Result<(), Error> {
    let Some(path) = plan.path else {
        return become_program(plan, plan.program.as_ptr().expose_provenance());
    };
    let mut denied = None;
    let mut missing = Error::new(Call::Execute, Errno::NOENT);
    for folder in path.split(|byte| *byte == b':') {
        let folder = if folder.is_empty() { b"." } else { folder };
        let text = folder.iter().chain(b"/").chain(plan.program.to_bytes_with_nul());
        for (place, byte) in plan.candidate.iter().zip(text) {
            place.set(*byte);
        }
        let Err(error) = become_program(plan, plan.candidate.as_ptr().expose_provenance()) else {
            continue;
        };
        match error.errno() {
            Errno::ACCES => denied = Some(error),
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::STALE
            | Errno::NODEV
            | Errno::TIMEDOUT
            | Errno::NAMETOOLONG => missing = error,
            _ => return Err(error),
        }
    }
    Err(denied.unwrap_or(missing))
}

/// execve(2).
fn become_program(plan: &Plan<'_>, path: usize) -> Result<(), Error> {
    let arguments = plan.arguments.as_ptr().expose_provenance();
    let environment = plan.environment.as_ptr().expose_provenance();
    call(linux::__NR_execve, [path, arguments, environment]).of(Call::Execute).map(drop)
}

/// A system call of the child's.
fn call(call: u32, [first, second, third]: [usize; 3]) -> Result<usize, Errno> {
    // SAFETY: the calls above read strings, lists and numbers that the plan or a frame has. They
    // change the child, whose memory alone is the parent's.
    result(unsafe { sc::syscall3(number(call), first, second, third) })
}

/// The file that is empty and takes everything.
pub(crate) fn open_null() -> Result<OwnedFd, Errno> {
    let fd = fd::open(c"/dev/null", linux::O_RDWR | linux::O_CLOEXEC)?;
    // SAFETY: the kernel has made it for this call.
    Ok(unsafe { OwnedFd::of_number(register(fd)) })
}
