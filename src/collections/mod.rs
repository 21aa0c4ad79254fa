//! Data structures without memory of their own: their links lie in what they hold. Floor 0.
//!
//! Nothing here makes a system call or uses assembly, so that Miri can run the tests.

mod fifo;
#[cfg(any(feature = "epoll", feature = "sync"))]
mod list;
mod wheel;

pub(crate) use fifo::{Fifo, Linked, Stack};
#[cfg(any(feature = "epoll", feature = "sync"))]
pub(crate) use list::{List, Node};
pub(crate) use wheel::{Pace, Timer, Wheel};
