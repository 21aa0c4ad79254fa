//! Telling other threads that something has happened.

use core::fmt;

use crate::task::WaitError;
use crate::time::Instant;

use super::meeting::{Meeting, Side};

/// Wakes a task of any runtime, or a plain thread, that waits to be notified.
///
/// Each notification is for one that waits. If nobody does, one is kept for whoever comes next; more are
/// not counted.
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
pub struct Notify(pub(super) Meeting<Notified>);

/// The notifications that nobody has taken yet.
#[derive(Debug)]
pub(super) struct Notified {
    /// How many are for those who were called. Whoever comes in between may be faster, and then the one
    /// that was called waits on.
    owed: usize,
    /// Whether there is one for whoever comes next.
    is_kept: bool,
}

impl Notified {
    const NONE: Self = Self { owed: 0, is_kept: false };

    pub(super) fn take(&mut self) -> Option<()> {
        match self.owed.checked_sub(1) {
            Some(left) => self.owed = left,
            None => return core::mem::take(&mut self.is_kept).then_some(()),
        }
        Some(())
    }

    #[cfg(not(loom))]
    pub(super) fn is_there(&self) -> bool {
        self.is_kept || self.owed > 0
    }

    /// Who was called has left without taking it, and nobody else waits.
    #[cfg(not(loom))]
    pub(super) fn keep(&mut self) {
        if let Some(left) = self.owed.checked_sub(1) {
            self.owed = left;
            self.is_kept = true;
        }
    }
}

impl Notify {
    /// Nobody is notified yet.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self(Meeting::new(Notified::NONE))
    }

    /// Nobody is notified yet.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self(Meeting::new(Notified::NONE))
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
        self.0.wait(Side::Taking, Notified::take, None)
    }

    /// As [`wait`](Self::wait), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// - [`WaitError::Cancelled`]: the task was told to end.
    /// - [`WaitError::TimedOut`]: nobody has notified it in time.
    #[track_caller]
    pub fn wait_until(&self, deadline: Instant) -> Result<(), WaitError> {
        self.0.wait(Side::Taking, Notified::take, Some(deadline))
    }

    /// Notifies one that waits. If none does, the next does not have to.
    pub fn notify_one(&self) {
        self.0.call_one(Side::Taking, |notified, is_for_one_that_waits| {
            if is_for_one_that_waits {
                notified.owed += 1;
            } else {
                notified.is_kept = true;
            }
        });
    }
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
