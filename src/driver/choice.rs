//! Which driver a run has: what its builder says, what the environment says (`BARECORO_DRIVER`), or
//! `io_uring` if the kernel allows it.

use spin::Once;

use crate::error::Errno;
use crate::sys::environment;
use crate::sys::fd::Fd;
use crate::task::Driver;

use super::Backend;
use super::epoll::Epoll;
#[cfg(feature = "uring")]
use super::uring::Uring;

/// The backend for a run; `wakeup` is readable when somebody calls from outside.
pub(super) fn backend(chosen: Option<Driver>, wakeup: Fd) -> Result<Backend, Errno> {
    let chosen = match forced().or(chosen) {
        None => from_environment()?,
        chosen => chosen,
    };
    match chosen {
        Some(Driver::Epoll) => epoll(wakeup),
        #[cfg(feature = "uring")]
        Some(Driver::Uring) => Uring::new(wakeup).map(Backend::Uring),
        #[cfg(feature = "uring")]
        None => match Uring::new(wakeup) {
            Ok(uring) => Ok(Backend::Uring(uring)),
            // It is forbidden, or the kernel is too old.
            Err(Errno::PERM | Errno::NOSYS | Errno::ACCES | Errno::INVAL) => epoll(wakeup),
            Err(errno) => Err(errno),
        },
        #[cfg(not(feature = "uring"))]
        None => epoll(wakeup),
    }
}

fn epoll(wakeup: Fd) -> Result<Backend, Errno> {
    Epoll::new(wakeup).map(Backend::Epoll)
}

/// For tests: what the build was told, `--cfg barecoro_driver="epoll"`.
const fn forced() -> Option<Driver> {
    if cfg!(barecoro_driver = "epoll") {
        return Some(Driver::Epoll);
    }
    #[cfg(all(feature = "uring", barecoro_driver = "uring"))]
    return Some(Driver::Uring);
    #[cfg(not(all(feature = "uring", barecoro_driver = "uring")))]
    None
}

/// What the environment says, as the process was started with it. Anything but the name of a
/// driver is an error.
fn from_environment() -> Result<Option<Driver>, Errno> {
    static SAID: Once<Result<Option<Driver>, Errno>> = Once::new();
    *SAID.call_once(|| {
        // What does not fit is too long to be the name of a driver, and so is what fits of it.
        let mut value = [0; 8];
        match environment::variable(b"BARECORO_DRIVER", &mut value) {
            None | Some(b"") => Ok(None),
            Some(b"epoll") => Ok(Some(Driver::Epoll)),
            #[cfg(feature = "uring")]
            Some(b"uring") => Ok(Some(Driver::Uring)),
            Some(_) => Err(Errno::INVAL),
        }
    })
}
