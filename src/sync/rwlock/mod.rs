//! Many readers or one writer.
#![expect(unsafe_code, reason = "lends out what a lock protects, links nodes in other frames")]

mod arm;

use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::panic::Location;

use crate::collections::List;
use crate::task::{Cancelled, Owner, Scheduler, WaitError, Waiting, What};
use crate::time::Instant;

use super::wait::{self, Link};
use arm::Entering;

pub use arm::{Reading, Writing};

/// A value that many tasks can read at a time, or one can write.
///
/// In the shape of std's `RwLock`, for the tasks of one run. It is fair: who waits has its turn in
/// the order of coming, so a writer does not wait for readers that come after it.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, sync::RwLock, task};
///
/// static RUNTIME: Runtime<4> = Runtime::new();
/// static CONFIG: RwLock<u32> = RwLock::new(1);
///
/// RUNTIME.run(|| {
///     let reader = task::spawn(|| *CONFIG.read().unwrap()).unwrap();
///     *CONFIG.write().unwrap() = 2;
///     assert_eq!(reader.join().unwrap(), 2);
/// }).unwrap();
/// ```
pub struct RwLock<T: ?Sized> {
    owner: Owner,
    /// How many read, or [`WRITTEN`].
    users: Cell<usize>,
    waiters: List<(Link, Mode)>,
    pub(super) name: Option<&'static str>,
    value: UnsafeCell<T>,
}

const WRITTEN: usize = usize::MAX;

/// What a task wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Read,
    Write,
}

// SAFETY: one thread at a time uses the lock (see `Owner`). Guards that outlive their run may read the
// value on one thread while others read it on another, and a writer may move it to another thread.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// SAFETY: whoever has it by value has no guards of it, and nobody waits for it.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}

impl<T> RwLock<T> {
    /// A lock that nobody holds.
    pub const fn new(value: T) -> Self {
        Self {
            owner: Owner::new(),
            users: Cell::new(0),
            waiters: List::new(),
            name: None,
            value: UnsafeCell::new(value),
        }
    }

    /// Gives it a name for reports of what tasks wait for.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until nobody writes, and nobody waits who came before.
    ///
    /// # Cancellation
    ///
    /// A cancelled task reads where it need not wait.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](super#threads) says.
    #[inline(always)]
    #[track_caller]
    pub fn read(&self) -> Result<ReadGuard<'_, T>, Cancelled> {
        let scheduler = self.owner.enter("RwLock::read");
        if !self.take(Mode::Read) {
            wait::rarely();
            let waiting = Waiting::at(What::Read, self.name, Location::caller());
            wait::wait(scheduler, waiting, &Entering::new(self, Mode::Read))
                .map_err(|_| Cancelled)?;
        }
        Ok(ReadGuard::new(self))
    }

    /// As [`read`](Self::read), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// - [`WaitError::Cancelled`]: the task was told to end.
    /// - [`WaitError::TimedOut`]: it was not its turn in time.
    ///
    /// # Panics
    ///
    /// As for `read`.
    #[track_caller]
    pub fn read_until(&self, deadline: Instant) -> Result<ReadGuard<'_, T>, WaitError> {
        let scheduler = self.owner.enter("RwLock::read_until");
        if !self.take(Mode::Read) {
            let waiting = Waiting::at(What::Read, self.name, Location::caller());
            wait::wait_until(scheduler, waiting, &Entering::new(self, Mode::Read), deadline)?;
        }
        Ok(ReadGuard::new(self))
    }

    /// Reads if that takes no waiting.
    ///
    /// # Panics
    ///
    /// As for [`read`](Self::read).
    #[track_caller]
    pub fn try_read(&self) -> Option<ReadGuard<'_, T>> {
        self.owner.enter("RwLock::try_read");
        self.take(Mode::Read).then(|| ReadGuard::new(self))
    }

    /// Waits until nobody reads or writes, and nobody waits who came before.
    ///
    /// # Cancellation
    ///
    /// A cancelled task writes where it need not wait.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was told to end.
    ///
    /// # Panics
    ///
    /// As for [`read`](Self::read).
    #[inline(always)]
    #[track_caller]
    pub fn write(&self) -> Result<WriteGuard<'_, T>, Cancelled> {
        let scheduler = self.owner.enter("RwLock::write");
        if !self.take(Mode::Write) {
            wait::rarely();
            let waiting = Waiting::at(What::Write, self.name, Location::caller());
            wait::wait(scheduler, waiting, &Entering::new(self, Mode::Write))
                .map_err(|_| Cancelled)?;
        }
        Ok(WriteGuard::new(self))
    }

    /// As [`write`](Self::write), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// - [`WaitError::Cancelled`]: the task was told to end.
    /// - [`WaitError::TimedOut`]: it was not its turn in time.
    ///
    /// # Panics
    ///
    /// As for [`read`](Self::read).
    #[track_caller]
    pub fn write_until(&self, deadline: Instant) -> Result<WriteGuard<'_, T>, WaitError> {
        let scheduler = self.owner.enter("RwLock::write_until");
        if !self.take(Mode::Write) {
            let waiting = Waiting::at(What::Write, self.name, Location::caller());
            wait::wait_until(scheduler, waiting, &Entering::new(self, Mode::Write), deadline)?;
        }
        Ok(WriteGuard::new(self))
    }

    /// Writes if that takes no waiting.
    ///
    /// # Panics
    ///
    /// As for [`read`](Self::read).
    #[track_caller]
    pub fn try_write(&self) -> Option<WriteGuard<'_, T>> {
        self.owner.enter("RwLock::try_write");
        self.take(Mode::Write).then(|| WriteGuard::new(self))
    }

    /// The value, which nobody else uses.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Lets somebody in who need not wait.
    #[inline(always)]
    fn take(&self, mode: Mode) -> bool {
        wait::first(&self.waiters).is_none() && self.let_in(mode)
    }

    #[inline(always)]
    fn let_in(&self, mode: Mode) -> bool {
        let users = match (mode, self.users.get()) {
            (Mode::Write, 0) => WRITTEN,
            // One less than `WRITTEN` are as many as fit.
            (Mode::Read, readers) if readers < WRITTEN - 1 => readers + 1,
            _ => return false,
        };
        self.users.set(users);
        true
    }

    /// Lets those in who have waited longest.
    fn admit(&self, scheduler: &Scheduler) {
        while let Some((link, mode)) = wait::first(&self.waiters)
            && self.let_in(mode)
        {
            self.waiters.pop();
            // SAFETY: it was in the list just now.
            unsafe { link.fire(scheduler) }
        }
    }

    /// One has left, or the writer goes on as a reader.
    #[inline(always)]
    fn leave(&self, users: impl FnOnce(usize) -> usize) {
        match self.owner.try_enter() {
            Some(scheduler) => {
                self.users.set(users(self.users.get()));
                self.admit(scheduler);
            }
            // Nobody waits, as no run has it. If another thread's run has it, it stays as it is.
            None => self.owner.outside(|| self.users.set(users(self.users.get()))),
        }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A [`RwLock`] that is locked for reading, and the way to its value.
///
/// It stays on its thread, and should not outlive its run.
#[must_use = "a guard that is dropped at once protects nothing"]
pub struct ReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    /// Belongs to one thread.
    marker: PhantomData<*mut ()>,
}

impl<'a, T: ?Sized> ReadGuard<'a, T> {
    /// For whoever was just let in to read.
    #[inline(always)]
    fn new(lock: &'a RwLock<T>) -> Self {
        Self { lock, marker: PhantomData }
    }
}

impl<T: ?Sized> Deref for ReadGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: nobody writes while it is locked for reading.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for ReadGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // It is still written where a writer went on as a reader while another thread's run had it.
        self.lock.leave(|users| if users == WRITTEN { 0 } else { users - 1 });
    }
}

/// A [`RwLock`] that is locked for writing, and the way to its value.
///
/// It stays on its thread, and should not outlive its run.
#[must_use = "a guard that is dropped at once protects nothing"]
pub struct WriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    /// Belongs to one thread.
    marker: PhantomData<*mut ()>,
}

impl<'a, T: ?Sized> WriteGuard<'a, T> {
    /// For whoever was just let in to write.
    #[inline(always)]
    fn new(lock: &'a RwLock<T>) -> Self {
        Self { lock, marker: PhantomData }
    }

    /// Goes on reading, and lets other readers in.
    pub fn downgrade(self) -> ReadGuard<'a, T> {
        let lock = self.lock;
        core::mem::forget(self);
        lock.leave(|_| 1);
        ReadGuard::new(lock)
    }
}

impl<T: ?Sized> Deref for WriteGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: it is locked for this guard alone.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for WriteGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed for as long.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for WriteGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.lock.leave(|_| 0);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for WriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
