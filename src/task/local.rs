//! Values that belong to a task, or rather to the function calls that are made within a scope of it.
//!
//! The value lies in the frame of [`LocalKey::scope`], in a chain that begins at the task's record.
//! A lookup goes along it, from the innermost scope outwards.
#![expect(unsafe_code, reason = "refers to values in the frames of scopes that have not ended")]

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU8;

use crate::error::Errno;

use super::life::record;
use super::report;
use super::scheduler::Scheduler;
use super::slot::Slot;

/// Declares task-locals: values that a task sets for the calls that it makes.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, task, task_local};
///
/// task_local! {
///     /// What the task works on.
///     static REQUEST: u64;
/// }
///
/// fn log(text: &str) -> String {
///     format!("[{}] {text}", REQUEST.get())
/// }
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// RUNTIME.run(|| {
///     let other = task::spawn(|| REQUEST.scope(8, || log("world"))).unwrap();
///     assert_eq!(REQUEST.scope(7, || log("hello")), "[7] hello");
///     assert_eq!(other.join().unwrap(), "[8] world");
/// }).unwrap();
/// ```
#[macro_export]
macro_rules! task_local {
    ($($(#[$attribute:meta])* $visible:vis static $name:ident: $type:ty);+ $(;)?) => {
        $(
            $(#[$attribute])*
            $visible static $name: $crate::task::LocalKey<$type> = $crate::task::LocalKey::new();
        )+
    };
}

/// A task-local, declared by [`task_local!`](crate::task_local).
///
/// Every task has its own, and those that it spawns do not inherit it.
pub struct LocalKey<T: 'static> {
    /// Gives it an address of its own, by which it is known: something that can change is never put
    /// where something else is.
    _address: AtomicU8,
    /// Takes a `T` and gives it out, so it is one type exactly: with another lifetime it would be another.
    marker: PhantomData<fn(T) -> T>,
}

/// A value that is set; lies in the frame of its scope.
pub(super) struct Binding {
    /// The address of its key.
    key: *const (),
    value: *const (),
    outer: Cell<Option<NonNull<Self>>>,
    /// How many look at it.
    borrows: Cell<usize>,
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn new() -> Self {
        Self { _address: AtomicU8::new(0), marker: PhantomData }
    }

    /// Calls `f`; the task-local has this value meanwhile, for the calls that the running task makes.
    ///
    /// A coroutine must not be suspended in `f` and resumed outside.
    ///
    /// # Panics
    ///
    /// Outside of a task. The process ends if somebody still looks at the value when `f` has
    /// returned, as only suspended coroutines can.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "it is dropped when the scope ends")]
    pub fn scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        let task = Scheduler::here("LocalKey::scope").task();
        let binding = Binding {
            key: (&raw const *self).cast(),
            value: (&raw const value).cast(),
            outer: Cell::new(record(task).locals.get()),
            borrows: Cell::new(0),
        };
        record(task).locals.set(Some(NonNull::from(&binding)));
        // Dropped before the binding and the value are.
        let _bound = Bound { binding: &binding, task, id: task.number() };
        f()
    }

    /// Calls `f` with the value.
    ///
    /// # Panics
    ///
    /// Outside of a task, and where the task has not set it.
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(NotSet) => not_set(),
        }
    }

    /// Calls `f` with the value, if the task has set it.
    ///
    /// # Errors
    ///
    /// [`NotSet`] if it has not.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, NotSet> {
        let task = Scheduler::here("LocalKey::with").task();
        let own = (&raw const *self).cast();
        let mut next = record(task).locals.get();
        while let Some(binding) = next {
            // SAFETY: it is in the chain of the running task, so its scope has not ended. That does
            // not end while `borrows` is not zero.
            let binding = unsafe { binding.as_ref() };
            if core::ptr::eq(binding.key, own) {
                binding.borrows.set(binding.borrows.get() + 1);
                let _borrow = Borrow(binding);
                // SAFETY: the key is this one, for which `scope` has put a `T` there. Nobody has it
                // mutably.
                return Ok(f(unsafe { &*binding.value.cast::<T>() }));
            }
            next = binding.outer.get();
        }
        Err(NotSet)
    }

    /// A copy of the value.
    ///
    /// # Panics
    ///
    /// As for [`with`](Self::with).
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// The task has not set the task-local.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSet;

impl fmt::Display for NotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task-local is not set")
    }
}

impl core::error::Error for NotSet {}

impl From<NotSet> for Errno {
    fn from(_: NotSet) -> Self {
        Self::NODATA
    }
}

/// Ends a scope.
struct Bound<'a> {
    binding: &'a Binding,
    task: &'static Slot,
    id: u64,
}

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        // A coroutine may have carried this beyond the end of its task: then the chain is gone. Or
        // scopes end in another order than they began.
        if self.task.number() == self.id {
            let own = NonNull::from(self.binding);
            let mut link = &record(self.task).locals;
            while let Some(binding) = link.get() {
                if binding == own {
                    link.set(self.binding.outer.get());
                    break;
                }
                // SAFETY: it is in the chain of a task that has not ended, so its scope has not.
                link = &unsafe { binding.as_ref() }.outer;
            }
        }
        if self.binding.borrows.get() > 0 {
            report::fatal(format_args!("a task-local is in use although its scope has ended"));
        }
    }
}

/// Somebody looks at a value.
struct Borrow<'a>(&'a Binding);

impl Drop for Borrow<'_> {
    fn drop(&mut self) {
        self.0.borrows.set(self.0.borrows.get() - 1);
    }
}

#[cold]
#[track_caller]
#[expect(clippy::panic, reason = "a caller's bug, documented at `with`")]
fn not_set() -> ! {
    panic!(
        "a task-local was asked for in a task that has not set it: call it inside of LocalKey::scope"
    )
}
