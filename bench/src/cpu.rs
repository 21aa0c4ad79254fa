//! The processor: staying on one, and the rate of its time-stamp counter.
#![expect(unsafe_code, reason = "reads the time-stamp counter")]

use std::arch::x86_64::_rdtsc;
use std::io;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Keeps this thread, and those it starts from now on, on the last CPU that it may use: the first
/// ones get most of the interrupts. Returns its number.
pub fn pin() -> io::Result<usize> {
    let allowed = sched_getaffinity(None)?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu));
    let last = last.ok_or(io::ErrorKind::NotFound)?;
    let mut only = CpuSet::new();
    only.set(last);
    sched_setaffinity(None, &only)?;
    Ok(last)
}

/// How often the time-stamp counter ticks in a nanosecond of the clock. It ticks at a constant
/// rate, which is not the frequency at which the cores happen to run.
pub fn cycles_per_ns() -> f64 {
    // SAFETY: every x86-64 has the counter, and Linux lets programs read it.
    let read = || unsafe { _rdtsc() };
    let (clock, ticks) = (Instant::now(), read());
    std::thread::sleep(Duration::from_millis(50));
    let ticks = read().wrapping_sub(ticks);
    ticks as f64 / clock.elapsed().as_nanos() as f64
}
