//! What the sleepers of a process have in common: their deadlines, and what they see when they wake.

use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::{GAP, GET_READY, Measured, SHORTEST, SLEEPERS};
use crate::distribution::PARTS;
use crate::process_clock::ProcessClock;
use crate::statistics::quantile;

/// Shared by the sleepers. They are on one thread; that it could be otherwise is for tokio's sake.
pub struct World {
    /// From here the sleepers' times count. It lies ahead, so that all sleep before.
    start: OnceLock<Instant>,
    /// How many have been about to sleep.
    asleep: AtomicUsize,
    /// How many have woken.
    awake: AtomicUsize,
    /// How late each woke, in nanoseconds.
    late: Vec<AtomicU64>,
    /// Who waits for the last.
    waiting: Mutex<Option<Waker>>,
}

impl World {
    /// A world that stays for ever, as tasks borrow nothing that could end.
    pub fn new() -> &'static Self {
        Box::leak(Box::new(Self {
            start: OnceLock::new(),
            asleep: AtomicUsize::new(0),
            awake: AtomicUsize::new(0),
            late: (0..SLEEPERS).map(|_| AtomicU64::new(0)).collect(),
            waiting: Mutex::default(),
        }))
    }

    /// All are spawned, and none has run yet.
    pub fn spawned(&self) {
        assert!(self.start.set(Instant::now() + GET_READY).is_ok(), "they are spawned once");
    }

    fn start(&self) -> Instant {
        *self.start.get().expect("no sleeper runs before all are spawned")
    }

    /// When a sleeper wants to wake. Evenly spread, in an order without a pattern for a timer to
    /// profit from: multiples of a number that is coprime to theirs reach every place once.
    pub fn deadline(&self, sleeper: usize) -> Instant {
        let place = sleeper * 61_803 % SLEEPERS;
        self.start() + SHORTEST + GAP * place as u32
    }

    /// A sleeper is about to sleep.
    pub fn sleeps(&self) {
        self.asleep.fetch_add(1, Relaxed);
    }

    /// Whether all sleep.
    pub fn all_sleep(&self) -> bool {
        self.asleep.load(Relaxed) == SLEEPERS
    }

    /// A sleeper has woken. Returns whether it is the last.
    pub fn woke(&self, sleeper: usize, deadline: Instant) -> bool {
        let late = Instant::now().duration_since(deadline);
        self.late[sleeper].store(late.as_nanos() as u64, Relaxed);
        let awake = self.awake.fetch_add(1, Relaxed) + 1;
        if awake < SLEEPERS {
            return false;
        }
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        true
    }

    /// Whether all have woken.
    pub fn all_awake(&self) -> bool {
        self.awake.load(Relaxed) == SLEEPERS
    }

    /// Waits until all have woken, in any library that has futures.
    pub async fn wait(&self) {
        poll_fn(|context| {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            *waiting = Some(context.waker().clone());
            if self.all_awake() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// All sleep. Returns what is to be given to [`measured`](Self::measured).
    pub fn begin(&self) -> io::Result<Duration> {
        if Instant::now() > self.start() {
            return Err(io::Error::other("it took the sleepers too long to get ready"));
        }
        ProcessClock::own().now()
    }

    /// All have woken.
    pub fn measured(&self, cpu_before: Duration) -> io::Result<Measured> {
        let cpu = ProcessClock::own().since(cpu_before)?;
        let late: Vec<_> = self.late.iter().map(|late| late.load(Relaxed) as f64).collect();
        Ok(Measured {
            cpu: cpu.as_nanos() as f64 / SLEEPERS as f64,
            late_p50: quantile(&late, 0.5),
            late_p99: quantile(&late, 0.99),
            lateness: PARTS.iter().map(|part| quantile(&late, *part)).collect(),
        })
    }
}
