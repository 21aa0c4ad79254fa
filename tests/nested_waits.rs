//! Waits inside of polls, polls that go on in another task, and futures that wake themselves: no wake-up
//! is lost, and nobody is kept from running.
#![cfg(feature = "sync")]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use barecoro::stack::MappedStack;
use barecoro::sync::{Channel, Notify, cross};
use barecoro::task::{self, Cancelled};
use barecoro::time::{self, Duration};
use barecoro::{Coroutine, Runtime, future, select};

/// More than any of them takes.
const LIMIT: Duration = Duration::from_secs(2);

/// What others set, and whom they wake then.
#[derive(Clone, Default)]
struct Flag(Rc<(Cell<bool>, RefCell<Option<Waker>>)>);

impl Flag {
    fn set(&self) {
        self.0.0.set(true);
        self.0.1.take().unwrap().wake();
    }

    /// Whether it is set; if not, its waker will be woken.
    fn poll(&self, context: &std::task::Context<'_>) -> bool {
        if !self.0.0.get() {
            self.0.1.replace(Some(context.waker().clone()));
        }
        self.0.0.get()
    }
}

/// Is ready when it is polled for the second time, and sees to that by itself.
fn ready_at_the_second_poll() -> impl Future<Output = u32> {
    let mut was_polled = false;
    poll_fn(move |context| {
        if core::mem::replace(&mut was_polled, true) {
            return Poll::Ready(7);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Waits for both in one `block_on`, the first of which is polled before the second waits.
fn first_of(first: impl Future<Output = u32>, mut second: impl FnMut()) -> Option<u32> {
    let mut first = pin!(first);
    let both = poll_fn(|context| {
        let first = first.as_mut().poll(context);
        if first.is_pending() {
            second();
        }
        first
    });
    time::timeout(LIMIT, || future::block_on(both)).ok()?.ok()
}

#[test]
fn a_select_in_a_poll_keeps_the_wake_up_of_the_select_around_it() {
    static R: Runtime<2> = Runtime::new();
    static CHANNEL: Channel<u32, 1> = Channel::new();
    let got = R.run(|| {
        let tries = poll_fn(|_| {
            select! { recv(CHANNEL) => {}, default => {} }
            Poll::<()>::Pending
        });
        select! {
            biased;
            future(ready_at_the_second_poll()) -> got => got.ok(),
            future(tries) => None,
            sleep(LIMIT) => None,
        }
    });
    assert_eq!(got.unwrap(), Some(7));
}

#[test]
fn a_wait_for_a_future_in_a_poll_keeps_the_wake_up_of_the_wait_around_it() {
    static R: Runtime<2> = Runtime::new();
    let got =
        R.run(|| first_of(ready_at_the_second_poll(), || future::block_on(async {}).unwrap()));
    assert_eq!(got.unwrap(), Some(7));
}

#[test]
fn a_panic_in_a_poll_keeps_the_wake_up_of_the_wait_around_it() {
    static R: Runtime<2> = Runtime::new();
    let got = R.run(|| {
        first_of(ready_at_the_second_poll(), || {
            let inner = || future::block_on(poll_fn(|_| -> Poll<()> { panic!("in a poll") }));
            assert!(std::panic::catch_unwind(inner).is_err());
        })
    });
    assert_eq!(got.unwrap(), Some(7));
}

/// While `inner` waits in a poll, another task makes the flag true that the wait around it is for, and
/// then ends the inner wait by `end`: both before this one runs again if `at_once`.
fn inner_wait(runtime: &'static Runtime<3>, inner: fn(), end: fn(), at_once: bool) -> Option<u32> {
    let run = runtime.run(move || {
        let (flag, has_begun) = (Flag::default(), Rc::new(Notify::new()));
        let other = task::spawn({
            let (flag, has_begun) = (flag.clone(), Rc::clone(&has_begun));
            move || {
                has_begun.wait().unwrap();
                flag.set();
                if !at_once {
                    task::yield_now();
                }
                end();
            }
        });
        let is_set = poll_fn(|context| match flag.poll(context) {
            true => Poll::Ready(7),
            false => Poll::Pending,
        });
        let got = first_of(is_set, || {
            has_begun.notify_one();
            inner();
        });
        other.unwrap().join().unwrap();
        got
    });
    run.unwrap()
}

#[test]
fn a_wait_for_a_thread_in_a_poll_keeps_the_wake_up_of_the_wait_around_it() {
    static R: Runtime<3> = Runtime::new();
    static GO: cross::Notify = cross::Notify::new();
    for at_once in [false, true] {
        let got = inner_wait(&R, || GO.wait().unwrap(), || GO.notify_one(), at_once);
        assert_eq!(got, Some(7), "at once: {at_once}");
    }
}

#[test]
fn a_select_that_parks_in_a_poll_keeps_the_wake_up_of_the_wait_around_it() {
    static R: Runtime<3> = Runtime::new();
    static GO: Channel<(), 1> = Channel::new();
    for at_once in [false, true] {
        let inner = || select! { recv(GO) -> got => got.unwrap() };
        let got = inner_wait(&R, inner, || GO.send(()).unwrap(), at_once);
        assert_eq!(got, Some(7), "at once: {at_once}");
    }
}

#[test]
fn a_lock_that_is_waited_for_in_a_poll_keeps_the_wake_up_of_the_wait_around_it() {
    static R: Runtime<3> = Runtime::new();
    static GO: Notify = Notify::new();
    for at_once in [false, true] {
        let got = inner_wait(&R, || GO.wait().unwrap(), || GO.notify_one(), at_once);
        assert_eq!(got, Some(7), "at once: {at_once}");
    }
}

/// A future suspends the coroutine that waits for it, which then goes on in another task. Its waker
/// was for the first.
fn carried_to_another_task(
    runtime: &'static Runtime<4>,
    wait: fn(std::pin::Pin<&mut dyn Future<Output = u32>>) -> Option<u32>,
) -> Option<u32> {
    let run = runtime.run(move || {
        let flag = Flag::default();
        let stack = MappedStack::new(64 * 1024).unwrap();
        let mut coroutine = Coroutine::<(), (), Option<u32>>::new(stack, {
            let flag = flag.clone();
            move |yielder, ()| {
                let mut is_first = true;
                wait(pin!(poll_fn(|context| {
                    if flag.poll(context) {
                        return Poll::Ready(7);
                    }
                    if core::mem::take(&mut is_first) {
                        yielder.suspend(());
                    }
                    Poll::Pending
                })))
            }
        });
        assert!(coroutine.resume(()).as_return().is_none());
        let second = task::spawn(move || {
            time::timeout(LIMIT, || coroutine.resume(()).as_return().unwrap()).ok().flatten()
        });
        task::yield_now();
        flag.set();
        second.unwrap().join().unwrap()
    });
    run.unwrap()
}

#[test]
fn a_wait_for_a_future_may_go_on_in_another_task() {
    static R: Runtime<4> = Runtime::new();
    let got = carried_to_another_task(&R, |future| future::block_on(future).ok());
    assert_eq!(got, Some(7));
}

#[test]
fn a_select_may_go_on_in_another_task() {
    static R: Runtime<4> = Runtime::new();
    let got = carried_to_another_task(&R, |mut future| {
        select! {
            future(future.as_mut()) -> got => got.ok(),
            sleep(LIMIT) => None,
        }
    });
    assert_eq!(got, Some(7));
}

/// A future wakes itself and then resumes a coroutine, which begins a wait and is suspended in its poll.
fn begun_by_a_poll(
    runtime: &'static Runtime<2>,
    wait: fn(std::pin::Pin<&mut dyn Future<Output = ()>>),
) -> Option<u32> {
    let run = runtime.run(move || {
        let stack = MappedStack::new(64 * 1024).unwrap();
        let mut coroutine = Coroutine::<(), (), ()>::new(stack, move |yielder, ()| {
            let mut is_first = true;
            wait(pin!(poll_fn(|_| {
                if core::mem::take(&mut is_first) {
                    yielder.suspend(());
                }
                Poll::Ready(())
            })));
        });
        let mut polls = 0;
        let twice = poll_fn(|context| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(7);
            }
            context.waker().wake_by_ref();
            coroutine.resume(());
            Poll::Pending
        });
        let got = time::timeout(LIMIT, || future::block_on(twice)).ok().and_then(Result::ok);
        coroutine.resume(());
        got
    });
    run.unwrap()
}

#[test]
fn a_wait_that_a_poll_begins_in_a_coroutine_takes_nothing_away() {
    static R: Runtime<2> = Runtime::new();
    assert_eq!(begun_by_a_poll(&R, |future| future::block_on(future).unwrap()), Some(7));
}

#[test]
fn a_select_that_a_poll_begins_in_a_coroutine_takes_nothing_away() {
    static R: Runtime<2> = Runtime::new();
    let got = begun_by_a_poll(&R, |mut future| {
        select! { future(future.as_mut()) -> done => done.unwrap() }
    });
    assert_eq!(got, Some(7));
}

/// Lets others run, as the futures of that name do.
fn yield_once() -> impl Future<Output = ()> {
    let mut was_polled = false;
    poll_fn(move |context| {
        if core::mem::replace(&mut was_polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// How often it is looked at whether another task has run, until it has.
fn polls_until_another_runs(wait: impl FnOnce(std::pin::Pin<&mut dyn Future<Output = ()>>)) -> u32 {
    let has_run = Rc::new(Cell::new(false));
    let other = task::spawn({
        let has_run = Rc::clone(&has_run);
        move || has_run.set(true)
    });
    let mut polls = 0;
    wait(pin!(async {
        while !has_run.get() && polls < 1_000 {
            polls += 1;
            yield_once().await;
        }
    }));
    other.unwrap().join().unwrap();
    polls
}

#[test]
fn a_future_that_wakes_itself_lets_others_run() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let polls = polls_until_another_runs(|future| future::block_on(future).unwrap());
        assert!(polls <= 2, "{polls}");
        let polls = polls_until_another_runs(|mut future| {
            select! { future(future.as_mut()) -> done => done.unwrap(), sleep(LIMIT) => {} }
        });
        assert!(polls <= 2, "{polls}");
    })
    .unwrap();
}

#[test]
fn a_yield_in_a_poll_lets_others_run() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let flag = Flag::default();
        let other = task::spawn({
            let flag = flag.clone();
            move || flag.set()
        });
        let mut polls = 0;
        let outer = poll_fn(|context| {
            polls += 1;
            if flag.poll(context) || polls == 1_000 {
                return Poll::Ready(());
            }
            future::block_on(yield_once()).unwrap();
            Poll::Pending
        });
        future::block_on(outer).unwrap();
        other.unwrap().join().unwrap();
        assert!(polls <= 3, "{polls}");
    })
    .unwrap();
}

/// Never parks, and yet is told.
#[test]
fn a_future_that_wakes_itself_ends_when_it_is_told_to() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let for_ever = || async {
            loop {
                yield_once().await;
            }
        };
        let ended = time::timeout(Duration::from_millis(5), || future::block_on(for_ever()));
        assert!(matches!(ended, Err(time::Elapsed(Err(Cancelled)))), "{ended:?}");
        let ended = time::timeout(Duration::from_millis(5), || {
            select! { future(for_ever()) -> never => never }
        });
        assert!(matches!(ended, Err(time::Elapsed(Err(Cancelled)))), "{ended:?}");
        let endless = task::spawn(move || future::block_on(for_ever())).unwrap();
        task::yield_now();
        endless.cancel();
        assert!(matches!(endless.join().unwrap(), Err(Cancelled)));
    })
    .unwrap();
}
