//! What waits for the kernel: one interface, on `io_uring` or on `epoll`. Floor 5.
//!
//! A task hands in an [`Operation`] and parks until that is done: [`perform`]. The root gives the
//! kernel what there is and waits there for all. A runtime's driver starts with the first operation of a
//! run, so that programs without any do without it, and ends with the run.
#![expect(unsafe_code, reason = "keeps a driver in a mapping of its own")]

mod choice;
mod epoll;
mod sources;
#[cfg(feature = "uring")]
mod uring;
#[cfg(feature = "sync")]
mod watch;

#[cfg(feature = "sync")]
pub(crate) use watch::{Found, Watch};

use core::cell::Cell;
use core::ptr::NonNull;
use core::time::Duration;

use crate::error::Errno;
use crate::sys::call::{Call, Error};
use crate::sys::clock::Instant;
use crate::sys::epoll::EventFd;
use crate::sys::fd;
use crate::sys::mem::Mapping;
use crate::sys::operation::Operation;
use crate::sys::owned::OwnedFd;
use crate::sys::thread;
#[cfg(feature = "overflow")]
use crate::task::check_buffer;
use crate::task::{self, Port, Scheduler, WaitError, Waiting};

/// Does an operation for the running task, which is parked until then. `owner` is who has the
/// operation's descriptor, if that is this crate.
///
/// # Cancellation
///
/// A cancelled task gets [`Errno::CANCELED`], unless the operation was done before the kernel could
/// be told. In either case the kernel has let go of what the operation lends when this returns.
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub(crate) fn perform(owner: Option<&OwnedFd>, operation: &Operation<'_>) -> Result<usize, Error> {
    let call = operation.name();
    let scheduler = Scheduler::here(call.name());
    let driver = of_run(scheduler)?;
    let done = match &driver.backend {
        #[cfg(feature = "uring")]
        Backend::Uring(uring) => uring.perform(scheduler, operation),
        Backend::Epoll(epoll) => epoll.perform(scheduler, owner, operation),
    };
    done.map_err(|errno| {
        #[cfg(feature = "overflow")]
        check_buffer(errno, operation.buffer());
        Error::new(call, errno)
    })
}

/// As [`perform`], for an operation that makes a descriptor.
#[cfg(any(feature = "net", feature = "fs"))]
#[track_caller]
pub(crate) fn open(owner: Option<&OwnedFd>, operation: &Operation<'_>) -> Result<OwnedFd, Error> {
    assert!(operation.makes_a_descriptor(), "an operation has no descriptor for a result");
    // SAFETY: the kernel has made it for this operation, whose result nobody else has.
    perform(owner, operation).map(|fd| unsafe { OwnedFd::of_number(fd) })
}

/// Does an operation without waiting, also outside of tasks. What would have to wait fails with `EAGAIN`;
/// for that its descriptor is set not to wait, if it is not a socket's to send or receive.
pub(crate) fn perform_now(operation: &Operation<'_>) -> Result<usize, Error> {
    let is_set = if operation.never_waits() {
        Ok(())
    } else {
        fd::set_nonblocking(operation.fd()).map(drop)
    };
    let done = is_set.and_then(|()| {
        loop {
            match operation.perform() {
                Err(Errno::INTR) => {}
                done => return done,
            }
        }
    });
    done.map_err(|errno| {
        #[cfg(feature = "overflow")]
        check_buffer(errno, operation.buffer());
        Error::new(operation.name(), errno)
    })
}

/// As [`perform_now`], for an operation that makes a descriptor.
#[cfg(feature = "net")]
pub(crate) fn open_now(operation: &Operation<'_>) -> Result<OwnedFd, Error> {
    assert!(operation.makes_a_descriptor(), "an operation has no descriptor for a result");
    // SAFETY: the kernel has made it for this operation, whose result nobody else has.
    perform_now(operation).map(|fd| unsafe { OwnedFd::of_number(fd) })
}

/// The run's driver, which is started if there is none yet.
fn of_run(scheduler: &'static Scheduler) -> Result<&'static Driver, Error> {
    match scheduler.port() {
        // SAFETY: `start` has set it, to a driver, which lives as long as tasks run.
        Some(port) => Ok(unsafe { NonNull::from(port).cast::<Driver>().as_ref() }),
        None => start(scheduler).map_err(|errno| Error::new(Call::Driver, errno)),
    }
}

/// The driver of one run.
struct Driver {
    backend: Backend,
    /// What wakes a waiting driver from outside.
    _wakeup: EventFd,
    /// Where this lies; dropped last.
    _memory: Mapping,
}

enum Backend {
    #[cfg(feature = "uring")]
    Uring(uring::Uring),
    Epoll(epoll::Epoll),
}

/// Starts the run's driver.
#[cold]
fn start(scheduler: &'static Scheduler) -> Result<&'static Driver, Errno> {
    let wakeup = EventFd::new()?;
    let called = wakeup.raw();
    let backend = choice::backend(scheduler.chosen_driver(), called)?;
    let memory = Mapping::zeroed(size_of::<Driver>())?;
    let place = memory.at::<Driver>(0);
    // SAFETY: the mapping is large enough and nobody else's. It stays until `close`.
    let driver: &'static Driver = unsafe {
        place.write(Driver { backend, _wakeup: wakeup, _memory: memory });
        place.as_ref()
    };
    // SAFETY: it stays in its mapping, with the descriptor, until `close`.
    unsafe { scheduler.set_port(place, called) };
    Ok(driver)
}

impl Port for Driver {
    fn poll(&self, scheduler: &Scheduler) {
        match &self.backend {
            #[cfg(feature = "uring")]
            Backend::Uring(uring) => uring.poll(scheduler),
            Backend::Epoll(epoll) => epoll.poll(scheduler),
        }
    }

    fn wait(&self, scheduler: &Scheduler, deadline: Option<Instant>) {
        let limit = deadline.map(|deadline| deadline.duration_since(Instant::now()));
        match &self.backend {
            #[cfg(feature = "uring")]
            Backend::Uring(uring) => uring.wait(scheduler, limit),
            Backend::Epoll(epoll) => epoll.wait(scheduler, limit),
        }
    }

    fn is_busy(&self) -> bool {
        match &self.backend {
            #[cfg(feature = "uring")]
            Backend::Uring(uring) => uring.is_busy(),
            Backend::Epoll(epoll) => epoll.is_busy(),
        }
    }

    fn closer(&self) -> unsafe fn(NonNull<()>) {
        close
    }
}

/// # Safety
///
/// As [`Port::closer`] says.
unsafe fn close(driver: NonNull<()>) {
    // SAFETY: `start` has written it there, and the caller gives it up. It is moved out first, as
    // it lies in memory that goes with it.
    drop(unsafe { driver.cast::<Driver>().read() });
}

/// Since when the kernel has refused to let a driver wait, each time. It may be short of memory for a
/// moment; for good it has no reason to.
struct Refusals(Cell<Option<Instant>>);

impl Refusals {
    /// For how long that may be.
    const LONGEST: Duration = Duration::from_secs(10);

    const fn new() -> Self {
        Self(Cell::new(None))
    }

    fn clear(&self) {
        self.0.set(None);
    }

    /// Lets a millisecond pass, or less, before the driver tries again.
    fn pause(&self, call: &str, errno: Errno, limit: Option<Duration>) {
        let now = Instant::really_now();
        let first = self.0.get().unwrap_or(now);
        self.0.set(Some(first));
        if now.duration_since(first) > Self::LONGEST {
            task::fatal(format_args!("the kernel refuses {call} for good: {errno}"));
        }
        let pause = Duration::from_millis(1);
        thread::pause(limit.map_or(pause, |limit| limit.min(pause)));
    }
}

/// How long an operation waits to be tried again where nothing says when it would succeed.
const RETRY: Duration = Duration::from_millis(1);

/// Lets some time pass before an operation is tried again that seemed to be possible, and was not.
///
/// # Panics
///
/// Outside of a task.
#[cfg(feature = "process")]
#[track_caller]
pub(crate) fn pause(operation: &Operation<'_>) -> Result<(), Error> {
    let call = operation.name();
    pause_for(Scheduler::here(call.name()), operation, RETRY)
        .map_err(|errno| Error::new(call, errno))
}

fn pause_for(
    scheduler: &Scheduler,
    operation: &Operation<'_>,
    duration: Duration,
) -> Result<(), Errno> {
    let waiting = Waiting::for_call(operation.name(), operation.fd());
    match scheduler.block_until(waiting, Instant::now() + duration) {
        Ok(()) | Err(WaitError::TimedOut) => Ok(()),
        Err(WaitError::Cancelled) => Err(Errno::CANCELED),
    }
}

/// Does an operation of which readiness says too little: it is tried again and again, less and less often.
/// What an operation of a Unix socket waits for may be the other side's, such as room for a message, and
/// what poll(2) tells of is this side's.
fn persist(scheduler: &Scheduler, operation: &Operation<'_>) -> Result<usize, Errno> {
    const LONGEST: Duration = Duration::from_millis(16);
    let mut pause = Duration::from_micros(50);
    loop {
        if scheduler.must_end() {
            return Err(Errno::CANCELED);
        }
        match operation.perform() {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                pause_for(scheduler, operation, pause)?;
                pause = (pause * 2).min(LONGEST);
            }
            done => return done,
        }
    }
}
