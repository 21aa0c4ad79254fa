//! One coroutine, resumed and suspended over and over in a tight loop.
//!
//! All sides pass a word in and a word out; barecoro and corosensei through the same generic code. This is the variant
//! that flatters: all is in the first-level cache, the processor predicts every jump, and compilers
//! inline what they can. It shows what the switch itself costs and not what a program pays; see
//! `yields` for that.

mod generator;

use std::hint::black_box;
use std::mem;

use barecoro::stack::MappedStack;
use corosensei::stack::DefaultStack;

use crate::contender::{Contender, Turns};
use crate::foreign;
use crate::report::Row;
use crate::rounds::{self, Effort};

/// Round trips a lap.
const LAP: u64 = 1000;
const STACK_SIZE: usize = 64 * 1024;

/// Suspended right in the coroutine's function.
pub fn flat(effort: &Effort) -> Vec<Row> {
    compare(effort, "round_trip", Depth::Flat)
}

/// Suspended in a function that is not inlined, called for each round trip: both the call and the
/// return happen in the coroutine, with the resumer's frames between them in time.
pub fn outlined(effort: &Effort) -> Vec<Row> {
    compare(effort, "round_trip_outlined", Depth::Outlined)
}

/// Suspended three functions deep that are not inlined, all three called for each round trip: the
/// processor's predictor of returns has to get through the switch.
pub fn deep(effort: &Effort) -> Vec<Row> {
    compare(effort, "round_trip_deep", Depth::Deep)
}

#[derive(Clone, Copy, PartialEq)]
enum Depth {
    Flat,
    Outlined,
    Deep,
}

fn compare(effort: &Effort, name: &'static str, depth: Depth) -> Vec<Row> {
    let mut contenders = vec![
        Contender::start(move |turns| barecoro(&turns, depth)),
        Contender::start(move |turns| corosensei(&turns, depth)),
        Contender::start(move |turns| generator::run(&turns, depth)),
    ];
    let mut peers = vec!["corosensei", "generator"];
    match foreign::contender(foreign::BOOST, &[name]) {
        Ok(boost) => {
            contenders.push(boost);
            peers.push("Boost.Context");
        }
        Err(why) => eprintln!("SKIPPED: {name} with Boost.Context: {why}"),
    }
    let times = rounds::run(effort, name, &contenders);
    let rows = peers.into_iter().zip(&times[1..]).map(|(peer, theirs)| {
        let row = Row::new(name, peer, 1, &times[0], theirs);
        if peer == "corosensei" && depth == Depth::Flat { row.aim(0.9) } else { row }
    });
    rows.collect()
}

/// How a coroutine suspends itself, in barecoro and in corosensei.
trait Suspend {
    fn suspend_with(&self, value: u64) -> u64;
}

impl Suspend for barecoro::Yielder<u64, u64> {
    #[inline(always)]
    fn suspend_with(&self, value: u64) -> u64 {
        self.suspend(value)
    }
}

impl Suspend for corosensei::Yielder<u64, u64> {
    #[inline(always)]
    fn suspend_with(&self, value: u64) -> u64 {
        self.suspend(value)
    }
}

#[inline(always)]
fn flat_body<Y: Suspend>(yielder: &Y, mut value: u64) -> ! {
    loop {
        value = yielder.suspend_with(value.wrapping_add(1));
    }
}

#[inline(always)]
fn outlined_body<Y: Suspend>(yielder: &Y, mut value: u64) -> ! {
    loop {
        value = first(yielder, value);
    }
}

#[inline(always)]
fn deep_body<Y: Suspend>(yielder: &Y, mut value: u64) -> ! {
    loop {
        value = third(yielder, value);
    }
}

#[inline(never)]
fn first<Y: Suspend>(yielder: &Y, value: u64) -> u64 {
    yielder.suspend_with(value.wrapping_add(1))
}

/// Does something after the call, or it would become a jump.
#[inline(never)]
fn second<Y: Suspend>(yielder: &Y, value: u64) -> u64 {
    first(yielder, value).wrapping_add(1)
}

#[inline(never)]
fn third<Y: Suspend>(yielder: &Y, value: u64) -> u64 {
    second(yielder, value).wrapping_add(1)
}

/// Serves the turns with a loop of round trips.
#[inline(always)]
fn serve(turns: &Turns, mut resume: impl FnMut(u64) -> u64) {
    turns.serve(LAP, |laps| {
        let mut value = 0;
        for _ in 0..laps * LAP {
            value = resume(value);
        }
        black_box(value);
    });
}

/// Each depth is a loop and a coroutine of its own, so that nothing is shared or chosen inside.
fn barecoro(turns: &Turns, depth: Depth) {
    use barecoro::{Coroutine, CoroutineResult, Yielder};

    fn run(turns: &Turns, body: impl FnOnce(&Yielder<u64, u64>, u64) + 'static) {
        let stack = MappedStack::new(STACK_SIZE).expect("memory for a stack");
        let mut coroutine = Coroutine::<u64, u64, (), _>::new(stack, body);
        serve(turns, |value| match coroutine.resume(value) {
            CoroutineResult::Yield(value) => value,
            CoroutineResult::Return(()) => unreachable!("the loop does not end"),
        });
        mem::forget(coroutine); // suspended for ever
    }

    match depth {
        Depth::Flat => run(turns, |yielder, value| flat_body(yielder, value)),
        Depth::Outlined => run(turns, |yielder, value| outlined_body(yielder, value)),
        Depth::Deep => run(turns, |yielder, value| deep_body(yielder, value)),
    }
}

/// As [`barecoro`].
fn corosensei(turns: &Turns, depth: Depth) {
    use corosensei::{Coroutine, CoroutineResult, Yielder};

    fn run(turns: &Turns, body: impl FnOnce(&Yielder<u64, u64>, u64) + 'static) {
        let stack = DefaultStack::new(STACK_SIZE).expect("memory for a stack");
        let mut coroutine = Coroutine::<u64, u64, (), _>::with_stack(stack, body);
        serve(turns, |value| match coroutine.resume(value) {
            CoroutineResult::Yield(value) => value,
            CoroutineResult::Return(()) => unreachable!("the loop does not end"),
        });
        mem::forget(coroutine); // suspended for ever
    }

    match depth {
        Depth::Flat => run(turns, |yielder, value| flat_body(yielder, value)),
        Depth::Outlined => run(turns, |yielder, value| outlined_body(yielder, value)),
        Depth::Deep => run(turns, |yielder, value| deep_body(yielder, value)),
    }
}
