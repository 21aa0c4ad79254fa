//! A hierarchical timing wheel whose timers lie in a table, each in a place of its own.
//!
//! Time is counted in ticks, of 1024 ns at least. A tick's number is written with nine
//! digits to the base 64, and each digit has a level with a slot for each value. A timer lies on the level of the highest
//! digit in which its tick differs from the wheel's present one, in the slot of that digit:
//!
//! ```text
//!            level 2        level 1        level 0
//!   now        1              7              9
//!   timer A    1              7             30     level 0, slot 30: in 21 ticks
//!   timer B    1              8              2     level 1, slot  8: in 57 ticks
//!   timer C    3              0              0     level 2, slot  3
//! ```
//!
//! So everything on a level comes before everything on the levels above it, and the next timer is
//! in the first occupied slot of the lowest occupied level. When the present reaches a slot of a
//! higher level, its timers move down to where they now belong; each does so at most eight times.
//! Adding and removing take constant time. The table is dense, as thousands of timers move down at a
//! time: where each lay with its owner, that would be thousands of misses of the cache.
//!
//! Who sleeps until the next timer goes off sleeps a little longer, for others to go off with it: as
//! much longer as timers may be late, less a tick. Long ticks alone would keep to that too, but a
//! tick may begin long before the first timer in it: with 20 µs and a timer every 10 µs on average, the
//! thread wakes every 30 µs where it would every 23 µs.

use core::cell::Cell;
use core::ptr;
use core::time::Duration;

/// The shortest tick, in nanoseconds: the best precision.
const SHORTEST: u64 = 1 << 10;
/// The longest that timers may be late.
const LATEST: Duration = Duration::from_mins(1);
/// For how many nanoseconds the first timer to be due waits for others at most. Where timers may be later
/// than that, it is the ticks that bring them together.
const PATIENCE: u64 = 1 << 16;

/// The last moment for a timer, in nanoseconds: 292 years after boot.
const LAST: u64 = 1 << 63;

const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;
/// Enough digits for 64 bits of nanoseconds in the shortest ticks.
const LEVELS: usize = 9;

const _: () = assert!(
    (u64::MAX / SHORTEST).ilog2() < 9 * DIGIT_BITS && LEVELS == 9,
    "a level for each digit"
);

/// A place for a timer in the wheel's table. All zero is one that is not set.
#[derive(Debug)]
pub(crate) struct Timer {
    tick: Cell<u64>,
    /// The neighbours in a ring.
    next: Cell<Link>,
    /// None while the timer is not set.
    previous: Cell<Link>,
}

type Link = Option<&'static Timer>;

#[cfg(test)]
impl Timer {
    const fn new() -> Self {
        Self { tick: Cell::new(0), next: Cell::new(None), previous: Cell::new(None) }
    }
}

/// How late timers may be. All zero is exact.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How long a tick is, in nanoseconds.
    tick: u64,
    /// For how many nanoseconds the first timer to be due waits for others.
    patience: u64,
}

impl Pace {
    /// For timers that may be so late: the longer the ticks, the fewer levels a timer goes down.
    pub(crate) const fn new(lateness: Duration) -> Self {
        let lateness = if lateness.as_secs() < LATEST.as_secs() { lateness } else { LATEST };
        #[expect(clippy::cast_possible_truncation, reason = "it is a minute at most")]
        let nanos = lateness.as_nanos() as u64;
        let nanos = if nanos < SHORTEST { SHORTEST } else { nanos };
        let patience = nanos - if nanos / 8 < SHORTEST { SHORTEST } else { nanos / 8 };
        let patience = if patience < PATIENCE { patience } else { PATIENCE };
        Self { tick: nanos - patience, patience }
    }
}

/// All timers that have not gone off.
pub(crate) struct Wheel {
    /// The table.
    timers: Cell<Option<&'static [Timer]>>,
    pace: Cell<Pace>,
    /// The present tick.
    now: Cell<u64>,
    /// A bit for each level that holds a timer.
    occupied: Cell<u32>,
    levels: [Level; LEVELS],
}

struct Level {
    /// A bit for each slot that holds a timer.
    occupied: Cell<u64>,
    slots: [Slot; SLOTS],
}

struct Slot {
    /// The first of its timers, in a ring: the first's previous is the last.
    first: Cell<Link>,
    /// No timer in the slot is earlier. Exact unless an earlier one was removed.
    earliest: Cell<u64>,
}

impl Wheel {
    /// A wheel without a table, all bytes zero.
    #[expect(clippy::large_stack_arrays, reason = "evaluated at compile time, for statics")]
    pub(crate) const fn new() -> Self {
        Self {
            timers: Cell::new(None),
            pace: Cell::new(Pace { tick: 0, patience: 0 }),
            now: Cell::new(0),
            occupied: Cell::new(0),
            levels: [const {
                Level {
                    occupied: Cell::new(0),
                    slots: [const { Slot { first: Cell::new(None), earliest: Cell::new(0) } };
                        SLOTS],
                }
            }; LEVELS],
        }
    }

    /// Whether no timer is set.
    pub(crate) fn is_empty(&self) -> bool {
        self.occupied.get() == 0
    }

    /// Says how late timers may be that are set from now on.
    pub(crate) fn set_pace(&self, pace: Pace) {
        debug_assert!(self.is_empty(), "ticks are as long for all timers");
        self.pace.set(pace);
    }

    /// Gives an empty wheel its table, none of whose timers is set, and its present.
    pub(crate) fn start(&self, timers: &'static [Timer], nanos: u64) {
        debug_assert!(self.is_empty(), "the present of timers moves by `advance` only");
        self.timers.set(Some(timers));
        self.now.set(nanos / self.tick());
    }

    /// The timer at a place of the table.
    fn timer(&self, place: usize) -> Link {
        self.timers.get()?.get(place)
    }

    /// Where a timer is in the table.
    fn place(&self, timer: &'static Timer) -> usize {
        let first = self.timers.get().unwrap_or_default().as_ptr().addr();
        ((&raw const *timer).addr() - first) / size_of::<Timer>()
    }

    /// The first tick that is not before `nanos`, or the last moment that there is.
    fn tick_of(&self, nanos: u64) -> u64 {
        nanos.min(LAST).div_ceil(self.tick())
    }

    /// How long a tick is, in nanoseconds.
    fn tick(&self) -> u64 {
        self.pace.get().tick.max(1)
    }

    /// Sets the timer at a place, which is not set, to go off at the first tick that is not before
    /// `nanos`. One whose moment has passed goes off at the next tick.
    pub(crate) fn insert(&self, place: usize, nanos: u64) {
        if let Some(timer) = self.timer(place) {
            debug_assert!(timer.previous.get().is_none(), "a timer is set once");
            timer.tick.set(self.tick_of(nanos).max(self.now.get() + 1));
            self.append(timer);
        }
    }

    /// Unsets the timer at a place, if it is set.
    pub(crate) fn remove(&self, place: usize) {
        let Some(timer) = self.timer(place) else { return };
        let (Some(previous), Some(next)) = (timer.previous.take(), timer.next.get()) else {
            return;
        };
        let (level, slot) = self.position(timer.tick.get());
        let Some(Slot { first, .. }) = self.slot(level, slot) else { return };
        if ptr::eq(next, timer) {
            first.set(None);
            self.clear(level, slot);
            return;
        }
        next.previous.set(Some(previous));
        previous.next.set(Some(next));
        if first.get().is_some_and(|first| ptr::eq(first, timer)) {
            first.set(Some(next));
        }
    }

    /// How long to sleep, in nanoseconds: until the next timer and those that go off with it are due.
    /// Too short if timers were removed.
    pub(crate) fn next(&self) -> Option<u64> {
        let (level, slot) = self.first_occupied()?;
        let tick = self.slot(level, slot)?.earliest.get();
        Some(tick * self.tick() + self.pace.get().patience)
    }

    /// Moves the present on and calls `expired` with the place of each timer that has gone off,
    /// in the order of their ticks, those of one tick in the order in which they were set; and
    /// with the place of the one that is most likely next.
    pub(crate) fn advance(&self, nanos: u64, mut expired: impl FnMut(usize, usize)) {
        let present = nanos / self.tick();
        while let Some((level, slot)) = self.first_occupied() {
            let start = self.start_of(level, slot);
            if start > present {
                break;
            }
            self.now.set(start);
            let mut timer = self.take(level, slot);
            while let Some(due) = timer {
                timer = due.next.get();
                due.previous.set(None);
                if due.tick.get() <= start {
                    expired(self.place(due), self.place(timer.unwrap_or(due)));
                } else {
                    self.append(due);
                }
            }
        }
        self.now.set(self.now.get().max(present));
    }

    /// Appends a timer to the slot where it belongs.
    fn append(&self, timer: &'static Timer) {
        let tick = timer.tick.get();
        let (level, slot) = self.position(tick);
        let Some(Slot { first, earliest }) = self.slot(level, slot) else { return };
        let Some(head) = first.get() else {
            timer.next.set(Some(timer));
            timer.previous.set(Some(timer));
            first.set(Some(timer));
            earliest.set(tick);
            self.mark(level, slot);
            return;
        };
        earliest.set(earliest.get().min(tick));
        timer.next.set(Some(head));
        let last = head.previous.replace(Some(timer));
        timer.previous.set(last);
        if let Some(last) = last {
            last.next.set(Some(timer));
        }
    }

    /// Empties a slot; its timers are left as a list that ends in none. Returns the first.
    fn take(&self, level: usize, slot: usize) -> Link {
        let head = self.slot(level, slot)?.first.take();
        self.clear(level, slot);
        head?.previous.get()?.next.set(None);
        head
    }

    /// Notes that a slot holds timers.
    fn mark(&self, level: usize, slot: usize) {
        if let Some(place) = self.levels.get(level) {
            place.occupied.set(place.occupied.get() | 1 << slot);
            self.occupied.set(self.occupied.get() | 1 << level);
        }
    }

    /// Notes that a slot holds none.
    fn clear(&self, level: usize, slot: usize) {
        if let Some(place) = self.levels.get(level) {
            place.occupied.set(place.occupied.get() & !(1 << slot));
            if place.occupied.get() == 0 {
                self.occupied.set(self.occupied.get() & !(1 << level));
            }
        }
    }

    fn slot(&self, level: usize, slot: usize) -> Option<&Slot> {
        self.levels.get(level)?.slots.get(slot % SLOTS)
    }

    /// The lowest occupied level and its first occupied slot.
    fn first_occupied(&self) -> Option<(usize, usize)> {
        let level = self.occupied.get().trailing_zeros() as usize;
        let slots = self.levels.get(level)?.occupied.get();
        Some((level, slots.trailing_zeros() as usize))
    }

    /// The level and slot of a tick after the present one.
    fn position(&self, tick: u64) -> (usize, usize) {
        let level = (tick ^ self.now.get()).max(1).ilog2() / DIGIT_BITS;
        let slot = tick >> (level * DIGIT_BITS) & (SLOTS as u64 - 1);
        #[expect(clippy::cast_possible_truncation, reason = "a slot is below 64")]
        (level as usize, slot as usize)
    }

    /// The first tick of a slot that lies ahead.
    fn start_of(&self, level: usize, slot: usize) -> u64 {
        let low = DIGIT_BITS * u32::try_from(level).unwrap_or(0);
        let above = self.now.get().checked_shr(low + DIGIT_BITS).unwrap_or(0);
        (above << DIGIT_BITS | slot as u64) << low
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// The most timers of a test.
    const MOST: usize = 130;

    fn wheel(nanos: u64, lateness: u64) -> Box<Wheel> {
        let timers = Box::leak((0..MOST).map(|_| Timer::new()).collect::<Box<[_]>>());
        let wheel = Box::new(Wheel::new());
        wheel.set_pace(Pace::new(Duration::from_nanos(lateness)));
        wheel.start(timers, nanos);
        wheel
    }

    /// A wheel beside a plain list of what it should hold.
    struct Pair {
        wheel: Box<Wheel>,
        inserted: usize,
        pending: Vec<(u64, usize)>,
        now: u64,
        /// How long a tick is.
        tick: u64,
    }

    impl Pair {
        fn insert(&mut self, after: u64) {
            let nanos = self.now + after;
            self.wheel.insert(self.inserted, nanos);
            let tick = nanos.div_ceil(self.tick).max(self.now / self.tick + 1);
            self.pending.push((tick, self.inserted));
            self.inserted += 1;
        }

        fn remove(&mut self, number: usize) {
            self.wheel.remove(number);
            self.pending.retain(|entry| entry.1 != number);
        }

        fn advance(&mut self, by: u64) -> (Vec<usize>, Vec<usize>) {
            self.now += by;
            let mut got = Vec::new();
            self.wheel.advance(self.now, |number, _| got.push(number));
            let present = self.now / self.tick;
            let mut due = self.pending.clone();
            due.retain(|entry| entry.0 <= present);
            self.pending.retain(|entry| entry.0 > present);
            due.sort_by_key(|entry| *entry);
            (got, due.into_iter().map(|entry| entry.1).collect())
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Timers go off in order, none early, none twice, none lost, removed ones never; and
        /// `next` is never later than the next one.
        #[test]
        fn a_wheel_is_a_sorted_list(
            start in 0..1_u64 << 60,
            lateness in 0..1_u64 << 37,
            steps in prop::collection::vec((0..4_u8, 0..45_u32, any::<u64>()), 1..120),
        ) {
            let wheel = wheel(start, lateness);
            let Pace { tick, patience } = wheel.pace.get();
            prop_assert_eq!(tick + patience, lateness.clamp(SHORTEST, 60_000_000_000));
            prop_assert!(tick >= SHORTEST);
            let mut pair = Pair { wheel, inserted: 0, pending: Vec::new(), now: start, tick };
            for (step, magnitude, random) in steps {
                let amount = random & ((1 << magnitude) - 1);
                match step {
                    0 | 1 => pair.insert(amount),
                    2 => {
                        let count = pair.inserted.max(1) as u64;
                        pair.remove((amount % count) as usize);
                    }
                    _ => {
                        let (got, expected) = pair.advance(amount);
                        prop_assert_eq!(got, expected);
                    }
                }
                let earliest = pair.pending.iter().map(|entry| entry.0 * tick + patience).min();
                prop_assert_eq!(pair.wheel.next().is_some(), earliest.is_some());
                prop_assert!(pair.wheel.next() <= earliest);
                prop_assert_eq!(pair.wheel.is_empty(), pair.pending.is_empty());
            }
        }
    }

    #[test]
    fn the_end_of_time_is_a_moment_like_others() {
        let wheel = wheel(0, 0);
        wheel.insert(7, u64::MAX);
        let last = LAST.div_ceil(SHORTEST) * SHORTEST;
        assert_eq!(wheel.next(), Some(last));
        let mut fired = Vec::new();
        wheel.advance(last - 1, |number, _| fired.push(number));
        assert!(fired.is_empty());
        wheel.advance(u64::MAX, |number, _| fired.push(number));
        assert_eq!(fired, [7]);
    }
}
