//! The crate inside an ordinary program: several threads with a runtime each, and std's own tools
//! between them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{Arc, Barrier, Mutex};

use barecoro::Runtime;
use barecoro::task::{self, Unparker};

const THREADS: usize = 8;

/// A letter box that a task can wait at: std's mutex, held only for moments, and an unparker.
struct Mailbox {
    letters: Mutex<Vec<usize>>,
    owner: Unparker,
}

impl Mailbox {
    fn post(&self, letter: usize) {
        self.letters.lock().unwrap().push(letter);
        self.owner.unpark();
    }

    /// Waits for the next letters, in the task that owns the box.
    fn fetch(&self) -> Vec<usize> {
        loop {
            let letters = core::mem::take(&mut *self.letters.lock().unwrap());
            if !letters.is_empty() {
                return letters;
            }
            task::park().unwrap();
        }
    }
}

/// Each thread's tasks compute, sleep and write to the first tasks of all threads, which add up.
#[test]
fn eight_threads_write_to_each_other() {
    const WRITERS: usize = 16;
    const LETTERS: usize = 24;
    static RUNTIMES: [Runtime<20>; THREADS] = [const { Runtime::new() }; THREADS];

    /// What a thread does: all mailboxes meet in `everyone`.
    fn correspond(everyone: &Mutex<Vec<Arc<Mailbox>>>, all_are_there: &Barrier) -> usize {
        let own = Mailbox { letters: Mutex::default(), owner: task::current().unparker() };
        let own = Arc::new(own);
        everyone.lock().unwrap().push(own.clone());
        all_are_there.wait();
        for writer in 0..WRITERS {
            let everyone = everyone.lock().unwrap().clone();
            let write = move || {
                for letter in 1..=LETTERS {
                    everyone[(writer + letter) % THREADS].post(letter);
                    pause(letter + writer);
                }
            };
            drop(task::spawn(write).unwrap());
        }
        // Each writer writes to each mailbox equally often.
        let (mut count, mut sum) = (0, 0);
        while count < WRITERS * LETTERS {
            let letters = own.fetch();
            count += letters.len();
            sum += letters.iter().sum::<usize>();
        }
        sum
    }

    let shared = Arc::new((Mutex::default(), Barrier::new(THREADS)));
    let threads: Vec<_> = RUNTIMES
        .iter()
        .map(|runtime| {
            let shared = shared.clone();
            std::thread::spawn(move || runtime.run(|| correspond(&shared.0, &shared.1)).unwrap())
        })
        .collect();
    let sum: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(sum, THREADS * WRITERS * LETTERS * (LETTERS + 1) / 2);
}

/// Yields, or sleeps for a moment.
fn pause(seed: usize) {
    #[cfg(feature = "time")]
    if seed.is_multiple_of(5) {
        use barecoro::time;
        time::sleep(time::Duration::from_micros(100)).unwrap();
    }
    for _ in 0..seed % 3 {
        task::yield_now();
    }
}

/// Threads begin and end their runs all the time, while their neighbours are in the middle.
#[test]
fn runs_come_and_go_beside_each_other() {
    const ROUNDS: usize = if cfg!(debug_assertions) { 300 } else { 2000 };
    static SHARED: [Runtime<8>; THREADS] = [const { Runtime::new() }; THREADS];
    let barrier = Arc::new(Barrier::new(THREADS));
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let barrier = barrier.clone();
            std::thread::spawn(move || {
                barrier.wait();
                for round in 0..ROUNDS {
                    // Another one each time; some are taken just then.
                    let runtime = &SHARED[(number + round * 3) % THREADS];
                    let run = move || {
                        let tasks = [0, 1, 2, 3].map(|add| {
                            task::spawn(move || {
                                task::yield_now();
                                round + add
                            })
                            .unwrap()
                        });
                        tasks.into_iter().map(|task| task.join().unwrap()).sum::<usize>()
                    };
                    match runtime.run(run) {
                        Ok(sum) => assert_eq!(sum, 4 * round + 6),
                        Err(error) => assert!(matches!(error, barecoro::RunError::Running(_))),
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// What std keeps for each thread is the same for all of its tasks, as they share the thread.
#[test]
fn thread_locals_belong_to_the_thread() {
    use core::cell::Cell;
    thread_local!(static COUNT: Cell<u32> = const { Cell::new(0) });
    static R: Runtime<8> = Runtime::new();
    let thread = std::thread::current().id();
    R.run(|| {
        let tasks = [(); 6].map(|()| {
            task::spawn(move || {
                for _ in 0..10 {
                    COUNT.set(COUNT.get() + 1);
                    task::yield_now();
                }
                assert_eq!(std::thread::current().id(), thread);
            })
            .unwrap()
        });
        for task in tasks {
            task.join().unwrap();
        }
        assert_eq!(COUNT.get(), 60);
    })
    .unwrap();
    assert_eq!(std::thread::spawn(|| COUNT.get()).join().unwrap(), 0);
}
