//! Intervals: when their moments come, also when they are missed or a wait is cancelled.
#![cfg(feature = "time")]

mod support;

use barecoro::time::{self, Duration, Instant, MissedTickBehavior};
use barecoro::{Runtime, task};
use support::in_child;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn moments_are_a_period_apart_and_never_early() {
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        let start = Instant::now();
        let mut interval = time::interval_at(start, millis(3));
        for number in 0..20 {
            let due = interval.tick().unwrap();
            assert_eq!(due, start + millis(3) * number);
            assert!(Instant::now() >= due);
        }
    })
    .unwrap();
}

#[test]
fn only_the_one_who_waits_is_parked() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let ticker = task::spawn(|| {
            let mut interval = time::interval(millis(5));
            for _ in 0..4 {
                interval.tick().unwrap();
            }
        })
        .unwrap();
        let mut turns = 0_u64;
        while !ticker.is_finished() {
            turns += 1;
            task::yield_now();
        }
        ticker.join().unwrap();
        assert!(turns > 10, "the thread stood still");
    })
    .unwrap();
}

#[test]
fn what_was_missed_comes_as_it_was_set() {
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        for behavior in
            [MissedTickBehavior::Burst, MissedTickBehavior::Delay, MissedTickBehavior::Skip]
        {
            let start = Instant::now();
            let mut interval = time::interval_at(start, millis(10));
            interval.set_missed_tick_behavior(behavior);
            assert_eq!(interval.missed_tick_behavior(), behavior);
            assert_eq!(interval.tick(), Ok(start));
            time::sleep(millis(25)).unwrap();
            // The next one was missed, and comes at once.
            assert_eq!(interval.tick(), Ok(start + millis(10)));
            let now = Instant::now();
            let next = interval.tick().unwrap();
            match behavior {
                MissedTickBehavior::Burst => assert_eq!(next, start + millis(20)),
                MissedTickBehavior::Delay => {
                    assert!(next <= now + millis(10) && next >= start + millis(35));
                }
                MissedTickBehavior::Skip => {
                    let since = next - start;
                    assert_eq!(since.as_nanos() % millis(10).as_nanos(), 0);
                    assert!(since >= millis(30));
                }
            }
        }
    })
    .unwrap();
}

#[test]
fn a_cancelled_wait_takes_no_moment() {
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        let start = Instant::now() + millis(30);
        let mut interval = time::interval_at(start, millis(10));
        let early = time::timeout(millis(1), || interval.tick());
        assert_eq!(early.unwrap_err().0, Err(task::Cancelled));
        assert_eq!(interval.tick(), Ok(start));
        assert_eq!(interval.tick(), Ok(start + millis(10)));
    })
    .unwrap();
}

#[test]
fn it_can_begin_anew() {
    static R: Runtime<1> = Runtime::new();
    R.run(|| {
        let mut interval = time::interval(Duration::from_secs(3600));
        assert_eq!(interval.period(), Duration::from_secs(3600));
        interval.tick().unwrap();
        interval.reset_immediately();
        interval.tick().unwrap();
        let deadline = Instant::now() + millis(5);
        interval.reset_at(deadline);
        assert_eq!(interval.tick(), Ok(deadline));
        interval.reset();
        let late = time::timeout(millis(5), || interval.tick());
        assert!(late.is_err());
    })
    .unwrap();
}

#[test]
fn no_period_is_the_caller_s_bug() {
    in_child("no_period_is_the_caller_s_bug", || {
        let _interval = time::interval(Duration::ZERO);
    })
    .by_panic("an interval's period is greater than zero");
}
