//! Starting a task.
#![expect(unsafe_code, reason = "starts tasks whose closures borrow nothing")]

use core::cell::Cell;
use core::fmt;
use core::panic::Location;

use crate::error::Errno;
use crate::stack::{StackError, StaticStack};

use super::family::Family;
use super::join::JoinHandle;
use super::life::{Plain, begin};
use super::scheduler::{Scheduler, impossible};
use super::scope::{Scope, ScopedJoinHandle};
use super::slot::Name;

/// Starts a task that runs `f`, and returns a handle to wait for its result with.
///
/// The task becomes ready behind all others that are; the caller goes on. The closure lies on the
/// task's own stack, nothing is allocated. Costs 20 to 50 ns with a stack that was used before,
/// and some microseconds with a new one (`docs/performance.md`).
///
/// Dropping the handle lets the task run on by itself. [`Runtime::run`](crate::Runtime::run) waits
/// for it all the same.
///
/// # Errors
///
/// All of them hand the closure back:
/// - [`SpawnError::Full`]: each of the runtime's slots has a task.
/// - [`SpawnError::StackTooSmall`]: the closure or its result does not fit on the stack.
/// - [`SpawnError::Stack`]: the kernel gives no memory for the stack.
///
/// # Panics
///
/// Outside of a task.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, task};
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// let sum = RUNTIME.run(|| {
///     let other = task::spawn(|| 40).unwrap();
///     2 + other.join().unwrap()
/// }).unwrap();
/// assert_eq!(sum, 42);
/// ```
#[inline(always)]
#[track_caller]
pub fn spawn<F, T>(f: F) -> Result<JoinHandle<T>, SpawnError<F>>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    let scheduler = Scheduler::here("task::spawn");
    // SAFETY: closure and result borrow nothing that could end.
    let begun = unsafe { begin(scheduler, None, Location::caller(), Family::none(), Plain(f)) };
    match begun {
        Ok(slot) => Ok(JoinHandle::new(scheduler, slot)),
        Err(error) => Err(error.map(|body| body.0)),
    }
}

/// How a new task shall be: its name, the sizes of its stack and its guard.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, task};
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// RUNTIME.run(|| {
///     let parser = task::Builder::new().name("parser").stack_size(256 * 1024);
///     let name = parser.spawn(|| task::current().name()).unwrap().join().unwrap();
///     assert_eq!(name.as_deref(), Some("parser"));
/// }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    pub(super) name: Name,
    /// Zero for the runtime's.
    pub(super) stack_size: usize,
    /// Zero for the runtime's.
    pub(super) guard_size: usize,
}

impl Builder {
    /// A task without a name, with the runtime's default stack.
    pub const fn new() -> Self {
        Self { name: Name::NONE, stack_size: 0, guard_size: 0 }
    }

    /// Names the task for reports; up to 31 bytes of it are kept, in whole characters.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Name::new(name);
        self
    }

    /// Gives the task a stack of at least so many bytes, rounded up to whole pages of 4096.
    ///
    /// Up to the runtime's default it costs nothing. A larger stack is mapped for this task and
    /// unmapped after it, which costs some microseconds.
    pub const fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes;
        self
    }

    /// Gives the task's stack a guard of at least so many bytes, rounded up to whole pages.
    ///
    /// A larger guard than the runtime's comes with a stack that is mapped for this task; see
    /// [`RuntimeBuilder::guard_size`](crate::RuntimeBuilder::guard_size).
    pub const fn guard_size(mut self, bytes: usize) -> Self {
        self.guard_size = bytes;
        self
    }

    /// Starts the task; see [`spawn`].
    ///
    /// # Errors
    ///
    /// As for [`spawn`].
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> Result<JoinHandle<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        self.spawn_here(&Cell::new(None), Location::caller(), f)
    }

    /// Starts the task on a stack of the caller's, whose size and guard count then. The memory of
    /// a [`StackMemory`](crate::stack::StackMemory) is free again when the task has ended.
    ///
    /// # Errors
    ///
    /// As for [`spawn`], with the stack.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    ///
    /// # Examples
    ///
    /// ```
    /// use barecoro::{Runtime, stack::StackMemory, task};
    ///
    /// static RUNTIME: Runtime<2> = Runtime::new();
    /// static MEMORY: StackMemory<{ 32 * 1024 }> = StackMemory::new();
    /// RUNTIME.run(|| {
    ///     let stack = MEMORY.take().unwrap().unwrap();
    ///     let task = task::Builder::new().name("static").spawn_on(stack, || 42).unwrap();
    ///     assert_eq!(task.join().unwrap(), 42);
    /// }).unwrap();
    /// ```
    #[track_caller]
    pub fn spawn_on<F, T>(
        self,
        stack: StaticStack,
        f: F,
    ) -> Result<JoinHandle<T>, SpawnError<(F, StaticStack)>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let stack = Cell::new(Some(stack));
        self.spawn_here(&stack, Location::caller(), f).map_err(|error| {
            error.map(|f| match stack.take() {
                Some(stack) => (f, stack),
                None => impossible(),
            })
        })
    }

    /// Takes the stack, if there is one, unless it fails.
    #[track_caller]
    fn spawn_here<F, T>(
        &self,
        stack: &Cell<Option<StaticStack>>,
        spawned_at: &'static Location<'static>,
        f: F,
    ) -> Result<JoinHandle<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let scheduler = Scheduler::here("task::Builder::spawn");
        let options = Options { builder: self, stack: Some(stack) };
        // SAFETY: closure and result borrow nothing that could end.
        let begun =
            unsafe { begin(scheduler, Some(&options), spawned_at, Family::none(), Plain(f)) };
        match begun {
            Ok(slot) => Ok(JoinHandle::new(scheduler, slot)),
            Err(error) => Err(error.map(|body| body.0)),
        }
    }

    /// Starts the task in a scope; see [`Scope::spawn`].
    ///
    /// # Errors
    ///
    /// As for [`spawn`].
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn spawn_scoped<'scope, F, T, E>(
        self,
        scope: &'scope Scope<'scope, '_, E>,
        f: F,
    ) -> Result<ScopedJoinHandle<'scope, T>, SpawnError<F>>
    where
        F: FnOnce() -> Result<T, E> + 'scope,
        T: 'scope,
        E: 'scope,
    {
        let options = Options { builder: &self, stack: None };
        scope.spawn_with(Some(&options), Location::caller(), f)
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

/// What a new task shall be like, where someone cares.
pub(crate) struct Options<'a> {
    pub(crate) builder: &'a Builder,
    /// A stack to run on, taken from here once nothing can fail any more.
    pub(crate) stack: Option<&'a Cell<Option<StaticStack>>>,
}

/// Why a task was not started. Each variant holds the closure.
#[non_exhaustive]
pub enum SpawnError<F> {
    /// Each of the runtime's slots has a task. As an [`Errno`]: `EAGAIN`.
    Full(F),
    /// The closure or its result does not fit on the stack. As an [`Errno`]: `E2BIG`.
    StackTooSmall(F),
    /// The kernel gives no memory for the stack.
    Stack(F, StackError),
}

impl<F> SpawnError<F> {
    /// The closure that was not called.
    pub fn into_inner(self) -> F {
        match self {
            Self::Full(f) | Self::StackTooSmall(f) | Self::Stack(f, _) => f,
        }
    }

    /// The same error for another closure.
    pub(super) fn map<G>(self, change: impl FnOnce(F) -> G) -> SpawnError<G> {
        match self {
            Self::Full(f) => SpawnError::Full(change(f)),
            Self::StackTooSmall(f) => SpawnError::StackTooSmall(change(f)),
            Self::Stack(f, error) => SpawnError::Stack(change(f), error),
        }
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("Full(..)"),
            Self::StackTooSmall(_) => f.write_str("StackTooSmall(..)"),
            Self::Stack(_, error) => write!(f, "Stack(.., {error:?})"),
        }
    }
}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("all slots of the runtime have a task"),
            Self::StackTooSmall(_) => {
                write!(
                    f,
                    "a closure of {} bytes or its result does not fit on the stack",
                    size_of::<F>()
                )
            }
            Self::Stack(_, error) => fmt::Display::fmt(error, f),
        }
    }
}

impl<F> core::error::Error for SpawnError<F> {}

impl<F> From<SpawnError<F>> for Errno {
    fn from(error: SpawnError<F>) -> Self {
        match error {
            SpawnError::Full(_) => Self::AGAIN,
            SpawnError::StackTooSmall(_) => Self::TOOBIG,
            SpawnError::Stack(_, error) => error.into(),
        }
    }
}
