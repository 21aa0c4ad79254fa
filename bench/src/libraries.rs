//! How each library with futures runs tasks on one thread: what the workloads that are written as
//! futures need of it.
//!
//! `run` lets a task run to its end on a new runtime, as a task among the others; `start` starts a
//! task that nobody waits for; `spawn` starts one whose result is awaited. Runtimes are made without
//! drivers of I/O and time where they have a choice, which leaves them nothing to look at between
//! their tasks; most programs enable them and pay more. The three that have a ring for all of it get
//! one with the flags that make it fast, and the same depth, in `echo` too.
#![expect(unsafe_code, reason = "drives the executor of embassy")]

/// How many entries the rings have: the depth that barecoro's server needs.
const RING: u32 = 4096;

/// tokio's `current_thread` scheduler, in the runtime whose tasks need not be `Send`.
pub mod tokio {
    use tokio::runtime::{Builder, LocalOptions};
    use tokio::task::spawn_local;

    pub fn run<F: Future<Output = ()> + 'static>(task: F) {
        let runtime = Builder::new_current_thread().build_local(LocalOptions::default());
        // What is passed to `block_on` itself is polled out of turn.
        runtime.expect("a runtime").block_on(async { spawn(task).await });
    }

    pub fn start<F: Future<Output = ()> + 'static>(task: F) {
        drop(spawn_local(task));
    }

    pub fn spawn<T: 'static>(task: impl Future<Output = T> + 'static) -> impl Future<Output = T> {
        let handle = spawn_local(task);
        async move { handle.await.expect("no panic") }
    }
}

/// smol's `StaticLocalExecutor`, from async-executor: the one for a thread that lives as long as the
/// program, and thus keeps no list of its tasks.
pub mod smol {
    use async_executor::StaticLocalExecutor;
    use futures_lite::future::block_on;

    thread_local! {
        static EXECUTOR: &'static StaticLocalExecutor = Box::leak(Box::default());
    }

    /// The thread's.
    pub fn executor() -> &'static StaticLocalExecutor {
        EXECUTOR.with(|executor| *executor)
    }

    pub fn run<F: Future<Output = ()> + 'static>(task: F) {
        let task = spawn(task);
        block_on(executor().run(task));
    }

    pub fn start<F: Future<Output = ()> + 'static>(task: F) {
        executor().spawn(task).detach();
    }

    pub fn spawn<T: 'static>(task: impl Future<Output = T> + 'static) -> impl Future<Output = T> {
        executor().spawn(task)
    }
}

/// monoio, on `io_uring`.
pub mod monoio {
    use std::io;

    use monoio::{IoUringDriver, Runtime, RuntimeBuilder};

    /// With the ring's flags that make it fast, which it does not set by itself.
    pub fn runtime() -> io::Result<Runtime<IoUringDriver>> {
        let mut ring = io_uring_of_monoio::IoUring::builder();
        ring.setup_single_issuer().setup_defer_taskrun();
        let builder = RuntimeBuilder::<IoUringDriver>::new();
        builder.with_entries(super::RING).uring_builder(ring).build()
    }

    pub fn run<F: Future<Output = ()> + 'static>(task: F) {
        runtime().expect("a runtime").block_on(async { spawn(task).await });
    }

    pub fn start<F: Future<Output = ()> + 'static>(task: F) {
        drop(monoio::spawn(task));
    }

    pub fn spawn<T: 'static>(task: impl Future<Output = T> + 'static) -> impl Future<Output = T> {
        monoio::spawn(task)
    }
}

/// compio, on `io_uring`.
pub mod compio {
    use std::io;

    use compio::driver::ProactorBuilder;
    use compio::runtime::{Runtime, RuntimeBuilder};

    /// With the ring's flags that make it fast, which it does not set by itself.
    pub fn runtime() -> io::Result<Runtime> {
        let mut ring = ProactorBuilder::new();
        ring.capacity(super::RING).single_issuer(true).defer_taskrun(true);
        RuntimeBuilder::new().with_proactor(ring).build()
    }

    pub fn run<F: Future<Output = ()> + 'static>(task: F) {
        runtime().expect("a runtime").block_on(async { spawn(task).await });
    }

    pub fn start<F: Future<Output = ()> + 'static>(task: F) {
        compio::runtime::spawn(task).detach();
    }

    pub fn spawn<T: 'static>(task: impl Future<Output = T> + 'static) -> impl Future<Output = T> {
        let handle = compio::runtime::spawn(task);
        async move { handle.await.unwrap_or_else(|_| panic!("a task panicked")) }
    }
}

/// glommio, on `io_uring`.
pub mod glommio {
    use std::io;

    use glommio::{LocalExecutor, LocalExecutorBuilder, Placement};

    /// It sets its rings' flags itself.
    pub fn runtime() -> io::Result<LocalExecutor> {
        let builder = LocalExecutorBuilder::new(Placement::Unbound);
        Ok(builder.ring_depth(super::RING as usize).make()?)
    }

    pub fn run<F: Future<Output = ()> + 'static>(task: F) {
        runtime().expect("an executor").run(async { spawn(task).await });
    }

    pub fn start<F: Future<Output = ()> + 'static>(task: F) {
        glommio::spawn_local(task).detach();
    }

    pub fn spawn<T: 'static>(task: impl Future<Output = T> + 'static) -> impl Future<Output = T> {
        glommio::spawn_local(task)
    }
}

/// embassy-executor, which sleeps on a condition variable when nobody is ready. That is how its own
/// executor for std does it, which is written anew here to have both this and [`embassy_polled`] in
/// a program. It makes a system call for each wake-up that finds nobody else ready. Its tasks are
/// statics that have no result; here they are leaked.
pub mod embassy {
    use std::cell::Cell;
    use std::ptr::{from_ref, null_mut};
    use std::rc::Rc;
    use std::sync::{Condvar, Mutex, PoisonError};

    use embassy_executor::Spawner;
    use embassy_executor::raw::{Executor, TaskStorage};

    thread_local! {
        static SPAWNER: Cell<Option<Spawner>> = const { Cell::new(None) };
    }

    pub fn run<F: Future<Output = ()> + 'static>(task: F) {
        drive(task, Some(Box::leak(Box::default())));
    }

    /// Runs a task to its end. Without a bell it never sleeps.
    pub(super) fn drive<F: Future<Output = ()> + 'static>(task: F, bell: Option<&'static Bell>) {
        let ended = Rc::new(Cell::new(false));
        let context = bell.map_or(null_mut(), |bell| from_ref(bell).cast_mut().cast());
        let executor: &'static Executor = Box::leak(Box::new(Executor::new(context)));
        SPAWNER.set(Some(executor.spawner()));
        let ends = Rc::clone(&ended);
        start(async move {
            task.await;
            ends.set(true);
        });
        loop {
            // SAFETY: it is polled here only, and no task gets at it.
            unsafe { executor.poll() };
            if ended.get() {
                return;
            }
            if let Some(bell) = bell {
                bell.wait();
            }
        }
    }

    pub fn start<F: Future<Output = ()> + 'static>(task: F) {
        let storage: &'static TaskStorage<F> = Box::leak(Box::new(TaskStorage::new()));
        let spawner = SPAWNER.get().expect("the executor runs on this thread");
        spawner.spawn(storage.spawn(|| task).expect("the storage is free"));
    }

    /// What an executor sleeps on.
    #[derive(Default)]
    pub(super) struct Bell {
        has_rung: Mutex<bool>,
        rings: Condvar,
    }

    impl Bell {
        fn wait(&self) {
            let has_rung = self.has_rung.lock().unwrap_or_else(PoisonError::into_inner);
            let has_rung = self.rings.wait_while(has_rung, |has_rung| !*has_rung);
            *has_rung.unwrap_or_else(PoisonError::into_inner) = false;
        }

        fn ring(&self) {
            *self.has_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.rings.notify_one();
        }
    }

    /// Called by embassy-executor when a task is ready and none was, with what the executor was made
    /// with.
    #[unsafe(export_name = "__pender")]
    fn pend(bell: *mut ()) {
        // SAFETY: it is null, or the bell of an executor, which stays for ever.
        if let Some(bell) = unsafe { bell.cast::<Bell>().as_ref() } {
            bell.ring();
        }
    }
}

/// embassy-executor, polled in a loop. It never sleeps, as on a chip with nothing else to do: for a
/// program on Linux that is a bound rather than a choice.
pub mod embassy_polled {
    pub use super::embassy::start;

    pub fn run<F: Future<Output = ()> + 'static>(task: F) {
        super::embassy::drive(task, None);
    }
}
