//! The driver on `io_uring`.
//!
//! An operation becomes an entry of the kernel's queue; the kernel gets all that have come up when
//! the root waits, or after 128 switches, in one system call. The entry's user data is the address of
//! a [`Pending`] in the frame of the task that waits. That frame stays until the completion has come, also
//! if the task was cancelled: it then cancels the entry, and goes on waiting.
#![expect(unsafe_code, reason = "finds what waits by the address that the kernel gives back")]

#[cfg(feature = "sync")]
mod watch;

use core::cell::Cell;
use core::time::Duration;

use crate::error::Errno;
use crate::sys::call::Call;
use crate::sys::clock::Instant;
use crate::sys::fd::Fd;
use crate::sys::operation::Operation;
use crate::sys::uring::{Completion, Entry, Ring};
use crate::task::{self, Scheduler, Slot, Waiting, Wake};

use super::{RETRY, Refusals, pause_for, persist};

/// How many entries there can be between two system calls. More wait for their turn.
const ENTRIES: u32 = 256;
/// How many completions there can be between two; the kernel keeps what is more.
const COMPLETIONS: u32 = 4096;

/// How many operations are done at once before others have their turn.
const STREAK: u32 = 32;

/// How long the kernel has at most to find an operation that is to be cancelled, before it is told
/// again. It cannot end those that wait for a disk.
const LONGEST_PAUSE: Duration = Duration::from_millis(64);

/// User data of the entry that waits for calls from outside.
const WAKEUP: u64 = 0;
/// User data of entries that cancel others. No `Pending` has such an address.
const CANCEL: u64 = 1;

pub(super) struct Uring {
    ring: Ring,
    wakeup: Fd,
    /// Whether there is an entry that waits for calls from outside.
    listens: Cell<bool>,
    /// Operations whose completion has not come.
    in_flight: Cell<usize>,
    /// How many operations were done at once since the kernel was last asked.
    streak: Cell<u32>,
    refusals: Refusals,
}

/// An operation that the kernel has, and who waits for it.
pub(super) struct Pending {
    task: &'static Slot,
    result: Cell<Option<Result<usize, Errno>>>,
}

/// How an operation has ended.
struct Ended {
    result: Result<usize, Errno>,
    /// Whether the task was told to end, or its time was up, before there was a result.
    is_early: bool,
}

impl Uring {
    pub(super) fn new(wakeup: Fd) -> Result<Self, Errno> {
        let this = Self {
            ring: Ring::new(ENTRIES, COMPLETIONS)?,
            wakeup,
            listens: Cell::new(false),
            in_flight: Cell::new(0),
            streak: Cell::new(0),
            refusals: Refusals::new(),
        };
        this.listen();
        Ok(this)
    }

    /// Waits for calls from outside, if there is room for an entry.
    fn listen(&self) {
        let entry = Entry::poll_for_ever(self.wakeup, linux_raw_sys::general::POLLIN, WAKEUP);
        // SAFETY: the entry lends nothing to the kernel but a descriptor.
        self.listens.set(unsafe { self.ring.push(entry) });
    }

    /// Sees to it that there is an entry that waits for calls from outside; makes room for it where
    /// there is none. `false` if the kernel takes no entries now.
    fn can_be_called(&self) -> bool {
        if !self.listens.get() {
            self.listen();
        }
        if !self.listens.get() {
            self.enter(0, None);
            self.listen();
        }
        self.listens.get()
    }

    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.get() > 0
    }

    pub(super) fn perform(
        &self,
        scheduler: &Scheduler,
        operation: &Operation<'_>,
    ) -> Result<usize, Errno> {
        if operation.is_unsure() {
            return self.do_by_system_calls(scheduler, operation);
        }
        if let Some(done) = self.try_at_once(scheduler, operation) {
            return done;
        }
        let mut was_ready = false;
        loop {
            match self.try_perform(scheduler, operation) {
                Ended { result: Err(Errno::INTR | Errno::AGAIN), is_early: true } => {
                    return Err(Errno::CANCELED);
                }
                Ended { result: Err(Errno::INTR), .. } => {}
                // What seems to be ready and is not: there is nothing to wait for but time.
                Ended { result: Err(Errno::AGAIN), .. } if was_ready => {
                    pause_for(scheduler, operation, RETRY)?;
                    was_ready = false;
                }
                // The descriptor is set not to wait.
                Ended { result: Err(Errno::AGAIN), .. } if operation.can_be_awaited() => {
                    was_ready = self.wait_until_ready(scheduler, operation)?;
                }
                Ended { result, .. } => return result,
            }
        }
    }

    /// Does what readiness says too little of. The kernel would wait for it on a thread of its own, of which there are
    /// few, or try it again without a pause.
    fn do_by_system_calls(
        &self,
        scheduler: &Scheduler,
        operation: &Operation<'_>,
    ) -> Result<usize, Errno> {
        let done = persist(scheduler, operation);
        // Who never has to wait would never let others run.
        if self.streak.replace(self.streak.get() + 1) >= STREAK {
            self.streak.set(0);
            scheduler.yield_to_root();
        }
        done
    }

    /// After an accept that was told to end while the kernel had it. Of those who wait for a listener the kernel wakes one for
    /// a connection. If that was this one, it takes the connection: the others would not hear of it.
    fn accept_what_there_is(
        &self,
        scheduler: &Scheduler,
        operation: &Operation<'_>,
    ) -> Result<usize, Errno> {
        let is_there = Operation::poll(operation.fd(), operation.awaited());
        while is_there.perform().is_ok() {
            match self.carry_out(scheduler, operation).result {
                // Somebody else has been faster.
                Err(Errno::CANCELED | Errno::INTR | Errno::AGAIN) => {}
                done => return done,
            }
        }
        Err(Errno::CANCELED)
    }

    /// Waits until an operation should be possible. Whether it should.
    fn wait_until_ready(
        &self,
        scheduler: &Scheduler,
        operation: &Operation<'_>,
    ) -> Result<bool, Errno> {
        let poll = Operation::poll(operation.fd(), operation.awaited());
        match self.try_perform(scheduler, &poll) {
            Ended { is_early: true, .. } => Err(Errno::CANCELED),
            Ended { result: Ok(_), .. } => Ok(true),
            Ended { result: Err(Errno::INTR), .. } => Ok(false),
            Ended { result: Err(errno), .. } => Err(errno),
        }
    }

    /// Sends by a system call of its own, if no other task could go on meanwhile, and the queue is
    /// empty: an entry would be alone in it, and cost that system call and two switches.
    fn try_at_once(
        &self,
        scheduler: &Scheduler,
        operation: &Operation<'_>,
    ) -> Option<Result<usize, Errno>> {
        let is_worth_it = operation.is_sent_at_once()
            && scheduler.is_alone()
            && self.ring.waiting() == 0
            && self.streak.get() < STREAK
            && !scheduler.must_end();
        if !is_worth_it {
            return None;
        }
        self.streak.set(self.streak.get() + 1);
        match operation.perform() {
            Err(Errno::AGAIN | Errno::INTR) => None,
            done => Some(done),
        }
    }

    fn try_perform(&self, scheduler: &Scheduler, operation: &Operation<'_>) -> Ended {
        if scheduler.must_end() {
            return Ended { result: Err(Errno::CANCELED), is_early: true };
        }
        let ended = self.carry_out(scheduler, operation);
        if operation.name() == Call::Accept && ended.result == Err(Errno::CANCELED) {
            return Ended { result: self.accept_what_there_is(scheduler, operation), ..ended };
        }
        ended
    }

    fn carry_out(&self, scheduler: &Scheduler, operation: &Operation<'_>) -> Ended {
        let pending = Pending { task: scheduler.task(), result: Cell::new(None) };
        let address = (&raw const pending).expose_provenance() as u64;
        // SAFETY: what the operation lends stays lent, and `pending` stays here, until its
        // completion has come.
        unsafe { self.push(scheduler, || Entry::operation(operation, address)) };
        self.in_flight.set(self.in_flight.get() + 1);
        let waiting = Waiting::for_call(operation.name(), operation.fd());
        let mut is_early = false;
        while pending.result.get().is_none() {
            if scheduler.block(waiting).is_err() {
                is_early = pending.result.get().is_none();
                break;
            }
        }
        // The kernel may be at a moment when it does not find the operation: it is told again.
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(result) = pending.result.get() {
                return Ended { result, is_early };
            }
            // SAFETY: the entry lends nothing to the kernel. It comes before all later ones, so
            // an operation that has this address next is not meant.
            unsafe { self.push(scheduler, || Entry::cancel(address, CANCEL)) };
            if pending.result.get().is_none() {
                scheduler.block_shielded_until(waiting, Instant::now() + pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    /// Appends an entry, after making room for it where there is none.
    ///
    /// # Safety
    ///
    /// As for [`Ring::push`].
    unsafe fn push(&self, scheduler: &Scheduler, entry: impl Fn() -> Entry) {
        // SAFETY: the caller's promise.
        while !unsafe { self.ring.push(entry()) } {
            self.enter(0, None);
            self.take_completions(scheduler);
            if self.ring.is_full() {
                // The kernel is short of memory. Others may end meanwhile and give some back.
                scheduler.yield_now();
            }
        }
    }

    pub(super) fn poll(&self, scheduler: &Scheduler) {
        if self.ring.waiting() > 0 || self.ring.wants_entry() {
            self.enter(0, None);
        }
        self.take_completions(scheduler);
    }

    pub(super) fn wait(&self, scheduler: &Scheduler, limit: Option<Duration>) {
        if self.take_completions(scheduler) == 0 {
            // Nobody must sleep for long whom a call from outside would not wake.
            let longest = if self.can_be_called() { None } else { Some(RETRY) };
            self.enter(1, [limit, longest].into_iter().flatten().min());
            self.take_completions(scheduler);
        }
    }

    fn enter(&self, wanted: u32, limit: Option<Duration>) {
        self.streak.set(0);
        match self.ring.enter(wanted, limit) {
            Ok(()) | Err(Errno::TIME | Errno::INTR) => self.refusals.clear(),
            Err(Errno::BADR) => task::fatal(format_args!(
                "the kernel has lost what tasks wait for: {}",
                Errno::BADR
            )),
            // There is no room for completions: those that there are must be taken first.
            Err(_) if self.ring.has_completions() => {}
            Err(errno) => {
                // The kernel has no memory for the entries. What is done gives some back.
                let _collected = self.ring.collect();
                let limit = if wanted == 0 { Some(Duration::ZERO) } else { limit };
                self.refusals.pause("io_uring_enter", errno, limit);
            }
        }
    }

    /// Wakes the tasks whose operations are done, and returns how many completions there were.
    fn take_completions(&self, scheduler: &Scheduler) -> usize {
        let mut count = 0;
        while let Some(completion) = self.ring.pop() {
            count += 1;
            self.complete(scheduler, completion);
        }
        count
    }

    fn complete(&self, scheduler: &Scheduler, completion: Completion) {
        match completion.user_data {
            WAKEUP if completion.comes_again() => {}
            WAKEUP => self.listens.set(false),
            CANCEL => {}
            address => {
                let address = usize::try_from(address).unwrap_or(0);
                let pending: *const Pending = core::ptr::with_exposed_provenance(address);
                // SAFETY: it is the address of one that waits for this completion.
                let Some(pending) = (unsafe { pending.as_ref() }) else { return };
                self.in_flight.set(self.in_flight.get() - 1);
                pending.result.set(Some(completion.result()));
                scheduler.wake(pending.task, Wake::Done);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use linux_raw_sys::general::POLLIN;

    use super::*;
    use crate::Runtime;
    use crate::sys::epoll::EventFd;

    /// The entry that waits for calls ends when there is no room for completions. The queue may be full
    /// of others' entries when it is missed.
    #[test]
    fn a_full_queue_keeps_no_call_from_outside_away() {
        static RUNTIME: Runtime<1> = Runtime::new();
        let ended = RUNTIME.run(|| {
            let scheduler = Scheduler::here("test");
            let [wakeup, silent] = [(); 2].map(|()| EventFd::new().unwrap());
            let uring = Uring::new(wakeup.raw()).unwrap();
            // SAFETY: entries that lend nothing to the kernel but descriptors.
            let push = |entry| unsafe { uring.ring.push(entry) };
            uring.enter(0, None);
            assert!(push(Entry::cancel(WAKEUP, CANCEL)));
            while uring.listens.get() {
                uring.enter(1, None);
                uring.take_completions(scheduler);
            }
            uring.take_completions(scheduler);
            while push(Entry::poll_for_ever(silent.raw(), POLLIN, CANCEL)) {}
            let start = Instant::now();
            std::thread::scope(|s| {
                s.spawn(|| {
                    std::thread::sleep(Duration::from_millis(20));
                    crate::sys::fd::write(wakeup.raw(), &1_u64.to_ne_bytes()).unwrap();
                });
                uring.wait(scheduler, Some(Duration::from_secs(10)));
            });
            assert!(start.elapsed() < Duration::from_secs(5), "nobody has heard the call");
        });
        ended.unwrap();
    }
}
