//! A hierarchical timing wheel whose timers lie wherever their owners put them.
//!
//! Time is counted in ticks of 1024 ns or a greater power of two. A tick's number is written with nine
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
//! Adding and removing take constant time, and the wheel needs no memory but its own.
#![expect(unsafe_code, reason = "links timers that lie on other stacks, by address")]

use core::cell::Cell;
use core::marker::PhantomPinned;
use core::ptr;

/// The shortest tick, as a power of two of nanoseconds: the best precision.
const SHORTEST: u32 = 10;
/// The longest: two seconds.
const LONGEST: u32 = 31;

const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;
/// Enough digits for 64 bits of nanoseconds in the shortest ticks.
const LEVELS: usize = 9;

const _: () =
    assert!(u64::BITS - SHORTEST <= 9 * DIGIT_BITS && LEVELS == 9, "a level for each digit");

/// A moment in the future and whom it concerns. In at most one wheel at a time.
pub(crate) struct Timer<T> {
    next: Cell<*const Self>,
    /// Null while the timer is in no wheel.
    previous: Cell<*const Self>,
    tick: Cell<u64>,
    value: T,
    _pinned: PhantomPinned,
}

impl<T> Timer<T> {
    /// A timer that is in no wheel.
    pub(crate) const fn new(value: T) -> Self {
        Self {
            next: Cell::new(ptr::null()),
            previous: Cell::new(ptr::null()),
            tick: Cell::new(0),
            value,
            _pinned: PhantomPinned,
        }
    }
}

/// All timers that have not gone off.
pub(crate) struct Wheel<T: 'static> {
    /// How long a tick is, as a power of two of nanoseconds.
    bits: Cell<u32>,
    /// The present tick.
    now: Cell<u64>,
    /// A bit for each level that holds a timer.
    occupied: Cell<u32>,
    levels: [Level<T>; LEVELS],
}

struct Level<T: 'static> {
    /// A bit for each slot that holds a timer.
    occupied: Cell<u64>,
    /// The first timer of each slot, in a ring: the first's previous is the last.
    first: [Cell<*const Timer<T>>; SLOTS],
    /// No timer in the slot is earlier. Exact unless an earlier one was removed.
    earliest: [Cell<u64>; SLOTS],
}

impl<T: Copy> Wheel<T> {
    /// An empty wheel, all bytes zero.
    #[expect(clippy::large_stack_arrays, reason = "evaluated at compile time, for statics")]
    pub(crate) const fn new() -> Self {
        Self {
            bits: Cell::new(0),
            now: Cell::new(0),
            occupied: Cell::new(0),
            levels: [const {
                Level {
                    occupied: Cell::new(0),
                    first: [const { Cell::new(ptr::null()) }; SLOTS],
                    earliest: [const { Cell::new(0) }; SLOTS],
                }
            }; LEVELS],
        }
    }

    /// Whether there are no timers.
    pub(crate) fn is_empty(&self) -> bool {
        self.occupied.get() == 0
    }

    /// Sets the present of an empty wheel, and how late its timers may be: that gives the length of
    /// its ticks. The longer they are, the fewer levels a timer goes down.
    pub(crate) fn start(&self, nanos: u64, lateness: u64) {
        debug_assert!(self.is_empty(), "the present of timers moves by `advance` only");
        self.bits.set(lateness.checked_ilog2().unwrap_or(0).clamp(SHORTEST, LONGEST));
        self.now.set(nanos >> self.bits.get());
    }

    /// The first tick that is not before `nanos`, or the last that 64 bits reach, in 584 years.
    fn tick_of(&self, nanos: u64) -> u64 {
        let bits = self.bits.get();
        let last = u64::MAX >> bits;
        (nanos >> bits).saturating_add((nanos & ((1 << bits) - 1) != 0).into()).min(last)
    }

    /// Adds a timer, to go off at the first tick that is not before `nanos`. One whose moment has
    /// passed goes off at the next tick.
    ///
    /// # Safety
    ///
    /// The timer stays where it is, alive, until it has gone off or was removed.
    pub(crate) unsafe fn insert(&self, timer: &Timer<T>, nanos: u64) {
        debug_assert!(timer.previous.get().is_null(), "a timer is in one wheel");
        timer.tick.set(self.tick_of(nanos).max(self.now.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { self.place(timer) }
    }

    /// Takes a timer out, if it is in.
    ///
    /// # Safety
    ///
    /// It is in this wheel or in none.
    pub(crate) unsafe fn remove(&self, timer: &Timer<T>) {
        if timer.previous.get().is_null() {
            return;
        }
        let (level, slot) = self.position(timer.tick.get());
        let (next, previous) = (timer.next.get(), timer.previous.get());
        // SAFETY: the neighbours are in the wheel, hence alive.
        unsafe {
            (*next).previous.set(previous);
            (*previous).next.set(next);
        }
        timer.previous.set(ptr::null());
        let Some((place, first)) = self.slot(level, slot) else { return };
        if ptr::eq(next, timer) {
            first.set(ptr::null());
            self.clear(level, place, slot);
        } else if ptr::eq(first.get(), timer) {
            first.set(next);
        }
    }

    /// When the next timer goes off, in nanoseconds: never later than it does, and exact unless
    /// timers were removed.
    pub(crate) fn next(&self) -> Option<u64> {
        let (level, slot) = self.first_occupied()?;
        let tick = self.levels.get(level)?.earliest.get(slot)?.get();
        Some(tick.saturating_mul(1 << self.bits.get()))
    }

    /// Moves the present on and calls `expired` with the value of each timer that has gone off,
    /// in the order of their ticks, those of one tick in the order in which they came.
    pub(crate) fn advance(&self, nanos: u64, mut expired: impl FnMut(T)) {
        let present = nanos >> self.bits.get();
        while let Some((level, slot)) = self.first_occupied() {
            let start = self.start_of(level, slot);
            if start > present {
                break;
            }
            self.now.set(start);
            let mut timer = self.take(level, slot);
            while let Some(due) = timer {
                // SAFETY: it was in the wheel, hence alive, and is so until `expired` is called.
                let (due, following) = unsafe { (&*due, (*due).next.get()) };
                due.previous.set(ptr::null());
                timer = (!following.is_null()).then_some(following);
                if due.tick.get() <= start {
                    expired(due.value);
                } else {
                    // SAFETY: as when it was inserted.
                    unsafe { self.place(due) }
                }
            }
        }
        self.now.set(self.now.get().max(present));
    }

    /// Appends a timer to the slot where it belongs.
    ///
    /// # Safety
    ///
    /// As for [`insert`](Self::insert).
    unsafe fn place(&self, timer: &Timer<T>) {
        let tick = timer.tick.get();
        let (level, slot) = self.position(tick);
        let Some((place, first)) = self.slot(level, slot) else { return };
        let Some(earliest) = place.earliest.get(slot) else { return };
        let head = first.get();
        if head.is_null() {
            timer.next.set(timer);
            timer.previous.set(timer);
            first.set(timer);
            earliest.set(tick);
            place.occupied.set(place.occupied.get() | 1 << slot);
            self.occupied.set(self.occupied.get() | 1 << level);
            return;
        }
        earliest.set(earliest.get().min(tick));
        // SAFETY: the ring's timers are in the wheel, hence alive.
        unsafe {
            let last = (*head).previous.get();
            timer.next.set(head);
            timer.previous.set(last);
            (*last).next.set(timer);
            (*head).previous.set(timer);
        }
    }

    /// Empties a slot; its timers are left as a list that ends in null.
    fn take(&self, level: usize, slot: usize) -> Option<*const Timer<T>> {
        let (place, first) = self.slot(level, slot)?;
        let head = first.replace(ptr::null());
        self.clear(level, place, slot);
        if head.is_null() {
            return None;
        }
        // SAFETY: the ring's timers are in the wheel, hence alive.
        unsafe { (*(*head).previous.get()).next.set(ptr::null()) };
        Some(head)
    }

    fn clear(&self, level: usize, place: &Level<T>, slot: usize) {
        place.occupied.set(place.occupied.get() & !(1 << slot));
        if place.occupied.get() == 0 {
            self.occupied.set(self.occupied.get() & !(1 << level));
        }
    }

    fn slot(&self, level: usize, slot: usize) -> Option<(&Level<T>, &Cell<*const Timer<T>>)> {
        let level = self.levels.get(level)?;
        Some((level, level.first.get(slot)?))
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

    /// A wheel beside a plain list of what it should hold.
    struct Pair {
        wheel: Box<Wheel<usize>>,
        timers: Vec<Box<Timer<usize>>>,
        pending: Vec<(u64, usize)>,
        now: u64,
        /// How long a tick is.
        tick: u64,
    }

    impl Pair {
        fn insert(&mut self, after: u64) {
            let number = self.timers.len();
            let nanos = self.now + after;
            let timer = Box::new(Timer::new(number));
            // SAFETY: the box stays until the end of the test, after the wheel's last use.
            unsafe { self.wheel.insert(&timer, nanos) };
            let tick = nanos.div_ceil(self.tick).max(self.now / self.tick + 1);
            self.pending.push((tick, number));
            self.timers.push(timer);
        }

        fn remove(&mut self, number: usize) {
            let Some(timer) = self.timers.get(number) else { return };
            // SAFETY: it was inserted here.
            unsafe { self.wheel.remove(timer) };
            self.pending.retain(|entry| entry.1 != number);
        }

        fn advance(&mut self, by: u64) -> (Vec<usize>, Vec<usize>) {
            self.now += by;
            let mut got = Vec::new();
            self.wheel.advance(self.now, |number| got.push(number));
            let present = self.now / self.tick;
            let mut due = self.pending.clone();
            due.retain(|entry| entry.0 <= present);
            self.pending.retain(|entry| entry.0 > present);
            due.sort_by_key(|entry| *entry);
            (got, due.into_iter().map(|entry| entry.1).collect())
        }
    }

    proptest! {
        /// Timers go off in order, none early, none twice, none lost, removed ones never; and
        /// `next` is never later than the next one.
        #[test]
        fn a_wheel_is_a_sorted_list(
            start in 0..1_u64 << 60,
            lateness in 0..40_u32,
            steps in prop::collection::vec((0..4_u8, 0..45_u32, any::<u64>()), 1..120),
        ) {
            let wheel = Box::new(Wheel::new());
            wheel.start(start, 1 << lateness);
            let tick = 1 << lateness.clamp(SHORTEST, LONGEST);
            let mut pair = Pair { wheel, timers: Vec::new(), pending: Vec::new(), now: start, tick };
            for (step, magnitude, random) in steps {
                let amount = random & ((1 << magnitude) - 1);
                match step {
                    0 | 1 => pair.insert(amount),
                    2 => {
                        let count = pair.timers.len().max(1) as u64;
                        pair.remove((amount % count) as usize);
                    }
                    _ => {
                        let (got, expected) = pair.advance(amount);
                        prop_assert_eq!(got, expected);
                    }
                }
                let earliest = pair.pending.iter().map(|entry| entry.0 * tick).min();
                prop_assert_eq!(pair.wheel.next().is_some(), earliest.is_some());
                prop_assert!(pair.wheel.next() <= earliest);
                prop_assert_eq!(pair.wheel.is_empty(), pair.pending.is_empty());
            }
        }
    }

    #[test]
    fn the_end_of_time_is_a_moment_like_others() {
        let wheel = Wheel::new();
        wheel.start(0, 0);
        let timer = Timer::new(7);
        // SAFETY: the timer outlives the wheel's use.
        unsafe { wheel.insert(&timer, u64::MAX) };
        let last = u64::MAX >> SHORTEST << SHORTEST;
        assert_eq!(wheel.next(), Some(last));
        let mut fired = Vec::new();
        wheel.advance(last - 1, |number| fired.push(number));
        assert!(fired.is_empty());
        wheel.advance(u64::MAX, |number| fired.push(number));
        assert_eq!(fired, [7]);
    }
}
