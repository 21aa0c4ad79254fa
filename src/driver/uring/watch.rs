//! Entries that ask whether a descriptor is ready, and can be taken back.
#![expect(unsafe_code, reason = "gives the kernel addresses of what lies in other frames")]

use core::cell::Cell;
use core::time::Duration;

use crate::error::Errno;
use crate::sys::clock::Instant;
use crate::sys::operation::Operation;
use crate::sys::uring::Entry;
use crate::task::{Scheduler, Slot, Waiting};

use super::{CANCEL, LONGEST_PAUSE, Pending, Uring};

impl Pending {
    pub(in crate::driver) const fn new(task: &'static Slot) -> Self {
        Self { task, result: Cell::new(None) }
    }

    /// The user data of its entry.
    fn address(&self) -> u64 {
        (&raw const *self).expose_provenance() as u64
    }
}

impl Uring {
    /// Appends an entry that does an operation. `false` if there is no room for it, which is so only
    /// where the kernel is short of memory. Does not switch.
    ///
    /// # Safety
    ///
    /// `pending` stays where it is until [`unwatch`](Self::unwatch) has returned, and so does what the
    /// operation lends.
    pub(in crate::driver) unsafe fn watch(
        &self,
        scheduler: &Scheduler,
        pending: &Pending,
        operation: &Operation<'_>,
    ) -> bool {
        let entry = || Entry::operation(operation, pending.address());
        // SAFETY: the caller's promise.
        let mut is_there = unsafe { self.ring.push(entry()) };
        if !is_there {
            self.enter(0, None);
            self.take_completions(scheduler);
            // One of those may be what the task waits for: it has not parked yet, and was not woken.
            scheduler.look_again();
            // SAFETY: as above.
            is_there = unsafe { self.ring.push(entry()) };
        }
        self.in_flight.set(self.in_flight.get() + usize::from(is_there));
        is_there
    }

    /// Asks the kernel to end an operation, if there is room for that now.
    pub(in crate::driver) fn withdraw(&self, pending: &Pending) {
        if pending.result.get().is_none() {
            // SAFETY: the entry lends nothing to the kernel. Where there is no room, `unwatch` asks.
            let _has_room = unsafe { self.ring.push(Entry::cancel(pending.address(), CANCEL)) };
        }
    }

    /// Waits, shielded, until an operation has ended that the kernel was asked to end, and asks again
    /// if it may not have found it.
    pub(in crate::driver) fn unwatch(
        &self,
        scheduler: &Scheduler,
        pending: &Pending,
        operation: &Operation<'_>,
    ) -> Result<usize, Errno> {
        let waiting = Waiting::for_call(operation.name(), operation.fd());
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(result) = pending.result.get() {
                return result;
            }
            scheduler.block_shielded_until(waiting, Instant::now() + pause);
            if pending.result.get().is_none() {
                pause = (pause * 2).min(LONGEST_PAUSE);
                // SAFETY: the entry lends nothing to the kernel. It comes before all later ones, so
                // an operation that has this address next is not meant.
                unsafe { self.push(scheduler, || Entry::cancel(pending.address(), CANCEL)) };
            }
        }
    }
}
