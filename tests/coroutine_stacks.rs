//! Where a coroutine's stack lies does not matter, and it is suspended from its own only.
#![expect(clippy::expect_used, reason = "a test may panic")]
#![expect(
    unsafe_code,
    reason = "implements `Stack`, and tells a yielder's address to another stack"
)]

mod support;

use core::ptr::NonNull;

use barecoro::stack::{MappedStack, Stack, StackError};
use barecoro::{Coroutine, CoroutineResult, Runtime, Yielder, task};

const SIZE: usize = 128 * 1024;

/// A part of memory that is never freed. Below it lies its neighbour and no guard; the tests do
/// not come that deep.
struct Part {
    base: NonNull<u8>,
}

// SAFETY: `parts` gives each part of its memory to one value, and the memory is leaked.
unsafe impl Stack for Part {
    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn limit(&self) -> NonNull<u8> {
        // SAFETY: each part is so long.
        unsafe { self.base.sub(SIZE) }
    }
}

/// Two stacks side by side: the lower one and the upper one.
fn parts() -> (Part, Part) {
    let memory = Box::leak(vec![0xaa_u8; 2 * SIZE].into_boxed_slice());
    let start = NonNull::new(memory.as_mut_ptr()).expect("a box is not null");
    // SAFETY: both lie in the memory or at its end.
    unsafe { (Part { base: start.add(SIZE) }, Part { base: start.add(2 * SIZE) }) }
}

/// Runs a coroutine in a coroutine, which both suspend themselves again and again.
fn nest(outer: Part, inner: Part) {
    let mut inner_stack = Some(inner);
    let mut outer = Coroutine::new(outer, move |outer: &Yielder<u64, u64>, first: u64| {
        let stack = inner_stack.take().expect("called once");
        let mut inner = Coroutine::new(stack, |inner: &Yielder<u64, u64>, first: u64| {
            (0..100).fold(first, |sum, _| sum + inner.suspend(sum))
        });
        let mut input = first;
        loop {
            match inner.resume(input) {
                CoroutineResult::Yield(sum) => input = outer.suspend(sum),
                CoroutineResult::Return(sum) => return sum,
            }
        }
    });
    for number in 0..100 {
        assert_eq!(outer.resume(number), CoroutineResult::Yield(number * (number + 1) / 2));
    }
    assert_eq!(outer.resume(100), CoroutineResult::Return(5050));
}

#[test]
fn a_stack_may_lie_below_its_parents() {
    let (lower, upper) = parts();
    nest(upper, lower);
}

#[test]
fn a_stack_may_lie_above_its_parents() {
    let (lower, upper) = parts();
    nest(lower, upper);
}

#[test]
fn ends_need_no_alignment() {
    let (_, part) = parts();
    for offset in 1..70 {
        // SAFETY: in the part still, and the coroutine before has ended.
        let odd = Part { base: unsafe { part.base.sub(offset) } };
        let mut echo = Coroutine::new(odd, |yielder: &Yielder<u128, u128>, first| {
            let second = yielder.suspend(first);
            yielder.suspend(second)
        });
        assert_eq!(echo.resume(1), CoroutineResult::Yield(1));
        assert_eq!(echo.resume(2), CoroutineResult::Yield(2));
        assert_eq!(echo.resume(3), CoroutineResult::Return(3));
    }
}

#[test]
fn a_mapped_stack_is_whole_pages_that_can_be_written() {
    let stack = MappedStack::new(SIZE - 1).expect("memory for a stack");
    assert_eq!(stack.size(), SIZE);
    assert_eq!(stack.base().addr().get() - stack.limit().addr().get(), SIZE);
    // SAFETY: the memory is ours.
    unsafe { stack.limit().write_bytes(0x55, SIZE) };
}

#[test]
fn an_absurd_stack_is_refused() {
    assert!(matches!(MappedStack::new(usize::MAX), Err(StackError::TooLarge)));
    assert!(matches!(MappedStack::new(1 << 55), Err(StackError::Refused(_))));
}

const ELSEWHERE: &str = "a coroutine was suspended from another stack than its own: \
                         call suspend in the coroutine itself, not in a task or a coroutine inside it";

/// Suspends `outer` from a coroutine inside it. The borrow checker forbids it, hence the pointer.
fn suspend_from_within(outer: Part, inner: Part) {
    let mut outer = Coroutine::new(outer, move |outer: &Yielder<(), ()>, ()| {
        let outer = core::ptr::from_ref(outer);
        let mut inner = Coroutine::new(inner, move |_: &Yielder<(), ()>, ()| {
            // SAFETY: the outer coroutine's frame, which holds it, goes on after this call.
            unsafe { &*outer }.suspend(());
        });
        inner.resume(())
    });
    outer.resume(());
    eprintln!("not noticed");
}

#[test]
fn an_outer_coroutine_is_not_suspended_from_a_stack_below() {
    support::in_child("an_outer_coroutine_is_not_suspended_from_a_stack_below", || {
        let (lower, upper) = parts();
        suspend_from_within(upper, lower);
    })
    .by_panic(ELSEWHERE);
}

#[test]
fn an_outer_coroutine_is_not_suspended_from_a_stack_above() {
    support::in_child("an_outer_coroutine_is_not_suspended_from_a_stack_above", || {
        let (lower, upper) = parts();
        suspend_from_within(lower, upper);
    })
    .by_panic(ELSEWHERE);
}

/// A run borrows what it likes, so this way round needs no tricks.
#[test]
fn a_coroutine_is_not_suspended_from_the_first_task_of_a_run_inside_it() {
    support::in_child(
        "a_coroutine_is_not_suspended_from_the_first_task_of_a_run_inside_it",
        || {
            static R: Runtime<1> = Runtime::new();
            let (_, stack) = parts();
            let mut outer = Coroutine::new(stack, |outer: &Yielder<(), ()>, ()| {
                R.run(|| outer.suspend(())).expect("the runtime is free");
            });
            outer.resume(());
        },
    )
    .by_panic(ELSEWHERE);
}

#[test]
fn a_coroutine_is_not_suspended_from_a_task_of_a_scope_inside_it() {
    support::in_child("a_coroutine_is_not_suspended_from_a_task_of_a_scope_inside_it", || {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let (_, stack) = parts();
            let mut outer = Coroutine::new(stack, |outer: &Yielder<(), ()>, ()| {
                task::scope(|s| {
                    drop(s.spawn(|| {
                        outer.suspend(());
                        Ok(())
                    }));
                    Ok::<_, ()>(())
                })
            });
            assert_eq!(outer.resume(()), CoroutineResult::Return(Ok(())));
        })
        .expect("the runtime is free");
    })
    .by_panic(ELSEWHERE);
}

/// The outer one itself may suspend while an inner one is suspended.
#[test]
fn an_outer_coroutine_is_suspended_while_an_inner_one_is() {
    let (lower, upper) = parts();
    let mut outer = Coroutine::new(upper, move |outer: &Yielder<(), u8>, ()| {
        let mut inner = Coroutine::new(lower, |inner: &Yielder<(), u8>, ()| inner.suspend(1));
        assert_eq!(inner.resume(()), CoroutineResult::Yield(1));
        outer.suspend(2);
        assert_eq!(inner.resume(()), CoroutineResult::Return(()));
    });
    assert_eq!(outer.resume(()), CoroutineResult::Yield(2));
    assert_eq!(outer.resume(()), CoroutineResult::Return(()));
}
