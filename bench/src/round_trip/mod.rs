//! One coroutine, resumed and suspended over and over in a tight loop.
//!
//! All sides pass a word in and a word out; barecoro and corosensei through the same code. This is
//! the variant that flatters: all is in the first-level cache, the processor predicts every jump, and
//! compilers inline what they can. It shows what the switch itself costs and not what a program pays; see
//! `yields` for that.

mod generator;

use std::hint::black_box;
use std::mem;

use barecoro::stack::MappedStack;
use corosensei::stack::DefaultStack;

use crate::comparison::Comparison;
use crate::contender::Turns;
use crate::foreign;
use crate::report::Row;
use crate::rounds::Effort;

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
    let mut rows = Comparison::new(name, 1)
        .subject("barecoro", move |turns| barecoro(&turns, depth))
        .peer("corosensei", move |turns| corosensei(&turns, depth))
        .peer("generator", move |turns| generator::run(&turns, depth))
        .foreign("Boost.Context", foreign::BOOST, &[name])
        .run(effort);
    if depth == Depth::Flat {
        rows[0].aim(0.9);
    }
    rows
}

/// How a coroutine suspends itself, in barecoro and in corosensei.
trait Suspend {
    fn suspend_with(&self, value: u64) -> u64;
}

macro_rules! suspend {
    ($($library:ident),*) => {$(
        impl Suspend for $library::Yielder<u64, u64> {
            #[inline(always)]
            fn suspend_with(&self, value: u64) -> u64 {
                self.suspend(value)
            }
        }
    )*};
}

suspend!(barecoro, corosensei);

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

/// For barecoro and corosensei, whose coroutines are alike. Each depth is a loop and a coroutine of
/// its own, so that nothing is shared or chosen inside.
macro_rules! workload {
    ($library:ident, $stack:expr, $new:ident) => {
        fn $library(turns: &Turns, depth: Depth) {
            use $library::{Coroutine, CoroutineResult, Yielder};

            fn run(turns: &Turns, body: impl FnOnce(&Yielder<u64, u64>, u64) + 'static) {
                let stack = $stack.expect("memory for a stack");
                let mut coroutine = Coroutine::<u64, u64, (), _>::$new(stack, body);
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
    };
}

workload!(barecoro, MappedStack::new(STACK_SIZE), new);
workload!(corosensei, DefaultStack::new(STACK_SIZE), with_stack);
