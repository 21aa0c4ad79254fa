//! AddressSanitizer is told of each switch, by its fiber interface
//! (`sanitizer/common_interface_defs.h`).
#![expect(unsafe_code, reason = "calls the sanitizer's runtime")]

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;

unsafe extern "C" {
    pub(super) fn __sanitizer_start_switch_fiber(
        fake_stack: *mut *mut c_void,
        limit: *const c_void,
        size: usize,
    );
    pub(super) fn __sanitizer_finish_switch_fiber(
        fake_stack: *mut c_void,
        old_limit: *mut *const c_void,
        old_size: *mut usize,
    );
    fn __asan_unpoison_memory_region(address: *const c_void, size: usize);
}

/// What the sanitizer wants to know of a stack, kept in its context.
#[repr(C)]
pub(super) struct Fiber {
    pub(super) limit: Cell<*const c_void>,
    pub(super) size: Cell<usize>,
    /// Where the sanitizer is to put the fake stack at a switch; null if the stack ends.
    pub(super) place: Cell<*mut *mut c_void>,
    /// The frames of functions that have returned, while the stack is suspended.
    fake_stack: Cell<*mut c_void>,
}

std::thread_local! {
    /// The stack that this thread is on, once it has switched.
    static HERE: Cell<Option<(*const c_void, usize)>> = const { Cell::new(None) };
    /// Whether the next switch is the last one from its stack.
    static ENDS: Cell<bool> = const { Cell::new(false) };
}

impl Fiber {
    /// A stack that begins.
    pub(super) fn set(&self, limit: *mut u8, base: *mut u8) {
        self.limit.set(limit.cast());
        self.size.set(base.addr() - limit.addr());
        self.fake_stack.set(ptr::null_mut());
    }

    /// The stack is about to be left for another one. The sanitizer is told in the switch itself: if
    /// this stack ends, the frame of any function would be gone from then on.
    pub(super) fn leave(&self, to: &Self) {
        let (limit, size) = HERE.get().unwrap_or_else(thread_stack);
        self.limit.set(limit);
        self.size.set(size);
        HERE.set(Some((to.limit.get(), to.size.get())));
        self.place.set(if ENDS.take() { ptr::null_mut() } else { self.fake_stack.as_ptr() });
    }

    /// The stack goes on.
    pub(super) fn arrive(&self) {
        let fake_stack = self.fake_stack.replace(ptr::null_mut());
        // SAFETY: `leave` has got it from the sanitizer.
        unsafe { __sanitizer_finish_switch_fiber(fake_stack, ptr::null_mut(), ptr::null_mut()) }
    }

    /// The stack, which is not the running one, never goes on: its fake stack is given back, as if
    /// it were switched to and left for good.
    pub(super) fn release(&self) {
        let dead = self.fake_stack.replace(ptr::null_mut());
        if dead.is_null() {
            return;
        }
        let (limit, size) = HERE.get().unwrap_or_else(thread_stack);
        let mut own = ptr::null_mut();
        // SAFETY: between the calls nothing runs, and at the end all is as it was.
        unsafe {
            __sanitizer_start_switch_fiber(&raw mut own, limit, size);
            __sanitizer_finish_switch_fiber(dead, ptr::null_mut(), ptr::null_mut());
            __sanitizer_start_switch_fiber(ptr::null_mut(), limit, size);
            __sanitizer_finish_switch_fiber(own, ptr::null_mut(), ptr::null_mut());
        }
    }
}

/// Says that the next switch is the last one from its stack.
pub(crate) fn ends_here() {
    ENDS.set(true);
}

/// Where the stack of this thread is, which only the sanitizer knows: it says so to whoever has
/// left it, so it is left for a moment, for itself.
fn thread_stack() -> (*const c_void, usize) {
    let (mut limit, mut size, mut own) = (ptr::null(), 0, ptr::null_mut());
    // SAFETY: as in `release`. The limit is not needed between the calls.
    unsafe {
        __sanitizer_start_switch_fiber(&raw mut own, ptr::null(), 0);
        __sanitizer_finish_switch_fiber(own, &raw mut limit, &raw mut size);
        __sanitizer_start_switch_fiber(&raw mut own, limit, size);
        __sanitizer_finish_switch_fiber(own, ptr::null_mut(), ptr::null_mut());
    }
    (limit, size)
}

/// Forgets all marks between two addresses.
pub(super) fn unpoison(limit: *mut u8, base: *mut u8) {
    // SAFETY: marks of the sanitizer's, and nobody uses what is there.
    unsafe { __asan_unpoison_memory_region(limit.cast(), base.addr() - limit.addr()) }
}
