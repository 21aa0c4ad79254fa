//! Moments at equal distances.

use crate::sys::clock::Instant;
use crate::task::Cancelled;

use super::{Duration, sleep_until};

/// Moments that are `period` apart; the first is now.
///
/// # Panics
///
/// If `period` is zero.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, time::{self, Duration, Instant}};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// RUNTIME.run(|| {
///     let start = Instant::now();
///     let mut interval = time::interval(Duration::from_millis(5));
///     for _ in 0..3 {
///         interval.tick()?;
///     }
///     assert!(start.elapsed() >= Duration::from_millis(10));
///     Ok::<_, barecoro::task::Cancelled>(())
/// }).unwrap().unwrap();
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Moments that are `period` apart; the first is `start`.
///
/// # Panics
///
/// If `period` is zero.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "an interval's period is greater than zero");
    Interval { next: start, period, behavior: MissedTickBehavior::Burst }
}

/// What becomes of the moments of an [`Interval`] that nobody waited for in time, with tokio's names.
///
/// Of a period of 10, where the one that waits does something for 25 after the tick at 0:
///
/// ```text
///   moments   0         10        20        30        40        50
///   Burst     0                        25,25    30        40        50
///   Delay     0                        25        35        45
///   Skip      0                        25    30        40        50
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// They come one after the other, as fast as they are taken, until nothing is missed.
    #[default]
    Burst,
    /// The late one comes at once, and the next one a period after that. It is late after 5 ms, or a period
    /// if that is shorter.
    Delay,
    /// The late one comes at once, and the next one at the next moment of the original ones.
    Skip,
}

/// Moments at equal distances; made by [`interval`] and [`interval_at`].
///
/// It takes no capacity of anything, and nothing happens between two calls.
#[derive(Clone, Debug)]
pub struct Interval {
    next: Instant,
    period: Duration,
    behavior: MissedTickBehavior,
}

impl Interval {
    /// Waits for the next moment, and returns which that was: the one that was due, also where it was
    /// missed. Only the running task is parked.
    ///
    /// # Cancellation
    ///
    /// The moment is not taken; the next call waits for the same.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was told to end before.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn tick(&mut self) -> Result<Instant, Cancelled> {
        sleep_until(self.due())?;
        Ok(self.take_due())
    }

    /// The next moment.
    pub(crate) const fn due(&self) -> Instant {
        self.next
    }

    /// Takes the next moment, which has come.
    pub(crate) fn take_due(&mut self) -> Instant {
        let due = self.next;
        self.next = self.after(due, Instant::now());
        due
    }

    /// The moment after `due`, at which it was `now`.
    fn after(&self, due: Instant, now: Instant) -> Instant {
        /// How late a moment may be to count as in time, as in tokio: it is never met to the nanosecond.
        const IN_TIME: Duration = Duration::from_millis(5);
        let next = due + self.period;
        let is_delayed =
            self.behavior == MissedTickBehavior::Delay && now.duration_since(due) > IN_TIME;
        if next > now && !is_delayed {
            return next;
        }
        match self.behavior {
            MissedTickBehavior::Burst => next,
            MissedTickBehavior::Delay => now + self.period,
            MissedTickBehavior::Skip => {
                let late = now.duration_since(due).as_nanos() % self.period.as_nanos();
                let late = Duration::from_nanos(u64::try_from(late).unwrap_or(0));
                // The rest of a period is shorter than one.
                now + self.period.saturating_sub(late)
            }
        }
    }

    /// The distance between two moments.
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// What becomes of moments that were missed.
    pub const fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.behavior
    }

    /// Sets what becomes of moments that are missed.
    pub const fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.behavior = behavior;
    }

    /// Lets the next moment be a period from now.
    pub fn reset(&mut self) {
        self.next = Instant::now() + self.period;
    }

    /// Lets the next moment be now.
    pub fn reset_immediately(&mut self) {
        self.next = Instant::now();
    }

    /// Lets the next moment be `deadline`.
    pub const fn reset_at(&mut self, deadline: Instant) {
        self.next = deadline;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_moments_are_caught_up_delayed_or_skipped() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut interval = interval_at(start, Duration::from_millis(10));
        for behavior in
            [MissedTickBehavior::Burst, MissedTickBehavior::Delay, MissedTickBehavior::Skip]
        {
            interval.set_missed_tick_behavior(behavior);
            // In time, and nearly so.
            assert_eq!(interval.after(at(0), at(0)), at(10));
            assert_eq!(interval.after(at(0), at(5)), at(10));
            let is_delay = behavior == MissedTickBehavior::Delay;
            assert_eq!(interval.after(at(0), at(9)), at(if is_delay { 19 } else { 10 }));
            let next = [at(10), at(25), at(30)].map(|now| interval.after(at(0), now));
            assert_eq!(
                next,
                match behavior {
                    MissedTickBehavior::Burst => [at(10), at(10), at(10)],
                    MissedTickBehavior::Delay => [at(20), at(35), at(40)],
                    MissedTickBehavior::Skip => [at(20), at(30), at(40)],
                }
            );
        }
    }
}
