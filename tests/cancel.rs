//! Cancelling: every wait fails from then on, and nothing else happens.

mod support;

use barecoro::task::{self, Cancelled, JoinError, JoinHandle};
use barecoro::{Errno, Runtime};
use support::Trace;

#[test]
fn it_wakes_a_parked_task() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let parked = task::spawn(|| (task::cancelled(), task::park(), task::cancelled())).unwrap();
        task::yield_now();
        assert!(!parked.is_finished());
        parked.cancel();
        assert_eq!(parked.join().unwrap(), (false, Err(Cancelled), true));
    })
    .unwrap();
}

#[test]
fn later_waits_fail_at_once() {
    static R: Runtime<3> = Runtime::new();
    R.run(|| {
        let trace = Trace::new();
        let noted = trace.clone();
        let waits = task::spawn(move || {
            assert_eq!(task::park(), Err(Cancelled));
            noted.note("woken");
            assert_eq!(task::park(), Err(Cancelled));
            assert_eq!(task::park(), Err(Cancelled));
            let other = task::spawn(|| 1).unwrap();
            let Err(JoinError::Cancelled(other)) = other.join() else { panic!("it has waited") };
            noted.note("has not waited");
            // Yielding is no wait, and what has ended needs none.
            task::yield_now();
            other.join().unwrap()
        })
        .unwrap();
        task::yield_now();
        waits.cancel();
        task::yield_now();
        assert_eq!(trace.take(), ["woken", "has not waited"], "in one turn");
        assert_eq!(waits.join().unwrap(), 1);
    })
    .unwrap();
}

#[test]
fn a_join_that_is_cancelled_gives_the_handle_back() {
    static R: Runtime<3> = Runtime::new();
    R.run(|| {
        let joiner = task::spawn(|| {
            let slow = task::spawn(|| task::park().map(|()| "slow")).unwrap();
            match slow.join() {
                Err(JoinError::Cancelled(slow)) => slow,
                other => panic!("{other:?}"),
            }
        })
        .unwrap();
        task::yield_now();
        task::yield_now();
        joiner.cancel();
        let slow = joiner.join().unwrap();
        assert!(!slow.is_finished(), "only the one who waited was cancelled");
        slow.task().unpark();
        assert_eq!(slow.join().unwrap(), Ok("slow"));
        assert_eq!(Errno::from(JoinError::Cancelled(())), Errno::CANCELED);
    })
    .unwrap();
}

#[test]
fn a_task_can_be_cancelled_before_it_starts() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let task = task::spawn(|| (task::cancelled(), task::park())).unwrap();
        task.cancel();
        assert_eq!(task.join().unwrap(), (true, Err(Cancelled)), "it runs all the same");
    })
    .unwrap();
}

#[test]
fn cancelling_what_has_ended_does_nothing() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let ended = task::spawn(|| 7).unwrap();
        task::yield_now();
        ended.cancel();
        ended.cancel();
        assert_eq!(ended.join().unwrap(), 7);
        // The next task in the slot knows nothing of it.
        let next = task::spawn(|| (task::cancelled(), task::park())).unwrap();
        task::yield_now();
        next.task().unpark();
        assert_eq!(next.join().unwrap(), (false, Ok(())));
    })
    .unwrap();
}

#[test]
fn it_reaches_the_one_task_only() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let tasks = [(); 3].map(|()| task::spawn(task::park).unwrap());
        task::yield_now();
        tasks[1].cancel();
        (0..10).for_each(|_| task::yield_now());
        assert_eq!(tasks.each_ref().map(JoinHandle::is_finished), [false, true, false]);
        tasks[0].task().unpark();
        tasks[2].task().unpark();
        assert_eq!(tasks.map(|task| task.join().unwrap()), [Ok(()), Err(Cancelled), Ok(())]);
    })
    .unwrap();
}

#[test]
fn a_token_that_is_there_is_taken_first() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let task = task::spawn(|| [task::park(), task::park()]).unwrap();
        task.task().unpark();
        task.cancel();
        assert_eq!(task.join().unwrap(), [Ok(()), Err(Cancelled)]);
    })
    .unwrap();
}

#[test]
fn a_token_that_comes_with_the_cancellation_is_kept() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let park_thrice = || [task::park(), task::park(), task::park()];
        let task = task::spawn(park_thrice).unwrap();
        task::yield_now();
        task.cancel();
        task.task().unpark();
        assert_eq!(task.join().unwrap(), [Err(Cancelled), Ok(()), Err(Cancelled)]);

        // The other way round: the wait has ended before it was cancelled.
        let task = task::spawn(park_thrice).unwrap();
        task::yield_now();
        task.task().unpark();
        task.cancel();
        assert_eq!(task.join().unwrap(), [Ok(()), Err(Cancelled), Err(Cancelled)]);
    })
    .unwrap();
}

/// The one that is waited for ends, and the one that waits is cancelled, in the same turn.
#[test]
fn an_end_and_a_cancellation_may_meet() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let slow = task::spawn(|| task::park().map(|()| 5)).unwrap();
        let slow_task = slow.task();
        let joiner = task::spawn(move || match slow.join() {
            Ok(result) => result,
            Err(JoinError::Cancelled(slow)) => slow.join().unwrap(),
            Err(other) => panic!("{other:?}"),
        })
        .unwrap();
        task::yield_now();
        slow_task.unpark();
        joiner.cancel();
        assert_eq!(joiner.join().unwrap(), Ok(5));
    })
    .unwrap();
}

#[test]
fn a_task_may_cancel_itself() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let own = std::rc::Rc::new(core::cell::Cell::new(None));
        let inside = own.clone();
        let task = task::spawn(move || {
            let own: JoinHandle<_> = inside.take().unwrap();
            own.cancel();
            (task::cancelled(), task::park())
        })
        .unwrap();
        own.set(Some(task));
        task::yield_now();
        assert!(own.take().is_none());
    })
    .unwrap();
}

#[cfg(feature = "time")]
mod timed {
    use barecoro::task::WaitError;
    use barecoro::time::{self, Duration, Instant};

    use super::*;

    #[test]
    fn it_wakes_a_sleeper() {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let sleeper = task::spawn(|| {
                let first = time::sleep(Duration::from_secs(10_000));
                (first, time::sleep(Duration::from_secs(10_000)), time::sleep(Duration::ZERO))
            })
            .unwrap();
            task::yield_now();
            sleeper.cancel();
            let woken = sleeper.join().unwrap();
            assert_eq!(woken, (Err(Cancelled), Err(Cancelled), Err(Cancelled)));
        })
        .unwrap();
    }

    #[test]
    fn it_ends_waits_with_a_deadline() {
        static R: Runtime<3> = Runtime::new();
        R.run(|| {
            let far = Instant::now() + Duration::from_secs(10_000);
            let waits = task::spawn(move || {
                let parked = task::park_until(far);
                let other = task::spawn(task::park).unwrap();
                let Err(JoinError::Cancelled(other)) = other.join_until(far) else {
                    panic!("it has waited")
                };
                other.cancel();
                (parked, task::park_until(far), time::sleep_until(far))
            })
            .unwrap();
            task::yield_now();
            waits.cancel();
            let cancelled = Err(WaitError::Cancelled);
            assert_eq!(waits.join().unwrap(), (cancelled, cancelled, Err(Cancelled)));
        })
        .unwrap();
    }

    /// A timer of a wait that was cancelled does not disturb what follows.
    #[test]
    fn a_cancelled_sleep_leaves_no_timer() {
        static R: Runtime<16> = Runtime::new();
        R.run(|| {
            for _ in 0..50 {
                let sleepers = [(); 12]
                    .map(|()| task::spawn(|| time::sleep(Duration::from_millis(1))).unwrap());
                task::yield_now();
                sleepers.iter().for_each(JoinHandle::cancel);
                for sleeper in sleepers {
                    // It may have slept enough, on a busy machine.
                    let (Ok(()) | Err(Cancelled)) = sleeper.join().unwrap();
                }
            }
            let parked = task::spawn(task::park).unwrap();
            time::sleep(Duration::from_millis(5)).unwrap();
            assert!(!parked.is_finished());
            parked.cancel();
        })
        .unwrap();
    }
}
