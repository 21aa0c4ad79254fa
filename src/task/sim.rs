//! Simulated runs: whose turn it is, is drawn by lot, and time passes only when there is nothing to
//! do. Both depend on a seed alone, so that a run can be repeated, and thousands of them searched for
//! an order of events that breaks something.

use core::cell::Cell;

use crate::arch;

use super::scheduler::Scheduler;
use super::slot::Slot;

/// When simulated runs begin, in nanoseconds: an hour, so that one can look back.
const BEGIN: u64 = 3_600_000_000_000;
/// How much time a switch takes, in nanoseconds, so that who waits for time in a loop sees it pass.
const SWITCH: u64 = 1_000;

/// What a scheduler knows of its simulation. All zero is none.
pub(super) struct Simulation {
    /// Whether this run is simulated.
    is_on: Cell<bool>,
    /// Where the generator of lots is.
    state: Cell<u64>,
}

impl Simulation {
    pub(super) const fn new() -> Self {
        Self { is_on: Cell::new(false), state: Cell::new(0) }
    }

    /// Begins a run, simulated if there is a seed.
    pub(super) fn begin(&self, seed: Option<u64>) {
        self.is_on.set(seed.is_some());
        self.state.set(seed.unwrap_or(0));
        if seed.is_some() {
            arch::set_virtual_time(BEGIN);
        }
    }

    /// Ends the run: this thread has the real time again.
    pub(super) fn end(&self) {
        if self.is_on.replace(false) {
            arch::set_virtual_time(0);
        }
    }

    /// Whether this run is simulated.
    pub(super) fn is_on(&self) -> bool {
        self.is_on.get()
    }

    /// Lets the time of a switch pass.
    pub(super) fn tick(&self) {
        if let Some(now) = arch::virtual_time().filter(|_| self.is_on()) {
            arch::set_virtual_time(now.saturating_add(SWITCH));
        }
    }

    /// Lets time pass until a moment, if the run is simulated.
    pub(super) fn pass_until(&self, moment: u64) -> bool {
        if let Some(now) = arch::virtual_time().filter(|_| self.is_on()) {
            arch::set_virtual_time(now.max(moment));
        }
        self.is_on()
    }

    /// A number below `end`, drawn by lot. The generator is `SplitMix64` (Steele, Lea, Flood: Fast
    /// splittable pseudorandom number generators, 2014).
    fn draw(&self, end: usize) -> usize {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ (mixed >> 31);
        // The bias is as small as the number of tasks is against 2 to the power of 64.
        usize::try_from(mixed % (end as u64)).unwrap_or(0)
    }

    /// Takes one of the ready tasks, any of them.
    pub(super) fn pick(&self, scheduler: &Scheduler) -> Option<&'static Slot> {
        let ready = &scheduler.ready;
        if self.is_on() && !ready.is_empty() {
            for _ in 0..self.draw(ready.iter().count()) {
                ready.pop().into_iter().for_each(|task| ready.push(task));
            }
        }
        ready.pop()
    }
}
