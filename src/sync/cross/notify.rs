//! Telling other threads that something has happened.

use core::fmt;

use crate::task::WaitError;
use crate::time::Instant;

use super::meeting::{Meeting, Side};

/// Wakes a task of any runtime, or a plain thread, that waits to be notified.
///
/// If nobody waits, one notification is kept for whoever comes next; more are not counted.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, sync::cross::Notify};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// static READY: Notify = Notify::new();
///
/// std::thread::spawn(|| READY.notify_one());
/// RUNTIME.run(|| READY.wait()).unwrap().unwrap();
/// ```
pub struct Notify(pub(super) Meeting<bool>);

impl Notify {
    /// Nobody is notified yet.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self(Meeting::new(false))
    }

    /// Nobody is notified yet.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self(Meeting::new(false))
    }

    /// Gives it a name for reports of what tasks wait for.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.0.set_name(name);
        self
    }

    /// Waits for a notification, or takes the one that is kept.
    ///
    /// # Errors
    ///
    /// [`WaitError::Cancelled`] if the task was told to end. Threads are not.
    #[track_caller]
    pub fn wait(&self) -> Result<(), WaitError> {
        self.0.wait(Side::Taking, take, None)
    }

    /// As [`wait`](Self::wait), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// - [`WaitError::Cancelled`]: the task was told to end.
    /// - [`WaitError::TimedOut`]: nobody has notified it in time.
    #[track_caller]
    pub fn wait_until(&self, deadline: Instant) -> Result<(), WaitError> {
        self.0.wait(Side::Taking, take, Some(deadline))
    }

    /// Notifies one that waits. If none does, the next does not have to.
    pub fn notify_one(&self) {
        self.0.attempt(Side::Bringing, |kept| {
            *kept = true;
            Some(())
        });
    }
}

pub(super) fn take(kept: &mut bool) -> Option<()> {
    core::mem::take(kept).then_some(())
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify").field("name", &self.0.name()).finish_non_exhaustive()
    }
}
