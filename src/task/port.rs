//! The way to what waits for the kernel: the driver, one floor above.

#![expect(unsafe_code, reason = "refers to a driver that lives as long as the tasks of a run")]

use core::cell::Cell;
use core::ptr::NonNull;

use crate::sys::clock::Instant;
use crate::sys::fd::Fd;

use super::scheduler::Scheduler;

/// What the scheduler wants of a driver.
pub(crate) trait Port {
    /// Gives the kernel what there is to do, and wakes the tasks whose operations are done. Does not
    /// wait.
    fn poll(&self, scheduler: &Scheduler);

    /// As [`poll`](Self::poll), and waits until there is such a task, until somebody calls from
    /// outside, or until the deadline.
    fn wait(&self, scheduler: &Scheduler, deadline: Option<Instant>);

    /// Whether a task waits for the kernel.
    fn is_busy(&self) -> bool;

    /// What ends the driver, given its address. Not a method, as the driver's memory goes with it.
    /// To be called once, when nobody uses the driver any more and no task waits for it.
    fn closer(&self) -> unsafe fn(NonNull<()>);
}

/// What waits for the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum Driver {
    /// `io_uring`: operations are handed over, and many of them in one system call.
    #[cfg(feature = "uring")]
    Uring = 1,
    /// `epoll`: an operation is tried, and again when its descriptor is ready.
    Epoll = 2,
}

/// Where a runtime keeps its driver.
pub(super) struct PortPlace {
    port: Cell<Option<NonNull<dyn Port>>>,
    /// Which one it is to be, as its number; zero for the best that there is. Not an `Option`, whose
    /// nothing need not be zero.
    chosen: Cell<u8>,
}

impl PortPlace {
    pub(super) const fn new() -> Self {
        Self { port: Cell::new(None), chosen: Cell::new(0) }
    }

    /// Notes which driver a run is to have.
    pub(super) fn choose(&self, driver: Option<Driver>) {
        self.chosen.set(driver.map_or(0, |driver| driver as u8));
    }
}

impl Scheduler {
    /// The driver of the run, once it has one.
    #[inline(always)]
    pub(crate) fn port(&self) -> Option<&dyn Port> {
        // SAFETY: who has set it vouches for it until `close_port`, which forgets it.
        self.port.port.get().map(|port| unsafe { port.as_ref() })
    }

    /// Which driver the run is to have; none for the best that there is.
    pub(crate) fn chosen_driver(&self) -> Option<Driver> {
        match self.port.chosen.get() {
            #[cfg(feature = "uring")]
            number if number == Driver::Uring as u8 => Some(Driver::Uring),
            number if number == Driver::Epoll as u8 => Some(Driver::Epoll),
            _ => None,
        }
    }

    /// Gives the run a driver. Whoever writes to `bell` wakes it.
    ///
    /// # Safety
    ///
    /// It stays where it is, and the descriptor stays open, until it is closed.
    pub(crate) unsafe fn set_port(&self, port: NonNull<dyn Port>, bell: Fd) {
        self.inbox.install_bell(bell);
        self.port.port.set(Some(port));
    }

    /// Ends the driver of a run whose tasks have all ended.
    pub(super) fn close_port(&self) {
        if let Some(port) = self.port.port.take() {
            self.inbox.remove_bell();
            // SAFETY: who has set it vouches for it.
            let close = unsafe { port.as_ref() }.closer();
            // SAFETY: it was not closed before, and nobody finds it any more. No task is left that
            // could wait for it.
            unsafe { close(port.cast()) }
        }
    }
}
