//! The processor: staying on one, and the rate of its time-stamp counter.
#![expect(unsafe_code, reason = "reads the time-stamp counter")]

use std::arch::x86_64::_rdtsc;
use std::io;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Two CPUs that this process may use, or twice the same if there is one.
#[derive(Clone, Copy)]
pub struct Cpus {
    /// For what runs beside a measurement.
    pub first: usize,
    /// For what is measured alone: the first ones get most of the interrupts.
    pub last: usize,
}

impl Cpus {
    /// Finds them, before anything is kept on one.
    pub fn find() -> io::Result<Self> {
        let allowed = allowed()?;
        let mut cpus = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
        let first = cpus.next().ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { first, last: cpus.next_back().unwrap_or(first) })
    }
}

/// The CPUs that this thread may use.
pub fn allowed() -> io::Result<CpuSet> {
    Ok(sched_getaffinity(None)?)
}

/// Lets this thread use these CPUs.
pub fn allow(cpus: &CpuSet) -> io::Result<()> {
    Ok(sched_setaffinity(None, cpus)?)
}

/// Keeps this thread, and what it starts from now on, on one CPU.
pub fn stay_on(cpu: usize) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(cpu);
    allow(&only)
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
