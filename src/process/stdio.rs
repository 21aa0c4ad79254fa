//! Where a child's standard input, output and error lead.

use crate::fd::OwnedFd;
use crate::io::Error;
use crate::sys::call::{Call, Named as _};
use crate::sys::fd::{self as descriptors, Fd};
use crate::sys::signal::{self, Action, Kind};
use crate::sys::{pipe, spawn};

/// Where one of a child's standard streams leads, in the shape of std's.
///
/// It can be made of anything that is a descriptor: a file, a socket, one end of a pipe, another
/// child's output.
#[derive(Debug)]
pub struct Stdio(Target);

#[derive(Debug)]
enum Target {
    Inherit,
    Null,
    Piped,
    Fd(OwnedFd),
}

impl Stdio {
    /// Where this process's own leads.
    pub const fn inherit() -> Self {
        Self(Target::Inherit)
    }

    /// Nowhere: input is at its end, output is dropped (`/dev/null`).
    pub const fn null() -> Self {
        Self(Target::Null)
    }

    /// To this process, by a pipe: see [`Child::stdin`](super::Child::stdin) and its neighbours.
    ///
    /// Of standard input, that lets this process ignore `SIGPIPE`, as programs with std do from the
    /// beginning, unless it is handled: a write that nobody reads is an error.
    pub const fn piped() -> Self {
        Self(Target::Piped)
    }

    /// Gets ready what this is for. `is_input` says which end of a pipe is the child's.
    pub(super) fn open(&self, is_input: bool) -> Result<Opened, Error> {
        match &self.0 {
            Target::Inherit => Ok(Opened::NONE),
            Target::Null => {
                let null = spawn::open_null().of(Call::Open)?;
                Ok(Opened { number: Some(null.raw()), child: Some(null), parent: None })
            }
            Target::Piped => {
                let (reader, writer) = pipe::new().of(Call::Pipe)?;
                if is_input {
                    ignore_broken_pipes();
                }
                let (child, parent) = if is_input { (reader, writer) } else { (writer, reader) };
                let number = Some(child.raw());
                Ok(Opened { number, child: Some(child), parent: Some(parent) })
            }
            Target::Fd(fd) => {
                // A driver may have set it otherwise; programs do not expect that.
                if descriptors::set_blocking(fd.raw()).of(Call::Duplicate)? {
                    descriptors::forget_flags();
                }
                Ok(Opened { number: Some(fd.raw()), child: None, parent: None })
            }
        }
    }
}

impl<T: Into<OwnedFd>> From<T> for Stdio {
    fn from(fd: T) -> Self {
        Self(Target::Fd(fd.into()))
    }
}

/// One stream, ready for a child.
pub(super) struct Opened {
    /// What the child gets, if not what this process has.
    pub(super) number: Option<Fd>,
    /// The child's descriptor, until it has its own copy.
    #[expect(dead_code, reason = "it is closed when the child has it")]
    child: Option<OwnedFd>,
    /// The end of a pipe that is this process's.
    pub(super) parent: Option<OwnedFd>,
}

impl Opened {
    const NONE: Self = Self { number: None, child: None, parent: None };
}

fn ignore_broken_pipes() {
    const PIPE: u32 = linux_raw_sys::general::SIGPIPE;
    if signal::action(PIPE).is_ok_and(|action| action.kind() == Kind::Default) {
        #[expect(unsafe_code, reason = "sets what is done with a signal")]
        // SAFETY: no function is called.
        let _never_fails = unsafe { signal::set_action(PIPE, &Action::IGNORE) };
    }
}
