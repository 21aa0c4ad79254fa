//! What the processor holds for a function stays its own across switches.
//!
//! Say more when optimised: run these with `--release` too.
#![expect(clippy::expect_used, reason = "a test may panic")]
#![expect(unsafe_code, reason = "marks and reads registers in assembly")]

mod support;

use core::arch::{asm, naked_asm};
use core::hint::black_box;

use barecoro::stack::MappedStack;
use barecoro::{Coroutine, CoroutineResult, Runtime, Yielder, task};

fn stack() -> MappedStack {
    MappedStack::new(64 * 1024).expect("memory for a stack")
}

/// Calls `call(argument)` with `mark`, `mark + 1`, … in the six registers that a function must
/// preserve (System V ABI, 3.2.1). Returns a bit for each that has changed.
#[unsafe(naked)]
extern "C" fn with_marked_registers(
    mark: u64,
    call: extern "C" fn(*mut ()),
    argument: *mut (),
) -> u64 {
    naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rdi", // the mark; the stack is aligned to 16 again
        "lea rbx, [rdi + 0]",
        "lea rbp, [rdi + 1]",
        "lea r12, [rdi + 2]",
        "lea r13, [rdi + 3]",
        "lea r14, [rdi + 4]",
        "lea r15, [rdi + 5]",
        "mov rdi, rdx",
        "call rsi",
        "pop rdi",
        "xor eax, eax",
        "lea rcx, [rdi + 0]",
        "xor rcx, rbx",
        "neg rcx", // carry: not zero
        "adc eax, eax",
        "lea rcx, [rdi + 1]",
        "xor rcx, rbp",
        "neg rcx",
        "adc eax, eax",
        "lea rcx, [rdi + 2]",
        "xor rcx, r12",
        "neg rcx",
        "adc eax, eax",
        "lea rcx, [rdi + 3]",
        "xor rcx, r13",
        "neg rcx",
        "adc eax, eax",
        "lea rcx, [rdi + 4]",
        "xor rcx, r14",
        "neg rcx",
        "adc eax, eax",
        "lea rcx, [rdi + 5]",
        "xor rcx, r15",
        "neg rcx",
        "adc eax, eax",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}

extern "C" fn yield_thrice(_: *mut ()) {
    for _ in 0..3 {
        task::yield_now();
    }
}

#[test]
fn preserved_registers_outlive_a_yield() {
    static R: Runtime<8> = Runtime::new();
    R.run(|| {
        for number in 0..6_u64 {
            drop(task::spawn(move || {
                for round in 0..50 {
                    let mark = number << 32 | round << 8;
                    let changed = with_marked_registers(mark, yield_thrice, core::ptr::null_mut());
                    assert_eq!(changed, 0, "a bit for each of rbx, rbp, r12 … r15");
                }
            }));
        }
    })
    .unwrap();
}

extern "C" fn suspend(yielder: *mut ()) {
    // SAFETY: the test passes a yielder of this type, on its own stack.
    unsafe { &*yielder.cast::<Yielder<(), ()>>() }.suspend(());
}

extern "C" fn resume(coroutine: *mut ()) {
    // SAFETY: the test passes a coroutine of this type, and uses it no other way meanwhile.
    let _yielded = unsafe { &mut *coroutine.cast::<Coroutine<(), (), u64>>() }.resume(());
}

#[test]
fn preserved_registers_outlive_suspending_and_resuming() {
    let mut coroutine = Coroutine::new(stack(), |yielder: &Yielder<(), ()>, ()| {
        let yielder = core::ptr::from_ref(yielder).cast_mut().cast();
        (0..50).map(|round| with_marked_registers(round << 8, suspend, yielder)).max().unwrap_or(9)
    });
    let place = (&raw mut coroutine).cast();
    for round in 0..50 {
        assert_eq!(with_marked_registers(0xabcd_0000 | round << 8, resume, place), 0);
    }
    assert_eq!(coroutine.resume(()), CoroutineResult::Return(0));
}

/// More running values than there are xmm registers, all alive at the `pause`.
#[inline(always)]
fn compute(seed: f32, rounds: u16, mut pause: impl FnMut()) -> [u64; 12] {
    let mut single = seed;
    let mut values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2]
        .map(|offset| f64::from(seed) + offset);
    for round in 0..rounds {
        for value in &mut values {
            *value = *value * 1.000_1 + f64::from(round) * 0.5;
        }
        pause();
        single = single * 0.5 + 1.0;
        values[0] += f64::from(single);
    }
    // The same to the last bit.
    values.map(f64::to_bits)
}

/// The original program lost these registers, and printed 297 for 54.
#[test]
fn doubles_outlive_a_yield() {
    static R: Runtime<16> = Runtime::new();
    R.run(|| {
        let seeds = [1.0, -20.0, 300.0, 4e3, 5e4, 6e5, 7e6, -8e7, 0.9, 1e-1, 1.1, 12.0];
        let tasks = seeds.map(|seed| {
            task::spawn(move || {
                let seed = black_box(seed);
                assert_eq!(compute(seed, 500, task::yield_now), compute(seed, 500, || ()));
            })
            .unwrap()
        });
        for task in tasks {
            task.join().unwrap();
        }
    })
    .unwrap();
}

#[test]
fn doubles_outlive_suspending_and_resuming() {
    let mut inside = Coroutine::new(stack(), |yielder: &Yielder<(), ()>, ()| {
        compute(black_box(7.0), 500, || yielder.suspend(()))
    });
    let outside = compute(black_box(3.0), 500, || {
        assert_eq!(inside.resume(()).as_yield(), Some(()));
    });
    assert_eq!(outside, compute(black_box(3.0), 500, || ()));
    assert_eq!(inside.resume(()).as_return(), Some(compute(black_box(7.0), 500, || ())));
}

/// More locals than registers: some lie in the frame, right above the stack pointer.
#[inline(never)]
fn sum_of_locals(seed: u64) -> u64 {
    let mut locals: [u64; 14] = core::array::from_fn(|index| seed + index as u64);
    for round in 0..20 {
        task::yield_now();
        for local in &mut locals {
            *local = black_box(*local) + round;
        }
    }
    locals.iter().sum()
}

#[test]
fn locals_outlive_a_yield() {
    static R: Runtime<8> = Runtime::new();
    R.run(|| {
        let tasks: [_; 6] = core::array::from_fn(|number| {
            task::spawn(move || sum_of_locals(number as u64 * 1000)).unwrap()
        });
        for (number, task) in tasks.into_iter().enumerate() {
            let expected: u64 = (0..14).map(|index| number as u64 * 1000 + index + 190).sum();
            assert_eq!(task.join().unwrap(), expected);
        }
    })
    .unwrap();
}

/// The stack pointer as it is right after the call of this function.
#[unsafe(naked)]
extern "C" fn stack_pointer_at_entry() -> usize {
    naked_asm!("mov rax, rsp", "ret")
}

/// At a call the stack is aligned to 16, and the return address then takes 8 (ABI, 3.2.2).
#[track_caller]
fn assert_stack_is_aligned() {
    #[repr(align(16))]
    struct Vector([f32; 4]);

    assert_eq!(stack_pointer_at_entry() % 16, 8);
    let mut vector = Vector([0.0; 4]);
    // SAFETY: writes 16 bytes that are the vector's, and faults if they are not aligned.
    unsafe {
        asm!(
            "movaps xmmword ptr [{}], xmm0",
            in(reg) &raw mut vector,
            out("xmm0") _,
            options(nostack, preserves_flags),
        );
    }
    black_box(vector.0);
}

/// No direction flag (ABI, 3.2.1), nor alignment checks.
#[track_caller]
fn assert_flags_are_clear() {
    const DIRECTION: u64 = 1 << 10;
    const ALIGNMENT_CHECK: u64 = 1 << 18;
    let flags: u64;
    // SAFETY: copies the flags, by way of the stack.
    unsafe { asm!("pushfq", "pop {}", out(reg) flags, options(preserves_flags)) };
    assert_eq!(flags & (DIRECTION | ALIGNMENT_CHECK), 0);
}

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(u8);

#[test]
fn a_task_starts_on_an_aligned_stack() {
    // A slot's stack begins a little lower than that of the one before: every place counts.
    static R: Runtime<70> = Runtime::new();
    R.run(|| {
        for number in 0..23_u8 {
            let (line, odd) = (Line(number), [number; 13]);
            let check = |size: usize| {
                assert_stack_is_aligned();
                assert_flags_are_clear();
                assert!(size > 0);
            };
            drop(task::spawn(move || check(1)));
            drop(task::spawn(move || check(odd.len())));
            drop(task::spawn(move || {
                let line = line;
                assert_eq!(core::ptr::from_ref(&line).addr() % 64, 0);
                assert_eq!(line.0, number);
                check(1);
            }));
        }
    })
    .unwrap();
}

#[test]
fn a_coroutine_starts_on_an_aligned_stack() {
    let check = |_: &Yielder<(), ()>, ()| {
        assert_stack_is_aligned();
        assert_flags_are_clear();
    };
    let (line, odd) = (Line(1), [2_u8; 13]);
    assert_eq!(Coroutine::new(stack(), check).resume(()), CoroutineResult::Return(()));
    let mut with_line = Coroutine::new(stack(), move |yielder: &Yielder<(), ()>, ()| {
        let line = line;
        check(yielder, ());
        line.0
    });
    assert_eq!(with_line.resume(()), CoroutineResult::Return(1));
    let mut with_odd = Coroutine::new(stack(), move |yielder: &Yielder<(), ()>, ()| {
        check(yielder, ());
        odd[12]
    });
    assert_eq!(with_odd.resume(()), CoroutineResult::Return(2));
}

/// Control words, set in assembly as C code would: Rust code must not run between the change and
/// the way back, other than what waits here. Without the feature nothing is promised.
#[cfg(feature = "fp-env")]
mod control_words {
    use super::*;

    const DEFAULT: (u32, u16) = (0x1f80, 0x37f);
    /// Rounding towards zero.
    const TOWARDS_ZERO: (u32, u16) = (0x7f80, 0xf7f);
    /// Rounding up; and single precision on the x87.
    const UP: (u32, u16) = (0x5f80, 0x87f);
    /// The low six bits of MXCSR are flags that stick, which nobody owns.
    const CONTROL: u32 = 0xffc0;

    fn get() -> (u32, u16) {
        let (mut mxcsr, mut x87) = (0_u32, 0_u16);
        // SAFETY: stores the two control words where they belong.
        unsafe {
            asm!(
                "stmxcsr [{}]", "fnstcw [{}]",
                in(reg) &raw mut mxcsr, in(reg) &raw mut x87,
                options(nostack, preserves_flags),
            );
        }
        (mxcsr & CONTROL, x87)
    }

    fn set((mxcsr, x87): (u32, u16)) {
        // SAFETY: no floating-point code of Rust's runs before they are set back.
        unsafe {
            asm!(
                "ldmxcsr [{}]", "fldcw [{}]",
                in(reg) &raw const mxcsr, in(reg) &raw const x87,
                options(nostack, preserves_flags),
            );
        }
    }

    #[test]
    fn each_task_has_its_own() {
        static R: Runtime<4> = Runtime::new();
        R.run(|| {
            let changer = |words: (u32, u16)| {
                move || {
                    let at_start = get();
                    set(words);
                    let mut kept = true;
                    for _ in 0..5 {
                        task::yield_now();
                        kept &= get() == words;
                    }
                    set(DEFAULT);
                    assert_eq!(at_start, DEFAULT);
                    assert!(kept);
                }
            };
            drop(task::spawn(changer(TOWARDS_ZERO)));
            drop(task::spawn(changer(UP)));
            for _ in 0..6 {
                assert_eq!(get(), DEFAULT);
                task::yield_now();
            }
        })
        .unwrap();
        assert_eq!(get(), DEFAULT);
    }

    #[test]
    fn a_task_starts_with_the_default_and_leaves_nothing_behind() {
        static R: Runtime<4> = Runtime::new();
        R.run(|| {
            // Neither what its parent has …
            set(UP);
            let child = task::spawn(|| {
                let at_start = get();
                set(TOWARDS_ZERO);
                at_start
            });
            let at_start = child.unwrap().join().unwrap();
            let own = get();
            set(DEFAULT);
            assert_eq!((at_start, own), (DEFAULT, UP));
            // … nor what the slot's former task had.
            assert_eq!(task::spawn(get).unwrap().join().unwrap(), DEFAULT);
        })
        .unwrap();
        assert_eq!(get(), DEFAULT);
    }

    #[test]
    fn a_coroutine_has_its_own() {
        let mut coroutine: Coroutine<_, _, ()> = Coroutine::new(stack(), |yielder, ()| {
            yielder.suspend(get());
            set(TOWARDS_ZERO);
            loop {
                yielder.suspend(get());
            }
        });
        set(UP);
        let first = coroutine.resume(()).as_yield();
        let second = coroutine.resume(()).as_yield();
        let own = get();
        set(DEFAULT);
        let third = coroutine.resume(()).as_yield();
        assert_eq!(get(), DEFAULT);
        assert_eq!((first, second, third), (Some(DEFAULT), Some(TOWARDS_ZERO), Some(TOWARDS_ZERO)));
        assert_eq!(own, UP);
    }
}
