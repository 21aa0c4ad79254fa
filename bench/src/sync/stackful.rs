//! Rings of tasks with stacks: barecoro's and may's.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::barecoro::{Runtime, sync, task};
use ::may::coroutine::{self, Coroutine};
use ::may::sync::mpsc;

use super::Shape;
use crate::bodies::{Scratch, World, each};
use crate::contender::Turns;

/// What leads from a task to the next.
pub trait Link: 'static {
    type Sender: 'static;
    type Receiver: 'static;
    /// Whether values come over, or only wake-ups.
    const CARRIES: bool;

    fn new() -> (Self::Sender, Self::Receiver);
    /// Done once by the task that receives.
    fn attach(_receiver: &Self::Receiver) {}
    fn send(sender: &Self::Sender, value: u64);
    fn receive(receiver: &Self::Receiver) -> u64;
}

/// What a task of a ring has.
pub struct Member<L: Link> {
    sender: L::Sender,
    receiver: L::Receiver,
}

/// A ring's tasks: each sends to the next, the last to the first.
fn ring<L: Link>(tasks: usize) -> impl Iterator<Item = Member<L>> {
    let (mut senders, receivers): (Vec<_>, Vec<_>) = (0..tasks).map(|_| L::new()).unzip();
    senders.rotate_left(1);
    senders.into_iter().zip(receivers).map(|(sender, receiver)| Member { sender, receiver })
}

/// All tasks but the first: hands on what comes.
#[inline(never)]
fn pass_on<const K: u64, L: Link>(world: &World, member: &Member<L>) {
    L::attach(&member.receiver);
    world.begin();
    let mut scratch = Scratch::<K>::new();
    loop {
        let value = L::receive(&member.receiver);
        scratch.step(value);
        L::send(&member.sender, value + 1);
        if !world.goes_on() {
            return;
        }
    }
}

/// The first task, which measures, and hands on as well.
fn serve<L: Link>(
    world: &World,
    member: &Member<L>,
    shape: Shape,
    turns: &Turns,
    yield_now: impl Fn(),
) {
    for _ in 0..shape.values {
        L::send(&member.sender, 0);
        for _ in 0..shape.gap() {
            yield_now();
        }
    }
    let mut done = 0;
    turns.serve(shape.hops(), |laps| {
        for _ in 0..laps * shape.values as u64 {
            let value = black_box(L::receive(&member.receiver));
            L::send(&member.sender, value + 1);
        }
        done += laps;
    });
    // Takes the values out, and tells the others to end.
    for _ in 0..shape.values {
        let value = L::receive(&member.receiver);
        assert!(!L::CARRIES || value + 1 == (done + 1) * shape.tasks as u64, "none is left out");
    }
    world.stop();
    L::send(&member.sender, 0);
    L::receive(&member.receiver);
}

/// Starts the others, and then does the first task's work, in which it is called.
fn run<L: Link>(
    shape: Shape,
    turns: &Turns,
    bodies: [fn(&'static World, Member<L>); 16],
    yield_now: impl Fn(),
) {
    let world = World::new();
    let mut members = ring::<L>(shape.tasks);
    let first = members.next().expect("a task");
    L::attach(&first.receiver);
    for (member, body) in members.zip(bodies.iter().cycle().skip(1)) {
        body(world, member);
    }
    // On a busy machine it takes may's worker a while to come to all of them.
    while !world.has_begun(shape.tasks - 1) {
        yield_now();
    }
    serve(world, &first, shape, turns, yield_now);
}

/// barecoro: a channel of capacity `N`.
pub struct Channel<const N: usize>;

impl<const N: usize> Link for Channel<N> {
    type Sender = &'static sync::Channel<u64, N>;
    type Receiver = Self::Sender;
    const CARRIES: bool = true;

    fn new() -> (Self::Sender, Self::Receiver) {
        let channel = &*Box::leak(Box::new(sync::Channel::new()));
        (channel, channel)
    }

    #[inline(always)]
    fn send(sender: &Self::Sender, value: u64) {
        sender.send(value).expect("an open channel");
    }

    #[inline(always)]
    fn receive(receiver: &Self::Receiver) -> u64 {
        receiver.recv().expect("an open channel")
    }
}

/// barecoro: `Notify`.
pub struct Notify;

impl Link for Notify {
    type Sender = &'static sync::Notify;
    type Receiver = Self::Sender;
    const CARRIES: bool = false;

    fn new() -> (Self::Sender, Self::Receiver) {
        let notify = &*Box::leak(Box::new(sync::Notify::new()));
        (notify, notify)
    }

    #[inline(always)]
    fn send(sender: &Self::Sender, _: u64) {
        sender.notify_one();
    }

    #[inline(always)]
    fn receive(receiver: &Self::Receiver) -> u64 {
        receiver.wait().expect("nobody cancels");
        0
    }
}

/// barecoro: `park` and `unpark`.
pub struct Park;

impl Link for Park {
    /// Who waits.
    type Sender = &'static Cell<Option<task::Task>>;
    type Receiver = Self::Sender;
    const CARRIES: bool = false;

    fn new() -> (Self::Sender, Self::Receiver) {
        let waits = &*Box::leak(Box::default());
        (waits, waits)
    }

    fn attach(receiver: &Self::Receiver) {
        receiver.set(Some(task::current()));
    }

    #[inline(always)]
    fn send(sender: &Self::Sender, _: u64) {
        sender.get().expect("the next task has begun").unpark();
    }

    #[inline(always)]
    fn receive(_: &Self::Receiver) -> u64 {
        task::park().expect("nobody cancels");
        0
    }
}

/// A ring in barecoro.
pub fn barecoro<L: Link>(shape: Shape, turns: &Turns) {
    fn start<const K: u64, L: Link>(world: &'static World, member: Member<L>) {
        drop(task::spawn(move || pass_on::<K, L>(world, &member)).expect("a slot for each task"));
    }

    // Each side of a comparison has a runtime of its own.
    let runtime: &'static Runtime<1_016> = Box::leak(Box::new(Runtime::new()));
    let ran = runtime.run(|| run(shape, turns, each!(start, L), task::yield_now));
    assert!(ran.is_ok(), "the runtime did not run: {ran:?}");
}

/// may: a channel of its mpsc.
pub struct Mpsc;

impl Link for Mpsc {
    type Sender = mpsc::Sender<u64>;
    type Receiver = mpsc::Receiver<u64>;
    const CARRIES: bool = true;

    fn new() -> (Self::Sender, Self::Receiver) {
        mpsc::channel()
    }

    fn send(sender: &Self::Sender, value: u64) {
        sender.send(value).expect("an open channel");
    }

    fn receive(receiver: &Self::Receiver) -> u64 {
        receiver.recv().expect("an open channel")
    }
}

/// may: `park` and `unpark`.
pub struct MayPark;

impl Link for MayPark {
    /// Who waits.
    type Sender = Arc<OnceLock<Coroutine>>;
    type Receiver = Self::Sender;
    const CARRIES: bool = false;

    fn new() -> (Self::Sender, Self::Receiver) {
        let waits = Arc::default();
        (Arc::clone(&waits), waits)
    }

    fn attach(receiver: &Self::Receiver) {
        receiver.get_or_init(coroutine::current);
    }

    fn send(sender: &Self::Sender, _: u64) {
        sender.get().expect("the next task has begun").unpark();
    }

    fn receive(_: &Self::Receiver) -> u64 {
        coroutine::park();
        0
    }
}

/// A ring in may, with one worker.
pub fn may<L>(shape: Shape, turns: Turns)
where
    L: Link<Sender: Send, Receiver: Send>,
{
    fn start<const K: u64, L>(world: &'static World, member: Member<L>)
    where
        L: Link<Sender: Send, Receiver: Send>,
    {
        drop(::may::go!(move || pass_on::<K, L>(world, &member)));
    }

    ::may::config().set_workers(1);
    let measure = ::may::go!(move || {
        // Its yield lets the same coroutine run again.
        let yield_now = || coroutine::sleep(Duration::from_millis(10));
        run(shape, &turns, each!(start, L), yield_now);
    });
    measure.join().expect("no panic");
}
