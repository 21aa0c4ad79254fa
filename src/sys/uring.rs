//! `io_uring`: a queue of entries that the kernel takes, and one of completions that it fills
//! (`io_uring(7)`).
#![expect(unsafe_code, reason = "system calls, and memory that is shared with the kernel")]

use core::cell::Cell;
use core::mem::offset_of;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use linux_raw_sys::general as linux;
use linux_raw_sys::io_uring as kernel;

use super::call::Call;
use super::fd::{Fd, register};
use super::mem::Mapping;
use super::operation::Operation;
use super::owned::OwnedFd;
use super::{number, result};
use crate::error::Errno;

/// An entry of the submission queue.
#[repr(C)]
pub(crate) struct Entry {
    opcode: u8,
    flags: u8,
    priority: u16,
    fd: Fd,
    offset: u64,
    address: u64,
    length: u32,
    operation_flags: u32,
    user_data: u64,
    /// What this crate does not use, zero.
    rest: [u64; 3],
}

/// An entry of the completion queue.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Completion {
    /// The entry's.
    pub(crate) user_data: u64,
    /// What the system call would have returned.
    result: i32,
    flags: u32,
}

const _: () = {
    assert!(size_of::<Entry>() == size_of::<kernel::io_uring_sqe>());
    assert!(offset_of!(Entry, fd) == offset_of!(kernel::io_uring_sqe, fd));
    assert!(offset_of!(Entry, length) == offset_of!(kernel::io_uring_sqe, len));
    assert!(offset_of!(Entry, user_data) == offset_of!(kernel::io_uring_sqe, user_data));
    assert!(size_of::<Completion>() == size_of::<kernel::io_uring_cqe>());
    assert!(offset_of!(Completion, result) == offset_of!(kernel::io_uring_cqe, res));
};

impl Entry {
    const fn new(opcode: u8, fd: Fd, user_data: u64) -> Self {
        Self {
            opcode,
            flags: 0,
            priority: 0,
            fd,
            offset: 0,
            address: 0,
            length: 0,
            operation_flags: 0,
            user_data,
            rest: [0; 3],
        }
    }

    /// The entry that does an operation.
    pub(crate) fn operation(operation: &Operation<'_>, user_data: u64) -> Self {
        Self {
            offset: operation.offset,
            address: operation.address as u64,
            length: operation.length,
            operation_flags: operation.flags,
            ..Self::new(operation.call as u8, operation.fd, user_data)
        }
    }

    /// Waits for events of a descriptor again and again, until it is cancelled.
    pub(crate) fn poll_for_ever(fd: Fd, events: u32, user_data: u64) -> Self {
        Self {
            length: kernel::IORING_POLL_ADD_MULTI,
            operation_flags: events,
            ..Self::new(Call::Poll as u8, fd, user_data)
        }
    }

    /// Cancels the entry that has `target` for its user data.
    pub(crate) fn cancel(target: u64, user_data: u64) -> Self {
        let opcode = kernel::io_uring_op::IORING_OP_ASYNC_CANCEL as u8;
        Self { address: target, ..Self::new(opcode, -1, user_data) }
    }
}

impl Completion {
    /// What has become of it.
    pub(crate) fn result(&self) -> Result<usize, Errno> {
        result((self.result as isize).cast_unsigned())
    }

    /// Whether the same entry will complete again.
    pub(crate) fn comes_again(&self) -> bool {
        self.flags & kernel::IORING_CQE_F_MORE != 0
    }
}

/// What to ask of the kernel, the most first. Each refuses what it does not know yet.
///
/// One thread submits; completions are worked on when that thread asks for them, and not in the
/// middle of something else; a bad entry does not keep back those behind it.
const LADDER: &[u32] = &[
    // Linux 6.6
    BASE | kernel::IORING_SETUP_SINGLE_ISSUER
        | kernel::IORING_SETUP_DEFER_TASKRUN
        | kernel::IORING_SETUP_TASKRUN_FLAG
        | kernel::IORING_SETUP_NO_SQARRAY,
    // Linux 6.1
    BASE | kernel::IORING_SETUP_SINGLE_ISSUER
        | kernel::IORING_SETUP_DEFER_TASKRUN
        | kernel::IORING_SETUP_TASKRUN_FLAG,
    // Linux 5.19
    BASE | kernel::IORING_SETUP_COOP_TASKRUN | kernel::IORING_SETUP_TASKRUN_FLAG,
    // Linux 5.18
    BASE,
];

const BASE: u32 =
    kernel::IORING_SETUP_CLAMP | kernel::IORING_SETUP_CQSIZE | kernel::IORING_SETUP_SUBMIT_ALL;

/// What this crate cannot do without: one mapping for both queues, no lost completions, a time limit
/// for each wait, and entries that may be overwritten once they were taken.
const NEEDED: u32 = kernel::IORING_FEAT_SINGLE_MMAP
    | kernel::IORING_FEAT_NODROP
    | kernel::IORING_FEAT_EXT_ARG
    | kernel::IORING_FEAT_SUBMIT_STABLE;

/// How long the kernel can wait. It adds the time that it is, in nanoseconds, and does not look whether
/// the sum is less.
const LONGEST: Duration = Duration::from_secs(1 << 32);

/// The two queues. Used by the thread that has made it.
pub(crate) struct Ring {
    fd: OwnedFd,
    /// The entries for the kernel.
    entries: NonNull<Entry>,
    entries_mask: u32,
    /// Where the kernel will take the next entry from.
    taken: NonNull<AtomicU32>,
    /// Where the next entry goes, as the kernel sees it.
    filled: NonNull<AtomicU32>,
    /// Where the next entry goes.
    next: Cell<u32>,
    /// What the kernel wants.
    wants: NonNull<AtomicU32>,
    /// What the kernel has completed.
    completions: NonNull<Completion>,
    completions_mask: u32,
    /// Where the next completion is to be read.
    read: NonNull<AtomicU32>,
    /// Where the kernel will put the next completion.
    written: NonNull<AtomicU32>,
    /// The queues' memory, last to be dropped but for the entries'.
    _queues: Mapping,
    _entries: Mapping,
}

impl Ring {
    /// Asks for queues of so many entries, and of so many completions.
    pub(crate) fn new(entries: u32, completions: u32) -> Result<Self, Errno> {
        let mut refusal = Errno::INVAL;
        for flags in LADDER {
            // SAFETY: zeros are parameters that ask for nothing.
            let mut parameters: kernel::io_uring_params = unsafe { core::mem::zeroed() };
            parameters.flags = *flags;
            parameters.cq_entries = completions;
            match setup(entries, &mut parameters) {
                Ok(_) if parameters.features & NEEDED != NEEDED => return Err(Errno::NOSYS),
                Ok(fd) => return Self::map(fd, &parameters),
                Err(Errno::INVAL) => {}
                Err(errno) => {
                    refusal = errno;
                    break;
                }
            }
        }
        Err(refusal)
    }

    fn map(fd: OwnedFd, parameters: &kernel::io_uring_params) -> Result<Self, Errno> {
        let (sq, cq) = (&parameters.sq_off, &parameters.cq_off);
        let array = if parameters.flags & kernel::IORING_SETUP_NO_SQARRAY == 0 {
            number(sq.array) + number(parameters.sq_entries) * size_of::<u32>()
        } else {
            0
        };
        let end = number(cq.cqes) + number(parameters.cq_entries) * size_of::<Completion>();
        let queues = Mapping::of_file(end.max(array), fd.raw(), kernel::IORING_OFF_SQ_RING)?;
        let size = number(parameters.sq_entries) * size_of::<Entry>();
        let entries = Mapping::of_file(size, fd.raw(), kernel::IORING_OFF_SQES)?;
        if array != 0 {
            for index in 0..parameters.sq_entries {
                // SAFETY: the kernel says that an array of so many numbers is there.
                unsafe { queues.at::<u32>(sq.array).add(number(index)).write(index) };
            }
        }
        // SAFETY: the kernel says that the sizes of the queues, powers of two, are there.
        let (entries_mask, completions_mask) = unsafe {
            (queues.at::<u32>(sq.ring_mask).read(), queues.at::<u32>(cq.ring_mask).read())
        };
        Ok(Self {
            fd,
            entries: entries.at(0),
            entries_mask,
            taken: queues.at(sq.head),
            filled: queues.at(sq.tail),
            next: Cell::new(0),
            wants: queues.at(sq.flags),
            completions: queues.at(cq.cqes),
            completions_mask,
            read: queues.at(cq.head),
            written: queues.at(cq.tail),
            _queues: queues,
            _entries: entries,
        })
    }

    /// Appends an entry. `false` if the queue is full.
    ///
    /// # Safety
    ///
    /// What the entry gives to the kernel stays the kernel's until its completion has come.
    pub(crate) unsafe fn push(&self, entry: Entry) -> bool {
        if self.is_full() {
            return false;
        }
        let next = self.next.get();
        // SAFETY: the mask keeps it among the entries, and the kernel has taken what was there.
        unsafe { self.entries.add(number(next & self.entries_mask)).write(entry) };
        self.next.set(next.wrapping_add(1));
        // Release: publishes the entry to the kernel's load in `enter`.
        word(self.filled).store(next.wrapping_add(1), Ordering::Release);
        true
    }

    /// How many entries the kernel has not yet taken.
    pub(crate) fn waiting(&self) -> u32 {
        // Acquire: pairs with the kernel's store after it has read entries.
        self.next.get().wrapping_sub(word(self.taken).load(Ordering::Acquire))
    }

    /// Whether the kernel would complete something, if it were entered.
    pub(crate) fn wants_entry(&self) -> bool {
        let wants = word(self.wants).load(Ordering::Relaxed);
        wants & (kernel::IORING_SQ_TASKRUN | kernel::IORING_SQ_CQ_OVERFLOW) != 0
    }

    /// Whether no entry can be appended.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting() > self.entries_mask
    }

    /// Whether there is something to take.
    pub(crate) fn has_completions(&self) -> bool {
        // Relaxed: `pop` looks again.
        word(self.read).load(Ordering::Relaxed) != word(self.written).load(Ordering::Relaxed)
    }

    /// Takes a completion.
    pub(crate) fn pop(&self) -> Option<Completion> {
        let read = word(self.read).load(Ordering::Relaxed);
        // Acquire: pairs with the kernel's store after it has written completions.
        if read == word(self.written).load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: the mask keeps it among the completions, and the kernel has written this one.
        let completion =
            unsafe { self.completions.add(number(read & self.completions_mask)).read() };
        // Release: the kernel may overwrite it from now on.
        word(self.read).store(read.wrapping_add(1), Ordering::Release);
        Some(completion)
    }

    /// Gives the kernel the entries, and lets it complete what it can. Returns when there are
    /// `wanted` completions, or after `limit` (`ETIME`).
    pub(crate) fn enter(&self, wanted: u32, limit: Option<Duration>) -> Result<(), Errno> {
        self.enter_with(self.waiting(), wanted, limit)
    }

    /// Lets the kernel complete what it can, and gives it no entries.
    pub(crate) fn collect(&self) -> Result<(), Errno> {
        self.enter_with(0, 0, None)
    }

    fn enter_with(&self, entries: u32, wanted: u32, limit: Option<Duration>) -> Result<(), Errno> {
        let time = limit.map(|limit| limit.min(LONGEST)).map(|limit| linux::__kernel_timespec {
            tv_sec: limit.as_secs().cast_signed(),
            tv_nsec: limit.subsec_nanos().into(),
        });
        let argument = kernel::io_uring_getevents_arg {
            sigmask: 0,
            sigmask_sz: 0,
            min_wait_usec: 0,
            ts: time.as_ref().map_or(0, |time| (&raw const *time).expose_provenance() as u64),
        };
        let flags = kernel::IORING_ENTER_GETEVENTS | kernel::IORING_ENTER_EXT_ARG;
        // SAFETY: what the entries give to the kernel stays the kernel's, say those who pushed
        // them; the argument and the time are read during the call.
        let returned = unsafe {
            sc::syscall6(
                number(linux::__NR_io_uring_enter),
                register(self.fd.raw()),
                number(entries),
                number(wanted),
                number(flags),
                (&raw const argument).expose_provenance(),
                size_of_val(&argument),
            )
        };
        result(returned).map(drop)
    }
}

/// A number that is shared with the kernel.
fn word<'a>(place: NonNull<AtomicU32>) -> &'a AtomicU32 {
    // SAFETY: only `Ring` calls this, with places in mappings that it keeps.
    unsafe { place.as_ref() }
}

fn setup(entries: u32, parameters: &mut kernel::io_uring_params) -> Result<OwnedFd, Errno> {
    // SAFETY: the kernel reads and writes the parameters.
    let returned = unsafe {
        sc::syscall2(
            number(linux::__NR_io_uring_setup),
            number(entries),
            (&raw mut *parameters).expose_provenance(),
        )
    };
    // SAFETY: the kernel has made it for this call.
    result(returned).map(|fd| unsafe { OwnedFd::of_number(fd) })
}
