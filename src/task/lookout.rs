//! What a run needs to hear of signals, from its beginning to its end.

use crate::stack::StackError;

use super::hooks::Settings;
use super::scheduler::Scheduler;

#[cfg(feature = "overflow")]
use super::{alternate::AlternateStack, fault};

/// Belongs to a run, and to the OS thread that runs it.
pub(crate) struct Lookout {
    #[cfg(feature = "watchdog")]
    timer: Option<crate::sys::timer::SignalTimer>,
    /// Dropped when no more signals come.
    #[cfg(feature = "overflow")]
    stack: AlternateStack,
}

impl Lookout {
    /// Of a run that has not begun.
    pub(crate) const NONE: Self = Self {
        #[cfg(feature = "watchdog")]
        timer: None,
        #[cfg(feature = "overflow")]
        stack: AlternateStack::NONE,
    };

    /// Installs handlers, once for the process, and makes sure that they have a stack to run on.
    #[cfg(feature = "overflow")]
    #[cfg_attr(not(feature = "watchdog"), expect(unused_variables, reason = "nothing to watch"))]
    pub(crate) fn begin(scheduler: &Scheduler, settings: &Settings) -> Result<Self, StackError> {
        let mut lookout = Self::NONE;
        #[cfg(feature = "watchdog")]
        let handlers = if settings.limit.is_zero() { 1 } else { 2 };
        #[cfg(not(feature = "watchdog"))]
        let handlers = 1;
        // `signal::Signals` may interrupt each of them.
        let handlers = handlers + usize::from(cfg!(feature = "signal"));
        lookout.stack.set_up(handlers)?;
        fault::install();
        #[cfg(feature = "watchdog")]
        {
            lookout.timer = super::watchdog::start(scheduler, settings.limit);
        }
        Ok(lookout)
    }

    /// There is nothing to hear.
    #[cfg(not(feature = "overflow"))]
    #[expect(clippy::unnecessary_wraps, reason = "it fails with the feature `overflow`")]
    pub(crate) fn begin(_: &Scheduler, _: &Settings) -> Result<Self, StackError> {
        Ok(Self::NONE)
    }
}
