//! What a channel keeps, in storage of `heapless`.
#![expect(unsafe_code, reason = "a channel's buffer may have no room at all, which heapless' have")]

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use heapless::Deque;

/// Room for `N` items, which may be none. All zero is empty.
pub(super) struct Buffer<T, const N: usize>(UnsafeCell<MaybeUninit<Deque<T, N>>>);

impl<T, const N: usize> Buffer<T, N> {
    /// With room for nothing there is no deque, as heapless has none.
    const EMPTY: MaybeUninit<Deque<T, N>> =
        if N == 0 { MaybeUninit::uninit() } else { MaybeUninit::new(Deque::new()) };

    pub(super) const fn new() -> Self {
        Self(UnsafeCell::new(Self::EMPTY))
    }

    /// # Safety
    ///
    /// There is a deque: `N` is not zero.
    #[inline(always)]
    unsafe fn with<R>(&self, f: impl FnOnce(&mut Deque<T, N>) -> R) -> R {
        // SAFETY: `EMPTY` is a deque, by the caller's promise. One thread uses it, and the functions
        // below call no code of users, so nobody else refers to it.
        f(unsafe { (*self.0.get()).assume_init_mut() })
    }

    #[inline(always)]
    pub(super) fn push(&self, item: T) -> Result<(), T> {
        if N == 0 {
            return Err(item);
        }
        // SAFETY: there is room for something.
        unsafe { self.with(|deque| deque.push_back(item)) }
    }

    #[inline(always)]
    pub(super) fn pop(&self) -> Option<T> {
        if N == 0 {
            return None;
        }
        // SAFETY: there is room for something.
        unsafe { self.with(Deque::pop_front) }
    }

    pub(super) fn len(&self) -> usize {
        if N == 0 {
            return 0;
        }
        // SAFETY: there is room for something.
        unsafe { self.with(|deque| deque.len()) }
    }
}

impl<T, const N: usize> Drop for Buffer<T, N> {
    fn drop(&mut self) {
        while let Some(item) = self.pop() {
            drop(item);
        }
    }
}
