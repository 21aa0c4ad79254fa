//! The latest items of a broadcast channel, and who is to receive them.
#![expect(unsafe_code, reason = "items lie in places that are not always full")]

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;

/// The place of an item. It is there while somebody is to receive it, or clones it. All zero is empty.
pub(super) struct Slot<T> {
    item: UnsafeCell<MaybeUninit<T>>,
    /// How many receivers have not received it. At least as many as do so later.
    left: Cell<usize>,
    /// How many clone it just now.
    lent: Cell<usize>,
}

impl<T> Slot<T> {
    const fn new() -> Self {
        Self {
            item: UnsafeCell::new(MaybeUninit::uninit()),
            left: Cell::new(0),
            lent: Cell::new(0),
        }
    }

    fn is_full(&self) -> bool {
        self.left.get() > 0 || self.lent.get() > 0
    }

    /// Moves the item out, if it is there and nobody clones it.
    fn clear(&self) -> Option<T> {
        if self.lent.get() > 0 || self.left.replace(0) == 0 {
            return None;
        }
        // SAFETY: it was there, and is not any more; nobody refers to it.
        Some(unsafe { (*self.item.get()).assume_init_read() })
    }

    /// One receiver less is to receive it, which does not want it. Returns it if that was the last.
    fn pass(&self) -> Option<T> {
        if self.left.get() == 1 {
            return self.clear().or_else(|| {
                self.left.set(0);
                None
            });
        }
        self.left.set(self.left.get() - 1);
        None
    }

    /// The item, for whoever clones it.
    pub(super) fn item(&self) -> &T {
        debug_assert!(self.lent.get() > 0);
        // SAFETY: the caller was lent it, and it stays until it was given back.
        unsafe { (*self.item.get()).assume_init_ref() }
    }

    /// Who was lent it has cloned it. Returns it if nobody wants it any more.
    pub(super) fn give_back(&self) -> Option<T> {
        self.lent.set(self.lent.get() - 1);
        if self.is_full() {
            return None;
        }
        // SAFETY: it was there, as it was lent, and is not any more; nobody refers to it.
        Some(unsafe { (*self.item.get()).assume_init_read() })
    }

    /// Whether somebody clones it.
    pub(super) fn is_lent(&self) -> bool {
        self.lent.get() > 0
    }
}

/// What is where a receiver is.
pub(super) enum Found<'a, T> {
    /// Nothing was sent since.
    Nothing,
    /// So many items are gone.
    Lost(u64),
    /// The item. The receiver was the last.
    Last(T),
    /// The item, to be cloned and given back.
    Lent(&'a Slot<T>),
}

/// The last `N` items. Items are numbered in the order in which they were sent.
pub(super) struct Ring<T, const N: usize> {
    slots: [Slot<T>; N],
    /// How many items were sent.
    sent: Cell<u64>,
}

impl<T, const N: usize> Ring<T, N> {
    pub(super) const fn new() -> Self {
        const {
            assert!(
                N > 0,
                "a broadcast channel needs room for an item: its capacity is at least 1"
            );
        }
        Self { slots: [const { Slot::new() }; N], sent: Cell::new(0) }
    }

    /// The number of the item that is sent next.
    pub(super) fn end(&self) -> u64 {
        self.sent.get()
    }

    /// The number of the oldest item that may be there.
    pub(super) fn start(&self) -> u64 {
        self.sent.get().saturating_sub(N as u64)
    }

    fn slot(&self, number: u64) -> &Slot<T> {
        // Less than `N`, which is a `usize`.
        #[expect(clippy::cast_possible_truncation, reason = "as said above")]
        let place = (number % N as u64) as usize;
        self.slots.get(place).unwrap_or_else(|| crate::sync::impossible())
    }

    /// Puts an item in for so many receivers, at least one. Returns the one that had its place. `Err`
    /// if somebody clones that just now.
    pub(super) fn push(&self, item: T, receivers: usize) -> Result<Option<T>, T> {
        let slot = self.slot(self.sent.get());
        if slot.is_lent() {
            return Err(item);
        }
        let before = slot.clear();
        // SAFETY: the place is empty, and nobody refers to it.
        unsafe { (*slot.item.get()).write(item) };
        slot.left.set(receivers);
        self.sent.set(self.sent.get() + 1);
        Ok(before)
    }

    /// What there is for a receiver that is to receive the item of this number next, and from
    /// now on counts as having received it.
    pub(super) fn take(&self, number: u64) -> Found<'_, T> {
        if number == self.end() {
            return Found::Nothing;
        }
        let lost = self.start().saturating_sub(number);
        if lost > 0 {
            return Found::Lost(lost);
        }
        let slot = self.slot(number);
        if slot.left.get() == 1
            && let Some(item) = slot.clear()
        {
            return Found::Last(item);
        }
        slot.left.set(slot.left.get() - 1);
        slot.lent.set(slot.lent.get() + 1);
        Found::Lent(slot)
    }

    /// As `take`, for a receiver that does not want the item. Returns it if nobody does.
    pub(super) fn skip(&self, number: u64) -> Option<T> {
        if number < self.start() { None } else { self.slot(number).pass() }
    }
}

impl<T, const N: usize> Drop for Ring<T, N> {
    fn drop(&mut self) {
        for slot in &self.slots {
            drop(slot.clear());
        }
    }
}
