//! A program's first and last instructions, for programs that have no libc. Floor 8.
//!
//! [`entry!`](crate::entry) defines `_start`. It relocates the program, lays out its thread-local
//! storage, calls `main` with the program's [`Env`], and ends the process with what `main` returns.
//!
//! Build with panics that abort and without the C start-up files:
//!
//! ```toml
//! [profile.dev]
//! panic = "abort"
//!
//! [profile.release]
//! panic = "abort"
//! ```
//!
//! and, in `build.rs` or a Cargo configuration, the link arguments `-nostartfiles`, `-nostdlib` and
//! `-static-pie`, as `examples/standalone` does.

#[cfg(feature = "start")]
mod entry;
#[cfg(feature = "start")]
mod env;
#[cfg(feature = "mem")]
mod mem;
#[cfg(feature = "panic-handler")]
mod panic;
#[cfg(feature = "start")]
mod relocate;
#[cfg(feature = "start")]
mod thread;

#[cfg(feature = "start")]
pub use entry::{ExitCode, Termination};
#[cfg(feature = "start")]
pub use env::{Args, ArgsOs, Auxv, Env, Vars, VarsOs};

/// What the macro [`entry!`](crate::entry) refers to; not for other use.
#[cfg(feature = "start")]
#[doc(hidden)]
pub mod internal {
    pub use super::entry::{begin, prepare, report};
    pub use super::relocate::{Relocated, relocate};
    pub use super::thread::Area;
}
