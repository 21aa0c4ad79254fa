//! Things of `sync` in statics, and runs on several threads that want them.

use loom::sync::Arc;
use loom::thread;

use super::presence::Owner;
use super::scheduler::Scheduler;
use super::shim::AtomicU32;
use super::{Plain, check};
use core::sync::atomic::Ordering;

/// A thing without a lock.
struct Thing {
    owner: Owner,
    uses: Plain,
}

impl Thing {
    fn new() -> Arc<Self> {
        Arc::new(Self { owner: Owner::new(), uses: Plain::new() })
    }

    /// How often it was used, which is once or not at all.
    fn use_outside(&self) -> u32 {
        let mut used = 0;
        self.owner.outside(|| {
            self.uses.add();
            used = 1;
        });
        used
    }

    /// Whether the running task may use it; then it does.
    fn is_used(&self) -> bool {
        let entered = self.owner.try_enter().is_some();
        if entered {
            self.uses.add();
        }
        entered
    }
}

/// A run that has a thing has it until it ends, and nobody else uses it meanwhile.
#[test]
fn loom_a_thing_belongs_to_one_run() {
    check(|| {
        let thing = Thing::new();
        let uses = |thing: Arc<Thing>| {
            move || {
                Scheduler::leaked().during(|| {
                    let first = thing.is_used();
                    assert!(!first || thing.is_used(), "it was taken away");
                    u32::from(first) * 2
                })
            }
        };
        let other = thread::spawn(uses(thing.clone()));
        let own = uses(thing.clone())();
        let all = own + other.join().unwrap();
        assert!(all >= 2, "one of them was first");
        // All that the others have done came before what a later run does.
        assert_eq!(thing.uses.get(), all);
        assert!(Scheduler::leaked().during(|| thing.is_used()));
    });
}

/// Runs of the same runtime one after the other, against another's.
#[test]
fn loom_a_run_that_is_over_gives_things_up() {
    check(|| {
        let thing = Thing::new();
        let other = thing.clone();
        let other = thread::spawn(move || {
            let scheduler = Scheduler::leaked();
            u32::from(scheduler.during(|| other.is_used()))
                + u32::from(scheduler.during(|| other.is_used()))
        });
        let own = u32::from(Scheduler::leaked().during(|| thing.is_used()));
        let all = own + other.join().unwrap();
        assert!(all >= 1 && thing.uses.get() == all);
    });
}

/// A thread without a run touches only what no run has.
#[test]
fn loom_outside_of_runs_nobody_is_disturbed() {
    check(|| {
        let thing = Thing::new();
        let other = thing.clone();
        let run = thread::spawn(move || u32::from(Scheduler::leaked().during(|| other.is_used())));
        let own = thing.use_outside();
        assert_eq!(run.join().unwrap(), 1, "nobody keeps it from the run for long");
        assert_eq!(thing.uses.get(), 1 + own);
    });
}

/// Two threads without a run do not meet either, and leave it to any run.
#[test]
fn loom_outside_of_runs_one_at_a_time() {
    check(|| {
        let thing = Thing::new();
        let other = thing.clone();
        let outside = thread::spawn(move || other.use_outside());
        assert_eq!((thing.use_outside(), outside.join().unwrap()), (1, 1));
        assert!(Scheduler::leaked().during(|| thing.is_used()));
        assert_eq!(thing.uses.get(), 3);
    });
}

/// As `sync::lock::Lock`: a run takes it over only while it is unlocked, and who has locked it unlocks it,
/// if need be after its run.
#[test]
fn loom_a_lock_that_outlives_its_run_is_not_taken_over() {
    struct Lock {
        owner: Owner,
        locked: AtomicU32,
        uses: Plain,
    }

    impl Lock {
        fn lock(&self) -> bool {
            let scheduler = Scheduler::here("lock");
            let idle = || self.locked.load(Ordering::Acquire) == 0;
            if self.owner.try_enter_if(scheduler, idle).is_err()
                || self.locked.load(Ordering::Relaxed) == 1
            {
                return false;
            }
            self.locked.store(1, Ordering::Relaxed);
            self.uses.add();
            true
        }

        fn unlock(&self) {
            self.uses.add();
            self.locked.store(0, Ordering::Release);
        }
    }

    check(|| {
        let lock =
            Arc::new(Lock { owner: Owner::new(), locked: AtomicU32::new(0), uses: Plain::new() });
        let uses = |lock: Arc<Lock>| {
            move || {
                let locked = Scheduler::leaked().during(|| lock.lock());
                if locked {
                    lock.unlock();
                }
                u32::from(locked) * 2
            }
        };
        let other = thread::spawn(uses(lock.clone()));
        let all = uses(lock.clone())() + other.join().unwrap();
        assert!(all >= 2 && lock.uses.get() == all);
        assert!(Scheduler::leaked().during(|| lock.lock()), "nobody has it any more");
    });
}
