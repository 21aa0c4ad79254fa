//! Readiness of many descriptors: `epoll(7)`, and a wake-up that is a descriptor: eventfd(2).
#![expect(unsafe_code, reason = "system calls; each function says what its arguments must be")]

use core::time::Duration;

use linux_raw_sys::general as linux;

use super::fd::{self, Fd, register};
use super::owned::OwnedFd;
use super::{number, result};
use crate::error::Errno;

/// Events of a descriptor, and the number that it was registered with.
pub(crate) type Event = linux::epoll_event;

/// A set of descriptors to wait for.
#[derive(Debug)]
pub(crate) struct Epoll(OwnedFd);

impl Epoll {
    pub(crate) fn new() -> Result<Self, Errno> {
        // SAFETY: touches no memory of the program's.
        let returned = unsafe {
            sc::syscall1(number(linux::__NR_epoll_create1), number(linux::EPOLL_CLOEXEC))
        };
        // SAFETY: the kernel has made it for this call.
        result(returned).map(|fd| Self(unsafe { OwnedFd::of_number(fd) }))
    }

    /// The descriptor, which can be read when there are events.
    #[cfg(feature = "process")]
    pub(crate) fn owner(&self) -> &OwnedFd {
        &self.0
    }

    /// Registers a descriptor, or changes how it is registered, or ends that (`EPOLL_CTL_…`).
    pub(crate) fn control(&self, how: u32, fd: Fd, events: u32, data: u64) -> Result<(), Errno> {
        let event = Event { events, data };
        // SAFETY: the kernel reads the event.
        let returned = unsafe {
            sc::syscall4(
                number(linux::__NR_epoll_ctl),
                register(self.0.raw()),
                number(how),
                register(fd),
                (&raw const event).expose_provenance(),
            )
        };
        result(returned).map(drop)
    }

    /// Waits for events, for `limit` at most, and returns how many there are.
    ///
    /// To the nanosecond since Linux 5.11, and where no filter forbids the call; otherwise in whole
    /// milliseconds, rounded up.
    pub(crate) fn wait(
        &self,
        events: &mut [Event],
        limit: Option<Duration>,
    ) -> Result<usize, Errno> {
        let time = limit.map(|limit| linux::__kernel_timespec {
            tv_sec: limit.as_secs().cast_signed(),
            tv_nsec: limit.subsec_nanos().into(),
        });
        let (place, count) = (events.as_mut_ptr().expose_provenance(), events.len());
        // SAFETY: the kernel writes at most so many events, and reads the time.
        let returned = unsafe {
            sc::syscall6(
                number(linux::__NR_epoll_pwait2),
                register(self.0.raw()),
                place,
                count,
                time.as_ref().map_or(0, |time| (&raw const *time).expose_provenance()),
                0,
                0,
            )
        };
        match result(returned) {
            Err(Errno::NOSYS | Errno::PERM | Errno::ACCES) => {}
            answer => return answer,
        }
        let limit = limit.map_or(usize::MAX, |limit| {
            let whole = limit.as_nanos().div_ceil(1_000_000);
            usize::try_from(whole.min(i32::MAX as u128)).unwrap_or(0)
        });
        // SAFETY: as above.
        result(unsafe {
            sc::syscall4(
                number(linux::__NR_epoll_wait),
                register(self.0.raw()),
                place,
                count,
                limit,
            )
        })
    }
}

/// Something that other threads and handlers of signals can make readable.
#[derive(Debug)]
pub(crate) struct EventFd(OwnedFd);

impl EventFd {
    pub(crate) fn new() -> Result<Self, Errno> {
        let flags = linux::EFD_CLOEXEC | linux::EFD_NONBLOCK;
        // SAFETY: touches no memory of the program's.
        let returned = unsafe { sc::syscall2(number(linux::__NR_eventfd2), 0, number(flags)) };
        // SAFETY: the kernel has made it for this call.
        result(returned).map(|fd| Self(unsafe { OwnedFd::of_number(fd) }))
    }

    pub(crate) fn raw(&self) -> Fd {
        self.0.raw()
    }

    /// Makes it unreadable, and says whether it was readable.
    #[cfg(all(feature = "signal", feature = "sync"))]
    pub(crate) fn reset(&self) -> bool {
        // It never waits, as `new` says; what else may happen leaves it as it is.
        fd::read(self.0.raw(), &mut [0; 8]).is_ok()
    }

    /// The descriptor.
    #[cfg(feature = "signal")]
    pub(crate) fn owner(&self) -> &OwnedFd {
        &self.0
    }
}

/// Makes an [`EventFd`] readable, once more.
pub(crate) fn signal(event: Fd) {
    // What it counts does not overflow in the lifetime of a machine.
    let _written = fd::write(event, &1_u64.to_ne_bytes());
}
