#![no_std]
// The README's examples are compiled where there is all that they use.
#![cfg_attr(all(feature = "net", feature = "sync"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "net", feature = "sync")),
    doc = "Stackful coroutines and tasks for Linux x86-64; see the README."
)]

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_pointer_width = "64")))]
compile_error!("barecoro runs on Linux x86-64 only");

#[cfg(any(test, feature = "std"))]
extern crate std;

#[cfg(all(feature = "std", feature = "panic-handler"))]
compile_error!("std has a panic handler: choose the feature `std` or `panic-handler`");

mod arch;
mod collections;
mod coroutine;
#[cfg(feature = "epoll")]
mod driver;
mod error;
#[cfg(feature = "epoll")]
pub mod fd;
#[cfg(feature = "fs")]
pub mod fs;
#[cfg(feature = "sync")]
pub mod future;
#[cfg(any(feature = "io", feature = "epoll"))]
pub mod io;
#[cfg(feature = "net")]
pub mod net;
#[cfg(feature = "process")]
pub mod process;
mod runtime;
#[cfg(feature = "signal")]
pub mod signal;
pub mod stack;
#[cfg(any(feature = "start", feature = "panic-handler", feature = "mem"))]
pub mod start;
#[cfg(feature = "sync")]
pub mod sync;
mod sys;
pub mod task;
mod text;
pub mod time;
mod unwind;

pub use coroutine::{Coroutine, CoroutineResult, Iter, StackTooSmall, Yielder};
pub use error::Errno;
pub use runtime::{RunError, Runtime, RuntimeBuilder};
#[cfg(feature = "epoll")]
pub use task::Driver;
