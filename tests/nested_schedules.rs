//! Thousands of schedules of waits inside of waits: futures that wait in their polls, wake themselves,
//! and are carried on by coroutines. Whatever they wait for happens, so each must end.
#![cfg(all(feature = "sync", feature = "sim"))]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use barecoro::stack::MappedStack;
use barecoro::sync::{Channel, Notify, cross};
use barecoro::task;
use barecoro::time::{self, Duration};
use barecoro::{Coroutine, Runtime, future, select};
use proptest::prelude::*;

/// More than everything takes, of the simulated time.
const LIMIT: Duration = Duration::from_secs(1);

/// What a task waits for.
#[derive(Clone, Debug)]
enum Wait {
    /// That a flag is set, by another task.
    Flag(usize),
    /// A turn of the others.
    Yield,
    /// An item, a notification, or a notification from outside: in a poll, by parking there.
    Item,
    Notification,
    Call,
    /// All of them, in one future.
    All(Vec<Self>),
    /// In a poll, by a wait inside of it.
    BlockOn(Box<Self>),
    Select(Box<Self>),
    /// In a coroutine, which is suspended in a poll and goes on in a later one.
    Coroutine(Box<Self>),
}

fn wait() -> impl Strategy<Value = Wait> {
    let leaf = prop_oneof![
        3 => (0..FLAGS).prop_map(Wait::Flag),
        1 => Just(Wait::Yield),
        1 => Just(Wait::Item),
        1 => Just(Wait::Notification),
        1 => Just(Wait::Call),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 1..4).prop_map(Wait::All),
            1 => inner.clone().prop_map(|wait| Wait::BlockOn(Box::new(wait))),
            1 => inner.clone().prop_map(|wait| Wait::Select(Box::new(wait))),
            1 => inner.prop_map(|wait| Wait::Coroutine(Box::new(wait))),
        ]
    })
}

const FLAGS: usize = 3;

/// What others do for those who wait.
#[derive(Default)]
struct World {
    flags: [(Cell<bool>, RefCell<Vec<Waker>>); FLAGS],
    items: Channel<(), 4>,
    notify: Notify,
    calls: cross::Notify,
    /// Whether a `select!` has waited for too long.
    is_in_vain: Cell<bool>,
}

impl World {
    fn set(&self, flag: usize) {
        let (is_set, wakers) = &self.flags[flag];
        is_set.set(true);
        for waker in wakers.take() {
            waker.wake();
        }
    }
}

type Pinned = Pin<Box<dyn Future<Output = ()>>>;

/// Ready at the poll in which it does this.
fn in_a_poll(mut act: impl FnMut() + 'static) -> Pinned {
    Box::pin(poll_fn(move |_| {
        act();
        Poll::Ready(())
    }))
}

fn future_of(wait: &Wait, world: &Rc<World>) -> Pinned {
    let world = Rc::clone(world);
    match wait.clone() {
        Wait::Flag(flag) => Box::pin(poll_fn(move |context| {
            let (is_set, wakers) = &world.flags[flag];
            if is_set.get() {
                return Poll::Ready(());
            }
            wakers.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })),
        Wait::Yield => {
            let mut was_polled = false;
            Box::pin(poll_fn(move |context| {
                if core::mem::replace(&mut was_polled, true) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            }))
        }
        Wait::Item => in_a_poll(move || world.items.recv().unwrap()),
        Wait::Notification => in_a_poll(move || world.notify.wait().unwrap()),
        Wait::Call => in_a_poll(move || world.calls.wait().unwrap()),
        Wait::All(waits) => {
            let mut left: Vec<_> = waits.iter().map(|wait| future_of(wait, &world)).collect();
            Box::pin(poll_fn(move |context| {
                left.retain_mut(|future| future.as_mut().poll(context).is_pending());
                if left.is_empty() { Poll::Ready(()) } else { Poll::Pending }
            }))
        }
        Wait::BlockOn(wait) => {
            in_a_poll(move || future::block_on(future_of(&wait, &world)).unwrap())
        }
        Wait::Select(wait) => in_a_poll(move || {
            select! {
                future(future_of(&wait, &world)) -> done => done.unwrap(),
                sleep(LIMIT) => world.is_in_vain.set(true),
            }
        }),
        Wait::Coroutine(wait) => {
            let stack = MappedStack::new(256 * 1024).unwrap();
            let mut coroutine = Coroutine::<(), (), ()>::new(stack, move |yielder, ()| {
                let mut future = future_of(&wait, &world);
                let mut suspensions = 2;
                let waits = poll_fn(|context| {
                    let poll = future.as_mut().poll(context);
                    if suspensions > 0 {
                        suspensions -= 1;
                        yielder.suspend(());
                    }
                    poll
                });
                future::block_on(waits).unwrap();
            });
            Box::pin(poll_fn(move |context| {
                if coroutine.resume(()).as_return().is_some() {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            }))
        }
    }
}

/// Some tasks wait; one does what they wait for, again and again, until all have ended.
fn all_end(seed: u64, waits: &[Wait]) {
    static R: Runtime<8> = Runtime::new();
    let run = R.builder().stack_size(512 * 1024).seed(seed).run(|| {
        let world = Rc::new(World::default());
        let left = Rc::new(Cell::new(waits.len()));
        let tasks: Vec<_> = waits
            .iter()
            .map(|wait| {
                let (wait, world, left) = (wait.clone(), Rc::clone(&world), Rc::clone(&left));
                task::spawn(move || {
                    let ended = time::timeout(LIMIT, || future::block_on(future_of(&wait, &world)));
                    left.set(left.get() - 1);
                    ended.is_ok()
                })
                .unwrap()
            })
            .collect();
        let mut turn = seed;
        while left.get() > 0 {
            turn = turn.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) | 1;
            match turn >> 61 {
                0 => world.set(turn as usize % FLAGS),
                // Full: nobody wants one now.
                1 => drop(world.items.try_send(())),
                2 => world.notify.notify_one(),
                3 => world.calls.notify_one(),
                4 | 5 => task::yield_now(),
                _ => time::sleep(Duration::from_micros(turn >> 8 & 7)).unwrap(),
            }
        }
        for (task, wait) in tasks.into_iter().zip(waits) {
            assert!(task.join().unwrap(), "seed {seed}: in vain: {wait:?}");
        }
        assert!(!world.is_in_vain.get(), "seed {seed}: in vain: {waits:?}");
    });
    run.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_wait_inside_of_waits_ends(
        seed in any::<u64>(),
        waits in prop::collection::vec(wait(), 1..6),
    ) {
        all_end(seed, &waits);
    }
}
