//! Signals: `rt_sigaction(2)`, sigaltstack(2), `rt_sigprocmask(2)`, `rt_tgsigqueueinfo(2)`.
#![expect(unsafe_code, reason = "system calls; each function says what its arguments must be")]

use core::ffi::c_void;
use core::mem::offset_of;

use linux_raw_sys::general as linux;

use super::{number, process, result};
use crate::arch;
use crate::error::Errno;

/// The size of a set of signals, which the kernel wants to be told.
const SET_SIZE: usize = size_of::<u64>();

/// What is called when a signal comes (`SA_SIGINFO`).
pub(crate) type Function = unsafe extern "C" fn(i32, *mut Info, *mut Context);

/// What a process does with a signal; the kernel's `struct sigaction`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Action {
    /// A function's address, or one of the two numbers below.
    handler: usize,
    flags: usize,
    restorer: usize,
    mask: u64,
}

/// `SIG_DFL`: what the kernel does by itself.
const DEFAULT: usize = 0;
/// `SIG_IGN`: nothing.
const IGNORE: usize = 1;

const _: () = assert!(
    size_of::<Action>() == size_of::<linux::kernel_sigaction>()
        && offset_of!(Action, mask) == offset_of!(linux::kernel_sigaction, sa_mask),
    "laid out as the kernel's",
);

/// The kinds of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What the kernel does by itself.
    Default,
    /// Nothing.
    Ignored,
    /// A function is called.
    Function,
}

impl Action {
    /// What the kernel does by itself.
    pub(crate) const DEFAULT: Self = Self { handler: DEFAULT, flags: 0, restorer: 0, mask: 0 };

    /// Calls `function` on the alternate stack, where the signals of `mask` wait until it returns.
    /// `flags` as in sigaction(2), besides those that this takes.
    pub(crate) fn call(function: Function, flags: u32, mask: u64) -> Self {
        let flags = flags | linux::SA_SIGINFO | linux::SA_ONSTACK | linux::SA_RESTORER;
        Self {
            handler: function as *const () as usize,
            flags: number(flags),
            restorer: arch::sigaction_restorer as *const () as usize,
            mask,
        }
    }

    /// Nothing happens.
    #[cfg(feature = "signal")]
    pub(crate) const IGNORE: Self = Self { handler: IGNORE, ..Self::DEFAULT };

    /// As numbers, to be kept where a handler reads them.
    #[cfg(feature = "signal")]
    pub(crate) fn to_words(self) -> [u64; 4] {
        [self.handler as u64, self.flags as u64, self.restorer as u64, self.mask]
    }

    /// Of numbers that [`to_words`](Self::to_words) has returned.
    #[cfg(feature = "signal")]
    pub(crate) fn of_words([handler, flags, restorer, mask]: [u64; 4]) -> Self {
        let word = |word: u64| usize::try_from(word).unwrap_or(0);
        Self { handler: word(handler), flags: word(flags), restorer: word(restorer), mask }
    }

    /// Whether it calls this function.
    #[cfg(feature = "signal")]
    pub(crate) fn calls(&self, function: Function) -> bool {
        self.handler == function as *const () as usize
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.handler {
            DEFAULT => Kind::Default,
            IGNORE => Kind::Ignored,
            _ => Kind::Function,
        }
    }

    /// Whether it has all of these flags.
    pub(crate) fn has(&self, flags: u32) -> bool {
        self.flags & number(flags) == number(flags)
    }

    /// The signals that wait while the function runs.
    pub(crate) fn mask(&self) -> u64 {
        self.mask
    }

    /// Calls the function with what the kernel has given to another.
    ///
    /// # Safety
    ///
    /// It is a function. The arguments are those of a handler that is running, for a signal whose
    /// action this was.
    pub(crate) unsafe fn invoke(&self, signal: i32, info: *mut Info, context: *mut Context) {
        let function = core::ptr::with_exposed_provenance::<()>(self.handler);
        if self.has(linux::SA_SIGINFO) {
            // SAFETY: who has set the action says that it is such a function, and the caller's
            // arguments are the kernel's.
            unsafe { core::mem::transmute::<*const (), Function>(function)(signal, info, context) }
        } else {
            // SAFETY: as above, without `SA_SIGINFO`.
            unsafe { core::mem::transmute::<*const (), extern "C" fn(i32)>(function)(signal) }
        }
    }
}

/// What came with a signal; the kernel's `siginfo_t`.
#[repr(transparent)]
pub(crate) struct Info(linux::siginfo);

impl Info {
    /// A fault at `address`, as the kernel describes it, with an error number.
    #[cfg(any(feature = "io", feature = "epoll"))]
    fn fault(address: usize, errno: Errno) -> Self {
        // SAFETY: all of it is integers and pointers.
        let mut info = Self(unsafe { core::mem::zeroed() });
        // SAFETY: the union's one field with a meaning.
        let fields = unsafe { &mut info.0.__bindgen_anon_1.__bindgen_anon_1 };
        fields.si_signo = linux::SIGSEGV.cast_signed();
        fields.si_errno = errno.get().into();
        fields.si_code = linux::SEGV_MAPERR.cast_signed();
        let address = core::ptr::without_provenance_mut(address);
        fields._sifields._sigfault._addr = address;
        info
    }

    /// `si_code`: where the signal came from.
    pub(crate) fn code(&self) -> i32 {
        // SAFETY: the kernel fills this in for every signal.
        unsafe { self.0.__bindgen_anon_1.__bindgen_anon_1.si_code }
    }

    /// Who has sent it, or which child it is about: the process's number and its user's.
    #[cfg(feature = "signal")]
    pub(crate) fn sender(&self) -> (i32, u32) {
        // SAFETY: sent signals and those about children have these two at the same place; in
        // others they are plain numbers too.
        let fields = unsafe { self.0.__bindgen_anon_1.__bindgen_anon_1._sifields._kill };
        (fields._pid, fields._uid)
    }

    /// What has become of a child: an exit code, or a signal's number.
    #[cfg(any(feature = "signal", feature = "process"))]
    pub(crate) fn status(&self) -> i32 {
        // SAFETY: signals about children have this variant; the others are plain numbers too.
        unsafe { self.0.__bindgen_anon_1.__bindgen_anon_1._sifields._sigchld._status }
    }

    /// The process that waitid(2) has found; zero for none.
    #[cfg(feature = "process")]
    pub(crate) fn child(&self) -> i32 {
        // SAFETY: as for `status`.
        unsafe { self.0.__bindgen_anon_1.__bindgen_anon_1._sifields._sigchld._pid }
    }

    /// Nothing, to be filled in by the kernel.
    #[cfg(feature = "process")]
    pub(crate) fn empty() -> Self {
        // SAFETY: all of it is integers and pointers.
        Self(unsafe { core::mem::zeroed() })
    }

    /// `si_errno`; zero for most signals.
    pub(crate) fn errno(&self) -> i32 {
        // SAFETY: the kernel fills this in for every signal.
        unsafe { self.0.__bindgen_anon_1.__bindgen_anon_1.si_errno }
    }

    /// The address that an instruction could not reach, if that is what the signal is about.
    pub(crate) fn fault_address(&self) -> Option<usize> {
        // Others are sent by processes (negative, or zero) or say nothing about an address.
        if !(1..linux::SI_KERNEL.cast_signed()).contains(&self.code()) {
            return None;
        }
        // SAFETY: faults have this variant; the others are plain numbers too.
        Some(unsafe { self.0.__bindgen_anon_1.__bindgen_anon_1._sifields._sigfault._addr }.addr())
    }

    /// The value given to the timer or to sigqueue(3) that has sent the signal.
    #[cfg(feature = "watchdog")]
    pub(crate) fn value(&self) -> usize {
        // SAFETY: the kernel has filled this in, or it is plain numbers of another variant.
        let value =
            unsafe { self.0.__bindgen_anon_1.__bindgen_anon_1._sifields._timer._sigval.sival_ptr };
        value.addr()
    }
}

/// The registers that a signal has interrupted; the kernel's `struct ucontext`, of which
/// `linux-raw-sys` has nothing (asm-generic/ucontext.h and asm/sigcontext.h).
#[repr(C)]
pub(crate) struct Context {
    flags: usize,
    link: usize,
    stack: linux::stack_t,
    r8_to_r15: [usize; 8],
    rdi_rsi: [usize; 2],
    rbp: usize,
    rbx_rdx_rax_rcx: [usize; 4],
    rsp: usize,
    rip: usize,
    eflags_to_cr2: [usize; 6],
    floating_point: usize,
    reserved: [usize; 8],
    /// The signals that were blocked.
    mask: u64,
}

const _: () = assert!(
    offset_of!(Context, rbp) == 120 && offset_of!(Context, rip) == 168,
    "REG_RBP and REG_RIP of ucontext.h",
);
const _: () = assert!(offset_of!(Context, mask) == 296, "behind 256 bytes of sigcontext");

impl Context {
    /// The next instruction, or the one that has faulted.
    pub(crate) fn instruction(&self) -> usize {
        self.rip
    }

    /// The stack pointer.
    pub(crate) fn stack_pointer(&self) -> usize {
        self.rsp
    }

    /// The frame pointer, if the code keeps one.
    pub(crate) fn frame_pointer(&self) -> usize {
        self.rbp
    }

    /// The signals that were blocked.
    pub(crate) fn mask(&self) -> u64 {
        self.mask
    }
}

/// The set of one signal.
pub(crate) const fn set_of(signal: u32) -> u64 {
    1 << (signal - 1)
}

/// The signals of a set.
#[cfg(feature = "signal")]
pub(crate) fn each(mut set: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        let place = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (place < u64::BITS).then_some(place + 1)
    })
}

/// What the process does with `signal`.
pub(crate) fn action(signal: u32) -> Result<Action, Errno> {
    let mut found = Action::DEFAULT;
    // SAFETY: the kernel writes one action.
    let returned = unsafe {
        sc::syscall4(
            number(linux::__NR_rt_sigaction),
            number(signal),
            0,
            (&raw mut found).expose_provenance(),
            SET_SIZE,
        )
    };
    result(returned).map(|_| found)
}

/// Sets what the process does with `signal`.
///
/// # Safety
///
/// If `action` calls a function, that is made for handlers of signals: it does nothing that code
/// which it interrupts relies on not being done.
pub(crate) unsafe fn set_action(signal: u32, action: &Action) -> Result<(), Errno> {
    // SAFETY: the kernel reads one action, which the caller vouches for.
    let returned = unsafe {
        sc::syscall4(
            number(linux::__NR_rt_sigaction),
            number(signal),
            (&raw const *action).expose_provenance(),
            0,
            SET_SIZE,
        )
    };
    result(returned).map(drop)
}

/// This thread's stack for handlers of signals.
pub(crate) fn alternate_stack() -> Result<linux::stack_t, Errno> {
    let mut found = NO_STACK;
    // SAFETY: the kernel writes one description.
    let returned = unsafe {
        sc::syscall2(number(linux::__NR_sigaltstack), 0, (&raw mut found).expose_provenance())
    };
    result(returned).map(|_| found)
}

/// Sets this thread's stack for handlers of signals, and returns the one before. `EPERM` while a
/// handler runs on that.
///
/// # Safety
///
/// The stack is nobody else's until another one is set.
pub(crate) unsafe fn set_alternate_stack(stack: &linux::stack_t) -> Result<linux::stack_t, Errno> {
    let mut before = NO_STACK;
    // SAFETY: the kernel reads and writes one description; the caller vouches for the stack.
    let returned = unsafe {
        sc::syscall2(
            number(linux::__NR_sigaltstack),
            (&raw const *stack).expose_provenance(),
            (&raw mut before).expose_provenance(),
        )
    };
    result(returned).map(|_| before)
}

const NO_STACK: linux::stack_t = linux::stack_t {
    ss_sp: core::ptr::null_mut::<c_void>(),
    ss_flags: linux::SS_DISABLE.cast_signed(),
    ss_size: 0,
};

/// Sets which signals wait.
pub(crate) fn set_mask(mask: u64) {
    change_mask(linux::SIG_SETMASK, mask);
}

fn change_mask(how: u32, mask: u64) {
    // SAFETY: the kernel reads one set.
    let _never_fails = unsafe {
        sc::syscall4(
            number(linux::__NR_rt_sigprocmask),
            number(how),
            (&raw const mask).expose_provenance(),
            0,
            SET_SIZE,
        )
    };
}

/// Lets all signals wait, and returns which did before.
#[cfg(feature = "process")]
pub(crate) fn block_all() -> u64 {
    let (all, mut before) = (u64::MAX, 0_u64);
    // SAFETY: the kernel reads one set and writes another.
    let _never_fails = unsafe {
        sc::syscall4(
            number(linux::__NR_rt_sigprocmask),
            number(linux::SIG_SETMASK),
            (&raw const all).expose_provenance(),
            (&raw mut before).expose_provenance(),
            SET_SIZE,
        )
    };
    before
}

/// kill(2): to a process, or to those of a group, by its negative number, or to all, by -1.
#[cfg(feature = "signal")]
pub(crate) fn kill(target: i32, signal: u32) -> Result<(), Errno> {
    let target = super::fd::register(target);
    // SAFETY: touches no memory of the program's.
    let returned = unsafe { sc::syscall2(number(linux::__NR_kill), target, number(signal)) };
    result(returned).map(drop)
}

/// Sends this thread a signal, as kill(2) does.
pub(crate) fn raise(signal: u32) {
    process::raise(signal);
}

/// Ends the process by a signal that ends processes, whatever is done with it. PID 1 of a system goes on.
pub(crate) fn die_of(signal: u32) {
    // SAFETY: no function is called.
    let _never_fails = unsafe { set_action(signal, &Action::DEFAULT) };
    change_mask(linux::SIG_UNBLOCK, set_of(signal));
    raise(signal);
}

/// Tells this thread of a fault at `address` that has shown itself as an error of a system call,
/// and ends the process by SIGSEGV.
#[cfg(any(feature = "io", feature = "epoll"))]
pub(crate) fn die_of_fault(address: usize, errno: Errno) -> ! {
    let info = Info::fault(address, errno);
    change_mask(linux::SIG_UNBLOCK, set_of(linux::SIGSEGV));
    // SAFETY: the kernel reads what comes with the signal. A process may send itself any.
    let _sent = unsafe {
        sc::syscall4(
            number(linux::__NR_rt_tgsigqueueinfo),
            sc::syscall0(number(linux::__NR_getpid)),
            sc::syscall0(number(linux::__NR_gettid)),
            number(linux::SIGSEGV),
            (&raw const info).expose_provenance(),
        )
    };
    die_of(linux::SIGSEGV);
    process::exit(139)
}
