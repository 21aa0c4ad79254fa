//! A handler of a signal that somebody else may want to handle too.
//!
//! It is installed once for the process and stays, as nobody could say when it is safe to remove:
//! a handler that was installed later may have kept its address. What is none of its business goes
//! on to the handler before it.
#![expect(unsafe_code, reason = "installs and calls handlers of signals")]

use core::sync::atomic::{AtomicBool, Ordering};

use linux_raw_sys::general as linux;
use spin::Once;

use crate::sys::signal::{self, Action, Context, Function, Info, Kind};

/// One signal, and what was done with it before.
pub(super) struct Handler {
    signal: u32,
    previous: Once<Action>,
    installed: Once,
    /// Whether the previous handler was to be called once, and was.
    spent: AtomicBool,
}

impl Handler {
    pub(super) const fn new(signal: u32) -> Self {
        Self {
            signal,
            previous: Once::new(),
            installed: Once::new(),
            spent: AtomicBool::new(false),
        }
    }

    /// Makes the process call `function` for the signal, if it does not yet. The signals of `mask`
    /// wait meanwhile.
    ///
    /// # Safety
    ///
    /// As for [`signal::set_action`].
    pub(super) unsafe fn install(&self, function: Function, flags: u32, mask: u64) {
        self.installed.call_once(|| {
            // First what was before: the handler may be called as soon as it is installed. The
            // kernel knows the signal and the addresses are good, so neither call can fail.
            let previous = signal::action(self.signal).unwrap_or(Action::DEFAULT);
            self.previous.call_once(|| previous);
            // System calls that are interrupted go on or fail as they did before.
            let restart = if previous.has(linux::SA_RESTART) { linux::SA_RESTART } else { 0 };
            let action = Action::call(function, flags | restart, mask);
            // SAFETY: the caller's promise.
            let _never_fails = unsafe { signal::set_action(self.signal, &action) };
        });
    }

    /// What was done with the signal before.
    fn previous(&self) -> Action {
        // Relaxed: set in a handler, for whom it does not matter which of two threads comes first.
        if self.spent.load(Ordering::Relaxed) {
            return Action::DEFAULT;
        }
        self.previous.get().copied().unwrap_or(Action::DEFAULT)
    }

    /// What kind of thing was done with the signal before.
    pub(super) fn previous_kind(&self) -> Kind {
        self.previous().kind()
    }

    /// Puts back what was there before.
    pub(super) fn restore(&self) {
        // SAFETY: it was the process's own choice.
        let _never_fails = unsafe { signal::set_action(self.signal, &self.previous()) };
    }

    /// Calls the previous handler as the kernel would have: with the same signals blocked, once if
    /// it was to be called once. But always on the alternate stack, if the thread has one.
    ///
    /// # Safety
    ///
    /// Called by the handler of this signal, with its own arguments, when all else is done. The
    /// previous kind is a function.
    pub(super) unsafe fn pass_on(&self, info: *mut Info, context: *mut Context) {
        let previous = self.previous();
        if previous.has(linux::SA_RESETHAND) {
            self.spent.store(true, Ordering::Relaxed);
        }
        let own = if previous.has(linux::SA_NODEFER) { 0 } else { signal::set_of(self.signal) };
        // SAFETY: the kernel's argument. When the handler returns, the kernel puts the
        // interrupted code's mask back.
        signal::set_mask(unsafe { (*context).mask() } | previous.mask() | own);
        // SAFETY: the caller's promise.
        unsafe { previous.invoke(self.signal.cast_signed(), info, context) }
    }
}
