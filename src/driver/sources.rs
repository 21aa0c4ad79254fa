//! What the driver on `epoll` knows of each descriptor: who waits for it.
#![expect(unsafe_code, reason = "a table in a mapping of its own")]

use core::cell::Cell;

use crate::collections::List;
use crate::error::Errno;
use crate::sys::fd::{self, Fd};
use crate::sys::mem::Mapping;
use crate::sys::owned::OwnedFd;
use crate::task::Slot;

/// The most descriptors that the table is made for: 2 to the power of 20, as many as Linux lets a
/// process have where nobody says otherwise (`fs.nr_open`).
const MOST: u64 = 1 << 20;

/// The fewest, as limits may grow.
const LEAST: u64 = 1 << 12;

/// A descriptor, as far as tasks wait for it. All zero is one that nobody knows.
pub(super) struct Source {
    /// The number of its registration, zero for none. The owner has the same; that of a descriptor that has
    /// been closed, whose number another one has now, has not.
    pub(super) serial: Cell<u64>,
    /// Who waits until it can be read.
    pub(super) readers: List<&'static Slot>,
    /// Who waits until it can be written.
    pub(super) writers: List<&'static Slot>,
    /// What is known to be in vain until an event comes.
    pub(super) blocked: Cell<u32>,
    /// Whether the other side has gone, so that there is something to read for ever: the end.
    pub(super) hung_up: Cell<bool>,
    /// Whether it is a file that is always ready, which epoll does not take.
    pub(super) always_ready: Cell<bool>,
    /// Since when it is known to be set not to wait (`O_NONBLOCK`), or zero; see
    /// [`fd::flags_known_since`].
    pub(super) never_waits: Cell<u32>,
    /// Whether it is registered only while somebody waits.
    pub(super) transient: Cell<bool>,
}

impl Source {
    /// Whether it is registered, and for this owner, not for one before it.
    pub(super) fn is_registered_by(&self, owner: &OwnedFd) -> bool {
        self.serial.get() != 0 && self.serial.get() == owner.serial()
    }

    /// Whether somebody waits.
    pub(super) fn is_awaited(&self) -> bool {
        !self.readers.is_empty() || !self.writers.is_empty()
    }
}

/// All descriptors that the process may have, by their numbers, or as many as there is room for. What
/// nobody uses has no memory.
pub(super) struct Sources(Mapping);

impl Sources {
    pub(super) fn new() -> Result<Self, Errno> {
        let mut count = fd::most_descriptors().clamp(LEAST, MOST);
        loop {
            let size = usize::try_from(count).unwrap_or(0) * size_of::<Source>();
            match Mapping::zeroed(size) {
                // Under strict limits there is room for fewer.
                Err(Errno::NOMEM | Errno::AGAIN) if count > LEAST => count = LEAST.max(count / 2),
                memory => return memory.map(Self),
            }
        }
    }

    /// What is known of a descriptor; nothing of numbers that are none. `EMFILE` for one beyond the table.
    pub(super) fn of(&self, fd: Fd) -> Result<&Source, Errno> {
        let index = usize::try_from(fd).map_err(|_| Errno::BADF)?;
        if index >= self.0.length() / size_of::<Source>() {
            return Err(Errno::MFILE);
        }
        // SAFETY: the index is one of the table's, which is all zeros at first, and that is a source.
        Ok(unsafe { self.0.at::<Source>(0).add(index).as_ref() })
    }
}
