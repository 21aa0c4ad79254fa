//! The kernel's clocks: from the vDSO where there is one, otherwise `clock_gettime(2)`; and the
//! monotonic one.
#![expect(unsafe_code, reason = "calls the kernel, by its vDSO or by a system call")]

use core::fmt;
use core::mem::MaybeUninit;
use core::ops::{Add, AddAssign, Sub, SubAssign};
use core::sync::atomic::{AtomicPtr, Ordering};
use core::time::Duration;

use linux_raw_sys::general as linux;

use super::{auxiliary_value, number, vdso};

/// The signature of `__vdso_clock_gettime`.
type ClockGettime = unsafe extern "C" fn(linux::__kernel_clockid_t, *mut linux::timespec) -> i32;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A moment on the kernel's monotonic clock (`CLOCK_MONOTONIC`), to the nanosecond.
///
/// It has the shape of std's `Instant`. The clock does not count time in which the machine is
/// suspended, and nobody can set it. It reaches 584 years from boot; adding beyond that saturates,
/// so `Instant::now() + Duration::MAX` is a moment that never comes.
///
/// # Examples
///
/// ```
/// use barecoro::time::{Duration, Instant};
///
/// let start = Instant::now();
/// assert!(start.elapsed() < Duration::from_secs(60));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The end of the clock: a deadline that never comes.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// Reads the clock; about 25 ns through the vDSO, from a process's ninth reading on.
    pub fn now() -> Self {
        #[cfg(feature = "sim")]
        if let Some(time) = crate::arch::virtual_time() {
            return Self(time);
        }
        Self::really_now()
    }

    /// As [`now`](Self::now), also where a run is simulated.
    #[inline(always)]
    pub(crate) fn really_now() -> Self {
        let time = read(linux::CLOCK_MONOTONIC);
        let seconds = time.tv_sec.cast_unsigned();
        Self(seconds.wrapping_mul(NANOS_PER_SECOND).wrapping_add(time.tv_nsec.cast_unsigned()))
    }

    /// Nanoseconds since boot.
    pub(crate) const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The moment so many nanoseconds after boot.
    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    pub(super) fn as_timespec(self) -> linux::timespec {
        linux::timespec {
            tv_sec: (self.0 / NANOS_PER_SECOND).cast_signed(),
            tv_nsec: (self.0 % NANOS_PER_SECOND).cast_signed(),
        }
    }

    /// The time since `earlier`; zero if `earlier` is later.
    pub fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time since `earlier`, or `None` if `earlier` is later.
    pub fn checked_duration_since(self, earlier: Self) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_nanos)
    }

    /// The same as [`duration_since`](Self::duration_since), as in std.
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }

    /// The time since this moment.
    pub fn elapsed(self) -> Duration {
        Self::now().duration_since(self)
    }

    /// This moment and `duration`, or `None` beyond the end of the clock.
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_add(nanos).map(Self)
    }

    /// This moment less `duration`, or `None` before boot.
    pub fn checked_sub(self, duration: Duration) -> Option<Self> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_sub(nanos).map(Self)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at the end of the clock, in 584 years.
    fn add(self, duration: Duration) -> Self {
        self.checked_add(duration).unwrap_or(Self::NEVER)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    /// Saturates at boot.
    fn sub(self, duration: Duration) -> Self {
        self.checked_sub(duration).unwrap_or(Self(0))
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instant({:?} after boot)", Duration::from_nanos(self.0))
    }
}

/// Reads one of the kernel's clocks that always exist.
#[inline(always)]
pub(super) fn read(clock: u32) -> linux::timespec {
    let mut time = MaybeUninit::<linux::timespec>::uninit();
    // The address is good too, so neither way can fail.
    match clock_function() {
        // SAFETY: the kernel's function writes one timespec, and stays mapped.
        Some(function) => unsafe {
            function(clock.cast_signed(), time.as_mut_ptr());
        },
        // SAFETY: the kernel writes one timespec.
        None => unsafe {
            sc::syscall2(
                number(linux::__NR_clock_gettime),
                number(clock),
                time.as_mut_ptr().expose_provenance(),
            );
        },
    }
    // SAFETY: one of the two has written it.
    unsafe { time.assume_init() }
}

/// The address of the vDSO's clock; while it was not found, how often the clock was read.
static FUNCTION: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// So many readings are system calls before the vDSO is searched, which costs as much as fifty of
/// these, with the page faults that it takes: many a program reads the clock a few times only. Where
/// nothing is found, the count begins again.
const READINGS: usize = 8;

/// The vDSO's clock, unless there is none, or it is too early to look for it.
#[inline]
fn clock_function() -> Option<ClockGettime> {
    // Relaxed: threads that look at the same time find the same, and it was there before them.
    let mut address = FUNCTION.load(Ordering::Relaxed);
    if address.addr() <= READINGS {
        address = look_for_clock(address.addr())?;
    }
    // SAFETY: the kernel's function of that name has this signature (vdso(7)).
    Some(unsafe { core::mem::transmute::<*mut (), ClockGettime>(address) })
}

#[cold]
#[inline(never)]
fn look_for_clock(readings: usize) -> Option<*mut ()> {
    if readings < READINGS {
        FUNCTION.store(core::ptr::without_provenance_mut(readings + 1), Ordering::Relaxed);
        return None;
    }
    let found = find_clock();
    FUNCTION.store(found.unwrap_or(core::ptr::null_mut()), Ordering::Relaxed);
    found
}

fn find_clock() -> Option<*mut ()> {
    let header = auxiliary_value(linux_raw_sys::auxvec::AT_SYSINFO_EHDR)?;
    // SAFETY: the kernel's own value.
    let address = unsafe { vdso::find(header, c"__vdso_clock_gettime") }?;
    Some(core::ptr::with_exposed_provenance_mut(address))
}

#[cfg(test)]
mod tests {
    use super::{Duration, FUNCTION, Instant, Ordering, READINGS, find_clock};

    #[test]
    fn the_clock_agrees_with_std() {
        let (ours, theirs) = (Instant::now(), std::time::Instant::now());
        std::thread::sleep(Duration::from_millis(5));
        let (ours, theirs) = (ours.elapsed(), theirs.elapsed());
        assert!(ours >= Duration::from_millis(5));
        assert!(ours.abs_diff(theirs) < Duration::from_millis(50), "{ours:?} {theirs:?}");
    }

    /// By system calls at first, by the vDSO later.
    #[test]
    fn readings_never_go_back() {
        let readings = [(); 4 * READINGS].map(|()| Instant::now());
        assert!(readings.is_sorted(), "{readings:?}");
        let is_found = FUNCTION.load(Ordering::Relaxed).addr() > READINGS;
        assert_eq!(is_found, find_clock().is_some());
    }

    #[test]
    fn arithmetic_saturates() {
        let now = Instant::now();
        assert_eq!(now + Duration::MAX, Instant::NEVER);
        assert_eq!(now.checked_add(Duration::MAX), None);
        assert_eq!((now - Duration::MAX).as_nanos(), 0);
        let later = now + Duration::from_secs(1);
        assert_eq!((now - later, now.saturating_duration_since(later)), Default::default());
        assert_eq!(now.checked_duration_since(later), None);
        assert_eq!(later.checked_duration_since(now), Some(Duration::from_secs(1)));
    }
}
