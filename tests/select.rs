//! `select!`: exactly one thing happens, all have a chance, and nothing is lost.
#![cfg(feature = "sync")]

mod support;

use std::rc::Rc;

use barecoro::sync::{
    Channel, Mutex, Notify, OnceCell, RecvError, Semaphore, SendError, WaitGroup, oneshot,
};
use barecoro::task::{self, Cancelled, JoinError};
use barecoro::time::{self, Duration, Instant};
use barecoro::{RunError, Runtime, future, select};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn the_first_that_is_ready_is_taken_and_nothing_else_happens() {
    static R: Runtime<2> = Runtime::new();
    static A: Channel<u32, 2> = Channel::new();
    static B: Channel<u32, 2> = Channel::new();
    R.run(|| {
        B.send(2).unwrap();
        let got = select! {
            recv(A) -> item => item.unwrap() + 10,
            recv(B) -> item => item.unwrap() + 20,
        };
        assert_eq!(got, 22);
        assert!(A.is_empty() && B.is_empty());
        A.send(1).unwrap();
        B.send(2).unwrap();
        let got = select! {
            biased;
            recv(A) -> item => { item.unwrap() }
            recv(B) -> item => { item.unwrap() }
        };
        assert_eq!((got, A.len(), B.len()), (1, 0, 1));
    })
    .unwrap();
}

#[test]
fn with_default_it_does_not_wait() {
    static R: Runtime<2> = Runtime::new();
    static A: Channel<u32, 1> = Channel::new();
    R.run(|| {
        let try_it = || {
            select! {
                recv(A) -> item => Some(item.unwrap()),
                default => None,
            }
        };
        assert_eq!(try_it(), None);
        A.send(3).unwrap();
        assert_eq!(try_it(), Some(3));
        // Without a name, which need not be told of cancellations as it does not wait.
        let sent = select! { send(A, 4) => true, default => false };
        assert!(sent);
        let sent = select! { send(A, 5) => true, default => { false } };
        assert!(!sent);
        assert_eq!(A.recv(), Ok(4));
        assert_eq!(select! { default => 7 }, 7);
    })
    .unwrap();
}

#[test]
fn it_waits_for_the_first_and_leaves_the_others() {
    static R: Runtime<4> = Runtime::new();
    static A: Channel<u32, 0> = Channel::new();
    static B: Channel<u32, 0> = Channel::new();
    R.run(|| {
        let waiting = task::spawn(|| {
            select! {
                recv(A) -> item => ("a", item),
                recv(B) -> item => ("b", item),
                send(A, 9) => unreachable!(),
            }
        });
        task::yield_now();
        assert_eq!(B.try_send(5), Ok(()));
        // It has not run yet, but waits for A no more.
        assert_eq!(A.try_send(6).unwrap_err().into_inner(), 6);
        assert!(A.try_recv().is_err());
        assert_eq!(waiting.unwrap().join().unwrap(), ("b", Ok(5)));
        assert!(A.try_send(6).is_err() && A.try_recv().is_err());
    })
    .unwrap();
}

#[test]
fn all_that_are_ready_have_the_same_chance() {
    static R: Runtime<2> = Runtime::new();
    static NEVER: Channel<(), 0> = Channel::new();
    static N: [Notify; 4] = [const { Notify::new() }; 4];
    R.run(|| {
        let mut counts = [0_u32; 4];
        for _ in 0..4000 {
            N.iter().for_each(Notify::notify_one);
            let chosen = select! {
                wait(N[0]) => 0,
                recv(NEVER) -> _ => unreachable!(),
                wait(N[1]) => 1,
                wait(N[2]) => 2,
                wait(N[3]) => 3,
            };
            counts[chosen] += 1;
        }
        // Of 4000 each has 1000, give or take 27 as the usual deviation.
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
        let mut first = 0;
        for _ in 0..100 {
            N.iter().for_each(Notify::notify_one);
            select! { biased; wait(N[2]) -> _ => first += 1, wait(N[1]) => {} }
        }
        assert_eq!(first, 100);
    })
    .unwrap();
}

#[test]
fn deadlines_are_met_in_order_and_cost_nothing_when_something_else_comes() {
    static R: Runtime<4> = Runtime::new();
    static A: Channel<u32, 1> = Channel::new();
    R.run(|| {
        let start = Instant::now();
        let woken = select! {
            sleep(millis(500)) -> _ => "late",
            sleep_until(start + millis(10)) -> _ => "soon",
            recv(A) -> _ => "item",
        };
        assert_eq!(woken, "soon");
        assert!(start.elapsed() >= millis(10));
        A.send(1).unwrap();
        let woken = select! { biased; recv(A) -> _ => "item", sleep(millis(500)) => "late" };
        assert_eq!(woken, "item");
        // One that has passed is ready at once.
        let woken = select! { sleep_until(start) -> _ => "past", default => "default" };
        assert_eq!(woken, "past");
        let woken = select! { sleep(Duration::ZERO) -> _ => "now", default => "default" };
        assert_eq!(woken, "now");
        let woken = select! { sleep(millis(10)) -> _ => "now", default => "default" };
        assert_eq!(woken, "default");
    })
    .unwrap();
}

#[test]
fn it_joins_tasks() {
    static R: Runtime<4> = Runtime::new();
    static A: Channel<u32, 1> = Channel::new();
    R.run(|| {
        let mut quick = task::spawn(|| "done").unwrap();
        let mut slow = task::spawn(|| {
            A.recv().unwrap();
            "late"
        })
        .unwrap();
        let joined = select! {
            join(slow) -> result => result.unwrap(),
            join(quick) -> result => result.unwrap(),
        };
        assert_eq!(joined, "done");
        A.send(1).unwrap();
        let reference = &mut slow;
        assert_eq!(select! { join(*reference) -> result => result.unwrap() }, "late");
        // In scopes too; an error is the scope's.
        let ended = task::scope(|s| {
            let mut failing = s.spawn(|| Err::<(), _>("no")).unwrap();
            select! { join(failing) -> result => assert!(matches!(result, Err(JoinError::Failed | JoinError::Cancelled(())))) }
            Ok(())
        });
        assert_eq!(ended, Err("no"));
    })
    .unwrap();
}

#[test]
fn it_locks_and_acquires() {
    static R: Runtime<4> = Runtime::new();
    static M: Mutex<u32> = Mutex::new(1);
    static S: Semaphore = Semaphore::new(1);
    R.run(|| {
        let permit = S.acquire().unwrap();
        let got = select! {
            lock(M) -> guard => *guard.unwrap(),
            acquire(S) -> _ => unreachable!(),
        };
        assert_eq!(got, 1);
        let guard = M.lock().unwrap();
        let waiting = task::spawn(|| {
            select! {
                lock(M) -> guard => { *guard.unwrap() += 1; "locked" }
                acquire(S) -> permit => { assert_eq!(permit.unwrap().count(), 1); "acquired" }
            }
        });
        let waiting = waiting.unwrap();
        task::yield_now();
        drop(guard);
        drop(permit);
        assert_eq!(waiting.join().unwrap(), "locked", "it was the first to be given");
        assert_eq!(*M.try_lock().unwrap(), 2);
        assert!(S.try_acquire().is_some(), "the other was not taken");
        // A chosen lock is held until the guard is dropped, one that was not is not.
        select! { lock(M) -> guard => { let _guard = guard; assert!(M.try_lock().is_none()) } }
        assert!(M.try_lock().is_some());
    })
    .unwrap();
}

#[test]
fn it_waits_for_events_groups_and_replies() {
    static R: Runtime<4> = Runtime::new();
    static E: OnceCell<&str> = OnceCell::new();
    static G: WaitGroup = WaitGroup::new();
    static O: oneshot::Channel<u32> = oneshot::Channel::new();
    R.run(|| {
        let member = G.enter();
        let (sender, receiver) = O.split();
        let task = task::spawn(move || {
            let mut seen = Vec::new();
            let (mut event, mut group, mut reply) = (false, false, false);
            while seen.len() < 3 {
                // What has happened once stays ready.
                task::yield_now();
                select! {
                    wait(E) -> value => if !event { event = true; seen.push(value.unwrap().to_string()) },
                    wait(G) -> left => if !group { group = true; left.unwrap(); seen.push("group".into()) },
                    recv(receiver) -> item => if !reply { reply = true; seen.push(item.unwrap().to_string()) },
                }
            }
            seen
        })
        .unwrap();
        task::yield_now();
        sender.send(5).unwrap();
        task::yield_now();
        E.set("event").unwrap();
        task::yield_now();
        drop(member);
        let mut seen = task.join().unwrap();
        seen.sort_unstable();
        assert_eq!(seen, ["5", "event", "group"]);
    })
    .unwrap();
}

#[test]
fn it_polls_futures() {
    static R: Runtime<4> = Runtime::new();
    static A: Channel<u32, 1> = Channel::new();
    R.run(|| {
        let task = task::spawn(|| {
            task::yield_now();
            3
        });
        let future = async { task.unwrap().await.unwrap() * 2 };
        let got = select! {
            future(future) -> output => output.unwrap(),
            recv(A) -> item => item.unwrap(),
        };
        assert_eq!(got, 6);
        // One that is not ready is dropped, unless it was lent.
        let mut never = Box::pin(core::future::pending::<u32>());
        A.send(4).unwrap();
        let got = select! {
            future(never.as_mut()) -> output => output.unwrap(),
            recv(A) -> item => item.unwrap(),
        };
        assert_eq!(got, 4);
        // A future that wakes itself is polled again.
        let mut turns = 0;
        let yielding = core::future::poll_fn(|context| {
            turns += 1;
            context.waker().wake_by_ref();
            if turns == 5 { core::task::Poll::Ready(turns) } else { core::task::Poll::Pending }
        });
        assert_eq!(select! { future(yielding) -> turns => turns }, Ok(5));
        assert_eq!(future::block_on(async { 8 }), Ok(8));
    })
    .unwrap();
}

#[test]
fn what_is_behind_the_arrow_may_leave() {
    static R: Runtime<4> = Runtime::new();
    static A: Channel<u32, 4> = Channel::new();
    fn sum() -> Result<u32, RecvError> {
        let mut sum = 0;
        loop {
            select! {
                recv(A) -> item => match item? {
                    0 => break,
                    1 => continue,
                    9 => return Ok(99),
                    item => sum += item,
                },
                sleep(millis(1000)) => unreachable!(),
            }
        }
        Ok(sum)
    }
    R.run(|| {
        for item in [2, 1, 3, 0] {
            A.send(item).unwrap();
        }
        assert_eq!(sum(), Ok(5));
        A.send(9).unwrap();
        assert_eq!(sum(), Ok(99));
        A.close();
        assert_eq!(sum(), Err(RecvError::Closed));
    })
    .unwrap();
}

#[test]
fn a_cancellation_goes_to_who_can_tell_of_it() {
    static R: Runtime<4> = Runtime::new();
    static A: Channel<Box<u32>, 0> = Channel::new();
    static B: Channel<u32, 0> = Channel::new();
    R.run(|| {
        let waiting = task::spawn(|| {
            let first = select! {
                sleep(millis(5000)) => unreachable!(),
                send(A, Box::new(1)) -> sent => sent,
                recv(B) -> _ => unreachable!(),
            };
            let second = select! {
                recv(B) -> _ => unreachable!(),
                cancelled => "told",
            };
            (first, second)
        });
        let waiting = waiting.unwrap();
        task::yield_now();
        waiting.cancel();
        let (first, second) = waiting.join().unwrap();
        assert_eq!(first, Err(SendError::Cancelled(Box::new(1))));
        assert_eq!(second, "told");
        assert!(A.try_recv().is_err());
    })
    .unwrap();
}

#[test]
fn every_kind_of_arm_can_tell_of_a_cancellation() {
    static R: Runtime<4> = Runtime::new();
    static M: Mutex<()> = Mutex::new(());
    static S: Semaphore = Semaphore::new(0);
    static N: Notify = Notify::new();
    static E: OnceCell<u32> = OnceCell::new();
    static A: Channel<u32, 0> = Channel::new();
    static O: oneshot::Channel<u32> = oneshot::Channel::new();
    R.run(|| {
        let _guard = M.lock().unwrap();
        let mut never = task::spawn(|| {
            let _ended = task::park();
        })
        .unwrap();
        let (_sender, receiver) = O.split();
        let told = time_out(|| {
            select! { lock(M) -> r => assert!(matches!(r, Err(Cancelled))) }
            select! { acquire(S) -> r => assert!(matches!(r, Err(Cancelled))) }
            select! { wait(N) -> r => assert_eq!(r, Err(Cancelled)) }
            select! { wait(E) -> r => assert_eq!(r, Err(Cancelled)) }
            select! { recv(A) -> r => assert_eq!(r, Err(RecvError::Cancelled)) }
            select! { recv(receiver) -> r => assert_eq!(r, Err(RecvError::Cancelled)) }
            select! { send(A, 1) -> r => assert_eq!(r, Err(SendError::Cancelled(1))) }
            select! { sleep(millis(1000)) -> r => assert_eq!(r, Err(Cancelled)) }
            select! { future(core::future::pending::<()>()) -> r => assert_eq!(r, Err(Cancelled)) }
            select! { join(never) -> r => assert!(matches!(r, Err(JoinError::Cancelled(())))) }
        });
        assert!(told);
        never.cancel();
        never.join().unwrap();
    })
    .unwrap();
}

/// Calls `f` with its time up. Returns whether that ended a wait.
fn time_out(f: impl FnOnce()) -> bool {
    time::timeout(Duration::from_micros(1), || {
        task::yield_now();
        f();
    })
    .is_err()
}

#[test]
fn a_deadlock_ends_it() {
    static R: Runtime<4> = Runtime::new();
    static A: Channel<u32, 0> = Channel::new();
    support::in_child("a_deadlock_ends_it", || {
        let ended = R.run(|| {
            select! { recv(A) -> item => assert_eq!(item, Err(RecvError::Cancelled)) }
        });
        assert!(matches!(ended, Err(RunError::Deadlock)));
    })
    .well()
    .saying(&format!("waits for one of several events (at {}:", file!()));
}

/// What an arm is made of is evaluated once, in order, and gone before its body begins.
#[test]
fn arms_are_evaluated_once_and_end_before_the_body() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let trace = support::Trace::new();
        let channel = Rc::new(Channel::<u32, 1>::new());
        let note = |what| {
            trace.note(what);
            channel.clone()
        };
        select! {
            biased;
            recv(*note("recv")) -> _ => unreachable!(),
            send(*note("send"), { trace.note("item"); 1 }) -> sent => {
                sent.unwrap();
                assert_eq!(Rc::strong_count(&channel), 1, "the clones are gone");
                trace.note("body");
            }
        }
        assert_eq!(trace.take(), ["recv", "send", "item", "body"]);
        let mut task = task::spawn(|| 1).unwrap();
        let mut sum = 0;
        for _ in 0..3 {
            select! {
                join(task) -> value => {
                    sum += value.unwrap();
                    task = task::spawn(|| 1).unwrap();      // it is not borrowed any more
                }
            }
        }
        assert_eq!(sum, 3);
    })
    .unwrap();
}

#[test]
fn sixteen_arms_are_the_most() {
    static R: Runtime<2> = Runtime::new();
    static C: [Channel<usize, 1>; 16] = [const { Channel::new() }; 16];
    R.run(|| {
        for (n, channel) in C.iter().enumerate() {
            channel.send(n).unwrap();
            let got = select! {
                recv(C[0]) -> v => v, recv(C[1]) -> v => v, recv(C[2]) -> v => v, recv(C[3]) -> v => v,
                recv(C[4]) -> v => v, recv(C[5]) -> v => v, recv(C[6]) -> v => v, recv(C[7]) -> v => v,
                recv(C[8]) -> v => v, recv(C[9]) -> v => v, recv(C[10]) -> v => v, recv(C[11]) -> v => v,
                recv(C[12]) -> v => v, recv(C[13]) -> v => v, recv(C[14]) -> v => v, recv(C[15]) -> v => v,
                default => unreachable!(),
            };
            assert_eq!(got, Ok(n));
        }
    })
    .unwrap();
}

#[test]
fn it_waits_for_an_unpark() {
    static R: Runtime<4> = Runtime::new();
    static A: Channel<u32, 1> = Channel::new();
    R.run(|| {
        let task = task::spawn(|| {
            let mut seen = Vec::new();
            while seen.len() < 4 {
                seen.push(select! {
                    park() -> unparked => { unparked.unwrap(); 0 }
                    recv(A) -> item => item.unwrap(),
                });
            }
            // One that has come is still there for others.
            task::park().unwrap();
            // Without the arm an unpark ends nothing, and is kept.
            let item = select! { recv(A) -> item => item.unwrap() };
            assert_eq!(item, 9);
            assert!(select! { park() -> unparked => unparked.is_ok(), default => false });
            assert!(select! { park() -> _ => false, default => true });
            let told = select! { park() -> unparked => unparked, recv(A) -> _ => unreachable!() };
            assert_eq!(told, Err(Cancelled));
            seen
        })
        .unwrap();
        let other = task.task();
        task::yield_now();
        other.unpark(); // while it waits
        task::yield_now();
        A.send(5).unwrap();
        task::yield_now();
        other.unpark();
        other.unpark(); // twice is once
        task::yield_now();
        let unparker = task::current().unparker();
        std::thread::spawn(move || unparker.unpark()).join().unwrap();
        select! { park() -> unparked => unparked.unwrap(), sleep(millis(5000)) => unreachable!() }
        A.send(6).unwrap();
        task::yield_now();
        other.unpark(); // for its park
        task::yield_now();
        other.unpark(); // for nobody yet
        task::yield_now();
        A.send(9).unwrap();
        task::yield_now();
        task.cancel();
        assert_eq!(task.join().unwrap(), [0, 5, 0, 6]);
        // A future that unparks its own task, in the middle of looking.
        let unparking = core::future::poll_fn(|_| {
            task::current().unpark();
            core::task::Poll::<()>::Pending
        });
        select! {
            biased;
            park() -> unparked => unparked.unwrap(),
            future(unparking) -> _ => unreachable!(),
        }
    })
    .unwrap();
}

#[test]
fn it_acquires_several_permits() {
    static R: Runtime<4> = Runtime::new();
    static S: Semaphore = Semaphore::new(3);
    R.run(|| {
        let permit = select! { acquire(S, 2) -> permit => permit.unwrap() };
        assert_eq!((permit.count(), S.available_permits()), (2, 1));
        assert!(select! { acquire(S, 2) -> _ => false, sleep(millis(1)) => true });
        let waiting = task::spawn(|| {
            select! { acquire(S, 3) -> permit => permit.unwrap().count(), sleep(millis(5000)) => 0 }
        });
        task::yield_now();
        drop(permit);
        assert_eq!(waiting.unwrap().join().unwrap(), 3);
    })
    .unwrap();
}

#[test]
fn moments_of_an_interval_are_not_lost() {
    static R: Runtime<3> = Runtime::new();
    static C: Channel<u32, 0> = Channel::new();
    R.run(|| {
        let start = Instant::now();
        let mut interval = time::interval_at(start + millis(2), millis(2));
        let sender = task::spawn(|| {
            for item in 0..40 {
                time::sleep(Duration::from_micros(300)).unwrap();
                C.send(item).unwrap();
            }
        });
        let (mut ticks, mut items) = (Vec::new(), 0);
        while ticks.len() < 10 || items < 40 {
            select! {
                tick(interval) -> due => ticks.push(due.unwrap().duration_since(start)),
                recv(C) -> item => { assert_eq!(item, Ok(items)); items += 1 }
            }
        }
        assert!(ticks.iter().zip(1..).all(|(tick, n)| *tick == millis(2 * n)), "{ticks:?}");
        assert!(start.elapsed() >= millis(20));
        sender.unwrap().join().unwrap();
        // One that was not chosen is not taken, one that is due is ready.
        let mut interval = time::interval(millis(5000));
        assert!(select! { tick(interval) -> due => due.is_ok(), default => false });
        for _ in 0..3 {
            assert!(select! { tick(interval) -> _ => false, sleep(millis(1)) => true });
            assert!(select! { tick(interval) -> _ => false, default => true });
        }
        interval.reset_at(start);
        let due = select! { tick(interval) -> due => due };
        assert_eq!(due, Ok(start));
        let ended = time::timeout(millis(1), || select! { tick(interval) -> due => due.is_err() });
        assert!(ended.unwrap_err().0);
    })
    .unwrap();
}

/// What `select!` expands to is public; whoever calls it without the macro is held to its limits.
#[test]
fn more_than_sixteen_arms_are_refused() {
    use barecoro::sync::select::{CANCELLED, Rules, arm, select, sleep};

    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        let rules = Rules { fair: true, has_default: false, told: CANCELLED };
        let choose = |count: usize| {
            let mut sleeps: Vec<_> = (0..count).map(|n| sleep(millis(1 + n as u64))).collect();
            let mut arms: Vec<_> = sleeps.iter_mut().map(arm).collect();
            select(&mut arms, rules)
        };
        assert_eq!(choose(16), (0, false));
        assert!(std::panic::catch_unwind(|| choose(17)).is_err());
    })
    .unwrap();
}
