//! A lock that nobody else wants: locking, adding one, unlocking.
//!
//! The task that measures does it over and over with the same lock, which it hands to `black_box`
//! each time, so that the compiler knows nothing about its state. Locks of std, tokio, async-lock,
//! may and Go can be used by several threads and pay for atomic operations. glommio has no mutex,
//! and a write lock of its `RwLock` stands in; for monoio a `Semaphore` of local-sync with one
//! permit and a counter beside it.
//!
//! It does not show locks that are wanted by several.

use std::cell::Cell;
use std::hint::black_box;
use std::time::Instant;

use barecoro::Runtime;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;

use crate::comparison::Comparison;
use crate::contender::{Turns, warm_up};
use crate::foreign;
use crate::libraries;
use crate::report::Row;
use crate::rounds::Effort;

/// Lockings a lap.
const LAP: u64 = 1000;

/// Compares with all peers.
pub fn run(effort: &Effort) -> Vec<Row> {
    static RUNTIME: Runtime<2> = Runtime::new();
    let mut rows = Comparison::new("lock", 1)
        .subject("barecoro", |turns| {
            let ran = RUNTIME.run(|| {
                let mutex = barecoro::sync::Mutex::new(0);
                serve(&turns, &mutex, |mutex| *mutex.lock().expect("nobody cancels") += 1);
            });
            assert!(ran.is_ok(), "the runtime did not run: {ran:?}");
        })
        .peer("std", |turns| {
            let mutex = std::sync::Mutex::new(0);
            serve(&turns, &mutex, |mutex| *mutex.lock().expect("no panic") += 1);
        })
        .peer("tokio", |turns| libraries::tokio::run(measure::<tokio::sync::Mutex<u64>>(turns)))
        .peer("smol", |turns| libraries::smol::run(measure::<async_lock::Mutex<u64>>(turns)))
        .peer("monoio", |turns| libraries::monoio::run(measure::<LocalSync>(turns)))
        .peer("glommio", |turns| libraries::glommio::run(measure::<Glommio>(turns)))
        .peer("embassy", |turns| libraries::embassy::run(measure::<Embassy>(turns)))
        .peer("may", |turns| {
            may::config().set_workers(1);
            let measure = may::go!(move || {
                let mutex = may::sync::Mutex::new(0);
                serve(&turns, &mutex, |mutex| *mutex.lock().expect("no panic") += 1);
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

/// Serves the turns with a lock that is waited for on a stack.
#[inline(always)]
fn serve<L>(turns: &Turns, lock: &L, add: impl Fn(&L)) {
    turns.serve(LAP, |laps| {
        for _ in 0..laps * LAP {
            add(black_box(lock));
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
    let lock = L::new();
    while let Some(laps) = turns.next() {
        for _ in 0..warm_up(laps) * LAP {
            black_box(&lock).add().await;
        }
        let start = Instant::now();
        for _ in 0..laps * LAP {
            black_box(&lock).add().await;
        }
        turns.answer(start, laps * LAP);
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
                *self.lock().await += 1;
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
        *self.write().await.expect("an open lock") += 1;
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
        self.value.set(self.value.get() + 1);
        drop(permit);
    }
}
