//! The stack that handlers of signals run on: a task's own may be the one that is used up.
#![expect(unsafe_code, reason = "lends a stack to the kernel")]

use linux_raw_sys::general as linux;
use spin::Once;

use crate::stack::{MappedStack, Stack as _, StackError};
use crate::sys::{auxiliary_value, signal};

/// What a report needs below the kernel's frame, in bytes. It was seen to use 2,300, and 10,500
/// where nothing is optimised.
const ROOM: usize = if cfg!(debug_assertions) { 16 * 1024 } else { 4 * 1024 };
/// What a stack of our own has: a handler may be somebody else's (see `Handler::pass_on`), and
/// another signal may interrupt it.
const OWN_ROOM: usize = 60 * 1024;

/// The alternate stack of a run's OS thread (sigaltstack(2)).
///
/// If the thread has one that is large enough, as std's threads do, that stays and nothing is done.
pub(super) struct AlternateStack {
    /// Our own, and what was there before.
    own: Option<(MappedStack, linux::stack_t)>,
}

impl AlternateStack {
    pub(super) const NONE: Self = Self { own: None };

    /// Maps a stack for this thread, unless it has one with room for so many handlers, each of
    /// which interrupts the one before.
    pub(super) fn set_up(&mut self, handlers: usize) -> Result<(), StackError> {
        let least = least_size();
        let present = signal::alternate_stack().map_err(StackError::Refused)?;
        let is_enabled = present.ss_flags & linux::SS_DISABLE.cast_signed() == 0;
        if is_enabled && present.ss_size >= (handlers * (least + ROOM)) as u64 {
            return Ok(());
        }
        let own = MappedStack::new(handlers * least + OWN_ROOM)?;
        // SAFETY: the stack is nobody else's, and stays until `drop` has put another in its place.
        unsafe { signal::set_alternate_stack(&described(&own)) }.map_err(StackError::Refused)?;
        self.own = Some((own, present));
        Ok(())
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        let Some((own, before)) = &self.own else { return };
        // SAFETY: it was this thread's before the run.
        let Ok(replaced) = (unsafe { signal::set_alternate_stack(before) }) else {
            // A handler is running on it, and has called the run. It must not lose its stack.
            core::mem::forget(self.own.take());
            return;
        };
        if replaced.ss_sp != described(own).ss_sp {
            // SAFETY: somebody has set it during the run, and means to keep it.
            let _set = unsafe { signal::set_alternate_stack(&replaced) };
        }
    }
}

fn described(stack: &MappedStack) -> linux::stack_t {
    linux::stack_t {
        ss_sp: stack.limit().as_ptr().cast(),
        ss_flags: 0,
        ss_size: stack.size() as u64,
    }
}

/// What the kernel needs for a signal's frame on this processor. Asked once: outside of programs
/// that `start` has started it takes several system calls.
fn least_size() -> usize {
    static LEAST: Once<usize> = Once::new();
    *LEAST.call_once(|| {
        auxiliary_value(linux_raw_sys::auxvec::AT_MINSIGSTKSZ)
            .unwrap_or(linux::MINSIGSTKSZ as usize)
    })
}
