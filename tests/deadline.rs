//! Time limits around any code, and shields against them and against cancellation.

mod support;

use barecoro::task::{self, Cancelled, JoinError, WaitError};
use barecoro::time::{self, Duration, Elapsed, Instant};
use barecoro::{Coroutine, CoroutineResult, Errno, Runtime, stack::MappedStack};
use support::in_child;

const SOON: Duration = Duration::from_millis(5);
const LATER: Duration = Duration::from_millis(40);
const NEVER: Duration = Duration::from_secs(3600);

#[test]
fn what_is_in_time_is_not_touched() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        assert_eq!(time::timeout(NEVER, || time::sleep(SOON)), Ok(Ok(())));
        assert_eq!(time::timeout(Duration::ZERO, || 7), Ok(7), "it does not wait");
        task::current().unpark();
        assert_eq!(time::timeout(Duration::ZERO, task::park), Ok(Ok(())), "nor does this");
        assert_eq!(time::sleep(SOON), Ok(()), "and afterwards all is as before");
    })
    .unwrap();
}

#[test]
fn each_kind_of_wait_ends() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let start = Instant::now();
        assert_eq!(time::timeout(SOON, task::park), Err(Elapsed(Err(Cancelled))));
        assert_eq!(time::timeout(SOON, || time::sleep(NEVER)), Err(Elapsed(Err(Cancelled))));
        let until = || task::park_until(Instant::now() + NEVER);
        assert_eq!(time::timeout(SOON, until), Err(Elapsed(Err(WaitError::Cancelled))));
        let parked = task::spawn(|| task::park().is_ok()).unwrap();
        let Err(Elapsed(Err(JoinError::Cancelled(parked)))) = time::timeout(SOON, || parked.join())
        else {
            panic!("it was joined")
        };
        let joined = time::timeout(SOON, || parked.join_until(Instant::now() + NEVER));
        let Err(Elapsed(Err(JoinError::Cancelled(parked)))) = joined else { panic!("joined") };
        assert!(start.elapsed() >= 5 * SOON);
        parked.task().unpark();
        assert!(parked.join().unwrap());
    })
    .unwrap();
}

#[test]
fn what_the_function_returns_is_not_lost() {
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        let collected = time::timeout(LATER, || {
            let mut rounds = Vec::new();
            while time::sleep(SOON).is_ok() {
                rounds.push(rounds.len());
            }
            rounds
        });
        let Err(Elapsed(rounds)) = collected else { panic!("it has not ended: {collected:?}") };
        assert!(!rounds.is_empty() && rounds.len() <= 8, "{rounds:?}");
    })
    .unwrap();
}

#[test]
fn after_its_time_every_wait_fails_at_once() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let start = Instant::now();
        let ended = time::timeout(SOON, || {
            assert_eq!(task::park(), Err(Cancelled));
            assert!(task::cancelled());
            (0..100).all(|_| time::sleep(NEVER) == Err(Cancelled))
        });
        assert_eq!(ended, Err(Elapsed(true)));
        assert!(start.elapsed() < LATER, "{:?}", start.elapsed());
        assert!(!task::cancelled());
    })
    .unwrap();
}

#[test]
fn an_own_deadline_is_told_from_the_limit() {
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        let own_first = time::timeout(NEVER, || task::park_until(Instant::now() + SOON));
        assert_eq!(own_first, Ok(Err(WaitError::TimedOut)));
        let limit_first = time::timeout(SOON, || task::park_until(Instant::now() + LATER));
        assert_eq!(limit_first, Err(Elapsed(Err(WaitError::Cancelled))));
    })
    .unwrap();
}

#[test]
fn the_earlier_of_nested_limits_counts() {
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        let inner_first = time::timeout(NEVER, || {
            let inner = time::timeout(SOON, task::park);
            (inner, time::sleep(SOON))
        });
        assert_eq!(inner_first, Ok((Err(Elapsed(Err(Cancelled))), Ok(()))));
        let outer_first = time::timeout(SOON, || {
            let inner = time::timeout(NEVER, task::park);
            (inner, task::park())
        });
        assert_eq!(outer_first, Err(Elapsed((Ok(Err(Cancelled)), Err(Cancelled)))));
        let end = Instant::now() + SOON;
        let both = time::timeout_until(end, || time::timeout_until(end, task::park));
        // Of two that are the same, the inner one has ended the wait.
        assert_eq!(both, Ok(Err(Elapsed(Err(Cancelled)))));
    })
    .unwrap();
}

#[test]
fn a_deadline_in_the_past_or_at_the_end_of_time_is_one() {
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        let past = Instant::now() - NEVER;
        assert_eq!(time::timeout_until(past, task::park), Err(Elapsed(Err(Cancelled))));
        assert_eq!(time::timeout(Duration::MAX, || time::sleep(SOON)), Ok(Ok(())));
    })
    .unwrap();
}

#[test]
fn a_cancellation_in_it_is_none_of_its_business() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let task = task::spawn(|| time::timeout(NEVER, task::park)).unwrap();
        task::yield_now();
        task.cancel();
        assert_eq!(task.join().unwrap(), Ok(Err(Cancelled)));
    })
    .unwrap();
}

#[test]
fn it_is_handed_on_to_the_tasks_of_a_scope() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let ended = time::timeout(SOON, || {
            task::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| time::sleep(NEVER).map_err(Errno::from)).unwrap();
                }
                Ok(())
            })
        });
        assert_eq!(ended, Err(Elapsed(Err(Errno::CANCELED))));
    })
    .unwrap();
}

#[test]
fn a_coroutine_may_carry_it_away() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let stack = MappedStack::new(64 * 1024).unwrap();
        let mut coroutine =
            Coroutine::new(stack, |yielder, ()| time::timeout(SOON, || yielder.suspend(1)));
        let other = task::spawn(move || {
            assert_eq!(coroutine.resume(()), CoroutineResult::Yield(1));
            coroutine
        });
        let mut coroutine = other.unwrap().join().unwrap();
        // The task in which the limit began has ended; this one keeps what it has.
        let outer = time::timeout(LATER, || {
            assert_eq!(coroutine.resume(()), CoroutineResult::Return(Ok(())));
            time::sleep(2 * SOON).unwrap();
            task::park()
        });
        assert_eq!(outer, Err(Elapsed(Err(Cancelled))));
        assert_eq!(time::sleep(SOON), Ok(()));
    })
    .unwrap();
}

#[cfg(feature = "std")]
#[test]
fn a_panic_takes_it_away() {
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        let panicked = std::panic::catch_unwind(|| time::timeout(SOON, || panic!("on purpose")));
        assert!(panicked.is_err());
        assert_eq!(time::sleep(LATER), Ok(()));
        let panicked = std::panic::catch_unwind(|| task::shield(|| panic!("on purpose")));
        assert!(panicked.is_err());
        assert_eq!(time::timeout(SOON, task::park), Err(Elapsed(Err(Cancelled))));
    })
    .unwrap();
}

#[cfg(feature = "std")]
#[test]
fn an_outer_limit_hears_of_itself_through_a_panic() {
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        let ended = time::timeout(SOON, || {
            let inner = || time::timeout(NEVER, || task::park().unwrap());
            std::panic::catch_unwind(inner).is_err()
        });
        assert_eq!(ended, Err(Elapsed(true)));
    })
    .unwrap();
}

#[test]
fn a_shield_keeps_a_cancellation_for_later() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let task = task::spawn(|| {
            let inside = task::shield(|| {
                let first = time::sleep(SOON);
                let told = task::cancelled();
                (first, told, time::sleep(SOON))
            });
            (inside, task::cancelled(), task::park())
        })
        .unwrap();
        task::yield_now();
        task.cancel();
        assert_eq!(task.join().unwrap(), ((Ok(()), false, Ok(())), true, Err(Cancelled)));
    })
    .unwrap();
}

#[test]
fn a_shield_keeps_limits_away_but_for_its_own() {
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        let start = Instant::now();
        let ended = time::timeout(SOON, || {
            let inside = task::shield(|| {
                let own = time::timeout(SOON, task::park);
                (own, time::sleep(SOON))
            });
            (inside, task::park())
        });
        let inside = (Err(Elapsed(Err(Cancelled))), Ok(()));
        assert_eq!(ended, Err(Elapsed((inside, Err(Cancelled)))));
        assert!(start.elapsed() >= 2 * SOON);
    })
    .unwrap();
}

#[test]
fn shields_nest() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let task = task::spawn(|| {
            task::shield(|| {
                let inner = task::shield(|| time::sleep(SOON));
                (inner, time::sleep(SOON))
            })
        })
        .unwrap();
        task::yield_now();
        task.cancel();
        assert_eq!(task.join().unwrap(), (Ok(()), Ok(())));
    })
    .unwrap();
}

#[test]
fn a_deadlock_ends_a_shielded_wait() {
    in_child("a_deadlock_ends_a_shielded_wait", || {
        static R: Runtime<2> = Runtime::new();
        let ended = R.run(|| {
            let waits = (task::shield(task::park), task::shield(task::park));
            assert_eq!(waits, (Err(Cancelled), Err(Cancelled)));
        });
        assert!(matches!(ended, Err(barecoro::RunError::Deadlock)), "{ended:?}");
    })
    .well()
    .saying("1 task is parked and nothing can wake them")
    .saying("waits for an unpark");
}

#[test]
fn after_a_deadlock_shields_hold_for_who_comes_later() {
    in_child("after_a_deadlock_shields_hold_for_who_comes_later", || {
        static R: Runtime<2> = Runtime::new();
        let ended = R.run(|| {
            assert_eq!(task::park(), Err(Cancelled));
            let later = task::spawn(|| (task::shield(|| time::sleep(SOON)), task::park())).unwrap();
            task::yield_now();
            later.cancel();
            while !later.is_finished() {
                task::yield_now();
            }
            assert_eq!(later.join().unwrap(), (Ok(()), Err(Cancelled)));
        });
        assert!(matches!(ended, Err(barecoro::RunError::Deadlock)), "{ended:?}");
    })
    .well();
}

#[test]
fn many_limits_at_once_end_in_order() {
    static R: Runtime<101> = Runtime::new();
    let ended = core::cell::RefCell::new(Vec::new());
    R.run(|| {
        // Far enough ahead that all have begun before the first ends, also on a busy machine.
        let start = Instant::now() + Duration::from_millis(200);
        task::scope(|s| {
            for n in (0..100).rev() {
                let ended = &ended;
                s.spawn(move || {
                    let limit = start + Duration::from_millis(n / 2);
                    assert!(time::timeout_until(limit, || time::sleep(NEVER)).is_err());
                    ended.borrow_mut().push(n / 2);
                    Ok(())
                })
                .unwrap();
            }
            Ok::<_, Errno>(())
        })
    })
    .unwrap()
    .unwrap();
    let ended = ended.into_inner();
    assert!(ended.len() == 100 && ended.is_sorted(), "{ended:?}");
}
