//! Reading and writing, as something to wait for.
#![expect(unsafe_code, reason = "links nodes that lie in the frames of parked tasks")]

use core::cell::Cell;
use core::fmt;

use crate::collections::Node;
use crate::sync::wait::{Arm, Link, Take, Waiter};
use crate::task::Cancelled;

use super::{Mode, ReadGuard, RwLock, WriteGuard};

/// Waiting to be let in.
pub(super) struct Entering<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    mode: Mode,
    node: Node<(Link, Mode)>,
}

impl<'a, T: ?Sized> Entering<'a, T> {
    #[inline(always)]
    pub(super) fn new(lock: &'a RwLock<T>, mode: Mode) -> Self {
        Self { lock, mode, node: Node::new((Link::NONE, mode)) }
    }
}

impl<T: ?Sized> Arm for Entering<'_, T> {
    #[track_caller]
    fn try_now(&self) -> bool {
        self.lock.owner.enter(match self.mode {
            Mode::Read => "RwLock::read",
            Mode::Write => "RwLock::write",
        });
        self.lock.take(self.mode)
    }

    #[inline(always)]
    unsafe fn link(&self, waiter: &Waiter, index: u32) {
        self.node.set((Link::to(waiter, index), self.mode));
        // SAFETY: the caller's promise.
        unsafe { self.lock.waiters.push(&self.node) }
    }

    unsafe fn unlink(&self) {
        // SAFETY: `link` puts it into this list only.
        unsafe { self.lock.waiters.remove(&self.node) }
        // Those behind a writer may all read.
        if let Some(scheduler) = self.lock.owner.try_enter() {
            self.lock.admit(scheduler);
        }
    }
}

/// Being let in among other things.
struct Turn<'a, T: ?Sized> {
    entering: Entering<'a, T>,
    /// Whether it was let in and was not asked for the guard yet.
    is_in: Cell<bool>,
}

impl<'a, T: ?Sized> Turn<'a, T> {
    fn new(lock: &'a RwLock<T>, mode: Mode) -> Self {
        Self { entering: Entering::new(lock, mode), is_in: Cell::new(false) }
    }

    /// The lock that the caller was let into.
    fn take(&self) -> Result<&'a RwLock<T>, Cancelled> {
        if self.is_in.take() { Ok(self.entering.lock) } else { Err(Cancelled) }
    }
}

impl<T: ?Sized> Arm for Turn<'_, T> {
    #[track_caller]
    fn try_now(&self) -> bool {
        self.is_in.set(self.entering.try_now());
        self.is_in.get()
    }

    unsafe fn link(&self, waiter: &Waiter, index: u32) {
        // SAFETY: the caller's promise.
        unsafe { self.entering.link(waiter, index) }
    }

    unsafe fn unlink(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            self.entering.unlink();
            self.is_in.set(self.entering.node.get().0.has_fired());
        }
    }
}

macro_rules! arms {
    ($($(#[$doc:meta])* $name:ident: $mode:expr => $guard:ident;)*) => {$(
        $(#[$doc])*
        pub struct $name<'a, T: ?Sized>(Turn<'a, T>);

        impl<'a, T: ?Sized> $name<'a, T> {
            pub(in crate::sync) fn new(lock: &'a RwLock<T>) -> Self {
                Self(Turn::new(lock, $mode))
            }
        }

        impl<T: ?Sized> Arm for $name<'_, T> {
            #[track_caller]
            fn try_now(&self) -> bool {
                self.0.try_now()
            }

            unsafe fn link(&self, waiter: &Waiter, index: u32) {
                // SAFETY: the caller's promise.
                unsafe { self.0.link(waiter, index) }
            }

            unsafe fn unlink(&self) {
                // SAFETY: the caller's promise.
                unsafe { self.0.unlink() }
            }
        }

        impl<'a, T: ?Sized> Take for $name<'a, T> {
            type Output = Result<$guard<'a, T>, Cancelled>;

            fn take(&self, _cancelled: bool) -> Self::Output {
                self.0.take().map($guard::new)
            }
        }

        impl<T: ?Sized> fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

arms! {
    /// Locking for reading among other things.
    Reading: Mode::Read => ReadGuard;
    /// Locking for writing among other things.
    Writing: Mode::Write => WriteGuard;
}
