//! What `remote` and `presence` stand on, so that `model` can put loom's in its place.

#[cfg(feature = "epoll")]
pub(super) use core::sync::atomic::AtomicI32;
pub(super) use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize};

pub(super) use crate::sys::thread;
#[cfg(feature = "epoll")]
pub(super) use crate::sys::{epoll, fd::Fd};

/// A function that makes something in a constant.
macro_rules! constant {
    ($visibility:vis fn $($function:tt)*) => { $visibility const fn $($function)* };
}
pub(super) use constant;

#[cfg(feature = "sync")]
pub(super) use runs::{AtomicU64, registry, spin_loop};

#[cfg(feature = "sync")]
mod runs {
    pub(in crate::task) use core::hint::spin_loop;
    pub(in crate::task) use core::sync::atomic::AtomicU64;

    use crate::task::presence::Registry;

    /// All runtimes of the process.
    pub(in crate::task) fn registry() -> &'static Registry {
        static REGISTRY: Registry = Registry::new();
        &REGISTRY
    }
}
