//! Values that are computed when they are first needed.
#![expect(unsafe_code, reason = "the function may come to another thread")]

use core::cell::Cell;
use core::fmt;
use core::ops::Deref;

use crate::task::{self, Cancelled, Scheduler};

use super::once::OnceCell;

/// A value that is computed when it is first needed.
///
/// In the shape of std's `LazyLock`, for the tasks of one run: the function may wait, and other tasks
/// that need the value then wait for it. See [`OnceCell`] for values that come from elsewhere.
///
/// # Cancellation
///
/// [`force`](Self::force) says so if the task was told to end while another computes the value.
/// Through [`Deref`] nothing can be said: there the wait is shielded, as is the function.
///
/// # Panics
///
/// As with std's, if the function panics there will never be a value, and whoever needs it panics. So
/// does the function itself if it needs the value. Outside of a task; and as [`sync`](super#threads)
/// says.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, sync::LazyCell, task};
///
/// static RUNTIME: Runtime<4> = Runtime::new();
/// static PRIMES: LazyCell<Vec<u32>> = LazyCell::new(|| {
///     task::yield_now();
///     (2..30).filter(|n| (2..*n).all(|d| n % d != 0)).collect()
/// });
///
/// RUNTIME.run(|| {
///     let other = task::spawn(|| PRIMES.len()).unwrap();
///     assert_eq!(PRIMES[..4], [2, 3, 5, 7]);
///     assert_eq!(other.join().unwrap(), 10);
/// }).unwrap();
/// ```
pub struct LazyCell<T, F = fn() -> T> {
    cell: OnceCell<T>,
    /// Who computes the value, or did: the number of a run, and of a task of it.
    computing: Cell<Option<(u64, u64)>>,
    /// What computes it, until it is called.
    function: Cell<Option<F>>,
}

// SAFETY: one thread at a time uses it (see `Owner`): the cell is asked first, which panics on another.
// The function may be called or dropped by another thread than the one that made it. What is lent out
// is the cell's.
unsafe impl<T, F: Send> Sync for LazyCell<T, F> where OnceCell<T>: Sync {}

impl<T, F: FnOnce() -> T> LazyCell<T, F> {
    /// A value that `f` will compute.
    pub const fn new(f: F) -> Self {
        Self { cell: OnceCell::new(), computing: Cell::new(None), function: Cell::new(Some(f)) }
    }

    /// Gives it a name for reports of what tasks wait for.
    ///
    /// In a `static` the function must be made a pointer first, which Rust does by itself only
    /// without a name.
    ///
    /// # Examples
    ///
    /// ```
    /// use barecoro::sync::LazyCell;
    ///
    /// static LIMIT: LazyCell<u32> = LazyCell::new((|| 7) as fn() -> _).named("limit");
    /// ```
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.cell.name = Some(name);
        self
    }

    /// The value, which is computed if it was not yet. Waits while another task computes it.
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
    /// As the type's documentation says.
    ///
    /// # Examples
    ///
    /// ```
    /// use barecoro::{Runtime, sync::LazyCell};
    ///
    /// static RUNTIME: Runtime<1> = Runtime::new();
    ///
    /// RUNTIME.run(|| {
    ///     let base = 40;
    ///     let sum = LazyCell::new(|| base + 2);
    ///     assert_eq!(LazyCell::force(&sum), Ok(&42));
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn force(this: &Self) -> Result<&T, Cancelled> {
        if let Some(value) = this.cell.get() {
            return Ok(value);
        }
        let runner = Scheduler::here("LazyCell::force").runner();
        if this.cell.busy.get() && this.computing.get() == Some(runner) {
            needs_itself();
        }
        this.cell.get_or_init(|| this.compute())
    }

    fn compute(&self) -> T {
        self.computing.set(Some(Scheduler::here("LazyCell::force").runner()));
        match self.function.take() {
            Some(function) => function(),
            // It was called, but has left no value.
            None => poisoned(),
        }
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyCell<T, F> {
    type Target = T;

    #[track_caller]
    fn deref(&self) -> &T {
        if let Some(value) = self.cell.get() {
            return value;
        }
        match task::shield(|| Self::force(self)) {
            Ok(value) => value,
            Err(Cancelled) => stuck(),
        }
    }
}

impl<T: Default> Default for LazyCell<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T, F> fmt::Debug for LazyCell<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyCell").field("name", &self.cell.name).finish_non_exhaustive()
    }
}

#[cold]
#[inline(never)]
#[track_caller]
#[expect(clippy::panic, reason = "as with std's")]
fn poisoned() -> ! {
    panic!("the function that was to compute the value of a LazyCell has panicked")
}

#[cold]
#[inline(never)]
#[track_caller]
#[expect(clippy::panic, reason = "a caller's bug")]
fn needs_itself() -> ! {
    panic!("the function that computes the value of a LazyCell needs that value")
}

#[cold]
#[inline(never)]
#[track_caller]
#[expect(clippy::panic, reason = "there is nothing to return")]
fn stuck() -> ! {
    panic!("the task that computes the value of a LazyCell is in a deadlock")
}
