//! One side of a comparison: a workload on an OS thread of its own that waits to be asked.
//!
//! Each library thus runs as it would in a program: a runtime stays alive with all its tasks while
//! the others have their turn, and nobody runs on anybody else's stack. Only one contender runs at
//! a time.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A stretch of work that was timed.
#[derive(Clone, Copy)]
pub struct Span {
    /// How long it took.
    pub time: Duration,
    /// How many operations it was.
    pub operations: u64,
}

impl Span {
    /// Nanoseconds an operation.
    pub fn ns(self) -> f64 {
        self.time.as_nanos() as f64 / self.operations as f64
    }
}

/// Asks a workload for spans.
pub struct Contender {
    /// `None` once the workload was told to end.
    questions: Option<SyncSender<u64>>,
    answers: Receiver<Span>,
    correction: Arc<OnceLock<f64>>,
    thread: Option<JoinHandle<()>>,
}

impl Contender {
    /// Starts a thread that sets up a workload and answers questions until there are no more.
    pub fn start(workload: impl FnOnce(Turns) + Send + 'static) -> Self {
        let (questions, asked) = sync_channel(0);
        let (answer, answers) = sync_channel(0);
        let correction = Arc::default();
        let known = Arc::clone(&correction);
        let thread = thread::spawn(move || workload(Turns { asked, answer, correction: known }));
        Self { questions: Some(questions), answers, correction, thread: Some(thread) }
    }

    /// Tells the workload to end. Returns how many operations there were for each that it answered
    /// with: one, unless it found something else.
    pub fn end(mut self) -> f64 {
        self.stop();
        self.correction.get().copied().unwrap_or(1.0)
    }

    fn stop(&mut self) {
        self.questions = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("a workload ends in good order");
        }
    }

    /// Has so many laps timed, after some that are not.
    ///
    /// # Panics
    ///
    /// If the workload has ended by itself.
    pub fn time(&self, laps: u64) -> Span {
        let sent = self.questions.as_ref().map(|questions| questions.send(laps));
        assert!(matches!(sent, Some(Ok(()))), "a workload ended before its time");
        self.answers.recv().expect("a workload answers each question")
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The workload's end: what it is asked for.
pub struct Turns {
    asked: Receiver<u64>,
    answer: SyncSender<Span>,
    correction: Arc<OnceLock<f64>>,
}

impl Turns {
    /// How many laps to time next; `None` to end. Blocks the OS thread.
    pub fn next(&self) -> Option<u64> {
        self.asked.recv().ok()
    }

    /// Answers with the time since `start`.
    pub fn answer(&self, start: Instant, operations: u64) {
        self.answer_with(Span { time: start.elapsed(), operations });
    }

    /// Answers with what somebody else measured.
    pub fn answer_with(&self, span: Span) {
        self.answer.send(span).expect("who asks waits for the answer");
    }

    /// Says in the end how many operations there were for each that was answered with, where that is
    /// known no sooner.
    pub fn correct(&self, operations: f64) {
        assert!(self.correction.set(operations).is_ok(), "a workload ends once");
    }

    /// Answers all questions with a loop that does as many laps as it is told, each of so many
    /// operations. For workloads that are not `async`.
    pub fn serve(&self, operations_per_lap: u64, mut run: impl FnMut(u64)) {
        while let Some(laps) = self.next() {
            run(warm_up(laps));
            let start = Instant::now();
            run(laps);
            self.answer(start, laps * operations_per_lap);
        }
    }
}

/// How many laps to do untimed before so many timed ones: the one before has left the caches full
/// of its own.
pub fn warm_up(laps: u64) -> u64 {
    laps.div_ceil(8)
}
