//! The switch from one stack to another.
//!
//! A *context* is what a stack needs to go on: its stack pointer, its instruction pointer and the
//! two registers that the compiler does not let an `asm!` block declare as overwritten. All other
//! registers are declared overwritten, so the compiler keeps what it needs of them in its own
//! frame, and most often needs nothing.
//!
//! ```text
//!   a fresh context            a suspended context         a running one
//!
//!   base  ┌──────────────┐     base  ┌──────────────┐      base  ┌──────────────┐
//!         │ closure, …   │           │ closure, …   │            │ closure, …   │
//!   rsp → ├──────────────┤           ├──────────────┤            ├──────────────┤
//!         │ never used   │           │ root's frame │            │ root's frame │
//!         ┆              ┆           │ calls …      │            │ calls …      │
//!                              rsp → ├──────────────┤      rsp → ├──────────────┤ (in the CPU)
//!                                    ┆              ┆            ┆              ┆
//!   limit └──────────────┘     limit └──────────────┘      limit └──────────────┘
//!         │ guard        │           │ guard        │            │ guard        │
//!
//!   rip = `root`               rip = label 2 of the        context: stale
//!   rbx = first argument             `switch` it is in
//!   rbp = function to call     rbx, rbp = its own
//! ```
//!
//! The switch ends in `jmp`, never in `ret`: the processor's return predictor pairs each `ret`
//! with a `call` on the same stack, and an indirect jump has a predictor of its own.
#![expect(unsafe_code, reason = "the context switch is assembly; it trusts its callers' contexts")]

use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
use core::arch::{asm, naked_asm};
use core::cell::UnsafeCell;
use core::mem::{MaybeUninit, offset_of};

#[cfg(feature = "asan")]
use super::fiber::Fiber;

/// The alignment of the stack pointer at a call (System V ABI, AMD64 supplement, 3.2.2).
pub(crate) const STACK_ALIGN: usize = 16;

/// Where a suspended stack goes on.
#[repr(transparent)]
pub(crate) struct Context(UnsafeCell<Registers>);

#[repr(C)]
struct Registers {
    rsp: usize,
    rip: usize,
    rbx: usize,
    rbp: usize,
    #[cfg(feature = "fp-env")]
    floating_point: ControlWords,
    #[cfg(feature = "asan")]
    fiber: Fiber,
}

/// The floating-point control words that a function must preserve (System V ABI, 3.2.3).
#[cfg(feature = "fp-env")]
#[repr(C)]
struct ControlWords {
    mxcsr: u32,
    x87: u16,
}

/// What one side of a switch hands to the other.
#[derive(Clone, Copy)]
pub(crate) struct Message {
    /// Arrives in `rdx`; what it means is between the two sides.
    pub(crate) word: MaybeUninit<*mut ()>,
    /// Arrives in `rcx`; what it means is between the two sides.
    pub(crate) tag: usize,
}

impl Message {
    /// For switches whose other side looks at nothing.
    pub(crate) const EMPTY: Self = Self { word: MaybeUninit::uninit(), tag: 0 };
}

/// What whoever goes on after a switch finds.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    /// The word of the message.
    pub(crate) word: MaybeUninit<*mut ()>,
    /// The tag of the message.
    pub(crate) tag: usize,
    /// The context that goes on, the `from` of the switch. It comes in a register, from whoever
    /// has switched back.
    pub(crate) context: *const Context,
}

/// What a fresh context calls: the argument given to [`Context::prepare`], and the word of the
/// message that started it.
pub(crate) type Entry = unsafe extern "C" fn(*mut (), MaybeUninit<*mut ()>) -> !;

impl Context {
    /// A context that must not be switched to before it was prepared or switched away from.
    pub(crate) const fn new() -> Self {
        // SAFETY: all fields are integers, for which zero is a value.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    /// Makes the next switch to this context call `entry(argument, word)` on a fresh stack.
    ///
    /// # Safety
    ///
    /// `stack` is aligned to [`STACK_ALIGN`] and has below it enough writable memory for what
    /// `entry` does, not used by anyone else from the next switch on. No one is running on or
    /// suspended in this context.
    #[inline(always)]
    pub(crate) unsafe fn prepare(&self, stack: *mut u8, entry: Entry, argument: *mut ()) {
        let registers = Registers {
            #[cfg(feature = "asan")]
            // SAFETY: all fields are integers and pointers, for which zero is a value.
            fiber: unsafe { MaybeUninit::zeroed().assume_init() },
            rsp: stack.expose_provenance(),
            rip: root as *const () as usize,
            rbx: argument.expose_provenance(),
            rbp: entry as *const () as usize,
            #[cfg(feature = "fp-env")]
            floating_point: ControlWords { mxcsr: 0x1f80, x87: 0x37f },
        };
        // SAFETY: the caller says that nobody else uses this context now.
        unsafe { self.0.get().write(registers) }
    }

    /// Says to AddressSanitizer where the stack of a prepared context is.
    #[cfg(feature = "asan")]
    pub(crate) fn describe(&self, limit: *mut u8, base: *mut u8) {
        self.fiber().set(limit, base);
    }

    /// Says to AddressSanitizer that the context, which is not the running one, never goes on.
    #[cfg(feature = "asan")]
    pub(crate) fn release(&self) {
        self.fiber().release();
    }

    #[cfg(feature = "asan")]
    fn fiber(&self) -> &Fiber {
        // SAFETY: what a switch writes without knowing is other fields, and `prepare` is called when
        // nobody else uses the context.
        unsafe { &(*self.0.get()).fiber }
    }

    /// Where the stack pointer was when this context was suspended.
    #[inline(always)]
    pub(crate) fn stack_pointer(&self) -> usize {
        // SAFETY: contexts are written by switches on this thread only, and none happens meanwhile.
        unsafe { (*self.0.get()).rsp }
    }

    /// Fetches into the cache the part of the stack that a switch to this context will use.
    #[inline(always)]
    pub(crate) fn prefetch_stack(&self) {
        let stack = self.stack_pointer();
        prefetch(core::ptr::without_provenance::<u8>(stack));
        prefetch(core::ptr::without_provenance::<u8>(stack.wrapping_add(64)));
    }
}

/// Fetches the cache line at an address, which may be any, into the cache.
#[inline(always)]
pub(crate) fn prefetch<T>(address: *const T) {
    // SAFETY: a hint, which reads nothing and never faults.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
}

#[cfg(not(feature = "fp-env"))]
macro_rules! keep_control_words {
    () => {
        ""
    };
}

/// Stores `from`'s control words and loads `to`'s where they differ: comparing costs 3 ns,
/// loading always costs 60. Of MXCSR only the control bits count (mask 0xffc0): the low six are
/// sticky status flags, which belong to nobody.
#[cfg(feature = "fp-env")]
macro_rules! keep_control_words {
    () => {
        "stmxcsr [rdi + 32]
         fnstcw [rdi + 36]
         mov eax, [rdi + 32]
         xor eax, [rsi + 32]
         test eax, 0xffc0
         jz 3f
         ldmxcsr [rsi + 32]
         3:
         movzx eax, word ptr [rdi + 36]
         cmp ax, [rsi + 36]
         je 3f
         fldcw [rsi + 36]
         3:"
    };
}

/// Suspends the caller in `from` and goes on in `to`, which receives `message`.
///
/// Returns, with the message it was sent, when someone switches to `from`.
///
/// # Safety
///
/// `to` is prepared or suspended, and its stack is whole. Both live until the switch is done, and
/// `from` until it is switched to. The caller lets nobody else switch to `from` on another OS
/// thread.
#[inline(always)]
pub(crate) unsafe fn switch(from: &Context, to: &Context, message: Message) -> Arrival {
    #[cfg(feature = "asan")]
    from.fiber().leave(to.fiber());
    let context;
    let mut word = message.word;
    let mut tag = message.tag;
    // SAFETY: the caller vouches for `to`. What the compiler keeps in registers across the block
    // is saved: rsp, rbx and rbp by the block, all others are declared overwritten. Nothing is
    // written below rsp here, and memory is declared changed, as other stacks run meanwhile.
    unsafe {
        asm!(
            // AddressSanitizer is told; the registers are kept.
            #[cfg(feature = "asan")]
            "mov r12, rdi
             mov r13, rsi
             mov r14, rdx
             mov r15, rcx
             mov rdi, [r12 + {fiber} + {place}]
             mov rdx, [rsi + {fiber} + {size}]
             mov rsi, [rsi + {fiber} + {limit}]
             call {start_fiber}
             mov rdi, r12
             mov rsi, r13
             mov rdx, r14
             mov rcx, r15",
            // Suspend: rdi = from.
            "lea rax, [rip + 2f]",
            "mov [rdi + {rip}], rax",
            "mov [rdi + {rsp}], rsp",
            "mov [rdi + {rbx}], rbx",
            "mov [rdi + {rbp}], rbp",
            keep_control_words!(),
            // Go on: rsi = to, rdx and rcx = message.
            "mov rsp, [rsi + {rsp}]",
            "mov rbx, [rsi + {rbx}]",
            "mov rbp, [rsi + {rbp}]",
            "jmp [rsi + {rip}]",
            // Someone has switched back: rdx and rcx = message.
            "2:",
            rsp = const offset_of!(Registers, rsp),
            rip = const offset_of!(Registers, rip),
            rbx = const offset_of!(Registers, rbx),
            rbp = const offset_of!(Registers, rbp),
            #[cfg(feature = "asan")]
            fiber = const offset_of!(Registers, fiber),
            #[cfg(feature = "asan")]
            place = const offset_of!(Fiber, place),
            #[cfg(feature = "asan")]
            limit = const offset_of!(Fiber, limit),
            #[cfg(feature = "asan")]
            size = const offset_of!(Fiber, size),
            #[cfg(feature = "asan")]
            start_fiber = sym super::fiber::__sanitizer_start_switch_fiber,
            inout("rdi") from => _,
            inout("rsi") to => context,
            inout("rdx") word,
            inout("rcx") tag,
            out("r12") _,
            out("r13") _,
            out("r14") _,
            out("r15") _,
            clobber_abi("sysv64"),
        );
    }
    #[cfg(feature = "asan")]
    from.fiber().arrive();
    Arrival { word, tag, context }
}

#[cfg(feature = "fp-env")]
const _: () = assert!(
    offset_of!(Registers, floating_point) == 32 && offset_of!(ControlWords, x87) == 4,
    "keep_control_words counts on these places",
);

/// In programs with std that do not use the feature `std`: where an unwinder that has found nobody
/// to catch a panic asks the last frame, which is this one, what to do with it. The answer is in
/// `task::report`. 0x1b: the function's address is relative to its place here (`DW_EH_PE_pcrel`)
/// and has four bytes (`DW_EH_PE_sdata4`).
#[cfg(all(panic = "unwind", not(feature = "std")))]
macro_rules! meet_unwinder {
    () => {
        ".cfi_personality 0x1b, barecoro_uncaught_0_1"
    };
}

#[cfg(not(all(panic = "unwind", not(feature = "std"))))]
macro_rules! meet_unwinder {
    () => {
        ""
    };
}

/// The outermost frame of every stack: calls `rbp(rbx, rdx)`.
///
/// It leaves a zero frame pointer, marks the return address as undefined, and puts a zero where one
/// would be: that is how stack walkers know to stop here, be they guided by frame pointers, by
/// DWARF call frame information, or by guessing.
///
/// # Safety
///
/// Not to be called: [`Context::prepare`] makes a first switch come here.
#[unsafe(naked)]
unsafe extern "C" fn root() {
    naked_asm!(
        // DWARF: this frame has no caller.
        ".cfi_startproc",
        ".cfi_undefined rip",
        meet_unwinder!(),
        // AddressSanitizer is told that a new stack has begun; rdx, the message's word, is kept.
        #[cfg(feature = "asan")]
        "mov r12, rdx
         xor edi, edi
         xor esi, esi
         xor edx, edx
         call {finish_fiber}
         mov rdx, r12",
        "mov rdi, rbx", // the argument
        "mov rsi, rdx", // the message's word
        "mov rax, rbp", // the function
        "xor ebp, ebp", // the end of the chain of frame pointers
        // A debugger without tables looks here for the return address; zero means none. Twice, as
        // the stack pointer is aligned.
        "push rbp",
        "push rbp",
        "call rax",
        // It does not return; a fault here is better than what would follow.
        "ud2",
        ".cfi_endproc",
        #[cfg(feature = "asan")]
        finish_fiber = sym super::fiber::__sanitizer_finish_switch_fiber,
    )
}
