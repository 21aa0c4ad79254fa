//! What can keep a runtime from running.

use core::fmt;

use crate::error::Errno;
use crate::stack::StackError;

/// Why a runtime did not run, or not to a good end. `F` is the closure that was not called.
#[non_exhaustive]
pub enum RunError<F> {
    /// The caller is a task already: spawn another task instead, or run on another OS thread. As
    /// an [`Errno`]: `EDEADLK`.
    Nested(F),
    /// Another thread runs this runtime: give each thread its own. As an [`Errno`]: `EBUSY`.
    Running(F),
    /// The first task does not fit on a stack of this runtime. As an [`Errno`]: `E2BIG`.
    StackTooSmall(F),
    /// The kernel gives no memory for the stacks.
    Stack(F, StackError),
    /// All tasks were parked and nothing could wake them. As an [`Errno`]: `EDEADLK`.
    Deadlock,
}

impl<F> fmt::Debug for RunError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nested(_) => f.write_str("Nested(..)"),
            Self::Running(_) => f.write_str("Running(..)"),
            Self::StackTooSmall(_) => f.write_str("StackTooSmall(..)"),
            Self::Stack(_, error) => write!(f, "Stack(.., {error:?})"),
            Self::Deadlock => f.write_str("Deadlock"),
        }
    }
}

impl<F> fmt::Display for RunError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nested(_) => {
                f.write_str("run was called in a task: spawn a task, or use another OS thread")
            }
            Self::Running(_) => {
                f.write_str("another thread runs this runtime: give each thread its own")
            }
            Self::StackTooSmall(_) => {
                f.write_str("the first task does not fit on a stack of this runtime")
            }
            Self::Stack(_, error) => fmt::Display::fmt(error, f),
            Self::Deadlock => f.write_str("all tasks were parked and nothing could wake them"),
        }
    }
}

impl<F> core::error::Error for RunError<F> {}

impl<F> From<RunError<F>> for Errno {
    fn from(error: RunError<F>) -> Self {
        match error {
            RunError::Nested(_) | RunError::Deadlock => Self::DEADLK,
            RunError::Running(_) => Self::BUSY,
            RunError::StackTooSmall(_) => Self::TOOBIG,
            RunError::Stack(_, error) => error.into(),
        }
    }
}
