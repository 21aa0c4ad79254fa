//! Panics that end a task or a coroutine and not the process. Floor 0.
//!
//! Only a program with std that is compiled to unwind has them. In all others nothing is caught:
//! the functions here are then for a payload that cannot exist, and the compiler removes them.

pub(crate) use imp::{ENABLED, Payload, catch, raise, resume, was_raised};

#[cfg(all(feature = "std", panic = "unwind"))]
mod imp {
    use core::any::Any;
    use core::panic::AssertUnwindSafe;
    use std::boxed::Box;
    use std::panic::{catch_unwind, resume_unwind};

    /// Whether panics are caught.
    pub(crate) const ENABLED: bool = true;

    /// What a panic carries.
    pub(crate) type Payload = Box<dyn Any + Send>;

    /// What [`raise`] carries; nobody else can make one.
    struct Raised;

    /// Calls `f`. Who calls this passes a panic on, to whom a broken `f` can then matter.
    pub(crate) fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Payload> {
        catch_unwind(AssertUnwindSafe(f))
    }

    /// Goes on with a panic that was caught.
    pub(crate) fn resume(payload: Payload) -> ! {
        resume_unwind(payload)
    }

    /// Unwinds the running stack without a message.
    #[cold]
    pub(crate) fn raise() -> ! {
        resume_unwind(Box::new(Raised))
    }

    /// Whether the payload is that of [`raise`].
    pub(crate) fn was_raised(payload: &Payload) -> bool {
        payload.is::<Raised>()
    }
}

#[cfg(not(all(feature = "std", panic = "unwind")))]
mod imp {
    use core::convert::Infallible;

    pub(crate) const ENABLED: bool = false;

    pub(crate) type Payload = Infallible;

    #[inline(always)]
    #[expect(clippy::unnecessary_wraps, reason = "the other implementation fails")]
    pub(crate) fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Payload> {
        Ok(f())
    }

    pub(crate) fn resume(payload: Payload) -> ! {
        match payload {}
    }

    #[expect(clippy::unreachable, reason = "called where ENABLED only")]
    pub(crate) fn raise() -> ! {
        unreachable!("unwinding is not enabled")
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the other implementation's payload is not"
    )]
    pub(crate) fn was_raised(payload: &Payload) -> bool {
        match *payload {}
    }
}
