//! Mutual exclusion.
#![expect(unsafe_code, reason = "lends out what a lock protects")]

use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use crate::task::{Cancelled, WaitError};
use crate::time::Instant;

use super::lock::{Lock, Locking};
use super::wait::{Arm, Take, Waiter};

/// A value that one task at a time can use, also over waits.
///
/// In the shape of std's `Mutex`, for the tasks of one run. Who waits gets the lock in the order of
/// coming, and nobody overtakes. It is not poisoned by a panic. Locking and unlocking without
/// contention costs 1 to 3 ns (`docs/performance.md`), without an atomic operation.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, sync::Mutex, task};
///
/// static RUNTIME: Runtime<4> = Runtime::new();
/// static BALANCE: Mutex<u32> = Mutex::new(0);
///
/// RUNTIME.run(|| {
///     for _ in 0..3 {
///         task::spawn(|| {
///             let mut balance = BALANCE.lock().unwrap();
///             let before = *balance;
///             task::yield_now();                      // nobody else gets at it meanwhile
///             *balance = before + 10;
///         }).unwrap();
///     }
/// }).unwrap();
/// assert_eq!(RUNTIME.run(|| *BALANCE.lock().unwrap()).unwrap(), 30);
/// ```
pub struct Mutex<T: ?Sized> {
    pub(super) lock: Lock,
    value: UnsafeCell<T>,
}

// SAFETY: one thread at a time uses the lock (see `Owner`), and one guard at a time the value, which may
// come to another thread by that.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// SAFETY: whoever has it by value has no guards of it, and nobody waits for it.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}

impl<T> Mutex<T> {
    /// An unlocked mutex.
    pub const fn new(value: T) -> Self {
        Self { lock: Lock::new(), value: UnsafeCell::new(value) }
    }

    /// Gives it a name for reports of what tasks wait for.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.lock.name = Some(name);
        self
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until the mutex is unlocked, and locks it until the guard is dropped.
    ///
    /// # Cancellation
    ///
    /// An unlocked mutex is locked by a cancelled task too; it just does not wait. Inside of
    /// [`task::shield`](crate::task::shield) it does.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the mutex was locked, and the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task; and as [`sync`](super#threads) says.
    #[inline(always)]
    #[track_caller]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, Cancelled> {
        match self.lock.lock() {
            Ok(()) => Ok(MutexGuard::new(self)),
            Err(_) => Err(Cancelled),
        }
    }

    /// As [`lock`](Self::lock), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// - [`WaitError::Cancelled`]: the task was told to end.
    /// - [`WaitError::TimedOut`]: the mutex was locked all the time.
    ///
    /// # Panics
    ///
    /// As for `lock`.
    #[track_caller]
    pub fn lock_until(&self, deadline: Instant) -> Result<MutexGuard<'_, T>, WaitError> {
        self.lock.lock_until(deadline).map(|()| MutexGuard::new(self))
    }

    /// Locks the mutex if that takes no waiting.
    ///
    /// # Panics
    ///
    /// As for `lock`.
    #[inline(always)]
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.lock.try_lock().then(|| MutexGuard::new(self))
    }

    /// The value, which nobody else uses.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("name", &self.lock.name).finish_non_exhaustive()
    }
}

/// A locked [`Mutex`], and the way to its value. Dropping it unlocks the mutex.
///
/// It stays on its thread, and should not outlive its run: while it does, locking the mutex panics.
#[must_use = "a guard that is dropped at once protects nothing"]
pub struct MutexGuard<'a, T: ?Sized> {
    pub(super) mutex: &'a Mutex<T>,
    /// Belongs to one thread.
    marker: PhantomData<*mut ()>,
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// For whoever has just locked it.
    #[inline(always)]
    pub(super) fn new(mutex: &'a Mutex<T>) -> Self {
        debug_assert!(mutex.lock.is_locked());
        Self { mutex, marker: PhantomData }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the mutex is locked for this guard alone.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed for as long.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.mutex.lock.unlock();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

/// Locking a mutex among other things.
pub struct LockArm<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    locking: Locking<'a>,
    /// Whether it has locked the mutex and was not asked for the guard yet.
    holds: Cell<bool>,
}

impl<'a, T: ?Sized> LockArm<'a, T> {
    pub(super) fn new(mutex: &'a Mutex<T>) -> Self {
        Self { mutex, locking: Locking::new(&mutex.lock), holds: Cell::new(false) }
    }
}

impl<T: ?Sized> Arm for LockArm<'_, T> {
    fn try_now(&self) -> bool {
        self.holds.set(self.locking.try_now());
        self.holds.get()
    }

    unsafe fn link(&self, waiter: &Waiter, index: u32) {
        // SAFETY: the caller's promise.
        unsafe { self.locking.link(waiter, index) }
    }

    unsafe fn unlink(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            self.locking.unlink();
            self.holds.set(self.locking.has_fired());
        }
    }
}

impl<'a, T: ?Sized> Take for LockArm<'a, T> {
    type Output = Result<MutexGuard<'a, T>, Cancelled>;

    fn take(&self, _cancelled: bool) -> Self::Output {
        if self.holds.take() { Ok(MutexGuard::new(self.mutex)) } else { Err(Cancelled) }
    }
}

impl<T: ?Sized> fmt::Debug for LockArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockArm").finish_non_exhaustive()
    }
}
