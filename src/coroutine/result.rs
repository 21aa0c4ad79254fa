//! What a coroutine gives back.

use core::fmt;

/// What a call of [`Coroutine::resume`](crate::Coroutine::resume) ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CoroutineResult<Yield, Return> {
    /// The coroutine has suspended itself with this value and can be resumed.
    Yield(Yield),
    /// The coroutine's function has returned this value; there is nothing left to resume.
    Return(Return),
}

impl<Yield, Return> CoroutineResult<Yield, Return> {
    /// The yielded value, if it is one.
    pub fn as_yield(self) -> Option<Yield> {
        match self {
            Self::Yield(value) => Some(value),
            Self::Return(_) => None,
        }
    }

    /// The returned value, if it is one.
    pub fn as_return(self) -> Option<Return> {
        match self {
            Self::Yield(_) => None,
            Self::Return(value) => Some(value),
        }
    }
}

/// The stack has no room for the function; both come back.
pub struct StackTooSmall<S, F> {
    /// The stack.
    pub stack: S,
    /// The function.
    pub body: F,
}

impl<S, F> fmt::Debug for StackTooSmall<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackTooSmall").finish_non_exhaustive()
    }
}

impl<S, F> fmt::Display for StackTooSmall<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the stack has no room for a function of {} bytes", size_of::<F>())
    }
}

impl<S, F> core::error::Error for StackTooSmall<S, F> {}

impl<S, F> From<StackTooSmall<S, F>> for crate::Errno {
    fn from(_: StackTooSmall<S, F>) -> Self {
        Self::NOMEM
    }
}
