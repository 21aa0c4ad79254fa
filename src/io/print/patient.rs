//! Printing by tasks: whoever finds no room for his text parks, and the others go on.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;

use linux_raw_sys::general::POLLOUT;

use crate::driver;
use crate::error::Errno;
use crate::sys::call::Call;
use crate::sys::clock::Instant;
use crate::sys::fd::{self, Fd, STDOUT};
use crate::sys::lines::Sink;
use crate::sys::operation::Operation;
use crate::task::{self, Scheduler, Waiting};

/// Writes at once where there is room, so that most programs need no driver for it. Otherwise the task
/// parks until it is written, also if it was cancelled.
#[derive(Debug)]
pub(super) struct Patient;

impl Sink for Patient {
    fn write_all(fd: Fd, bytes: &[u8]) -> Result<(), Errno> {
        if Scheduler::current().is_none() {
            return fd::write_all(fd, bytes);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            // No more than a pipe takes at once if it takes anything.
            let write = Operation::write(fd, rest, None);
            let has_room = Operation::poll(fd, POLLOUT).perform();
            let written = match has_room.and_then(|_| write.perform()) {
                Err(Errno::AGAIN) => wait_and_write(&write),
                written => written,
            };
            match written {
                Ok(0) => return Err(Errno::IO),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                // Nothing can be waited for any more. All tasks stand still.
                Err(Errno::CANCELED) => return fd::write_all(fd, rest),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

/// Parks until something was written. `CANCELED` if that is not possible: there is no driver to be had,
/// or the tasks are ended because none can go on.
#[cold]
fn wait_and_write(write: &Operation<'_>) -> Result<usize, Errno> {
    let stalls = of(&STALLS, write.fd());
    // Relaxed: no memory hangs on it.
    stalls.fetch_add(1, Ordering::Relaxed);
    let written = task::shield(|| driver::perform(None, write));
    stalls.fetch_sub(1, Ordering::Relaxed);
    written.map_err(|error| {
        if error.call() == Call::Driver.name() { Errno::CANCELED } else { error.errno() }
    })
}

/// How often a task looks whether it is its turn.
const PAUSE: Duration = Duration::from_millis(1);
/// The same while there is no room for anybody's text.
const LONGEST_PAUSE: Duration = Duration::from_millis(32);
/// How often at most, not counting those while there is no room. Then lines may mix: whoever has the turn
/// may never give it back, if it is a coroutine that was suspended in the middle of its text.
const MOST_PAUSES: u32 = 1000;

/// The task that is in the middle of a text, as an address: of standard output, and of standard error.
static WRITERS: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

/// How many wait for room: on standard output, and on standard error.
static STALLS: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

/// What concerns a descriptor.
fn of<T>([output, error]: &'static [T; 2], fd: Fd) -> &'static T {
    if fd == STDOUT { output } else { error }
}

/// A task's turn to print. Nobody waits for one but when a task has parked in the middle of its text.
pub(super) struct Turn(Option<&'static AtomicUsize>);

impl Turn {
    /// Waits for a turn. Whoever is in the middle of a text and prints another has it already.
    #[inline]
    pub(super) fn take(fd: Fd) -> Self {
        let Some(scheduler) = Scheduler::current() else { return Self(None) };
        let place = of(&WRITERS, fd);
        let me = (&raw const *scheduler.task()).addr();
        let (mut pauses, mut pause) = (0, PAUSE);
        while pauses < MOST_PAUSES {
            // Relaxed: no memory hangs on it.
            match place.compare_exchange(0, me, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Self(Some(place)),
                Err(writer) if writer == me => return Self(None),
                Err(_) => {}
            }
            if !wait(scheduler, fd, pause) {
                break;
            }
            if of(&STALLS, fd).load(Ordering::Relaxed) == 0 {
                (pauses, pause) = (pauses + 1, PAUSE);
            } else {
                pause = LONGEST_PAUSE.min(pause * 2);
            }
        }
        Self(None)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(place) = self.0 {
            // Relaxed: as above.
            place.store(0, Ordering::Relaxed);
        }
    }
}

/// Lets others run. `false` if that is not possible any more.
#[cold]
fn wait(scheduler: &Scheduler, fd: Fd, pause: Duration) -> bool {
    let waiting = Waiting::for_call(Call::Write, fd);
    let paused = task::shield(|| scheduler.block_until(waiting, Instant::now() + pause));
    paused != Err(task::WaitError::Cancelled)
}
