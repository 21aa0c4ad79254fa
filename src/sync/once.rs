//! Values that are set once.
#![expect(unsafe_code, reason = "lends out a value, links nodes that lie in other frames")]

use core::cell::{Cell, OnceCell as Place};
use core::convert::Infallible;
use core::fmt;
use core::panic::Location;

use crate::collections::{List, Node};
use crate::task::{Cancelled, Owner, Scheduler, WaitError, Waiting, What};
use crate::time::Instant;

use super::select::Wait;
use super::wait::{self, Arm, Link, Take, Waiter};

/// A value that is set once, and can be waited for.
///
/// In the shape of std's `OnceLock`, for the tasks of one run: what computes the value may wait
/// itself, and other tasks then wait for it. `OnceCell<()>` is an event that happens once and for all.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, sync::OnceCell, task};
///
/// static RUNTIME: Runtime<4> = Runtime::new();
/// static ADDRESS: OnceCell<String> = OnceCell::new();
///
/// RUNTIME.run(|| {
///     let waiting = task::spawn(|| ADDRESS.wait().unwrap().len()).unwrap();
///     let address = ADDRESS.get_or_init(|| "10.0.0.1".to_string()).unwrap();
///     assert_eq!(waiting.join().unwrap(), address.len());
/// }).unwrap();
/// ```
pub struct OnceCell<T> {
    owner: Owner,
    /// Whether a task computes the value.
    pub(super) busy: Cell<bool>,
    /// Who waits for its turn to compute it.
    computing: List<Link>,
    /// Who waits for it.
    waiters: List<Link>,
    pub(super) name: Option<&'static str>,
    value: Place<T>,
}

// SAFETY: one thread at a time uses it (see `Owner`). What was lent out of it can be kept, so that
// several threads may see the value; and another thread than the one that set it may drop it.
unsafe impl<T: Send + Sync> Sync for OnceCell<T> {}
// SAFETY: nobody waits for what somebody has by value, nor borrows its value.
unsafe impl<T: Send> Send for OnceCell<T> {}

impl<T> OnceCell<T> {
    /// Without a value.
    pub const fn new() -> Self {
        Self {
            owner: Owner::new(),
            busy: Cell::new(false),
            computing: List::new(),
            waiters: List::new(),
            name: None,
            value: Place::new(),
        }
    }

    /// Gives it a name for reports of what tasks wait for.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// The value, if it is set.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](super#threads) says.
    #[inline(always)]
    #[track_caller]
    pub fn get(&self) -> Option<&T> {
        self.owner.enter("OnceCell::get");
        self.value.get()
    }

    /// Sets the value, and wakes all who wait for it.
    ///
    /// # Errors
    ///
    /// The value comes back if there is one already. One that another task is computing comes too
    /// late.
    ///
    /// # Panics
    ///
    /// As for [`get`](Self::get).
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let scheduler = self.owner.enter("OnceCell::set");
        self.value.set(value)?;
        self.announce(scheduler);
        Ok(())
    }

    /// The value; where there is none, the one that `f` returns. Waits while another task computes it.
    ///
    /// # Cancellation
    ///
    /// A cancelled task does not wait for another, but does compute the value.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was told to end while another computes the value.
    ///
    /// # Panics
    ///
    /// As for [`get`](Self::get). A panic of `f` lets the next try.
    #[track_caller]
    pub fn get_or_init(&self, f: impl FnOnce() -> T) -> Result<&T, Cancelled> {
        match self.get_or_try_init(|| Ok::<_, Infallible>(f()))? {
            Ok(value) => Ok(value),
            Err(never) => match never {},
        }
    }

    /// As [`get_or_init`](Self::get_or_init), with a function that can fail. Then the next tries.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] outside, and the function's error inside.
    ///
    /// # Panics
    ///
    /// As for `get_or_init`.
    #[track_caller]
    pub fn get_or_try_init<E>(
        &self,
        f: impl FnOnce() -> Result<T, E>,
    ) -> Result<Result<&T, E>, Cancelled> {
        let scheduler = self.owner.enter("OnceCell::get_or_init");
        if let Some(value) = self.value.get() {
            return Ok(Ok(value));
        }
        if self.busy.get() {
            let waiting = Waiting::at(What::Value, self.name, Location::caller());
            let turn = Setting { cell: self, list: &self.computing, node: Node::new(Link::NONE) };
            wait::wait(scheduler, waiting, &turn).map_err(|_| Cancelled)?;
            if let Some(value) = self.value.get() {
                return Ok(Ok(value));
            }
        }
        // It was nobody's turn, or has become this task's.
        self.busy.set(true);
        let turn = Turn(self);
        let value = match f() {
            Ok(value) => value,
            Err(error) => return Ok(Err(error)),
        };
        // A coroutine may have carried this into another run meanwhile.
        self.owner.enter("OnceCell::get_or_init");
        // One that was set meanwhile stays.
        let late = self.value.set(value);
        drop(turn);
        drop(late);
        match self.value.get() {
            Some(value) => Ok(Ok(value)),
            None => super::impossible(),
        }
    }

    /// Waits until the value is set.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was told to end, and there is no value.
    ///
    /// # Panics
    ///
    /// As for [`get`](Self::get).
    #[track_caller]
    pub fn wait(&self) -> Result<&T, Cancelled> {
        let scheduler = self.owner.enter("OnceCell::wait");
        if self.value.get().is_none() {
            let waiting = Waiting::at(What::Value, self.name, Location::caller());
            wait::wait(scheduler, waiting, &Setting::of(self)).map_err(|_| Cancelled)?;
        }
        self.value.get().ok_or(Cancelled)
    }

    /// As [`wait`](Self::wait), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// - [`WaitError::Cancelled`]: the task was told to end.
    /// - [`WaitError::TimedOut`]: the value was not set in time.
    ///
    /// # Panics
    ///
    /// As for [`get`](Self::get).
    #[track_caller]
    pub fn wait_until(&self, deadline: Instant) -> Result<&T, WaitError> {
        let scheduler = self.owner.enter("OnceCell::wait_until");
        if self.value.get().is_none() {
            let waiting = Waiting::at(What::Value, self.name, Location::caller());
            wait::wait_until(scheduler, waiting, &Setting::of(self), deadline)?;
        }
        self.value.get().ok_or(WaitError::Cancelled)
    }

    /// The value, which nobody else uses.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// The value, if it is set.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Wakes all who wait for the value.
    fn announce(&self, scheduler: &Scheduler) {
        for list in [&self.computing, &self.waiters] {
            while let Some(link) = wait::pop(list) {
                // SAFETY: it was in the list just now.
                unsafe { link.fire(scheduler) }
            }
        }
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A task's turn to compute the value. When it ends, all are woken, or it is another's turn.
struct Turn<'a, T>(&'a OnceCell<T>);

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let cell = self.0;
        match cell.owner.try_enter() {
            Some(scheduler) if cell.value.get().is_some() => {
                cell.busy.set(false);
                cell.announce(scheduler);
            }
            Some(scheduler) => match wait::pop(&cell.computing) {
                // SAFETY: it was in the list just now.
                Some(next) => unsafe { next.fire(scheduler) },
                None => cell.busy.set(false),
            },
            // Nobody waits, as no run has it. A coroutine has carried the turn out of its run.
            None => cell.owner.outside(|| cell.busy.set(false)),
        }
    }
}

/// Waiting for the value, or for the turn to compute it.
pub struct Setting<'a, T> {
    cell: &'a OnceCell<T>,
    list: &'a List<Link>,
    node: Node<Link>,
}

impl<'a, T> Setting<'a, T> {
    fn of(cell: &'a OnceCell<T>) -> Self {
        Self { cell, list: &cell.waiters, node: Node::new(Link::NONE) }
    }
}

impl<T> Arm for Setting<'_, T> {
    #[track_caller]
    fn try_now(&self) -> bool {
        self.cell.get().is_some()
    }

    unsafe fn link(&self, waiter: &Waiter, index: u32) {
        self.node.set(Link::to(waiter, index));
        // SAFETY: the caller's promise.
        unsafe { self.list.push(&self.node) }
    }

    unsafe fn unlink(&self) {
        // SAFETY: `link` puts it into this list only.
        unsafe { self.list.remove(&self.node) }
    }
}

impl<'a, T> Take for Setting<'a, T> {
    type Output = Result<&'a T, Cancelled>;

    fn take(&self, _cancelled: bool) -> Self::Output {
        self.cell.get().ok_or(Cancelled)
    }
}

impl<T> Wait for OnceCell<T> {
    type Arm<'a>
        = Setting<'a, T>
    where
        Self: 'a;

    fn arm(&self) -> Setting<'_, T> {
        Setting::of(self)
    }
}

impl<T> fmt::Debug for Setting<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting").finish_non_exhaustive()
    }
}
