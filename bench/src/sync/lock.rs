//! A lock that nobody else wants: locking, adding one, unlocking.
//!
//! The task that measures goes over sixteen locks in turn: with one alone, each round would wait for
//! the store of the one before to the same counter, which takes as long as all else. The counter is
//! handed to `black_box` while it is locked, so that locking is not optimised away. Locks of std,
//! tokio, async-lock, may and Go can be used by several threads and pay for atomic operations.
//! glommio has no mutex, and a write lock of its `RwLock` stands in; for monoio a `Semaphore` of
//! local-sync with one permit and a counter beside it.
//!
//! It does not show locks that are wanted by several.

use std::array;
use std::cell::Cell;
use std::hint::black_box;
use std::time::Instant;

use barecoro::Runtime;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;

use crate::comparison::Comparison;
use crate::contender::{Turns, warm_up};
use crate::foreign;
use crate::libraries;
use crate::report::{self, Row};
use crate::rounds::Effort;

const LOCKS: usize = 16;
/// How often all are locked in a lap.
const TIMES: u64 = 64;
/// Lockings a lap.
const LAP: u64 = TIMES * LOCKS as u64;

/// Compares with all peers.
pub fn run(effort: &Effort) -> Vec<Row> {
    static RUNTIME: Runtime<2> = Runtime::new();
    report::skip("lock", "compio", "it has no lock, and that of local-sync is measured on monoio");
    let mut rows = Comparison::new("lock", 1)
        .subject("barecoro", |turns| {
            let ran = RUNTIME.run(|| {
                serve(&turns, barecoro::sync::Mutex::new, |mutex| {
                    add_one(&mut mutex.lock().expect("nobody cancels"));
                });
            });
            assert!(ran.is_ok(), "the runtime did not run: {ran:?}");
        })
        .peer("std", |turns| {
            serve(&turns, std::sync::Mutex::new, |mutex| {
                add_one(&mut mutex.lock().expect("no panic"));
            });
        })
        .peer("tokio", |turns| libraries::tokio::run(measure::<tokio::sync::Mutex<u64>>(turns)))
        .peer("smol", |turns| libraries::smol::run(measure::<async_lock::Mutex<u64>>(turns)))
        .peer("monoio", |turns| libraries::monoio::run(measure::<LocalSync>(turns)))
        .peer("glommio", |turns| libraries::glommio::run(measure::<Glommio>(turns)))
        .peer("embassy", |turns| libraries::embassy::run(measure::<Embassy>(turns)))
        .peer("may", |turns| {
            may::config().set_workers(1);
            let measure = may::go!(move || {
                serve(&turns, may::sync::Mutex::new, |mutex| {
                    add_one(&mut mutex.lock().expect("no panic"));
                });
            });
            measure.join().expect("no panic");
        })
        .foreign("Go", foreign::GO, &["lock"])
        .run(effort);
    if let Some(row) = rows.first_mut() {
        row.aim_at_median(1.6);
    }
    rows
}

#[inline(always)]
fn add_one(counter: &mut u64) {
    *black_box(counter) += 1;
}

/// Serves the turns with locks that are waited for on a stack.
#[inline(always)]
fn serve<L>(turns: &Turns, new: fn(u64) -> L, add: impl Fn(&L)) {
    let locks: [L; LOCKS] = array::from_fn(|_| new(0));
    turns.serve(LAP, |laps| {
        for _ in 0..laps * TIMES {
            for lock in &locks {
                add(lock);
            }
        }
    });
}

/// A lock that is awaited.
trait Lock {
    fn new() -> Self;
    async fn add(&self);
}

/// The task that measures.
async fn measure<L: Lock>(turns: Turns) {
    let locks: [L; LOCKS] = array::from_fn(|_| L::new());
    while let Some(laps) = turns.next() {
        lock_all(&locks, warm_up(laps)).await;
        let start = Instant::now();
        lock_all(&locks, laps).await;
        turns.answer(start, laps * LAP);
    }
}

async fn lock_all<L: Lock>(locks: &[L; LOCKS], laps: u64) {
    for _ in 0..laps * TIMES {
        for lock in locks {
            lock.add().await;
        }
    }
}

type Embassy = embassy_sync::mutex::Mutex<NoopRawMutex, u64>;

/// Mutexes whose `lock` has nothing to say but a guard.
macro_rules! mutexes {
    ($($mutex:ty),*) => {$(
        impl Lock for $mutex {
            fn new() -> Self {
                <$mutex>::new(0)
            }

            async fn add(&self) {
                add_one(&mut *self.lock().await);
            }
        }
    )*};
}

mutexes!(tokio::sync::Mutex<u64>, async_lock::Mutex<u64>, Embassy);

type Glommio = glommio::sync::RwLock<u64>;

impl Lock for Glommio {
    fn new() -> Self {
        Self::new(0)
    }

    async fn add(&self) {
        add_one(&mut self.write().await.expect("an open lock"));
    }
}

struct LocalSync {
    semaphore: local_sync::semaphore::Semaphore,
    value: Cell<u64>,
}

impl Lock for LocalSync {
    fn new() -> Self {
        let semaphore = local_sync::semaphore::Semaphore::new(1);
        Self { semaphore, value: Cell::new(0) }
    }

    async fn add(&self) {
        let permit = self.semaphore.acquire().await.expect("an open semaphore");
        let value = black_box(&self.value);
        value.set(value.get() + 1);
        drop(permit);
    }
}
