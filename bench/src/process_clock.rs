//! How much CPU time a process has used, to the nanosecond.
#![expect(unsafe_code, reason = "calls two functions of libc that rustix does not have")]

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

/// The CPU time of all threads of a process, in user and in kernel mode: `/proc/PID/stat` has it in
/// ticks of 10 ms only.
///
/// Of a thread that is running right now it may lack the time since the last tick of its CPU, so
/// ask when it is idle.
#[derive(Clone, Copy)]
pub struct ProcessClock(libc::clockid_t);

impl ProcessClock {
    /// The clock of a process that the caller may ask about.
    pub fn of(process: u32) -> io::Result<Self> {
        let mut clock = MaybeUninit::uninit();
        // SAFETY: `clock` is memory for the answer.
        let error = unsafe { libc::clock_getcpuclockid(process.cast_signed(), clock.as_mut_ptr()) };
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        // SAFETY: the call succeeded, so it has written the answer.
        Ok(Self(unsafe { clock.assume_init() }))
    }

    /// This process' own.
    pub const fn own() -> Self {
        Self(libc::CLOCK_PROCESS_CPUTIME_ID)
    }

    /// What the process has used since the clock showed `before`.
    pub fn since(self, before: Duration) -> io::Result<Duration> {
        Ok(self.now()?.saturating_sub(before))
    }

    /// What the process has used since it began.
    pub fn now(self) -> io::Result<Duration> {
        let mut time = MaybeUninit::<libc::timespec>::uninit();
        // SAFETY: `time` is memory for the answer.
        if unsafe { libc::clock_gettime(self.0, time.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call succeeded, so it has written the answer.
        let time = unsafe { time.assume_init() };
        let (seconds, nanoseconds) = (time.tv_sec.cast_unsigned(), time.tv_nsec.cast_unsigned());
        Ok(Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds))
    }
}
