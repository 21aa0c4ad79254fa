//! Everything that is written in assembly, but for the program's first instructions (`start`).
//!
//! Floor 0. A reader who trusts this module and `start` has read all the machine code.

mod current;
#[cfg(feature = "asan")]
mod fiber;
mod frames;
mod switch;
pub(crate) mod tools;

pub(crate) use current::{current, set_current};
#[cfg(feature = "sim")]
pub(crate) use current::{set_virtual_time, virtual_time};
#[cfg(feature = "asan")]
pub(crate) use fiber::ends_here;
#[cfg(feature = "panic-handler")]
pub(crate) use frames::frame_chain;
pub(crate) use frames::stack_pointer;
pub(crate) use switch::{Arrival, Context, Entry, Message, STACK_ALIGN, prefetch, switch};
