//! Rings of tasks that are futures.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Instant;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use futures_lite::future::yield_now;
use glommio::channels::local_channel::{self, LocalReceiver, LocalSender};
use local_sync::mpsc::bounded as local_sync_channel;
use tokio::sync::{Notify, mpsc};

use super::{MANY, Shape};
use crate::bodies::{Scratch, World, each};
use crate::contender::{Turns, warm_up};
use crate::libraries;

/// What leads from a task to the next.
trait Link: 'static {
    type Sender: 'static;
    type Receiver: 'static;
    /// Whether values come over, or only wake-ups.
    const CARRIES: bool;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver);
    async fn send(sender: &Self::Sender, value: u64);
    async fn receive(receiver: &mut Self::Receiver) -> u64;
}

/// What a task of a ring has.
struct Member<L: Link> {
    sender: L::Sender,
    receiver: L::Receiver,
}

/// A ring's tasks: each sends to the next, the last to the first.
fn ring<L: Link>(shape: Shape) -> impl Iterator<Item = Member<L>> {
    let links = (0..shape.tasks).map(|_| L::new(shape.capacity));
    let (mut senders, receivers): (Vec<_>, Vec<_>) = links.unzip();
    senders.rotate_left(1);
    senders.into_iter().zip(receivers).map(|(sender, receiver)| Member { sender, receiver })
}

/// All tasks but the first: hands on what comes.
async fn pass_on<const K: u64, L: Link>(world: &'static World, mut member: Member<L>) {
    let mut scratch = Scratch::<K>::new();
    loop {
        let value = L::receive(&mut member.receiver).await;
        scratch.step(value);
        L::send(&member.sender, value + 1).await;
        if !world.goes_on() {
            return;
        }
    }
}

/// The first task, which measures, and hands on as well.
async fn measure<L: Link>(shape: Shape, turns: Turns, start: [fn(&'static World, Member<L>); 16]) {
    let world = World::new();
    let mut members = ring::<L>(shape);
    let mut first = members.next().expect("a task");
    for (member, start) in members.zip(start.iter().cycle().skip(1)) {
        start(world, member);
    }
    yield_now().await; // all wait
    for _ in 0..shape.values {
        L::send(&first.sender, 0).await;
        for _ in 0..shape.gap() {
            yield_now().await;
        }
    }
    let mut done = 0;
    while let Some(laps) = turns.next() {
        rounds(&mut first, shape, warm_up(laps)).await;
        let start = Instant::now();
        rounds(&mut first, shape, laps).await;
        turns.answer(start, laps * shape.hops());
        done += warm_up(laps) + laps;
    }
    // Takes the values out, and tells the others to end.
    for _ in 0..shape.values {
        let value = L::receive(&mut first.receiver).await;
        assert!(!L::CARRIES || value + 1 == (done + 1) * shape.tasks as u64, "none is left out");
    }
    world.stop();
    L::send(&first.sender, 0).await;
    L::receive(&mut first.receiver).await;
}

/// So many laps: the values go round.
async fn rounds<L: Link>(member: &mut Member<L>, shape: Shape, laps: u64) {
    for _ in 0..laps * shape.values as u64 {
        let value = black_box(L::receive(&mut member.receiver).await);
        L::send(&member.sender, value + 1).await;
    }
}

/// For each name, a function that runs a ring in a library.
macro_rules! rings {
    ($($name:ident: $library:ident, $link:ty;)*) => {$(
        pub(super) fn $name(shape: Shape, turns: Turns) {
            fn start<const K: u64>(world: &'static World, member: Member<$link>) {
                libraries::$library::start(pass_on::<K, $link>(world, member));
            }

            libraries::$library::run(measure::<$link>(shape, turns, each!(start)));
        }
    )*};
}

rings! {
    tokio_mpsc: tokio, TokioMpsc;
    tokio_notify: tokio, TokioNotify;
    tokio_waker: tokio, Flag;
    smol_channel: smol, AsyncChannel;
    smol_waker: smol, Flag;
    monoio_local_sync: monoio, LocalSync;
    monoio_waker: monoio, Flag;
    compio_local_sync: compio, LocalSync;
    compio_waker: compio, Flag;
    glommio_channel: glommio, Glommio;
    glommio_waker: glommio, Flag;
    embassy_channel_of_one: embassy, Embassy<1>;
    embassy_channel_of_many: embassy, Embassy<MANY>;
    embassy_polled_channel_of_one: embassy_polled, Embassy<1>;
    embassy_polled_channel_of_many: embassy_polled, Embassy<MANY>;
    embassy_signal: embassy, Signal;
    embassy_polled_signal: embassy_polled, Signal;
    embassy_polled_waker: embassy_polled, Flag;
}

/// tokio's mpsc.
struct TokioMpsc;

impl Link for TokioMpsc {
    type Sender = mpsc::Sender<u64>;
    type Receiver = mpsc::Receiver<u64>;
    const CARRIES: bool = true;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        mpsc::channel(capacity)
    }

    async fn send(sender: &Self::Sender, value: u64) {
        sender.send(value).await.expect("an open channel");
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        receiver.recv().await.expect("an open channel")
    }
}

/// tokio's `Notify`.
struct TokioNotify;

impl Link for TokioNotify {
    type Sender = Arc<Notify>;
    type Receiver = Arc<Notify>;
    const CARRIES: bool = false;

    fn new(_: usize) -> (Self::Sender, Self::Receiver) {
        let notify = Arc::default();
        (Arc::clone(&notify), notify)
    }

    async fn send(sender: &Self::Sender, _: u64) {
        sender.notify_one();
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        receiver.notified().await;
        0
    }
}

/// async-channel.
struct AsyncChannel;

impl Link for AsyncChannel {
    type Sender = async_channel::Sender<u64>;
    type Receiver = async_channel::Receiver<u64>;
    const CARRIES: bool = true;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        async_channel::bounded(capacity)
    }

    async fn send(sender: &Self::Sender, value: u64) {
        sender.send(value).await.expect("an open channel");
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        receiver.recv().await.expect("an open channel")
    }
}

/// local-sync's mpsc.
struct LocalSync;

impl Link for LocalSync {
    type Sender = local_sync_channel::Tx<u64>;
    type Receiver = local_sync_channel::Rx<u64>;
    const CARRIES: bool = true;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        local_sync_channel::channel(capacity)
    }

    async fn send(sender: &Self::Sender, value: u64) {
        assert!(sender.send(value).await.is_ok(), "an open channel");
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        receiver.recv().await.expect("an open channel")
    }
}

/// glommio's local channel.
struct Glommio;

impl Link for Glommio {
    type Sender = LocalSender<u64>;
    type Receiver = LocalReceiver<u64>;
    const CARRIES: bool = true;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        local_channel::new_bounded(capacity)
    }

    async fn send(sender: &Self::Sender, value: u64) {
        sender.send(value).await.expect("an open channel");
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        receiver.recv().await.expect("an open channel")
    }
}

/// embassy-sync's channel, for one thread.
struct Embassy<const N: usize>;

impl<const N: usize> Link for Embassy<N> {
    type Sender = Rc<embassy_sync::channel::Channel<NoopRawMutex, u64, N>>;
    type Receiver = Self::Sender;
    const CARRIES: bool = true;

    fn new(_: usize) -> (Self::Sender, Self::Receiver) {
        let channel = Rc::new(embassy_sync::channel::Channel::new());
        (Rc::clone(&channel), channel)
    }

    async fn send(sender: &Self::Sender, value: u64) {
        sender.send(value).await;
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        receiver.receive().await
    }
}

/// embassy-sync's `Signal`, for one thread.
struct Signal;

impl Link for Signal {
    type Sender = Rc<embassy_sync::signal::Signal<NoopRawMutex, u64>>;
    type Receiver = Self::Sender;
    const CARRIES: bool = true;

    fn new(_: usize) -> (Self::Sender, Self::Receiver) {
        let signal = Rc::new(embassy_sync::signal::Signal::new());
        (Rc::clone(&signal), signal)
    }

    async fn send(sender: &Self::Sender, value: u64) {
        sender.signal(value);
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        receiver.wait().await
    }
}

/// A flag and a waker: the least by which a task can wait for another.
#[derive(Default)]
struct Flag {
    raised: Cell<bool>,
    /// Of who waits. It stays the same, as nobody else waits.
    waker: RefCell<Option<Waker>>,
}

impl Link for Flag {
    type Sender = Rc<Self>;
    type Receiver = Rc<Self>;
    const CARRIES: bool = false;

    fn new(_: usize) -> (Self::Sender, Self::Receiver) {
        let flag = Rc::default();
        (Rc::clone(&flag), flag)
    }

    async fn send(sender: &Self::Sender, _: u64) {
        sender.raised.set(true);
        if let Some(waker) = &*sender.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    async fn receive(receiver: &mut Self::Receiver) -> u64 {
        poll_fn(|context| {
            if receiver.raised.take() {
                return Poll::Ready(0);
            }
            let mut waker = receiver.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                *waker = Some(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }
}
