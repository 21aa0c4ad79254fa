//! Locks, semaphores and what else tasks wait for: who gets it, in which order, and who does not.
#![cfg(feature = "sync")]

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use barecoro::sync::{
    Barrier, Channel, Condvar, Mutex, Notify, OnceCell, RwLock, Semaphore, WaitGroup, oneshot,
};
use barecoro::task::{self, Cancelled, WaitError};
use barecoro::time::{Duration, Instant};
use barecoro::{Errno, RunError, Runtime};

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(5)
}

#[test]
fn a_mutex_passes_in_order_and_nobody_overtakes() {
    static R: Runtime<8> = Runtime::new();
    static M: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    R.run(|| {
        let guard = M.lock().unwrap();
        for n in 0..4 {
            drop(task::spawn(move || M.lock().unwrap().push(n)).unwrap());
        }
        task::yield_now();
        drop(guard);
        assert!(M.try_lock().is_none(), "it has passed to the first");
        assert_eq!(M.lock_until(soon()).map(|mut all| all.push(9)), Ok(()));
        assert_eq!(*M.lock().unwrap(), [0, 1, 2, 3, 9]);
    })
    .unwrap();
}

#[test]
fn a_cancelled_task_locks_only_what_is_unlocked() {
    static R: Runtime<8> = Runtime::new();
    static M: Mutex<u32> = Mutex::new(1);
    R.run(|| {
        let guard = M.lock().unwrap();
        let task = task::spawn(|| {
            let waited = M.lock().map(|guard| *guard);
            task::yield_now();
            (waited, M.lock().map(|guard| *guard))
        });
        let task = task.unwrap();
        task::yield_now();
        task.cancel();
        task::yield_now();
        drop(guard);
        assert_eq!(task.join().unwrap(), (Err(Cancelled), Ok(1)));
        // It was given the lock, and was told to end before it ran: it has the lock.
        let guard = M.lock().unwrap();
        let task = task::spawn(|| M.lock().map(|guard| *guard)).unwrap();
        task::yield_now();
        drop(guard);
        task.cancel();
        assert_eq!(task.join().unwrap(), Ok(1));
        assert!(M.try_lock().is_some());
    })
    .unwrap();
}

#[test]
fn a_lock_that_is_locked_twice_is_a_deadlock_with_a_name() {
    static R: Runtime<8> = Runtime::new();
    static M: Mutex<u32> = Mutex::new(1).named("config");
    static W: RwLock<u32> = RwLock::new(1);
    let line = line!();
    let ended = support::in_child("a_lock_that_is_locked_twice_is_a_deadlock_with_a_name", || {
        let ended = R.run(|| {
            let _reading = W.read().unwrap();
            let other = task::spawn(|| drop(W.write())).unwrap();
            let _guard = M.lock().unwrap();
            assert!(M.lock().is_err());
            drop(other.join());
        });
        assert!(matches!(ended, Err(RunError::Deadlock)));
        R.run(|| assert_eq!(*M.lock().unwrap() + *W.write().unwrap(), 2)).unwrap();
    });
    let place = format!("waits for a lock for writing (at {}:{}:", file!(), line + 4);
    ended.well().saying("waits for a lock \"config\"\n").saying(&place);
}

#[test]
fn readers_and_writers_take_turns() {
    static R: Runtime<16> = Runtime::new();
    static W: RwLock<u32> = RwLock::new(0);
    R.run(|| {
        let trace = support::Trace::new();
        let (first, second) = (W.read().unwrap(), W.try_read().unwrap());
        assert!(W.try_write().is_none());
        let spawn = |name: &'static str, writes: bool| {
            let trace = trace.clone();
            task::spawn(move || {
                if writes {
                    let _guard = W.write().unwrap();
                    trace.note(name);
                    task::yield_now();
                } else {
                    let _guard = W.read().unwrap();
                    trace.note(name);
                    task::yield_now();
                }
                trace.note("end");
            })
            .unwrap()
        };
        let tasks = [("w1", true), ("r1", false), ("r2", false), ("w2", true), ("r3", false)]
            .map(|(name, writes)| spawn(name, writes));
        task::yield_now();
        assert!(W.try_read().is_none(), "a writer waits");
        drop((first, second));
        for task in tasks {
            task.join().unwrap();
        }
        assert_eq!(trace.take(), ["w1", "end", "r1", "r2", "end", "end", "w2", "end", "r3", "end"]);
        // A writer that gives up lets those behind it in.
        let reading = W.read().unwrap();
        let writer = task::spawn(|| W.write().map(drop)).unwrap();
        let reader = task::spawn(|| W.read().map(|value| *value)).unwrap();
        task::yield_now();
        writer.cancel();
        assert_eq!(writer.join().unwrap(), Err(Cancelled));
        assert_eq!(reader.join().unwrap(), Ok(0));
        drop(reading);
        let mut writing = W.write().unwrap();
        *writing = 4;
        assert!(W.read_until(soon()).is_err());
        let reading = writing.downgrade();
        assert_eq!(*W.try_read().unwrap() + *reading, 8);
        assert!(W.write_until(soon()).is_err());
    })
    .unwrap();
}

#[test]
fn permits_come_in_the_order_of_asking() {
    static R: Runtime<8> = Runtime::new();
    static S: Semaphore = Semaphore::new(3);
    R.run(|| {
        let two = S.acquire_many(2).unwrap();
        let many = task::spawn(|| S.acquire_many(3).map(|permit| permit.count())).unwrap();
        let few = task::spawn(|| S.acquire().map(|permit| permit.count())).unwrap();
        task::yield_now();
        assert!(S.try_acquire().is_none(), "somebody wants three, and came before");
        assert_eq!(S.available_permits(), 1);
        many.cancel();
        task::yield_now();
        assert_eq!(many.join().unwrap(), Err(Cancelled));
        assert_eq!(few.join().unwrap(), Ok(1), "nobody is before it any more");
        drop(two);
        assert_eq!(S.available_permits(), 3);
        S.acquire_many(2).unwrap().forget();
        assert_eq!(S.available_permits(), 1);
        assert!(S.acquire_many_until(2, soon()).is_err());
        let waiting = task::spawn(|| S.acquire_many(4).map(|permit| permit.count())).unwrap();
        task::yield_now();
        S.add_permits(3);
        assert_eq!(waiting.join().unwrap(), Ok(4));
        assert_eq!(S.available_permits(), 4);
    })
    .unwrap();
}

#[test]
fn a_notification_is_kept_or_wakes_one() {
    static R: Runtime<8> = Runtime::new();
    static N: Notify = Notify::new();
    R.run(|| {
        N.notify_one();
        N.notify_one();
        assert_eq!(N.wait(), Ok(()));
        assert_eq!(N.wait_until(soon()), Err(WaitError::TimedOut));
        let tasks: Vec<_> = (0..3).map(|_| task::spawn(|| N.wait()).unwrap()).collect();
        task::yield_now();
        // The first is notified, and then told to end; the second the other way round.
        N.notify_one();
        tasks[0].cancel();
        tasks[1].cancel();
        task::yield_now();
        N.notify_one();
        let ends: Vec<_> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
        assert_eq!(ends, [Ok(()), Err(Cancelled), Ok(())]);
        let tasks: Vec<_> = (0..3).map(|_| task::spawn(|| N.wait()).unwrap()).collect();
        task::yield_now();
        N.notify_waiters();
        assert!(tasks.into_iter().all(|task| task.join().unwrap().is_ok()));
        assert_eq!(N.wait_until(soon()), Err(WaitError::TimedOut), "nothing was kept");
    })
    .unwrap();
}

#[test]
fn a_condition_unlocks_while_it_waits() {
    static R: Runtime<8> = Runtime::new();
    static M: Mutex<u32> = Mutex::new(0);
    static C: Condvar = Condvar::new();
    R.run(|| {
        let tasks: Vec<_> = (1..4)
            .map(|wanted| {
                task::spawn(move || {
                    let guard = M.lock().unwrap();
                    *C.wait_while(guard, |value| *value < wanted).unwrap()
                })
                .unwrap()
            })
            .collect();
        for _ in 0..3 {
            task::yield_now();
            *M.lock().unwrap() += 1;
            C.notify_all();
        }
        assert!(tasks.into_iter().map(|task| task.join().unwrap()).eq([1, 2, 3]));
        let (guard, notified) = C.wait_until(M.lock().unwrap(), soon()).unwrap();
        assert!(!notified && *guard == 3);
        drop(guard);
        // One that is told to end has no lock, and does not swallow a notification.
        let first = task::spawn(|| C.wait(M.lock().unwrap()).map(drop)).unwrap();
        let second = task::spawn(|| C.wait(M.lock().unwrap()).map(drop)).unwrap();
        task::yield_now();
        let guard = M.lock().unwrap();
        C.notify_one();
        task::yield_now();
        first.cancel();
        task::yield_now();
        drop(guard);
        assert_eq!(first.join().unwrap(), Err(Cancelled), "it could not lock again");
        assert_eq!(second.join().unwrap(), Ok(()), "so the other was notified");
    })
    .unwrap();
}

#[test]
fn a_barrier_opens_for_all_and_closes_again() {
    static R: Runtime<8> = Runtime::new();
    static B: Barrier = Barrier::new(3);
    R.run(|| {
        for _ in 0..3 {
            let early = task::spawn(|| B.wait().map(drop)).unwrap();
            task::yield_now();
            early.cancel();
            assert_eq!(early.join().unwrap(), Err(Cancelled));
            let others: Vec<_> = (0..2).map(|_| task::spawn(|| B.wait()).unwrap()).collect();
            task::yield_now();
            assert!(others.iter().all(|task| !task.is_finished()));
            assert!(B.wait().unwrap().is_leader());
            assert!(others.into_iter().all(|task| !task.join().unwrap().unwrap().is_leader()));
        }
        assert!(Barrier::new(1).wait().unwrap().is_leader());
    })
    .unwrap();
}

#[test]
fn a_barrier_does_not_count_who_has_left_at_its_deadline() {
    static R: Runtime<8> = Runtime::new();
    static B: Barrier = Barrier::new(2);
    let later = || Instant::now() + Duration::from_secs(10);
    R.run(|| {
        for _ in 0..3 {
            assert_eq!(B.wait_until(soon()), Err(WaitError::TimedOut));
            assert_eq!(B.wait_until(Instant::now()), Err(WaitError::TimedOut));
            let cancelled = task::spawn(move || B.wait_until(later())).unwrap();
            task::yield_now();
            cancelled.cancel();
            assert_eq!(cancelled.join().unwrap(), Err(WaitError::Cancelled));
            // The first of two to come waits: the others have left.
            let first = task::spawn(move || B.wait_until(later())).unwrap();
            task::yield_now();
            assert!(!first.is_finished());
            // The last leads, and has not to wait.
            assert!(B.wait_until(Instant::now()).unwrap().is_leader());
            assert!(!first.join().unwrap().unwrap().is_leader());
            // The two forms meet.
            let first = task::spawn(move || B.wait_until(later())).unwrap();
            task::yield_now();
            assert!(B.wait().unwrap().is_leader());
            assert!(!first.join().unwrap().unwrap().is_leader());
        }
        assert!(Barrier::new(0).wait_until(Instant::now()).unwrap().is_leader());
    })
    .unwrap();
}

#[test]
fn a_value_is_computed_once() {
    static R: Runtime<8> = Runtime::new();
    R.run(|| {
        let (cell, tries) = (Rc::new(OnceCell::new()), Rc::new(Cell::new(0)));
        let tasks: Vec<_> = (0..4)
            .map(|n| {
                let (cell, tries) = (cell.clone(), tries.clone());
                task::spawn(move || {
                    cell.get_or_try_init(|| {
                        tries.set(tries.get() + 1);
                        task::yield_now();
                        if n < 2 { Err("not yet") } else { Ok(n) }
                    })
                    .unwrap()
                    .copied()
                })
                .unwrap()
            })
            .collect();
        let waiting = (cell.clone(), cell.clone());
        let waiting = task::spawn(move || waiting.0.wait().copied()).unwrap();
        let ends: Vec<_> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
        assert_eq!(ends, [Err("not yet"), Err("not yet"), Ok(2), Ok(2)]);
        assert_eq!((tries.get(), waiting.join().unwrap()), (3, Ok(2)));
        assert_eq!(cell.set(5), Err(5));
        // One that is set meanwhile stays.
        let cell = OnceCell::new();
        let value = cell.get_or_init(|| {
            assert_eq!(cell.set(1), Ok(()));
            2
        });
        assert_eq!(value, Ok(&1));
        let empty = OnceCell::<u32>::new();
        assert_eq!(empty.wait_until(soon()), Err(WaitError::TimedOut));
        assert!(empty.get().is_none() && empty.into_inner().is_none());
    })
    .unwrap();
}

#[test]
fn a_group_is_waited_for_until_it_is_empty() {
    static R: Runtime<8> = Runtime::new();
    static G: WaitGroup = WaitGroup::new();
    R.run(|| {
        assert_eq!(G.wait(), Ok(()));
        let member = G.enter();
        let other = member.clone();
        assert_eq!(G.wait_until(soon()), Err(WaitError::TimedOut));
        let waiting = task::spawn(|| G.wait()).unwrap();
        task::yield_now();
        drop(member);
        task::yield_now();
        assert!(!waiting.is_finished() && G.count() == 1);
        drop(other);
        assert_eq!(waiting.join().unwrap(), Ok(()));
    })
    .unwrap();
}

/// A run on another thread uses the same statics: a panic, which says what to do.
#[test]
fn two_runs_at_a_time_do_not_share() {
    let ended = support::in_child("two_runs_at_a_time_do_not_share", || {
        static R: [Runtime<4>; 2] = [const { Runtime::new() }; 2];
        static C: Channel<u32, 4> = Channel::new();
        R[0].run(|| {
            C.send(1).unwrap();
            std::thread::spawn(|| drop(R[1].run(|| C.recv()))).join().unwrap();
        })
        .unwrap();
    });
    assert!(!ended.status.success());
    ended.saying("Channel::recv was called while the run of another OS thread uses the same thing: sync::cross");
}

/// Runs on several threads, one after the other, use the same statics.
#[test]
fn runs_one_after_the_other_share() {
    static R: [Runtime<4>; 2] = [const { Runtime::new() }; 2];
    static M: Mutex<u64> = Mutex::new(0);
    static S: Semaphore = Semaphore::new(1);
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    std::thread::scope(|s| {
        for runtime in &R {
            s.spawn(move || {
                for _ in 0..2000 {
                    let _turn = TURN.lock().unwrap();
                    runtime
                        .run(|| {
                            let _permit = S.acquire().unwrap();
                            let other = task::spawn(|| *M.lock().unwrap() += 1).unwrap();
                            *M.lock().unwrap() += 1;
                            other.join().unwrap();
                        })
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(R[0].run(|| *M.lock().unwrap()).unwrap(), 8000);
}

/// Guards that outlive their run do no harm.
#[test]
fn guards_may_outlive_their_run() {
    static R: Runtime<4> = Runtime::new();
    static M: Mutex<u32> = Mutex::new(7);
    static S: Semaphore = Semaphore::new(1);
    static W: RwLock<u32> = RwLock::new(7);
    static G: WaitGroup = WaitGroup::new();
    static C: Channel<u32, 1> = Channel::new();
    let guards = || {
        let held = || (M.lock().unwrap(), S.acquire().unwrap(), W.write().unwrap(), G.enter());
        R.run(|| (held(), C.split())).unwrap()
    };
    let ((guard, permit, writing, member), halves) = guards();
    assert_eq!((*guard, *writing, permit.count()), (7, 7, 1));
    R.run(|| assert!(S.try_acquire().is_none() && W.try_read().is_none() && G.count() == 1))
        .unwrap();
    drop((guard, permit, writing, member, halves));
    R.run(|| {
        assert!(S.try_acquire().is_some() && W.try_read().is_some() && G.count() == 0);
        assert!(M.try_lock().is_some() && C.is_closed());
        C.reopen();
    })
    .unwrap();
    // Dropped within another run.
    let guards = guards();
    R.run(|| drop(guards)).unwrap();
    R.run(|| assert!(M.try_lock().is_some() && S.try_acquire().is_some() && C.is_closed()))
        .unwrap();
}

/// The item that a receiver has left behind after its run is dropped when the channel is used again,
/// and nothing is left of a panic in that.
#[test]
fn a_panic_of_a_stale_item_leaves_a_oneshot_as_new() {
    struct Panics(bool);
    impl Drop for Panics {
        fn drop(&mut self) {
            assert!(!self.0, "of a stale item");
        }
    }
    static R: Runtime<2> = Runtime::new();
    static O: oneshot::Channel<Panics> = oneshot::Channel::new();
    let receiver = R
        .run(|| {
            let (sender, receiver) = O.split();
            assert!(sender.send(Panics(true)).is_ok());
            receiver
        })
        .unwrap();
    drop(receiver);
    R.run(|| {
        let split = std::panic::catch_unwind(|| drop(O.split()));
        assert_eq!(split.unwrap_err().downcast_ref::<&str>(), Some(&"of a stale item"));
        let (sender, receiver) = O.split();
        assert!(sender.send(Panics(false)).is_ok());
        assert!(receiver.recv().is_ok());
    })
    .unwrap();
}

/// What is dropped while another thread's run has the thing is not taken off the count any more; a mutex
/// is not taken over at all.
#[test]
fn what_is_dropped_while_another_thread_has_the_thing_stays_counted() {
    static R: [Runtime<2>; 2] = [const { Runtime::new() }; 2];
    static S: Semaphore = Semaphore::new(1);
    static W: RwLock<u32> = RwLock::new(7);
    static G: WaitGroup = WaitGroup::new();
    static C: Channel<u32, 1> = Channel::new();
    static M: Mutex<u32> = Mutex::new(7);
    let held = || (S.acquire().unwrap(), W.write().unwrap(), G.enter(), C.split(), M.lock());
    let (permit, writing, member, halves, guard) = R[0].run(held).unwrap();
    let has_all =
        || S.try_acquire().is_none() && W.try_read().is_none() && G.count() == 1 && !C.is_closed();
    let (is_taken, was_taken) = std::sync::mpsc::channel();
    let (is_dropped, was_dropped) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        R[1].run(|| {
            assert!(has_all());
            let refused = std::panic::catch_unwind(|| drop(M.try_lock())).unwrap_err();
            let message = refused.downcast::<String>().unwrap();
            assert!(message.contains("while a guard from a former run exists"), "{message}");
            is_taken.send(()).unwrap();
            was_dropped.recv().unwrap();
            assert!(has_all() && M.try_lock().is_some());
        })
        .unwrap();
    });
    was_taken.recv().unwrap();
    drop((permit, writing, member, halves, guard));
    is_dropped.send(()).unwrap();
    thread.join().unwrap();
    R[0].run(|| assert!(has_all())).unwrap();
}

/// A writer that outlives its run goes on as a reader while another thread's run has the lock.
#[test]
fn a_guard_that_changes_too_late_still_unlocks() {
    static R: [Runtime<2>; 2] = [const { Runtime::new() }; 2];
    static W: RwLock<u32> = RwLock::new(7);
    let (sender, receiver) = std::sync::mpsc::channel();
    let writing = R[0].run(|| W.write().unwrap()).unwrap();
    let (is_taken, was_taken) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        R[1].run(|| {
            assert!(W.try_read().is_none());
            is_taken.send(()).unwrap();
            receiver.recv().unwrap();
        })
        .unwrap();
    });
    was_taken.recv().unwrap();
    let reading = writing.downgrade();
    sender.send(()).unwrap();
    thread.join().unwrap();
    assert_eq!(*reading, 7);
    drop(reading);
    R[0].run(|| assert!(W.try_write().is_some())).unwrap();
}

#[test]
fn outside_of_a_task_there_is_a_panic() {
    static M: Mutex<u32> = Mutex::new(7);
    support::in_child("outside_of_a_task_there_is_a_panic", || drop(M.try_lock()))
        .by_panic("Mutex::try_lock was called outside of a task: call it inside of Runtime::run");
}

#[test]
fn a_panic_unlocks() {
    static R: Runtime<4> = Runtime::new();
    // Without `std` a panic ends the process.
    if cfg!(feature = "std") && cfg!(panic = "unwind") {
        static M: Mutex<u32> = Mutex::new(7);
        R.run(|| {
            let task = task::spawn(|| {
                let _guard = M.lock().unwrap();
                panic!("with a lock");
            });
            assert!(task.unwrap().join().is_err());
            assert_eq!(*M.try_lock().unwrap(), 7);
        })
        .unwrap();
    }
}

#[test]
fn values_of_scopes_can_be_shared() {
    static R: Runtime<8> = Runtime::new();
    R.run(|| {
        let (sum, seen) = (Mutex::new(0), RefCell::new(Vec::new()));
        task::scope(|s| {
            for n in 0..5 {
                let (sum, seen) = (&sum, &seen);
                s.spawn(move || {
                    let mut sum = sum.lock()?;
                    task::yield_now();
                    *sum += n;
                    seen.borrow_mut().push(*sum);
                    Ok(())
                })
                .map_err(Errno::from)?;
            }
            Ok::<_, Errno>(())
        })
        .unwrap();
        assert_eq!((sum.into_inner(), seen.into_inner()), (10, vec![0, 1, 3, 6, 10]));
    })
    .unwrap();
}
