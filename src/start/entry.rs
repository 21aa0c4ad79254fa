//! From the kernel to `main`, and from `main` to the kernel.
#![expect(unsafe_code, reason = "runs before anything else, on what the kernel has laid out")]

use core::fmt::{self, Write as _};

use crate::sys::{self, Lines, fd};

use super::env::Env;
use super::relocate::{self, Relocated};
use super::thread::{self, Area};

/// Makes a function the program's `main`.
///
/// The function takes an [`Env`](crate::start::Env) and returns what implements
/// [`Termination`](crate::start::Termination): `()`, an exit code, or a `Result` of these. One that
/// never returns says so by [`Infallible`](core::convert::Infallible), as `!` is not stable everywhere.
///
/// With the feature `epoll` the program ignores the signal `SIGPIPE`, as std's programs do: writing
/// to a broken pipe is an error. Programs that it starts inherit that, unless they are started by this
/// crate.
///
/// # Examples
///
/// ```no_run
/// # // A doc test has a `main` of std's, so this one is only compiled.
/// # mod program {
/// use barecoro::{Errno, entry, start::Env};
///
/// entry!(main);
///
/// fn main(env: Env) -> Result<(), Errno> {
///     let _port: u16 = env.args().nth(1).ok_or(Errno::INVAL)?.parse()?;
///     Ok(())
/// }
/// # }
/// ```
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        const _: () = {
            extern "C" fn main_of_the_program(env: $crate::start::Env) -> i32 {
                $crate::start::internal::report($main(env))
            }

            // The kernel jumps here with rsp at the number of arguments and nothing else defined.
            #[unsafe(naked)]
            #[unsafe(no_mangle)]
            unsafe extern "C" fn _start() -> ! {
                ::core::arch::naked_asm!(
                    ".cfi_startproc",
                    ".cfi_undefined rip",    // nobody has called this
                    "xor ebp, ebp",          // the end of the chain of frame pointers
                    "mov rbx, rsp",          // what the kernel has laid out
                    "mov rdi, rbx",
                    "and rsp, -16",          // as the ABI wants it at a call
                    "call {relocate}",       // two words in rax and rdx,
                    "mov r12, rax",          // kept for both calls below
                    "mov r13, rdx",
                    "mov rdi, rbx",
                    "mov rsi, r12",
                    "mov rdx, r13",
                    "call {prepare}",        // a size in rax, an alignment in rdx
                    "sub rsp, rax",          // room for the thread's block
                    "neg rdx",
                    "and rsp, rdx",          // at least 64, so aligned for a call as well
                    "mov rdi, rsp",
                    "mov rsi, rbx",
                    "lea rdx, [rip + {main}]",
                    "mov rcx, r12",
                    "mov r8, r13",
                    "call {begin}",
                    "ud2",
                    ".cfi_endproc",
                    relocate = sym $crate::start::internal::relocate,
                    prepare = sym $crate::start::internal::prepare,
                    begin = sym $crate::start::internal::begin,
                    main = sym main_of_the_program,
                )
            }
        };
    };
}

/// Says how much room the first thread's block needs, and makes constants read-only.
///
/// # Safety
///
/// Called once, after `relocate`, with the stack pointer that the kernel has set.
pub unsafe extern "C" fn prepare(block: *const usize, relocated: Relocated) -> Area {
    // SAFETY: the caller's promise.
    let env = unsafe { Env::new(block) };
    // SAFETY: the vector is the kernel's, and stays. `protect` comes below.
    unsafe { sys::remember_auxv(env.auxv_pointer()) };
    let image = relocate::image(env, relocated);
    relocate::protect(&image);
    thread::area(&image)
}

/// Sets up the first thread's block, calls `main` and ends the process.
///
/// # Safety
///
/// Called once, after [`prepare`], whose area lies at `area`.
pub unsafe extern "C" fn begin(
    area: *mut u8,
    block: *const usize,
    main: extern "C" fn(Env) -> i32,
    relocated: Relocated,
) -> ! {
    // SAFETY: the caller's promise.
    let env = unsafe { Env::new(block) };
    // SAFETY: the area has the size that `prepare` asked for.
    unsafe { thread::set_up(area, &relocate::image(env, relocated)) };
    // Programs that write to pipes want an error, and not to end.
    #[cfg(feature = "epoll")]
    {
        sys::process::ignore(linux_raw_sys::general::SIGPIPE);
        fd::fill_standard();
    }
    sys::process::exit(main(env))
}

/// Turns what `main` has returned into an exit code.
pub fn report(outcome: impl Termination) -> i32 {
    i32::from(outcome.report().0)
}

/// Ends the program before it has begun: nothing but the kernel can be relied on.
pub(super) fn give_up(reason: &str) -> ! {
    for part in ["barecoro: cannot start: ", reason, "\n"] {
        // There is nobody left to tell.
        let _written = fd::write_all(fd::STDERR, part.as_bytes());
    }
    sys::process::exit(127)
}

/// What the parent process learns: 0 is success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExitCode(u8);

impl ExitCode {
    /// 0.
    pub const SUCCESS: Self = Self(0);
    /// 1.
    pub const FAILURE: Self = Self(1);
}

impl From<u8> for ExitCode {
    fn from(code: u8) -> Self {
        Self(code)
    }
}

/// What `main` may return.
pub trait Termination {
    /// The exit code, after saying on standard error what there is to say.
    fn report(self) -> ExitCode;
}

impl Termination for () {
    fn report(self) -> ExitCode {
        ExitCode::SUCCESS
    }
}

impl Termination for ExitCode {
    fn report(self) -> ExitCode {
        self
    }
}

impl Termination for core::convert::Infallible {
    fn report(self) -> ExitCode {
        match self {}
    }
}

impl<T: Termination, E: fmt::Display> Termination for Result<T, E> {
    /// An error is printed as `error: …` and becomes [`ExitCode::FAILURE`].
    fn report(self) -> ExitCode {
        match self {
            Ok(value) => value.report(),
            Err(error) => {
                // The exit code says it too.
                let _written = writeln!(Lines::new(fd::STDERR), "error: {error}");
                ExitCode::FAILURE
            }
        }
    }
}
