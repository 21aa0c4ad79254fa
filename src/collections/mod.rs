//! Data structures without memory of their own: their links lie in what they hold. Floor 0.
//!
//! Nothing here makes a system call or uses assembly, so that Miri can run the tests.

mod fifo;
mod wheel;

pub(crate) use fifo::{Fifo, Linked, Stack};
pub(crate) use wheel::{Timer, Wheel};
