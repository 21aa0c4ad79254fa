//! Descriptors of any kind: who owns one, and waiting until it can be read or written. Floor 6.
//!
//! The types have the shapes of those in [`std::os::fd`](https://doc.rust-lang.org/std/os/fd/).

pub use crate::sys::owned::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
