//! Everything that is written in assembly, but for the program's first instructions (`start`).
//!
//! Floor 0. A reader who trusts this module and `start` has read all the machine code.

#[cfg(feature = "process")]
mod clone;
mod current;
#[cfg(feature = "process")]
mod environ;
#[cfg(feature = "asan")]
mod fiber;
mod frames;
#[cfg(feature = "overflow")]
mod restorer;
mod switch;
pub(crate) mod tools;

#[cfg(feature = "process")]
pub(crate) use clone::clone;
pub(crate) use current::{current, set_current};
#[cfg(feature = "sim")]
pub(crate) use current::{set_virtual_time, virtual_time};
#[cfg(feature = "process")]
pub(crate) use environ::environ;
#[cfg(feature = "asan")]
pub(crate) use fiber::ends_here;
#[cfg(any(feature = "panic-handler", feature = "overflow"))]
pub(crate) use frames::frame_chain;
#[cfg(feature = "panic-handler")]
pub(crate) use frames::frame_pointer;
pub(crate) use frames::stack_pointer;
#[cfg(feature = "overflow")]
pub(crate) use restorer::sigaction_restorer;
pub(crate) use switch::{Arrival, Context, Entry, Message, STACK_ALIGN, prefetch, switch};
