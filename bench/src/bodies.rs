//! What the tasks do between two yields: sixteen bodies, the same in all libraries.
//!
//! A body does a little arithmetic on 64 bytes of its own frame (or of its future) and yields.
//! There are sixteen, each with a yield inlined into it, because a program yields in many places:
//! with a single one, the processor would predict the one jump it ends in from nothing but habit.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use generator::LocalGenerator;

/// An array of a function for each of the sixteen bodies. It may have another generic argument.
macro_rules! each {
    ($body:ident $(, $more:ty)?) => {
        [
            $body::<0 $(, $more)?>,
            $body::<1 $(, $more)?>,
            $body::<2 $(, $more)?>,
            $body::<3 $(, $more)?>,
            $body::<4 $(, $more)?>,
            $body::<5 $(, $more)?>,
            $body::<6 $(, $more)?>,
            $body::<7 $(, $more)?>,
            $body::<8 $(, $more)?>,
            $body::<9 $(, $more)?>,
            $body::<10 $(, $more)?>,
            $body::<11 $(, $more)?>,
            $body::<12 $(, $more)?>,
            $body::<13 $(, $more)?>,
            $body::<14 $(, $more)?>,
            $body::<15 $(, $more)?>,
        ]
    };
}
pub(crate) use each;

/// What the tasks of one contender share.
#[derive(Default)]
pub struct World {
    /// How many tasks have begun, where one waits for that.
    tasks_begun: AtomicU64,
    /// Whether the tasks shall end.
    stop: AtomicBool,
    /// How many turns the ended tasks had.
    turns: AtomicU64,
    /// How many tasks have ended.
    tasks_ended: AtomicU64,
    /// How many turns all had according to whoever measured.
    claimed: AtomicU64,
}

impl World {
    /// A world that stays for ever, as tasks borrow nothing that could end.
    pub fn new() -> &'static Self {
        Box::leak(Box::default())
    }

    /// Notes that a measuring loop counts on so many turns.
    pub fn claim(&self, turns: u64) {
        self.claimed.fetch_add(turns, Ordering::Relaxed);
    }

    /// Says that another task has begun.
    pub fn begin(&self) {
        self.tasks_begun.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether so many tasks have begun.
    pub fn has_begun(&self, tasks: usize) -> bool {
        self.tasks_begun.load(Ordering::Relaxed) == tasks as u64
    }

    /// Lets every task end when it has its next turn.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether so many tasks have ended.
    pub fn has_ended(&self, tasks: usize) -> bool {
        self.tasks_ended.load(Ordering::Relaxed) == tasks as u64
    }

    /// How many turns the tasks had for each that was claimed: about one if all took turns.
    pub fn fairness(&self) -> f64 {
        let (had, claimed) = (&self.turns, &self.claimed);
        had.load(Ordering::Relaxed) as f64 / claimed.load(Ordering::Relaxed) as f64
    }

    /// Checks that the tasks had the turns that were claimed, within ten per cent: tokio does not
    /// keep a strict order, and its other tasks were seen to have up to four per cent more turns
    /// than the one that measures, which is taken into account.
    ///
    /// # Panics
    ///
    /// If they had others.
    pub fn check(&self) {
        let fairness = self.fairness();
        assert!(
            (fairness - 1.0).abs() <= 0.1,
            "the tasks had {fairness} times the turns that the loop that measured them claims",
        );
    }

    /// Whether the tasks shall go on.
    #[inline(always)]
    pub fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn ended(&self, turns: u64) {
        self.turns.fetch_add(turns, Ordering::Relaxed);
        self.tasks_ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// A task's own memory.
pub struct Scratch<const K: u64>([u64; 8]);

impl<const K: u64> Scratch<K> {
    /// By how many bits body `K` rotates.
    const TURN: u32 = K as u32 + 1;

    /// As it is at first.
    pub const fn new() -> Self {
        Self([K; 8])
    }

    /// What body `K` does in a turn.
    #[inline(always)]
    pub fn step(&mut self, turn: u64) {
        let word = &mut self.0[(turn % 8) as usize];
        *word = (word.rotate_left(Self::TURN) ^ turn).wrapping_add(K);
        black_box(self);
    }
}

/// The sixteen bodies for barecoro.
pub const BARECORO: [fn(&'static World); 16] = each!(in_barecoro);

#[inline(never)]
fn in_barecoro<const K: u64>(world: &'static World) {
    let (mut scratch, mut turn) = (Scratch::<K>::new(), 0);
    while world.goes_on() {
        scratch.step(turn);
        turn += 1;
        barecoro::task::yield_now();
    }
    world.ended(turn);
}

/// How a body suspends itself in corosensei.
pub type Yielder = corosensei::Yielder<(), ()>;

/// The sixteen bodies for corosensei.
pub const COROSENSEI: [fn(&Yielder, &'static World); 16] = each!(in_corosensei);

#[inline(never)]
fn in_corosensei<const K: u64>(yielder: &Yielder, world: &'static World) {
    let (mut scratch, mut turn) = (Scratch::<K>::new(), 0);
    while world.goes_on() {
        scratch.step(turn);
        turn += 1;
        yielder.suspend(());
    }
    world.ended(turn);
}

/// The sixteen bodies for generator.
pub const GENERATOR: [fn(usize, &'static World) -> Generator; 16] = each!(in_generator);

/// A coroutine of generator.
pub type Generator = LocalGenerator<'static, (), ()>;

#[inline(never)]
fn in_generator<const K: u64>(stack_words: usize, world: &'static World) -> Generator {
    generator::Gn::new_scoped_opt_local(
        stack_words,
        move |mut scope: generator::Scope<'_, '_, (), ()>| {
            let (mut scratch, mut turn) = (Scratch::<K>::new(), 0);
            while world.goes_on() {
                scratch.step(turn);
                turn += 1;
                scope.yield_with(());
            }
            world.ended(turn);
        },
    )
}

/// The sixteen bodies for may.
pub const MAY: [fn(&'static World); 16] = each!(in_may);

#[inline(never)]
fn in_may<const K: u64>(world: &'static World) {
    let (mut scratch, mut turn) = (Scratch::<K>::new(), 0);
    while world.goes_on() {
        scratch.step(turn);
        turn += 1;
        may::coroutine::yield_now();
    }
    world.ended(turn);
}

/// A body for libraries with futures.
pub async fn future<const K: u64, Y: Future<Output = ()>>(
    world: &'static World,
    yield_now: impl Fn() -> Y,
) {
    let (mut scratch, mut turn) = (Scratch::<K>::new(), 0);
    while world.goes_on() {
        scratch.step(turn);
        turn += 1;
        yield_now().await;
    }
    world.ended(turn);
}
