//! Waiting for what another thread does, for tasks and for plain threads.
//!
//! A lock protects a value and two lists of those who wait, one for each *side*: senders and
//! receivers. Who has changed something takes one of the other side out of its list and calls it, when
//! the lock is free again; who was called tries again. Nobody is given anything, as it may be about to
//! leave; so who was called and leaves without having tried would have to call the next, and therefore
//! tries first.
//!
//! Who waits leaves its frame only when its node is out of the list, which it sees under the lock. A
//! plain thread also waits until its word was set: whoever has taken its node out is about to do
//! that, and from then on uses the word's address only.
#![expect(unsafe_code, reason = "links nodes that lie in other frames")]

use core::cell::Cell;
use core::panic::Location;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use crate::collections::{List, Node};
#[cfg(not(loom))]
use crate::sys::thread;
use crate::task::{Look, Nudger, Scheduler, WaitError, Waiting, What};
use crate::time::Instant;

use super::shim::{AtomicU32, Guard, Mutex};

/// Who waits: those who take, or those who bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Taking,
    Bringing,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Taking => Self::Bringing,
            Self::Bringing => Self::Taking,
        }
    }
}

/// What happens between threads, and its name for reports.
pub(super) struct Meeting<S>(Mutex<Inside<S>>, Option<&'static str>);

pub(super) struct Inside<S> {
    pub(super) value: S,
    taking: List<NonNull<Sleeper>>,
    bringing: List<NonNull<Sleeper>>,
}

// SAFETY: the lists refer to nodes that are used under the lock only, by whichever thread has it, and
// stay until they are out of the list.
unsafe impl<S: Send> Send for Inside<S> {}

impl<S> Inside<S> {
    pub(super) fn list(&self, side: Side) -> &List<NonNull<Sleeper>> {
        match side {
            Side::Taking => &self.taking,
            Side::Bringing => &self.bringing,
        }
    }

    /// Takes the first of a side out, to be called without the lock.
    pub(super) fn next(&self, side: Side) -> Option<Call> {
        let sleeper = self.list(side).pop()?;
        // SAFETY: it was in the list just now, and the lock is held.
        unsafe { sleeper.as_ref() }.call.take()
    }
}

/// How somebody who waits is called.
pub(super) enum Call {
    Task(Nudger),
    /// A thread, that sleeps while the word is zero.
    Thread(NonNull<AtomicU32>),
}

impl Call {
    pub(super) fn make(self) {
        match self {
            Self::Task(task) => task.nudge(),
            Self::Thread(word) => {
                // SAFETY: the thread stays in its frame until this has happened.
                // Release: pairs with the load in `sleep`.
                unsafe { word.as_ref() }.store(1, Ordering::Release);
                #[cfg(not(loom))]
                thread::futex_wake_at(word.as_ptr().cast_const());
            }
        }
    }
}

/// A task or a thread that waits; lies in its frame.
pub(super) struct Sleeper {
    pub(super) node: Node<NonNull<Self>>,
    /// Used under the lock, while the node is in a list.
    pub(super) call: Cell<Option<Call>>,
    word: AtomicU32,
}

impl Sleeper {
    pub(super) fn new() -> Self {
        Self {
            node: Node::new(NonNull::dangling()),
            call: Cell::new(None),
            word: AtomicU32::new(0),
        }
    }

    /// Sleeps until it was called, for a task perhaps without having been, or until the deadline.
    fn sleep(
        &self,
        task: Option<(&'static Scheduler, Look)>,
        deadline: Option<Instant>,
        waiting: Waiting,
    ) -> Result<(), WaitError> {
        let Some((scheduler, look)) = task else { return self.sleep_thread(deadline) };
        if !look.is_current(scheduler) {
            return Ok(());
        }
        match deadline {
            None => scheduler.block(waiting).map_err(|_| WaitError::Cancelled),
            Some(deadline) => scheduler.block_until(waiting, deadline),
        }
    }

    #[cfg(not(loom))]
    fn sleep_thread(&self, deadline: Option<Instant>) -> Result<(), WaitError> {
        // Acquire: pairs with the store in `Call::make`.
        while self.word.load(Ordering::Acquire) == 0 {
            let slept = thread::futex_wait(&self.word, 0, deadline);
            if slept == Err(crate::error::Errno::TIMEDOUT) {
                return Err(WaitError::TimedOut);
            }
        }
        Ok(())
    }

    /// A thread of loom's has no deadlines: one that has any meets it at once.
    #[cfg(loom)]
    fn sleep_thread(&self, deadline: Option<Instant>) -> Result<(), WaitError> {
        while self.word.load(Ordering::Acquire) == 0 {
            if deadline.is_some() {
                return Err(WaitError::TimedOut);
            }
            loom::thread::yield_now();
        }
        Ok(())
    }
}

/// The run that the caller is a task of.
fn here() -> Option<&'static Scheduler> {
    if cfg!(loom) { None } else { Scheduler::current() }
}

impl<S> Meeting<S> {
    #[cfg(not(loom))]
    pub(super) const fn new(value: S) -> Self {
        Self(Mutex::new(Inside { value, taking: List::new(), bringing: List::new() }), None)
    }

    #[cfg(loom)]
    pub(super) fn new(value: S) -> Self {
        Self(Mutex::new(Inside { value, taking: List::new(), bringing: List::new() }), None)
    }

    pub(super) const fn set_name(&mut self, name: &'static str) {
        self.1 = Some(name);
    }

    pub(super) const fn name(&self) -> Option<&'static str> {
        self.1
    }

    /// For who waits for other things too; see `seat`.
    #[cfg(not(loom))]
    pub(super) fn lock(&self) -> Guard<'_, Inside<S>> {
        self.0.lock()
    }

    /// Calls `f` with the value, under the lock. It calls no code of users.
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        f(&mut self.0.lock().value)
    }

    /// Tries once; if that has succeeded, one of the other side is called.
    pub(super) fn attempt<R>(
        &self,
        side: Side,
        attempt: impl FnOnce(&mut S) -> Option<R>,
    ) -> Option<R> {
        Self::attempt_within(side, self.0.lock(), attempt).ok()
    }

    /// The lock comes back where it has not succeeded.
    fn attempt_within<R>(
        side: Side,
        mut inside: Guard<'_, Inside<S>>,
        attempt: impl FnOnce(&mut S) -> Option<R>,
    ) -> Result<R, Guard<'_, Inside<S>>> {
        let Some(done) = attempt(&mut inside.value) else { return Err(inside) };
        let call = inside.next(side.other());
        Self::unlock_and_call(inside, call);
        Ok(done)
    }

    pub(super) fn unlock_and_call(inside: Guard<'_, Inside<S>>, call: Option<Call>) {
        drop(inside);
        if let Some(call) = call {
            call.make();
        }
    }

    /// Changes the value, and calls one that waits, if one does: that is told.
    pub(super) fn call_one(&self, side: Side, change: impl FnOnce(&mut S, bool)) {
        let mut inside = self.0.lock();
        let call = inside.next(side);
        change(&mut inside.value, call.is_some());
        Self::unlock_and_call(inside, call);
    }

    /// Tries until it succeeds, and waits meanwhile. `attempt` calls no code of users.
    #[track_caller]
    pub(super) fn wait<R>(
        &self,
        side: Side,
        mut attempt: impl FnMut(&mut S) -> Option<R>,
        deadline: Option<Instant>,
    ) -> Result<R, WaitError> {
        let waiting = Waiting::at(What::Thread, self.name(), Location::caller());
        let scheduler = here();
        if let Some(done) = self.attempt(side, &mut attempt) {
            return Ok(done);
        }
        let look = || scheduler.map(|scheduler| (scheduler, Look::begin(scheduler)));
        let sleeper = Sleeper::new();
        loop {
            let mut task = look();
            let inside = match Self::attempt_within(side, self.0.lock(), &mut attempt) {
                Ok(done) => return Ok(done),
                Err(inside) => inside,
            };
            // Relaxed: nobody else has the address.
            sleeper.word.store(0, Ordering::Relaxed);
            sleeper.call.set(Some(match scheduler {
                Some(scheduler) => Call::Task(Nudger::new(scheduler)),
                None => Call::Thread(NonNull::from(&sleeper.word)),
            }));
            sleeper.node.set(NonNull::from(&sleeper));
            // SAFETY: it is out of the list, and this function does not return before it is again.
            unsafe { inside.list(side).push(&sleeper.node) };
            drop(inside);
            loop {
                let slept = sleeper.sleep(task, deadline, waiting);
                task = look();
                let inside = self.0.lock();
                if !sleeper.node.is_linked() {
                    drop(inside);
                    // For a thread: who has called it may just be about to say so.
                    if scheduler.is_none() {
                        let _called = sleeper.sleep_thread(None);
                    }
                    match slept {
                        Ok(()) => break,
                        // It was called: what has happened is not to be lost.
                        Err(error) => return self.attempt(side, &mut attempt).ok_or(error),
                    }
                }
                if let Err(error) = slept {
                    // SAFETY: it is in this list.
                    unsafe { inside.list(side).remove(&sleeper.node) };
                    let unused = sleeper.call.take();
                    drop(inside);
                    drop(unused);
                    return Err(error);
                }
            }
        }
    }

    /// Changes the value, and calls all who wait.
    pub(super) fn change_for_all(&self, change: impl FnOnce(&mut S)) {
        self.with(change);
        for side in [Side::Taking, Side::Bringing] {
            loop {
                let call = self.0.lock().next(side);
                let Some(call) = call else { break };
                call.make();
            }
        }
    }
}
