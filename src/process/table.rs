//! The children of this process that somebody has, or had, a [`Child`](super::Child) of.
//!
//! Whoever reaps any child at all, such as PID 1 does, may meet one that somebody waits for. Then its
//! status is left here. So a child is taken from the system only under the lock of this table, and who
//! waits looks here when the kernel has nothing for him.
//!
//! ```text
//!          reserve             release while it runs
//!   Free ──────────► Held ─────────────────────────► Abandoned
//!    ▲                │ has ended                        │ has ended
//!    │    release     ▼                                  │
//!    ├────────────── Ended                               │
//!    └───────────────────────────────────────────────────┘
//! ```
//!
//! The table grows by a page whenever it is full, and never shrinks.
#![expect(unsafe_code, reason = "lays the table out in mappings that stay for ever")]

use core::mem;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicI32, AtomicU8, Ordering};
use core::time::Duration;

use spin::Mutex;

use crate::error::Errno;
use crate::sys::mem::{Mapping, PAGE};
use crate::sys::process::{self as sys, Which};
use crate::sys::thread;

use super::ExitStatus;

/// All children. Its lock is held for a few system calls that do not wait, and never across a switch.
static TABLE: Mutex<Table> = Mutex::new(Table { first: None, abandoned: 0, looked_at: 0 });

struct Table {
    first: Option<&'static Page>,
    /// How many are `Abandoned`.
    abandoned: usize,
    /// How many of them, the first ones, come last next time.
    looked_at: usize,
}

/// How many abandoned children that are still running are looked at for each one that is started: it takes a
/// system call each.
const LOOKS: usize = 16;

/// A page of the table, as zeros at first.
struct Page {
    next: Option<&'static Page>,
    entries: [Entry; (PAGE - size_of::<usize>()) / size_of::<Entry>()],
}

const _: () = assert!(size_of::<Page>() <= PAGE, "fits into a page");

/// A place in the table.
#[derive(Debug)]
pub(super) struct Entry {
    state: AtomicU8,
    /// The child's number, which the kernel writes before the child runs; where it was started by
    /// clone(2), the child itself. Zero before that.
    id: AtomicI32,
    /// Its status, once it has ended.
    status: AtomicI32,
}

const FREE: u8 = 0;
const HELD: u8 = 1;
const ENDED: u8 = 2;
const ABANDONED: u8 = 3;

/// A place in the table for a child, which is given up when this is dropped.
#[derive(Debug)]
pub(super) struct Place(&'static Entry);

impl Place {
    /// A place for a child that is about to be started.
    pub(super) fn reserve() -> Result<Self, Errno> {
        let mut table = TABLE.lock();
        table.sweep();
        if let Some(entry) = table.entries().find(|entry| entry.state() == FREE) {
            return Ok(Self(entry.hold()));
        }
        let page = table.grow()?;
        // A page has places, all of which are free.
        page.entries.first().map(|entry| Self(entry.hold())).ok_or(Errno::NOMEM)
    }

    /// Where the child's number is to be written.
    pub(super) fn id(&self) -> &AtomicI32 {
        &self.0.id
    }

    /// How the child has ended, if it has. `child` says which it is, by its descriptor.
    pub(super) fn try_wait(&self, child: Which) -> Result<Option<ExitStatus>, Errno> {
        let _table = TABLE.lock();
        self.try_wait_locked(child)
    }

    /// Takes a child from the system that has failed to become a program and is about to end.
    pub(super) fn wait_for_end(&self, child: Which) {
        while let Ok(None) | Err(Errno::INTR) = self.try_wait(child) {
            thread::pause(Duration::from_micros(20));
        }
    }

    fn try_wait_locked(&self, child: Which) -> Result<Option<ExitStatus>, Errno> {
        let entry = self.0;
        if entry.state() == ENDED {
            return Ok(Some(ExitStatus::from_raw(entry.status.load(Ordering::Relaxed))));
        }
        let status = sys::reap(child)?;
        Ok(status.map(|status| {
            entry.end(status);
            ExitStatus::from_raw(status)
        }))
    }

    /// Gives the place up, after a last look whether the child has ended. One that has not is taken from
    /// the system when others are started, or by whoever reaps all.
    pub(super) fn release(self, child: Which) {
        let mut table = TABLE.lock();
        let ended = self.try_wait_locked(child);
        let entry = self.0;
        mem::forget(self);
        if ended == Ok(None) {
            entry.set(ABANDONED);
            table.abandoned += 1;
        } else {
            entry.free();
        }
    }
}

impl Drop for Place {
    /// Of a child that was not started, or whose end is known.
    fn drop(&mut self) {
        let _table = TABLE.lock();
        self.0.free();
    }
}

/// Takes any child from the system that has ended. `None` while all are running.
pub(super) fn reap_any() -> Result<Option<(i32, ExitStatus)>, Errno> {
    let mut table = TABLE.lock();
    let Some((id, status)) = sys::reap_any()? else { return Ok(None) };
    table.note_end(id, status);
    Ok(Some((id, ExitStatus::from_raw(status))))
}

impl Table {
    fn entries(&self) -> impl Iterator<Item = &'static Entry> + use<> {
        let pages = core::iter::successors(self.first, |page| page.next);
        pages.flat_map(|page| &page.entries)
    }

    /// Leaves the status of a child where it belongs.
    fn note_end(&mut self, id: i32, status: i32) {
        for entry in self.entries().filter(|entry| entry.is(id)) {
            match entry.state() {
                HELD => entry.end(status),
                ABANDONED => {
                    entry.free();
                    self.abandoned -= 1;
                }
                _ => {}
            }
        }
    }

    /// Takes children from the system that nobody has, and that have ended, until enough were seen to be running;
    /// the next ones next time.
    fn sweep(&mut self) {
        let abandoned = || self.entries().filter(|entry| entry.state() == ABANDONED);
        let (behind, before) = (abandoned().skip(self.looked_at), abandoned().take(self.looked_at));
        let mut left = 0;
        for entry in behind.chain(before) {
            if left == LOOKS {
                break;
            }
            let id = entry.id.load(Ordering::Relaxed);
            // A number is not given again before its process was taken from the system. Where another
            // part of the program has done that, it can be that of a later child.
            let is_stale = self.entries().any(|other| other.state() == HELD && other.is(id));
            if is_stale || sys::reap(Which::Id(id)) != Ok(None) {
                entry.free();
                self.abandoned -= 1;
            } else {
                left += 1;
            }
        }
        self.looked_at = (self.looked_at + left) % self.abandoned.max(1);
    }

    fn grow(&mut self) -> Result<&'static Page, Errno> {
        let mapping = Mapping::zeroed(PAGE)?;
        let place: NonNull<Page> = mapping.at(0);
        mem::forget(mapping);
        // SAFETY: zeros are a page whose entries are all free, in a mapping that stays for ever.
        let page = unsafe {
            (*place.as_ptr()).next = self.first;
            place.as_ref()
        };
        self.first = Some(page);
        Ok(page)
    }
}

// The fields change under the table's lock only, but for the number; so Relaxed is enough.
impl Entry {
    fn state(&self) -> u8 {
        self.state.load(Ordering::Relaxed)
    }

    fn set(&self, state: u8) {
        self.state.store(state, Ordering::Relaxed);
    }

    fn hold(&'static self) -> &'static Self {
        self.id.store(0, Ordering::Relaxed);
        self.set(HELD);
        self
    }

    fn end(&self, status: i32) {
        self.status.store(status, Ordering::Relaxed);
        self.set(ENDED);
    }

    fn free(&self) {
        self.id.store(0, Ordering::Relaxed);
        self.set(FREE);
    }

    /// Whether it is the place of the child `id`.
    fn is(&self, id: i32) -> bool {
        // Acquire: pairs with the stores in `spawn`. One that the kernel has written was there before
        // the child could end.
        self.id.load(Ordering::Acquire) == id
    }
}
