//! Wake-ups from other threads and from signal handlers.
//!
//! A caller notes the task's number in its slot, puts the slot on a list without locks, and wakes
//! the runtime's thread if that sleeps. The runtime takes the whole list at once. Nothing here
//! waits or allocates, so a signal handler may do it, also one that interrupts the runtime itself.

use core::sync::atomic::Ordering;

#[cfg(feature = "epoll")]
use super::shim::{AtomicI32, Fd, epoll};
use super::shim::{AtomicPtr, AtomicU32, AtomicUsize, constant, thread};
use super::slot::Slot;

/// What a task is woken for from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// To look again at what it waits for. One that is in vain does no harm.
    Nudge = 0,
    /// Because somebody has unparked it. It looks again, too.
    Unpark = 1,
}

/// A runtime's list of slots that someone outside wants to wake.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// The slot that was put here last.
    first: AtomicPtr<Slot>,
    /// 1 while the runtime's thread sleeps or is about to; what it sleeps on.
    asleep: AtomicU32,
    /// How many [`Unparker`](super::Unparker)s there are for this runtime's tasks.
    callers: AtomicUsize,
    /// What wakes a thread that waits for the kernel: a descriptor's number and one, or zero while
    /// the thread sleeps on `asleep`.
    #[cfg(feature = "epoll")]
    bell: AtomicI32,
    /// How many are about to ring it.
    #[cfg(feature = "epoll")]
    ringing: AtomicU32,
}

impl Inbox {
    constant! {
        pub(super) fn new() -> Self {
            Self {
                first: AtomicPtr::new(core::ptr::null_mut()),
                asleep: AtomicU32::new(0),
                callers: AtomicUsize::new(0),
                #[cfg(feature = "epoll")]
                bell: AtomicI32::new(0),
                #[cfg(feature = "epoll")]
                ringing: AtomicU32::new(0),
            }
        }
    }

    /// Asks for task `id`, in `slot`, to be woken.
    pub(super) fn send(&self, slot: &'static Slot, id: u64, call: Call) {
        let remote = &slot.remote;
        // The youngest task wins: numbers only grow, so a caller that is late and asks for the
        // slot's former task does not hide who asks for the present one. Of one task's calls the
        // stronger wins, which includes the other.
        // Release: pairs with the swap of `pending` in `take`.
        remote.pending.fetch_max(id << 1 | call as u64, Ordering::Release);
        // AcqRel: pairs with the swap of `queued` in `take`. Whoever finds it set knows that
        // `take` will read `pending` later.
        if !slot.queued.swap(true, Ordering::AcqRel) {
            let slot_pointer = (&raw const *slot).cast_mut();
            let mut first = self.first.load(Ordering::Relaxed);
            loop {
                remote.next.store(first, Ordering::Relaxed);
                // SeqCst: publishes `next` to the swap of `first` in `take`, and comes before the
                // load of `asleep` in `call`.
                match self.first.compare_exchange_weak(
                    first,
                    slot_pointer,
                    Ordering::SeqCst,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => break,
                    Err(found) => first = found,
                }
            }
        }
        self.call();
    }

    /// Wakes the runtime's thread if it sleeps.
    pub(super) fn call(&self) {
        // SeqCst: pairs with the store in `prepare_to_sleep`. Either this sees that the thread is
        // about to sleep, or that one sees what was put on the list.
        if self.asleep.load(Ordering::SeqCst) == 1 {
            // SeqCst: pairs with the swap and the load in `remove_bell`. Either that sees who is
            // about to ring, or the swap here sees that nobody sleeps.
            #[cfg(feature = "epoll")]
            self.ringing.fetch_add(1, Ordering::SeqCst);
            if self.asleep.swap(0, Ordering::SeqCst) == 1 {
                self.ring();
            }
            // Release: pairs with the load in `remove_bell`.
            #[cfg(feature = "epoll")]
            self.ringing.fetch_sub(1, Ordering::Release);
        }
    }

    fn ring(&self) {
        // Relaxed: it was there before the thread announced its sleep, which the caller has seen.
        #[cfg(feature = "epoll")]
        if let Some(bell) = self.bell.load(Ordering::Relaxed).checked_sub(1).filter(|fd| *fd >= 0) {
            return epoll::signal(bell);
        }
        thread::futex_wake(&self.asleep);
    }

    /// From now on the thread sleeps where this descriptor wakes it.
    #[cfg(feature = "epoll")]
    pub(super) fn install_bell(&self, fd: Fd) {
        // Relaxed: published by the store in `prepare_to_sleep`.
        self.bell.store(fd + 1, Ordering::Relaxed);
    }

    /// Forgets the descriptor. When this returns, nobody is about to write to it: it may be closed.
    #[cfg(feature = "epoll")]
    pub(super) fn remove_bell(&self) {
        self.bell.store(0, Ordering::Relaxed);
        // SeqCst: pairs with the addition and the swap in `call`: who finds the 1 that this swap
        // does not find has been counted before.
        self.asleep.swap(0, Ordering::SeqCst);
        while self.ringing.load(Ordering::SeqCst) != 0 {
            // It takes a system call of another thread's, no more.
            thread::pause(core::time::Duration::from_micros(20));
        }
    }

    /// Calls `wake` with each slot whose present task was asked for.
    pub(super) fn take(&self, mut wake: impl FnMut(&'static Slot, Call)) {
        if self.first.load(Ordering::Relaxed).is_null() {
            return;
        }
        // SeqCst: pairs with the exchange in `send`.
        let mut next = self.first.swap(core::ptr::null_mut(), Ordering::SeqCst);
        while let Some(slot) = slot_at(next) {
            let remote = &slot.remote;
            next = remote.next.load(Ordering::Relaxed);
            // AcqRel: pairs with the swap in `send`; from here on the slot may be put back.
            slot.queued.swap(false, Ordering::AcqRel);
            // Acquire: pairs with the maximum in `send`.
            let pending = remote.pending.swap(0, Ordering::Acquire);
            let id = pending >> 1;
            if id != 0 && id == remote.id.load(Ordering::Relaxed) {
                wake(slot, if pending & 1 == 1 { Call::Unpark } else { Call::Nudge });
            }
        }
    }

    /// Whether anyone outside could still ask for a task.
    pub(super) fn may_be_called(&self) -> bool {
        // SeqCst: pairs with the decrement in `forget_caller`.
        self.callers.load(Ordering::SeqCst) > 0 || !self.first.load(Ordering::SeqCst).is_null()
    }

    /// Announces sleep; sleep on the word while it is 1. `None` if that would be wrong, since
    /// someone has called meanwhile, or since only a caller could end it and there is none left.
    pub(super) fn prepare_to_sleep(&self, ends_by_itself: bool) -> Option<&AtomicU32> {
        // SeqCst: pairs with the loads in `call`; what happened before them is seen below.
        self.asleep.store(1, Ordering::SeqCst);
        let called = !self.first.load(Ordering::SeqCst).is_null();
        if called || !(ends_by_itself || self.may_be_called()) {
            self.woken();
            return None;
        }
        Some(&self.asleep)
    }

    /// Says that the thread is awake.
    pub(super) fn woken(&self) {
        self.asleep.store(0, Ordering::Relaxed);
    }

    /// Counts one more who may call.
    pub(super) fn add_caller(&self) {
        // Relaxed: whoever adds one is a task, or holds one already.
        self.callers.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one less. The last wakes the runtime, which may find that nobody can call any more.
    pub(super) fn forget_caller(&self) {
        // SeqCst: pairs with the load in `may_be_called`, and comes before the load in `call`.
        if self.callers.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.call();
        }
    }
}

#[expect(unsafe_code, reason = "the list holds addresses of slots, which live for ever")]
fn slot_at(pointer: *mut Slot) -> Option<&'static Slot> {
    // SAFETY: `send` has put a `&'static Slot` on the list, or the list has ended.
    unsafe { pointer.as_ref() }
}
