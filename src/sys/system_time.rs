//! The time of day: the kernel's clock for people (`CLOCK_REALTIME`).

use core::fmt;
use core::ops::{Add, AddAssign, Sub, SubAssign};
use core::time::Duration;

use linux_raw_sys::general as linux;

use super::clock;

const NANOS_PER_SECOND: u32 = 1_000_000_000;

/// A moment on the kernel's clock for people (`CLOCK_REALTIME`), to the nanosecond.
///
/// It has the shape of std's `SystemTime`. The clock can be set, and goes back then: what matters is
/// measured with [`Instant`](super::clock::Instant). It reaches 292 billion years both ways from
/// 1970; adding beyond that saturates.
///
/// A simulated run (`RuntimeBuilder::seed`) has its own, which begins in 1970.
///
/// # Examples
///
/// ```
/// use barecoro::time::{Duration, SystemTime};
///
/// let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
/// println!("{} seconds since 1970 began", since_1970.as_secs());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemTime {
    /// Since 1970 began, UTC, without leap seconds.
    seconds: i64,
    /// After that, also where `seconds` is negative; less than a second.
    nanos: u32,
}

/// The beginning of 1970, UTC.
pub const UNIX_EPOCH: SystemTime = SystemTime::UNIX_EPOCH;

impl SystemTime {
    /// The beginning of 1970, UTC.
    pub const UNIX_EPOCH: Self = Self { seconds: 0, nanos: 0 };

    const FIRST: Self = Self { seconds: i64::MIN, nanos: 0 };
    const LAST: Self = Self { seconds: i64::MAX, nanos: NANOS_PER_SECOND - 1 };

    /// Reads the clock; about 25 ns through the vDSO, from a process's ninth reading of a clock on.
    pub fn now() -> Self {
        #[cfg(feature = "sim")]
        if let Some(nanos) = crate::arch::virtual_time() {
            return Self::UNIX_EPOCH + Duration::from_nanos(nanos);
        }
        let time = clock::read(linux::CLOCK_REALTIME);
        Self::new(time.tv_sec, u32::try_from(time.tv_nsec).unwrap_or(0))
    }

    /// As the kernel has it. More than a second's worth of nanoseconds, which a file system might
    /// make up, is a second less one.
    pub(crate) fn new(seconds: i64, nanos: u32) -> Self {
        Self { seconds, nanos: nanos.min(NANOS_PER_SECOND - 1) }
    }

    /// The time from `earlier` to this moment.
    ///
    /// # Errors
    ///
    /// [`SystemTimeError`] if `earlier` is later; it says by how much.
    pub fn duration_since(self, earlier: Self) -> Result<Duration, SystemTimeError> {
        if self < earlier {
            return Err(SystemTimeError(earlier.since(self)));
        }
        Ok(self.since(earlier))
    }

    /// The time from this moment to now.
    ///
    /// # Errors
    ///
    /// [`SystemTimeError`] if this moment is yet to come, or the clock was put back.
    pub fn elapsed(self) -> Result<Duration, SystemTimeError> {
        Self::now().duration_since(self)
    }

    /// This moment and `duration`, or `None` beyond the end of the clock.
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        let nanos = self.nanos + duration.subsec_nanos();
        let seconds = self.seconds.checked_add_unsigned(duration.as_secs())?;
        let seconds = seconds.checked_add((nanos / NANOS_PER_SECOND).into())?;
        Some(Self { seconds, nanos: nanos % NANOS_PER_SECOND })
    }

    /// This moment less `duration`, or `None` before the beginning of the clock.
    pub fn checked_sub(self, duration: Duration) -> Option<Self> {
        let nanos = self.nanos + NANOS_PER_SECOND - duration.subsec_nanos();
        let seconds = self.seconds.checked_sub_unsigned(duration.as_secs())?;
        let seconds = seconds.checked_sub((1 - nanos / NANOS_PER_SECOND).into())?;
        Some(Self { seconds, nanos: nanos % NANOS_PER_SECOND })
    }

    /// The time from `earlier`, which is earlier.
    fn since(self, earlier: Self) -> Duration {
        let borrowed = u32::from(self.nanos < earlier.nanos);
        let nanos = borrowed * NANOS_PER_SECOND + self.nanos - earlier.nanos;
        Duration::new(self.seconds.abs_diff(earlier.seconds) - u64::from(borrowed), nanos)
    }
}

impl Add<Duration> for SystemTime {
    type Output = Self;

    /// Saturates at the end of the clock.
    fn add(self, duration: Duration) -> Self {
        self.checked_add(duration).unwrap_or(Self::LAST)
    }
}

impl AddAssign<Duration> for SystemTime {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for SystemTime {
    type Output = Self;

    /// Saturates at the beginning of the clock.
    fn sub(self, duration: Duration) -> Self {
        self.checked_sub(duration).unwrap_or(Self::FIRST)
    }
}

impl SubAssign<Duration> for SystemTime {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl fmt::Debug for SystemTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, side) = match self.duration_since(Self::UNIX_EPOCH) {
            Ok(after) => (after, "after"),
            Err(before) => (before.duration(), "before"),
        };
        write!(f, "SystemTime({time:?} {side} 1970 began)")
    }
}

/// A moment that was said to be earlier is later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemTimeError(Duration);

impl SystemTimeError {
    /// By how much it is later.
    pub const fn duration(&self) -> Duration {
        self.0
    }
}

impl fmt::Display for SystemTimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the other moment is later by {:?}; the clock may have been put back", self.0)
    }
}

impl core::error::Error for SystemTimeError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn std_of(time: SystemTime) -> std::time::SystemTime {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => std::time::UNIX_EPOCH + after,
            Err(before) => std::time::UNIX_EPOCH - before.duration(),
        }
    }

    #[test]
    fn the_clock_agrees_with_std() {
        let (before, ours, after) =
            (std::time::SystemTime::now(), SystemTime::now(), std::time::SystemTime::now());
        // Somebody may set the clock meanwhile; not by a day.
        let day = Duration::from_secs(86_400);
        assert!(before - day < std_of(ours) && std_of(ours) < after + day, "{ours:?} {after:?}");
    }

    proptest::proptest! {
        #[test]
        fn arithmetic_is_that_of_std(
            first in (-5_i64..5, 0..NANOS_PER_SECOND),
            second in (-5_i64..5, 0..NANOS_PER_SECOND),
            span in (0_u64..12, 0..NANOS_PER_SECOND),
        ) {
            let first = SystemTime::new(first.0, first.1);
            let second = SystemTime::new(second.0, second.1);
            let span = Duration::new(span.0, span.1);
            let (std_first, std_second) = (std_of(first), std_of(second));
            assert_eq!(first.cmp(&second), std_first.cmp(&std_second));
            assert_eq!(std_of(first + span), std_first + span);
            assert_eq!(std_of(first - span), std_first - span);
            let theirs = std_first.duration_since(std_second);
            assert_eq!(
                first.duration_since(second).map_err(|error| error.duration()),
                theirs.map_err(|error| error.duration()),
            );
        }
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(UNIX_EPOCH + Duration::MAX, SystemTime::LAST);
        assert_eq!(UNIX_EPOCH - Duration::MAX, SystemTime::FIRST);
        assert_eq!(SystemTime::LAST.checked_add(Duration::from_nanos(1)), None);
        assert_eq!(SystemTime::FIRST.checked_sub(Duration::from_nanos(1)), None);
        let whole = Duration::new(u64::MAX, NANOS_PER_SECOND - 1);
        assert_eq!(SystemTime::LAST.duration_since(SystemTime::FIRST), Ok(whole));
        assert_eq!(SystemTime::FIRST.duration_since(SystemTime::LAST), Err(SystemTimeError(whole)));
    }

    #[test]
    fn too_many_nanoseconds_are_no_second() {
        assert_eq!(SystemTime::new(7, u32::MAX), SystemTime::new(7, NANOS_PER_SECOND - 1));
    }
}
