//! The driver on `epoll`.
//!
//! An operation is tried by its system call. If that would have to wait, the task parks until an
//! event says that the descriptor is ready, and tries again. A descriptor is registered once, for
//! all events, edge-triggered: an event comes when something changes, and is only fetched at the root,
//! so that none is lost between a call in vain and the parking of its task.
//!
//! What `epoll` does not take, regular files and folders above all, is never in vain: it is done at
//! once, and all tasks stand still meanwhile.
#![expect(unsafe_code, reason = "links waiting tasks that lie in other frames")]

#[cfg(feature = "sync")]
mod watch;

use core::cell::Cell;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use linux_raw_sys::general as linux;

use crate::collections::Node;
use crate::error::Errno;
use crate::sys::call::Call;
use crate::sys::epoll::{self as sys, Event};
use crate::sys::fd::{self, Fd};
use crate::sys::mem::Mapping;
use crate::sys::operation::Operation;
use crate::sys::owned::OwnedFd;
use crate::task::{Scheduler, Waiting, Wake};

use super::sources::{Source, Sources};
use super::{RETRY, Refusals, pause_for, persist};

/// How many events are fetched at once.
const EVENTS: usize = 128;

/// All that a descriptor is registered for.
const ALL: u32 =
    linux::EPOLLIN | linux::EPOLLPRI | linux::EPOLLOUT | linux::EPOLLRDHUP | linux::EPOLLET;

/// What makes a descriptor readable, be it for an end or an error. Not urgent data, which nobody reads:
/// it stays there, and who waits for something to read would be woken for it again and again.
const READABLE: u32 = linux::EPOLLIN | linux::EPOLLRDHUP | linux::EPOLLHUP | linux::EPOLLERR;
/// What makes a descriptor writable, be it for an error.
const WRITABLE: u32 = linux::EPOLLOUT | linux::EPOLLHUP | linux::EPOLLERR;

/// After which a short read does not say that nothing is left: the end may follow, or what is
/// behind urgent data.
const HUNG_UP: u32 = linux::EPOLLPRI | linux::EPOLLRDHUP | linux::EPOLLHUP | linux::EPOLLERR;

/// As much as a pipe takes at once if it takes anything (`PIPE_BUF`, pipe(7)).
const PIPE_BUFFER: u32 = 4096;

/// How many operations are done at once before other tasks have their turn.
const STREAK: u32 = 32;

/// Numbers registrations, of all drivers in the process. Each comes once.
static SERIALS: AtomicU64 = AtomicU64::new(1);

pub(super) struct Epoll {
    set: sys::Epoll,
    sources: Sources,
    /// How many tasks wait.
    waiting: Cell<usize>,
    /// How many operations were done since a task has waited.
    streak: Cell<u32>,
    /// Room for events, not on the small stack of a task that starts the driver.
    events: Mapping,
    refusals: Refusals,
}

impl Epoll {
    pub(super) fn new(wakeup: Fd) -> Result<Self, Errno> {
        let set = sys::Epoll::new()?;
        // With a number that is no descriptor's: the event ends the waiting, and that is all.
        set.control(linux::EPOLL_CTL_ADD, wakeup, linux::EPOLLIN | linux::EPOLLET, u64::MAX)?;
        Ok(Self {
            set,
            sources: Sources::new()?,
            waiting: Cell::new(0),
            streak: Cell::new(0),
            events: Mapping::zeroed(EVENTS * size_of::<Event>())?,
            refusals: Refusals::new(),
        })
    }

    pub(super) fn is_busy(&self) -> bool {
        self.waiting.get() > 0
    }

    pub(super) fn perform(
        &self,
        scheduler: &Scheduler,
        owner: Option<&OwnedFd>,
        operation: &Operation<'_>,
    ) -> Result<usize, Errno> {
        let done = if operation.awaited() == 0 {
            at_once(scheduler, operation)
        } else if operation.is_unsure() {
            persist(scheduler, operation)
        } else {
            let source = self.sources.of(operation.fd())?;
            match owner {
                Some(owner) => self.perform_owned(scheduler, source, owner, operation),
                None => self.perform_borrowed(scheduler, source, operation),
            }
        };
        // Who never has to wait would never let others run.
        if self.streak.replace(self.streak.get() + 1) >= STREAK {
            self.streak.set(0);
            scheduler.yield_to_root();
        }
        done
    }

    /// With a descriptor of this crate's, which stays registered until it is closed.
    fn perform_owned(
        &self,
        scheduler: &Scheduler,
        source: &Source,
        owner: &OwnedFd,
        operation: &Operation<'_>,
    ) -> Result<usize, Errno> {
        let awaited = operation.awaited();
        let is_connect = operation.name() == Call::Connect;
        if !operation.never_waits() {
            if !source.is_registered_by(owner) {
                self.register(source, owner)?;
            }
            let since = fd::flags_known_since();
            if !source.always_ready.get() && source.never_waits.get() != since {
                fd::set_nonblocking(owner.raw())?;
                source.never_waits.set(since);
            }
        }
        let mut has_waited = false;
        loop {
            if scheduler.must_end() {
                return Err(Errno::CANCELED);
            }
            let is_known = source.is_registered_by(owner);
            if is_known && source.always_ready.get() {
                return at_once(scheduler, operation);
            }
            let is_in_vain = source.blocked.get() & awaited == awaited;
            if !is_known || !is_in_vain || operation.writes_nothing() {
                match operation.perform() {
                    Err(Errno::INTR) => continue,
                    // The system is short of something, of which no event tells.
                    Err(Errno::AGAIN) if is_connect => {
                        pause_for(scheduler, operation, RETRY)?;
                        continue;
                    }
                    Err(Errno::AGAIN) => {}
                    Err(Errno::INPROGRESS | Errno::ALREADY) if is_connect => {}
                    Err(Errno::ISCONN) if is_connect && has_waited => return Ok(0),
                    done => {
                        if is_known && operation.has_emptied(done) && !source.hung_up.get() {
                            source.blocked.set(source.blocked.get() | awaited);
                        }
                        return done;
                    }
                }
                if !is_known {
                    self.register(source, owner)?;
                }
                source.blocked.set(source.blocked.get() | awaited);
            }
            self.park(scheduler, source, operation)?;
            has_waited = true;
        }
    }

    /// With a descriptor that others may use too, and as they have set it: it may wait where it
    /// should not, so it is asked first. It is registered only while somebody waits.
    fn perform_borrowed(
        &self,
        scheduler: &Scheduler,
        source: &Source,
        operation: &Operation<'_>,
    ) -> Result<usize, Errno> {
        let is_ready = Operation::poll(operation.fd(), operation.awaited());
        // What is ready to be written takes as much without waiting.
        let operation = &operation.at_most(PIPE_BUFFER);
        loop {
            if scheduler.must_end() {
                return Err(Errno::CANCELED);
            }
            let is_poll = operation.name() == Call::Poll;
            let perform = |ready| if is_poll { Ok(ready) } else { operation.perform() };
            match is_ready.perform().and_then(perform) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.watch(source, operation.fd())?;
                    let parked = self.park(scheduler, source, operation);
                    self.unwatch(source, operation.fd());
                    parked?;
                }
                done => return done,
            }
        }
    }

    /// Parks the task until an event may have made the operation possible.
    fn park(
        &self,
        scheduler: &Scheduler,
        source: &Source,
        operation: &Operation<'_>,
    ) -> Result<(), Errno> {
        let (reader, writer) = (Node::new(scheduler.task()), Node::new(scheduler.task()));
        // SAFETY: both nodes stay in this frame until they are removed below.
        unsafe {
            if operation.awaited() & !linux::POLLOUT != 0 {
                source.readers.push(&reader);
            }
            if operation.awaited() & linux::POLLOUT != 0 {
                source.writers.push(&writer);
            }
        }
        self.streak.set(0);
        self.waiting.set(self.waiting.get() + 1);
        let parked = scheduler.block(Waiting::for_call(operation.name(), operation.fd()));
        self.waiting.set(self.waiting.get() - 1);
        // SAFETY: they are in these lists, or were taken out by an event.
        unsafe {
            source.readers.remove(&reader);
            source.writers.remove(&writer);
        }
        parked.map_err(|_| Errno::CANCELED)
    }

    /// Registers a descriptor until it is closed.
    fn register(&self, source: &Source, owner: &OwnedFd) -> Result<(), Errno> {
        let always_ready = match self.add(source, owner.raw()) {
            Ok(_) => false,
            Err(Errno::PERM) => true,
            Err(errno) => return Err(errno),
        };
        source.always_ready.set(always_ready);
        source.transient.set(false);
        owner.set_serial(source.serial.get());
        Ok(())
    }

    /// Registers a descriptor for as long as somebody waits.
    fn watch(&self, source: &Source, fd: Fd) -> Result<(), Errno> {
        if !(source.transient.get() && source.is_awaited()) {
            let is_new = self.add(source, fd)?;
            source.transient.set(is_new || source.transient.get());
        }
        Ok(())
    }

    fn unwatch(&self, source: &Source, fd: Fd) {
        if source.transient.get() && !source.is_awaited() {
            source.transient.set(false);
            source.serial.set(0);
            let _removed = self.set.control(linux::EPOLL_CTL_DEL, fd, 0, 0);
        }
    }

    /// Registers a descriptor, under a new number. Says whether it was not registered before.
    /// If it is ready already, an event will say so.
    fn add(&self, source: &Source, fd: Fd) -> Result<bool, Errno> {
        // Relaxed: nothing but the number hangs on it.
        let serial = SERIALS.fetch_add(1, Ordering::Relaxed);
        let data = serial << 32 | u64::from(fd.cast_unsigned());
        let is_new = match self.set.control(linux::EPOLL_CTL_ADD, fd, ALL, data) {
            Err(Errno::EXIST) => {
                self.set.control(linux::EPOLL_CTL_MOD, fd, ALL, data)?;
                Ok(false)
            }
            added => added.map(|()| true),
        };
        if matches!(is_new, Ok(_) | Err(Errno::PERM)) {
            source.serial.set(serial);
            source.blocked.set(0);
            source.hung_up.set(false);
            source.never_waits.set(0);
        }
        is_new
    }

    pub(super) fn poll(&self, scheduler: &Scheduler) {
        if self.is_busy() {
            self.fetch(scheduler, Some(Duration::ZERO));
        }
    }

    /// Waits, for `limit` at most.
    pub(super) fn wait(&self, scheduler: &Scheduler, limit: Option<Duration>) {
        self.fetch(scheduler, limit);
    }

    /// Fetches events, and wakes whom they concern.
    fn fetch(&self, scheduler: &Scheduler, limit: Option<Duration>) {
        // SAFETY: the mapping has room for so many, and zeros are events. Only this function uses it,
        // it does not call itself, and nobody else runs meanwhile.
        let events =
            unsafe { core::slice::from_raw_parts_mut(self.events.at::<Event>(0).as_ptr(), EVENTS) };
        match self.set.wait(events, limit) {
            Ok(count) => {
                self.refusals.clear();
                for event in events.iter().take(count) {
                    self.dispatch(scheduler, *event);
                }
            }
            Err(Errno::INTR) => {}
            Err(errno) => self.refusals.pause("epoll_wait", errno, limit),
        }
    }

    fn dispatch(&self, scheduler: &Scheduler, event: Event) {
        let (events, data) = (event.events, event.data);
        let [low, _] = halves(data);
        let Ok(source) = self.sources.of(low.cast_signed()) else { return };
        // An event of a descriptor that was closed, while others have the same file.
        if halves(source.serial.get())[0] != halves(data)[1] {
            return;
        }
        if events & HUNG_UP != 0 {
            source.hung_up.set(true);
        }
        if events & READABLE != 0 {
            source.blocked.set(source.blocked.get() & linux::POLLOUT);
            while let Some(task) = source.readers.pop() {
                scheduler.wake(task, Wake::Done);
            }
        }
        if events & WRITABLE != 0 {
            source.blocked.set(source.blocked.get() & !linux::POLLOUT);
            while let Some(task) = source.writers.pop() {
                scheduler.wake(task, Wake::Done);
            }
        }
    }
}

/// The low and the high half of a number.
#[expect(clippy::cast_possible_truncation, reason = "to take it apart")]
const fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

/// Does what cannot be waited for.
fn at_once(scheduler: &Scheduler, operation: &Operation<'_>) -> Result<usize, Errno> {
    loop {
        if scheduler.must_end() {
            return Err(Errno::CANCELED);
        }
        match operation.perform() {
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
}
