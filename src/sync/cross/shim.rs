//! What `loom` puts its own in the place of, to try every order of events.

#[cfg(loom)]
pub(super) use imp::{Guard, Mutex};
#[cfg(not(loom))]
pub(super) use spin::{Mutex, MutexGuard as Guard};

#[cfg(not(loom))]
pub(super) use core::sync::atomic::AtomicU32;
#[cfg(loom)]
pub(super) use loom::sync::atomic::AtomicU32;

#[cfg(loom)]
mod imp {
    pub(crate) use loom::sync::MutexGuard as Guard;

    /// As spin's, whose `lock` cannot fail.
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> Guard<'_, T> {
            match self.0.lock() {
                Ok(guard) => guard,
                Err(poisoned) => poisoned.into_inner(),
            }
        }
    }
}
