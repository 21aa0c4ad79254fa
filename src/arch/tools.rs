//! What valgrind and AddressSanitizer are told of our stacks. Without the features `valgrind` and
//! `asan` nothing of it is left.
//!
//! valgrind takes a large step of the stack pointer for a switch only if it knows both stacks, and
//! then keeps track of which memory of each has been written. AddressSanitizer marks memory around
//! variables as poisoned, must forget these marks when a stack is used anew, and keeps the frames
//! of functions that have returned on fake stacks, one for each real one.

#[cfg(feature = "valgrind")]
pub(crate) use valgrind::Registration;

/// Proof that valgrind knows a stack; nothing without valgrind.
#[cfg(not(feature = "valgrind"))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registration;

/// How many bytes above its base a stack of a pool must keep for its registration.
pub(crate) const REGISTRATION_SIZE: usize = if cfg!(feature = "valgrind") { 16 } else { 0 };

#[cfg(not(feature = "valgrind"))]
impl Registration {
    /// Says that the memory between two addresses is a stack from now on.
    #[inline(always)]
    pub(crate) fn new(_limit: *mut u8, _base: *mut u8) -> Self {
        Self
    }

    /// Says that it is not any more.
    #[inline(always)]
    #[expect(clippy::unused_self, reason = "with valgrind it is used")]
    pub(crate) fn end(self) {}
}

/// Says that nothing that was on a stack is there any more: a new function begins on it, or its
/// memory goes elsewhere.
#[inline(always)]
#[cfg_attr(
    not(any(feature = "asan", feature = "valgrind")),
    expect(unused_variables, reason = "nobody is told")
)]
pub(crate) fn forget_contents(limit: *mut u8, base: *mut u8) {
    #[cfg(feature = "asan")]
    super::fiber::unpoison(limit, base);
    #[cfg(feature = "valgrind")]
    valgrind::make_undefined(limit, base);
}

/// Says that nobody may use what is on a stack, until its contents are forgotten.
#[inline(always)]
#[cfg_attr(not(feature = "valgrind"), expect(unused_variables, reason = "nobody is told"))]
pub(crate) fn forbid_contents(limit: *mut u8, base: *mut u8) {
    #[cfg(feature = "valgrind")]
    valgrind::make_inaccessible(limit, base);
}

#[cfg(feature = "valgrind")]
#[expect(unsafe_code, reason = "makes requests of valgrind, which are instructions without effect")]
mod valgrind {
    use core::arch::asm;

    /// The numbers of the requests, from valgrind.h and memcheck.h.
    mod request {
        pub(super) const STACK_REGISTER: u64 = 0x1501;
        pub(super) const STACK_DEREGISTER: u64 = 0x1502;
        pub(super) const MAKE_MEM_NOACCESS: u64 = 0x4d43_0000;
        pub(super) const MAKE_MEM_UNDEFINED: u64 = 0x4d43_0001;
    }

    /// Makes a request: valgrind knows it by four rotations that come to nothing. Returns zero where
    /// there is no valgrind.
    fn make(request: u64, first: u64, second: u64) -> u64 {
        let arguments = [request, first, second, 0, 0, 0];
        let mut result = 0_u64;
        // SAFETY: the processor rotates rdi around and exchanges a register with itself. valgrind
        // reads the arguments and sets rdx.
        unsafe {
            asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") arguments.as_ptr(),
                inout("rdx") result,
                inout("rdi") 0_u64 => _,
                options(nostack),
            );
        }
        result
    }

    /// The number that valgrind has given a stack.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Registration(u64);

    impl Registration {
        pub(crate) fn new(limit: *mut u8, base: *mut u8) -> Self {
            // The end that valgrind asks for is the last byte.
            Self(make(request::STACK_REGISTER, limit.addr() as u64, base.addr() as u64 - 1))
        }

        pub(crate) fn end(self) {
            make(request::STACK_DEREGISTER, self.0, 0);
        }
    }

    pub(super) fn make_undefined(limit: *mut u8, base: *mut u8) {
        make(request::MAKE_MEM_UNDEFINED, limit.addr() as u64, (base.addr() - limit.addr()) as u64);
    }

    pub(super) fn make_inaccessible(limit: *mut u8, base: *mut u8) {
        make(request::MAKE_MEM_NOACCESS, limit.addr() as u64, (base.addr() - limit.addr()) as u64);
    }
}
