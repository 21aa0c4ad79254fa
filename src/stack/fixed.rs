//! A stack in memory that the program has already.
#![expect(unsafe_code, reason = "lends out a static's memory, to one stack at a time")]

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

use super::guard::{self, Guard};
use super::{Stack, StackError};
use crate::arch::tools;
use crate::sys::mem::PAGE;

/// Memory for one stack of `SIZE` bytes, in a `static`, its guard included.
///
/// It costs nothing in the program's file, and no mapping where guards are markers (Linux 6.13); two
/// where they are not.
///
/// # Examples
///
/// ```
/// use barecoro::{Coroutine, stack::StackMemory};
///
/// static MEMORY: StackMemory<{ 16 * 1024 }> = StackMemory::new();
///
/// let stack = MEMORY.take().expect("the memory is free")?;
/// let mut squares = Coroutine::new(stack, |yielder, ()| (1..4).for_each(|n| yielder.suspend(n * n)));
/// assert!(squares.iter().eq([1, 4, 9]));
/// assert!(MEMORY.take().is_none(), "the coroutine has it");
/// drop(squares);
/// assert!(MEMORY.take().is_some());
/// # Ok::<_, barecoro::stack::StackError>(())
/// ```
#[repr(C, align(4096))]
pub struct StackMemory<const SIZE: usize> {
    guard: UnsafeCell<MaybeUninit<[u8; PAGE]>>,
    stack: UnsafeCell<MaybeUninit<[u8; SIZE]>>,
    taken: AtomicBool,
}

// SAFETY: the memory is used by whoever has set `taken`, one at a time.
unsafe impl<const SIZE: usize> Sync for StackMemory<SIZE> {}

impl<const SIZE: usize> StackMemory<SIZE> {
    /// Memory for a stack, all zeros.
    pub const fn new() -> Self {
        const { assert!(SIZE > 0 && SIZE.is_multiple_of(16), "a stack is a multiple of 16 bytes") };
        Self {
            guard: UnsafeCell::new(MaybeUninit::zeroed()),
            stack: UnsafeCell::new(MaybeUninit::zeroed()),
            taken: AtomicBool::new(false),
        }
    }

    /// The stack in this memory, or `None` while it exists already. Dropping it makes it free
    /// again.
    ///
    /// # Errors
    ///
    /// [`StackError`] if the kernel refuses to guard it; the memory stays free.
    pub fn take(&'static self) -> Option<Result<StaticStack, StackError>> {
        // Acquire: pairs with the store when a stack is dropped.
        if self.taken.swap(true, Ordering::Acquire) {
            return None;
        }
        let start = NonNull::from(self).cast::<u8>();
        // SAFETY: the flag was free, so the memory is ours. The guard and the stack lie first in it,
        // in this order, and the alignment is a page's.
        let stack = unsafe { StaticStack::guarded(start, PAGE + SIZE, Some(&self.taken)) };
        if stack.is_err() {
            // Release: pairs with the swap above, for whoever has had the memory before.
            self.taken.store(false, Ordering::Release);
        }
        Some(stack)
    }
}

impl<const SIZE: usize> Default for StackMemory<SIZE> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const SIZE: usize> fmt::Debug for StackMemory<SIZE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = self.taken.load(Ordering::Relaxed);
        f.debug_struct("StackMemory")
            .field("size", &SIZE)
            .field("taken", &taken)
            .finish_non_exhaustive()
    }
}

/// A stack in memory that the program has already: a [`StackMemory`], or a part of any other.
#[derive(Debug)]
pub struct StaticStack {
    limit: NonNull<u8>,
    size: usize,
    /// Below the limit: its size and its kind. None if there is none.
    guard: Option<(usize, Guard)>,
    /// What says that the memory is taken.
    taken: Option<&'static AtomicBool>,
}

impl StaticStack {
    /// A stack in `memory`, whose lowest whole page becomes the guard.
    ///
    /// # Errors
    ///
    /// [`Unguarded`], with the memory: it is too small for a guard and a stack (two pages that
    /// begin at a multiple of 4096, and what is below the first), or the kernel refuses to guard
    /// it.
    ///
    /// # Examples
    ///
    /// ```
    /// use barecoro::{Coroutine, stack::{Stack, StaticStack}};
    ///
    /// let memory = Box::leak(Box::new_uninit_slice(32 * 1024));
    /// let stack = StaticStack::new(memory).unwrap();
    /// assert!(stack.size() >= 24 * 1024);
    /// ```
    pub fn new(memory: &'static mut [MaybeUninit<u8>]) -> Result<Self, Unguarded> {
        let start = memory.as_ptr().addr();
        let skipped = start.wrapping_neg() % PAGE;
        let usable = memory.len().saturating_sub(skipped) & !(Self::ALIGN - 1);
        if usable < 2 * PAGE {
            return Err(Unguarded { memory, error: StackError::TooSmall });
        }
        // SAFETY: as much is skipped as there is.
        let guard = unsafe { NonNull::from(&mut *memory).cast::<u8>().add(skipped) };
        // SAFETY: the memory is lent for ever, and begins at a page.
        unsafe { Self::guarded(guard, usable, None) }.map_err(|error| Unguarded { memory, error })
    }

    /// A stack in all of `memory`, without a guard.
    ///
    /// # Safety
    ///
    /// No code that runs on the stack needs more of it than there is: it would overwrite what
    /// lies below.
    pub unsafe fn unguarded(memory: &'static mut [MaybeUninit<u8>]) -> Self {
        let skipped = memory.as_ptr().addr().wrapping_neg() % Self::ALIGN;
        let size = memory.len().saturating_sub(skipped) & !(Self::ALIGN - 1);
        let skipped = if size == 0 { 0 } else { skipped };
        // SAFETY: as much is skipped as there is.
        let limit = unsafe { NonNull::from(memory).cast::<u8>().add(skipped) };
        Self { limit, size, guard: None, taken: None }
    }

    /// What a stack's ends are aligned to.
    const ALIGN: usize = crate::arch::STACK_ALIGN;

    /// # Safety
    ///
    /// The memory begins at a page, has more than one, and is the caller's until `taken` is false,
    /// or for ever.
    unsafe fn guarded(
        start: NonNull<u8>,
        length: usize,
        taken: Option<&'static AtomicBool>,
    ) -> Result<Self, StackError> {
        // SAFETY: the caller's promise; nobody else reads the first page.
        let guard = unsafe { guard::install(start, PAGE) }?;
        // SAFETY: there is more than one page.
        let limit = unsafe { start.add(PAGE) };
        let size = length - PAGE;
        Ok(Self { limit, size, guard: Some((PAGE, guard)), taken })
    }

    /// The usable size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The size of the guard in bytes; zero if there is none.
    pub fn guard_size(&self) -> usize {
        self.guard.map_or(0, |(size, _)| size)
    }
}

impl Drop for StaticStack {
    fn drop(&mut self) {
        tools::forget_contents(self.limit().as_ptr(), self.base().as_ptr());
        if let Some((size, kind)) = self.guard {
            // SAFETY: `guarded` has installed it below the limit, in memory that stays.
            unsafe { guard::remove(self.limit.sub(size), size, kind) }
        }
        if let Some(taken) = self.taken {
            // Release: pairs with the swap in `take`.
            taken.store(false, Ordering::Release);
        }
    }
}

// SAFETY: the memory is lent for ever, or until drop by `StackMemory`, which lends it once at a
// time; a guard lies directly below the limit, or whoever has called `unguarded` vouches.
unsafe impl Stack for StaticStack {
    fn base(&self) -> NonNull<u8> {
        // SAFETY: the end of the memory.
        unsafe { self.limit.add(self.size) }
    }

    fn limit(&self) -> NonNull<u8> {
        self.limit
    }
}

// SAFETY: memory belongs to the process, not to a thread.
unsafe impl Send for StaticStack {}
// SAFETY: a shared reference gives out addresses only.
unsafe impl Sync for StaticStack {}

/// Memory that could not be guarded, and why.
pub struct Unguarded {
    /// The memory.
    pub memory: &'static mut [MaybeUninit<u8>],
    /// Why it has no guard.
    pub error: StackError,
}

impl fmt::Debug for Unguarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unguarded")
            .field("bytes", &self.memory.len())
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Unguarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of memory have no guard: {}", self.memory.len(), self.error)
    }
}

impl core::error::Error for Unguarded {}

impl From<Unguarded> for crate::Errno {
    fn from(unguarded: Unguarded) -> Self {
        unguarded.error.into()
    }
}
