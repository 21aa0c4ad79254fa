//! Futures of other crates in tasks, and tasks as futures.
#![cfg(feature = "sync")]

mod support;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use barecoro::sync::Channel;
use barecoro::task::{self, Cancelled};
use barecoro::time::{self, Duration, Instant};
use barecoro::{RunError, Runtime, future, select};
use embassy_sync::blocking_mutex::raw::{CriticalSectionRawMutex, NoopRawMutex};
use futures::{SinkExt as _, StreamExt as _};

#[test]
fn a_future_is_woken_by_another_thread() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let (sender, receiver) = futures::channel::oneshot::channel();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(10));
            sender.send(5).unwrap();
        });
        assert_eq!(future::block_on(receiver), Ok(Ok(5)));
        thread.join().unwrap();
    })
    .unwrap();
}

#[test]
fn channels_of_futures_connect_tasks() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let (mut sender, receiver) = futures::channel::mpsc::channel::<u32>(1);
        let sending = task::spawn(move || {
            future::block_on(async {
                for item in 0..100 {
                    sender.send(item).await.unwrap();
                }
            })
        });
        let items = future::block_on(receiver.collect::<Vec<_>>()).unwrap();
        assert!(items.into_iter().eq(0..100));
        sending.unwrap().join().unwrap().unwrap();
    })
    .unwrap();
}

#[test]
fn embassy_connects_tasks() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let channel = embassy_sync::channel::Channel::<NoopRawMutex, u32, 2>::new();
        let signal = embassy_sync::signal::Signal::<NoopRawMutex, u32>::new();
        task::scope(|s| {
            s.spawn(|| {
                for item in 0..50 {
                    future::block_on(channel.send(item))?;
                }
                future::block_on(signal.wait()).map(drop)
            })
            .unwrap();
            for item in 0..50 {
                assert_eq!(future::block_on(channel.receive())?, item);
            }
            signal.signal(1);
            Ok::<_, Cancelled>(())
        })
        .unwrap();
    })
    .unwrap();
}

#[test]
fn several_futures_in_one_task() {
    static R: Runtime<8> = Runtime::new();
    R.run(|| {
        let tasks: futures::stream::FuturesUnordered<_> = (0..5_u64)
            .rev()
            .map(|n| {
                task::spawn(move || {
                    time::sleep(Duration::from_millis(4 * n)).unwrap();
                    n
                })
                .unwrap()
            })
            .collect();
        let ends = tasks.map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(future::block_on(ends).unwrap(), [0, 1, 2, 3, 4]);
        let (a, b) = (task::spawn(|| 1).unwrap(), task::spawn(|| 2).unwrap());
        let (a, b) = future::block_on(futures::future::join(a, b)).unwrap();
        assert_eq!(a.unwrap() + b.unwrap(), 3);
        // One that was polled and is dropped lets its task run on.
        let mut task = task::spawn(|| task::park().is_ok()).unwrap();
        let current = task.task();
        let polled = future::block_on(async { futures::poll!(&mut task).is_pending() });
        assert_eq!(polled, Ok(true));
        drop(task);
        current.unpark();
    })
    .unwrap();
}

#[test]
fn select_takes_futures_and_channels() {
    static R: Runtime<4> = Runtime::new();
    static C: Channel<u32, 1> = Channel::new();
    static SIGNAL: embassy_sync::signal::Signal<CriticalSectionRawMutex, u32> =
        embassy_sync::signal::Signal::new();
    // embassy's critical section is a lock of std's in tests.
    R.run(|| {
        let waiting = task::spawn(|| {
            let mut seen = Vec::new();
            while seen.len() < 2 {
                select! {
                    future(SIGNAL.wait()) -> value => seen.push(value.unwrap()),
                    recv(C) -> item => seen.push(item.unwrap()),
                }
            }
            seen
        });
        task::yield_now();
        SIGNAL.signal(1);
        task::yield_now();
        C.send(2).unwrap();
        assert_eq!(waiting.unwrap().join().unwrap(), [1, 2]);
    })
    .unwrap();
}

#[test]
fn a_cancelled_task_drops_its_future() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let drops = support::Drops::new();
        let token = drops.token();
        let task = task::spawn(move || {
            future::block_on(async move {
                let _token = token;
                std::future::pending::<()>().await;
            })
        });
        let task = task.unwrap();
        task::yield_now();
        task.cancel();
        assert_eq!(task.join().unwrap(), Err(Cancelled));
        assert_eq!(drops.count(), 1);
    })
    .unwrap();
}

/// Wakers outlive their task and their run, are woken late and dropped elsewhere, and do no harm.
#[test]
fn late_wakers_are_harmless() {
    static R: Runtime<2> = Runtime::new();
    let wakers = R.run(|| {
        let mut wakers = Vec::new();
        for _ in 0..3 {
            let task = task::spawn(|| {
                let mut kept = None;
                let polled = std::future::poll_fn(|context: &mut Context<'_>| {
                    kept = Some(context.waker().clone());
                    Poll::Ready(())
                });
                future::block_on(polled).unwrap();
                kept.unwrap()
            });
            wakers.push(task.unwrap().join().unwrap());
        }
        assert!(wakers[0].will_wake(&wakers[2]), "they had the same slot");
        // The slot's next task parks: nobody unparks it.
        let other = wakers.clone();
        let parked = task::spawn(move || {
            let thread = std::thread::spawn(move || other.into_iter().for_each(Waker::wake));
            thread.join().unwrap();
            task::park_until(Instant::now() + Duration::from_millis(5))
        });
        assert!(parked.unwrap().join().unwrap().is_err());
        wakers
    });
    let wakers = wakers.unwrap();
    wakers.iter().for_each(Waker::wake_by_ref);
    std::thread::spawn(move || wakers.into_iter().for_each(Waker::wake)).join().unwrap();
    // Nobody could wake anybody any more, so a deadlock is seen.
    let ended = R.run(|| future::block_on(std::future::pending::<()>()));
    assert!(matches!(ended, Err(RunError::Deadlock)));
}

/// A handle is polled with somebody else's waker.
#[test]
fn the_end_of_a_task_wakes_any_waker() {
    static R: Runtime<4> = Runtime::new();
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    R.run(|| {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let mut context = Context::from_waker(&waker);
        let mut task = pin!(task::spawn(|| 8).unwrap());
        assert!(task.as_mut().poll(&mut context).is_pending());
        assert!(task.as_mut().poll(&mut context).is_pending());
        task::yield_now();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(matches!(task.as_mut().poll(&mut context), Poll::Ready(Ok(8))));
        assert_eq!(Arc::strong_count(&count), 2, "none is kept");
    })
    .unwrap();
}

/// Who awaits a task of the same run cannot end a deadlock from outside.
#[test]
fn a_deadlock_of_tasks_that_await_each_other_is_found() {
    static R: Runtime<2> = Runtime::new();
    static C: Channel<u32, 1> = Channel::new();
    let run = R.run(|| {
        let stuck = task::spawn(|| C.recv()).unwrap();
        assert!(future::block_on(stuck).is_err());
    });
    assert!(matches!(run, Err(RunError::Deadlock)), "{run:?}");
    // Also where it was polled once, and is waited for in another way.
    let run = R.run(|| {
        let mut stuck = task::spawn(|| C.recv()).unwrap();
        select! { biased; future(&mut stuck) => {}, default => {} }
        assert!(stuck.join().is_err());
    });
    assert!(matches!(run, Err(RunError::Deadlock)), "{run:?}");
}
