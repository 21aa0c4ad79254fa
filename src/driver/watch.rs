//! Waiting for a descriptor among other things: a wait that can be given up.
//!
//! An operation parks its task until it is done. A [`Watch`] does not: it asks for the task to be woken
//! when a descriptor is ready, so that the task can wait for something else besides, and takes that
//! back when the task goes on, for whatever reason. Nothing is read or written by it, so a watch that is
//! given up has lost nothing.
//!
//! Meanwhile the driver refers to the watch: `io_uring` by an entry whose user data is the address of a
//! [`Pending`], `epoll` by a node in the list of those who wait for the descriptor. Both lie in the
//! watch, in the frame of the task that waits, so that it must not go on before they are taken back.
#![expect(unsafe_code, reason = "lends to the driver what lies in the caller's frame")]

use core::cell::Cell;
use core::fmt;

use crate::collections::Node;
use crate::error::Errno;
use crate::sys::call::{Call, Error};
use crate::sys::fd::Fd;
use crate::sys::operation::Operation;
use crate::task::{Scheduler, Slot};

use super::epoll::Epoll;
#[cfg(feature = "uring")]
use super::uring::{Pending, Uring};
use super::{Backend, of_run};

/// A descriptor to be waited for among other things.
pub(crate) struct Watch {
    fd: Fd,
    events: u32,
    place: Cell<Place>,
    found: Cell<Found>,
}

/// Where a driver finds who waits, and which driver.
enum Place {
    /// None looks.
    Nowhere,
    #[cfg(feature = "uring")]
    Entry(&'static Uring, Pending),
    List(&'static Epoll, Node<&'static Slot>),
}

/// What a watch has come to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    /// Nothing that is known.
    Nothing,
    /// The descriptor is ready.
    #[cfg_attr(not(feature = "uring"), expect(dead_code, reason = "epoll has to be asked"))]
    Ready,
    /// The driver could not take it: others must have their turn before it is asked again.
    #[cfg_attr(not(feature = "uring"), expect(dead_code, reason = "epoll can, or fails"))]
    Busy,
    /// The driver cannot tell.
    Failed(Error),
}

impl Watch {
    /// For events of poll(2), once it is begun.
    pub(crate) const fn new(fd: Fd, events: u32) -> Self {
        Self { fd, events, place: Cell::new(Place::Nowhere), found: Cell::new(Found::Nothing) }
    }

    /// Whether the descriptor is ready at this moment. Does not wait, and needs no driver.
    pub(crate) fn look(&self) -> Result<bool, Error> {
        loop {
            match self.operation().perform() {
                Ok(_) => return Ok(true),
                Err(Errno::AGAIN) => return Ok(false),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::new(Call::Poll, errno)),
            }
        }
    }

    /// What it has come to when it last ended, once.
    pub(crate) fn take_found(&self) -> Found {
        self.found.replace(Found::Nothing)
    }

    /// Has the running task woken when the descriptor is ready. If that may have been so already, or
    /// if it cannot be done, the task is told to look again. Does not switch.
    ///
    /// # Safety
    ///
    /// It stays where it is until [`end`](Self::end) has returned, which the same task calls.
    pub(crate) unsafe fn begin(&self, scheduler: &'static Scheduler) {
        // Who must end will not park, so that there is nobody to wake.
        if scheduler.must_end() {
            return;
        }
        let driver = match of_run(scheduler) {
            Ok(driver) => driver,
            Err(error) => return self.give_up(scheduler, Found::Failed(error)),
        };
        match &driver.backend {
            #[cfg(feature = "uring")]
            Backend::Uring(uring) => {
                self.place.set(Place::Entry(uring, Pending::new(scheduler.task())));
                if let Place::Entry(_, pending) = self.place()
                    // SAFETY: it stays there until `end`, which waits for its completion.
                    && !unsafe { uring.watch(scheduler, pending, &self.operation()) }
                {
                    self.give_up(scheduler, Found::Busy);
                }
            }
            Backend::Epoll(epoll) => {
                self.place.set(Place::List(epoll, Node::new(scheduler.task())));
                if let Place::List(_, node) = self.place()
                    // SAFETY: it stays there until `end`, which takes it out.
                    && let Err(errno) = unsafe { epoll.join(node, self.fd, self.events) }
                {
                    let error = Error::new(Call::EpollControl, errno);
                    self.give_up(scheduler, Found::Failed(error));
                }
            }
        }
    }

    #[cold]
    fn give_up(&self, scheduler: &Scheduler, why: Found) {
        self.place.set(Place::Nowhere);
        self.found.set(why);
        scheduler.look_again();
    }

    /// Begins to end, as far as that takes no waiting, so that several can do so at a time.
    #[cfg_attr(not(feature = "uring"), expect(clippy::unused_self, reason = "nothing takes time"))]
    pub(crate) fn withdraw(&self) {
        #[cfg(feature = "uring")]
        if let Place::Entry(uring, pending) = self.place() {
            uring.withdraw(pending);
        }
    }

    /// Sees to it that no driver refers to this any more. Parks the task for that where it must,
    /// whoever cancels it.
    ///
    /// # Safety
    ///
    /// If it was begun, the same task has done that.
    pub(crate) unsafe fn end(&self) {
        match self.place() {
            Place::Nowhere => return,
            #[cfg(feature = "uring")]
            Place::Entry(uring, pending) => {
                let scheduler = Scheduler::here("select!");
                self.found.set(match uring.unwatch(scheduler, pending, &self.operation()) {
                    Ok(_) => Found::Ready,
                    Err(Errno::CANCELED | Errno::AGAIN | Errno::INTR) => Found::Nothing,
                    Err(errno) => Found::Failed(Error::new(Call::Poll, errno)),
                });
            }
            // SAFETY: `begin` has put it there.
            Place::List(epoll, node) => unsafe { epoll.leave(node, self.fd, self.events) },
        }
        self.place.set(Place::Nowhere);
    }

    fn operation(&self) -> Operation<'static> {
        Operation::poll(self.fd, self.events)
    }

    fn place(&self) -> &Place {
        // SAFETY: it is replaced by `begin`, `give_up` and `end` only, at moments when neither they nor a
        // driver use what this has returned, and one thread has it.
        unsafe { &*self.place.as_ptr() }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("fd", &self.fd).finish_non_exhaustive()
    }
}
