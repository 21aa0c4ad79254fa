//! loom's atomics, and a kernel that puts threads to sleep and wakes them.
//!
//! loom takes accesses that are `SeqCst` for acquiring and releasing ones, and knows the total order of
//! fences only. So there is a fence behind whatever stores so, where compilers put one for x86.

use loom::sync::atomic::{Ordering, fence};

macro_rules! atomics {
    ($($name:ident $(<$of:ident>)?: $value:ty;)*) => {$(
        #[derive(Debug)]
        pub(in super::super) struct $name $(<$of>)? (loom::sync::atomic::$name $(<$of>)?);

        impl $(<$of>)? $name $(<$of>)? {
            pub(in super::super) fn new(value: $value) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }

            pub(in super::super) fn load(&self, order: Ordering) -> $value {
                self.0.load(order)
            }

            pub(in super::super) fn store(&self, value: $value, order: Ordering) {
                self.0.store(value, order);
                after_store(order);
            }

            pub(in super::super) fn swap(&self, value: $value, order: Ordering) -> $value {
                let before = self.0.swap(value, order);
                after_store(order);
                before
            }

            pub(in super::super) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                let result = self.0.compare_exchange(current, new, success, failure);
                after_store(success);
                result
            }

            pub(in super::super) fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(current, new, success, failure)
            }
        }
    )*};
}

atomics! {
    AtomicBool: bool;
    AtomicI32: i32;
    AtomicU32: u32;
    AtomicU64: u64;
    AtomicUsize: usize;
    AtomicPtr<T>: *mut T;
}

/// As the other `shim`'s, but loom's atomics cannot be made in constants.
macro_rules! constant {
    ($($function:tt)*) => { $($function)* };
}
pub(super) use constant;

macro_rules! counters {
    ($($name:ident: $value:ty;)*) => {$(
        impl $name {
            pub(in super::super) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                let before = self.0.fetch_add(value, order);
                after_store(order);
                before
            }

            pub(in super::super) fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                let before = self.0.fetch_sub(value, order);
                after_store(order);
                before
            }

            pub(in super::super) fn fetch_max(&self, value: $value, order: Ordering) -> $value {
                let before = self.0.fetch_max(value, order);
                after_store(order);
                before
            }
        }
    )*};
}

counters! {
    AtomicU32: u32;
    AtomicU64: u64;
    AtomicUsize: usize;
}

fn after_store(order: Ordering) {
    if order == Ordering::SeqCst {
        fence(order);
    }
}

pub(super) fn spin_loop() {
    loom::thread::yield_now();
}

/// All runtimes of the process, of which there is one for each order of events.
pub(super) fn registry() -> &'static super::presence::Registry {
    loom::lazy_static! {
        static ref REGISTRY: super::presence::Registry = super::presence::Registry::new();
    }
    &REGISTRY
}

/// Makes what all threads share.
pub(super) fn prepare() {
    registry();
    drop(KERNEL.state.lock());
}

/// The kernel: who sleeps on a word or waits for the descriptor, and what was written to that.
pub(super) struct Kernel {
    state: loom::sync::Mutex<Bell>,
    changed: loom::sync::Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bell {
    Silent,
    Rung,
    Closed,
}

loom::lazy_static! {
    static ref KERNEL: Kernel = Kernel {
        state: loom::sync::Mutex::new(Bell::Silent),
        changed: loom::sync::Condvar::new(),
    };
}

/// futex(2), for the one word that there is.
pub(super) mod thread {
    use core::time::Duration;

    use super::{AtomicU32, KERNEL, Ordering};

    /// Sleeps while the word is 1, until woken. Who wakes it comes before or after it was looked at.
    pub(in super::super) fn futex_wait(word: &AtomicU32) {
        let state = KERNEL.state.lock().unwrap();
        if word.load(Ordering::Relaxed) == 1 {
            drop(KERNEL.changed.wait(state).unwrap());
        }
    }

    pub(in super::super) fn futex_wake(_word: &AtomicU32) {
        let _state = KERNEL.state.lock().unwrap();
        KERNEL.changed.notify_all();
    }

    pub(in super::super) fn pause(_duration: Duration) {
        loom::thread::yield_now();
    }
}

pub(super) type Fd = i32;

/// An eventfd(2), and waiting for it.
pub(super) mod epoll {
    use super::{Bell, Fd, KERNEL};

    pub(in super::super) fn signal(_bell: Fd) {
        let mut bell = KERNEL.state.lock().unwrap();
        assert!(*bell != Bell::Closed, "written to a descriptor that is closed");
        *bell = Bell::Rung;
        KERNEL.changed.notify_all();
    }

    /// Waits until somebody has written to it.
    pub(in super::super) fn wait() {
        let mut bell = KERNEL.state.lock().unwrap();
        while *bell == Bell::Silent {
            bell = KERNEL.changed.wait(bell).unwrap();
        }
        *bell = Bell::Silent;
    }

    pub(in super::super) fn close() {
        *KERNEL.state.lock().unwrap() = Bell::Closed;
    }
}
