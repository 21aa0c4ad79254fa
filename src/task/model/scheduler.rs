//! Schedulers as other threads know them.

use core::cell::Cell;
use core::slice;
use std::boxed::Box;

use super::presence::Presence;
use super::slot::Slot;

pub(crate) struct Scheduler {
    pub(super) presence: Presence,
}

loom::thread_local! {
    static CURRENT: Cell<Option<&'static Scheduler>> = Cell::new(None);
}

impl Scheduler {
    /// One that has never run. It lives for ever.
    pub(super) fn leaked() -> &'static Self {
        Box::leak(Box::new(Self { presence: Presence::new() }))
    }

    pub(super) fn current() -> Option<&'static Self> {
        CURRENT.with(Cell::get)
    }

    pub(super) fn here(_call: &str) -> &'static Self {
        Self::current().unwrap()
    }

    /// Runs `f` as this runtime's only task.
    pub(super) fn during<T>(&'static self, f: impl FnOnce() -> T) -> T {
        self.announce(slice::from_ref(Slot::leaked(0)));
        CURRENT.with(|current| current.set(Some(self)));
        let value = f();
        CURRENT.with(|current| current.set(None));
        self.presence.end();
        value
    }
}
