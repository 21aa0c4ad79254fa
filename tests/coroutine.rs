//! The primitive: values in and out, suspending at any depth, stacks taken out and used again.
#![expect(clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use core::fmt::Debug;
use core::hint::black_box;

use barecoro::stack::{MappedStack, Stack as _};
use barecoro::{Coroutine, CoroutineResult, StackTooSmall, Yielder};
use support::Drops;

/// Room for the copies that an unoptimised build makes of large values.
const LARGE: usize = 512 * 1024;
const SMALL: usize = 32 * 1024;

fn stack(size: usize) -> MappedStack {
    MappedStack::new(size).expect("memory for a stack")
}

/// Sends two values in and gets them back, the first by a yield, the second by the return.
#[track_caller]
fn there_and_back<T: Debug + PartialEq + Clone + 'static>(first: T, second: T) {
    let expected = [first.clone(), second.clone()];
    let mut echo = Coroutine::new(stack(LARGE), |yielder: &Yielder<T, T>, first: T| {
        assert_aligned(&first);
        let second = yielder.suspend(first);
        assert_aligned(&second);
        second
    });
    let CoroutineResult::Yield(first) = echo.resume(first) else { panic!("returned") };
    assert_aligned(&first);
    let CoroutineResult::Return(second) = echo.resume(second) else { panic!("yielded") };
    assert_aligned(&second);
    assert_eq!([first, second], expected);
}

/// Is opaque to the compiler, which would otherwise take the answer for granted.
#[track_caller]
fn assert_aligned<T>(value: &T) {
    assert_eq!(black_box(core::ptr::from_ref(value).addr()) % align_of::<T>(), 0);
}

#[derive(Clone, Debug, PartialEq)]
#[repr(align(64))]
struct Line(u8);

#[derive(Clone, Debug, PartialEq)]
#[repr(align(4096))]
struct Page(u64);

#[derive(Clone, Debug, PartialEq)]
#[repr(align(4096))]
struct NothingOnAPage;

fn bytes<const N: usize>(seed: u8) -> [u8; N] {
    core::array::from_fn(|index| u8::try_from(index % 251).expect("small") ^ seed)
}

#[test]
fn values_up_to_a_word_travel() {
    there_and_back((), ());
    there_and_back(1_u8, 2);
    there_and_back(-1_i64, i64::MAX);
    there_and_back(1.5_f64, -0.25);
    there_and_back(Some('x'), None);
    there_and_back(bytes::<7>(1), bytes(2));
}

#[test]
fn values_of_more_than_a_word_travel() {
    there_and_back(bytes::<9>(1), bytes(2));
    there_and_back(u128::MAX, 7);
    there_and_back([1_u64, 2, 3], [4, 5, 6]);
    there_and_back(bytes::<10_000>(1), bytes(2));
    there_and_back(String::from("on the heap"), String::new());
}

#[test]
fn aligned_values_travel() {
    there_and_back(Line(1), Line(2));
    there_and_back(Page(3), Page(4));
    there_and_back(NothingOnAPage, NothingOnAPage);
}

#[test]
fn input_yield_and_return_may_differ() {
    let mut lengths = Coroutine::new(stack(SMALL), |yielder: &Yielder<String, usize>, first| {
        let mut text: String = first;
        while !text.is_empty() {
            text = yielder.suspend(text.len());
        }
        Line(9)
    });
    assert_eq!(lengths.resume("one".into()), CoroutineResult::Yield(3));
    assert_eq!(lengths.resume("seven".into()), CoroutineResult::Yield(5));
    assert_eq!(lengths.resume(String::new()), CoroutineResult::Return(Line(9)));
}

#[test]
fn a_function_may_be_large_and_aligned() {
    let (page, large, line) = (Page(7), bytes::<10_000>(5), Line(3));
    let mut sum = Coroutine::new(stack(LARGE), move |yielder: &Yielder<(), u64>, ()| {
        assert_aligned(&page);
        assert_aligned(&line);
        yielder.suspend(page.0);
        assert_eq!(large, bytes(5));
        u64::from(line.0)
    });
    assert_eq!(sum.resume(()), CoroutineResult::Yield(7));
    assert_eq!(sum.resume(()), CoroutineResult::Return(3));
}

#[test]
fn a_value_arrives_once_and_is_dropped_once() {
    let (function, inputs, yields, returns) =
        (Drops::new(), Drops::new(), Drops::new(), Drops::new());
    let (kept, yielded, returned) = (function.token(), yields.clone(), returns.clone());
    let mut coroutine = Coroutine::new(stack(SMALL), move |yielder: &Yielder<_, _>, first| {
        let _kept = kept;
        let second = yielder.suspend(yielded.token());
        drop(first);
        let _third = yielder.suspend(yielded.token());
        drop(second);
        returned.token()
    });
    let counts = || [function.count(), inputs.count(), yields.count(), returns.count()];

    let first = coroutine.resume(inputs.token());
    assert_eq!(counts(), [0, 0, 0, 0]);
    let second = coroutine.resume(inputs.token());
    assert_eq!(counts(), [0, 1, 0, 0], "only the first input was dropped");
    drop((first, second));
    assert_eq!(counts(), [0, 1, 2, 0]);
    let last = coroutine.resume(inputs.token());
    assert_eq!(counts(), [1, 3, 2, 0], "function and inputs ended with the last frame");
    drop(coroutine);
    drop(last);
    assert_eq!(counts(), [1, 3, 2, 1]);
}

/// Suspends at the bottom of so many frames, each of which has something to check afterwards.
#[inline(never)]
fn descend(yielder: &Yielder<u64, u64>, depth: u64) -> u64 {
    let mark = black_box([depth; 4]);
    let below = if depth == 0 { yielder.suspend(0) } else { descend(yielder, depth - 1) };
    assert_eq!(black_box(mark), [depth; 4]);
    below + 1
}

#[test]
fn it_suspends_at_any_depth() {
    for depth in [0, 1, 10, 1000] {
        let mut diver =
            Coroutine::new(stack(2 * LARGE), move |yielder: &Yielder<u64, u64>, _start| {
                descend(yielder, depth)
            });
        assert_eq!(diver.resume(0), CoroutineResult::Yield(0));
        assert_eq!(diver.resume(100), CoroutineResult::Return(101 + depth));
    }
}

#[test]
fn it_suspends_many_times() {
    let mut sum = Coroutine::new(stack(SMALL), |yielder: &Yielder<u64, u64>, first| {
        let mut sum = first;
        while sum < 5_000_050_000 {
            sum += yielder.suspend(sum);
        }
        sum
    });
    for number in 1..100_000_u64 {
        let expected = number * (number + 1) / 2;
        assert_eq!(sum.resume(number), CoroutineResult::Yield(expected));
    }
    assert_eq!(sum.resume(100_000), CoroutineResult::Return(5_000_050_000));
}

#[test]
#[should_panic(expected = "a coroutine was resumed after it had returned: ask is_done() first")]
fn it_is_not_resumed_after_its_end() {
    let mut done = Coroutine::new(stack(SMALL), |_: &Yielder<(), ()>, ()| ());
    assert_eq!(done.resume(()), CoroutineResult::Return(()));
    done.resume(());
}

#[test]
fn its_state_can_be_asked_for() {
    let mut one = Coroutine::new(stack(SMALL), |yielder: &Yielder<(), u8>, ()| {
        yielder.suspend(1);
    });
    assert_eq!((one.is_started(), one.is_done()), (false, false));
    assert_eq!(format!("{one:?}"), "Coroutine { state: Fresh, .. }");
    assert_eq!(one.resume(()).as_yield(), Some(1));
    assert_eq!((one.is_started(), one.is_done()), (true, false));
    assert_eq!(one.resume(()).as_return(), Some(()));
    assert_eq!((one.is_started(), one.is_done()), (true, true));
}

#[test]
fn a_fresh_one_gives_its_stack_and_drops_its_function() {
    let drops = Drops::new();
    let token = drops.token();
    let fresh = Coroutine::new(stack(SMALL), move |_: &Yielder<(), ()>, ()| drop(token));
    let stack = fresh.into_stack().expect("not suspended");
    assert_eq!(drops.count(), 1);
    assert_eq!(stack.size(), SMALL);
}

#[test]
fn a_suspended_one_keeps_its_stack() {
    let mut two = Coroutine::new(stack(SMALL), |yielder: &Yielder<(), u8>, ()| {
        yielder.suspend(1);
        2
    });
    assert_eq!(two.resume(()), CoroutineResult::Yield(1));
    let mut two = two.into_stack().expect_err("suspended");
    assert_eq!(two.resume(()), CoroutineResult::Return(2), "it is as it was");
}

#[test]
fn a_stack_serves_one_coroutine_after_the_other() {
    let mut stack = stack(SMALL);
    let base = stack.base();
    for number in 0..1000_u32 {
        let mut next = Coroutine::new(stack, move |yielder: &Yielder<u32, u32>, input| {
            yielder.suspend(number + input) + number
        });
        assert_eq!(next.resume(1), CoroutineResult::Yield(number + 1));
        assert_eq!(next.resume(2), CoroutineResult::Return(number + 2));
        stack = next.into_stack().expect("it has returned");
        assert_eq!(stack.base(), base);
    }
}

#[test]
fn a_stack_that_is_given_up_can_be_used_again() {
    let mut coroutine = Coroutine::new(stack(SMALL), |yielder: &Yielder<(), ()>, ()| {
        yielder.suspend(());
    });
    coroutine.resume(());
    #[expect(unsafe_code, reason = "tests an unsafe function")]
    // SAFETY: nothing is pinned or borrowed on that stack.
    let stack = unsafe { coroutine.into_stack_unchecked() };
    let mut next = Coroutine::new(stack, |_: &Yielder<u8, ()>, input| input);
    assert_eq!(next.resume(3), CoroutineResult::Return(3));
}

#[test]
fn what_does_not_fit_comes_back_whole() {
    let drops = Drops::new();
    let (token, large) = (drops.token(), bytes::<5000>(1));
    let body = move |_: &Yielder<(), ()>, ()| {
        drop(token);
        large[4999]
    };
    let StackTooSmall { stack, body } =
        Coroutine::try_new(stack(4096), body).expect_err("5000 bytes in 4096");
    assert_eq!((stack.size(), drops.count()), (4096, 0));
    let mut larger = Coroutine::new(self::stack(LARGE), body);
    assert_eq!(larger.resume(()), CoroutineResult::Return(bytes::<5000>(1)[4999]));
    assert_eq!(drops.count(), 1);
    // What was refused is a stack like any other.
    let mut small = Coroutine::new(stack, |_: &Yielder<u8, ()>, input: u8| input);
    assert_eq!(small.resume(1), CoroutineResult::Return(1));
}

#[test]
#[should_panic(expected = "does not fit on a stack of 4096 bytes: use a larger stack")]
fn new_says_what_does_not_fit() {
    let large = bytes::<5000>(1);
    drop(Coroutine::new(stack(4096), move |_: &Yielder<(), ()>, ()| large));
}

#[test]
fn an_aligned_function_can_be_too_large_by_its_padding() {
    let page = Page(1);
    let body = move |_: &Yielder<(), ()>, ()| {
        let page = page; // the whole of it, not just its field
        page.0
    };
    // Two pages less a few bytes, and the only page-aligned place is the limit.
    let StackTooSmall { body, .. } =
        Coroutine::try_new(stack(8192), body).expect_err("no room to suspend itself");
    let mut roomy = Coroutine::new(stack(LARGE), body);
    assert_eq!(roomy.resume(()), CoroutineResult::Return(1));
}

#[test]
fn iterators_end_with_the_function() {
    let mut count = Coroutine::new(stack(SMALL), |yielder: &Yielder<(), u8>, ()| {
        (1..=4).for_each(|number| yielder.suspend(number));
        String::from("dropped by the iterator")
    });
    assert_eq!(count.iter().take(2).sum::<u8>(), 3);
    let mut rest = Vec::new();
    for number in count.iter() {
        rest.push(number);
    }
    assert_eq!(rest, [3, 4]);
    assert!(count.is_done());
    assert_eq!(count.iter().next(), None, "it is fused, and does not resume what has returned");
}

#[test]
fn coroutines_nest() {
    fn counter(depth: u8) -> Coroutine<(), (u8, u8), u8> {
        Coroutine::new(stack(128 * 1024), move |yielder: &Yielder<(), (u8, u8)>, ()| {
            let mut sum = depth;
            if depth > 0 {
                let mut inner = counter(depth - 1);
                sum += loop {
                    match inner.resume(()) {
                        CoroutineResult::Yield(value) => yielder.suspend(value),
                        CoroutineResult::Return(value) => break value,
                    }
                };
            }
            yielder.suspend((depth, sum));
            sum
        })
    }
    let mut outer = counter(5);
    let seen: Vec<_> = core::iter::from_fn(|| outer.resume(()).as_yield()).collect();
    assert_eq!(seen, [(0, 0), (1, 1), (2, 3), (3, 6), (4, 10), (5, 15)]);
}

/// Two coroutines that are resumed in turn do not see each other's stack.
#[test]
fn two_take_turns() {
    let squares = |from: u64| {
        Coroutine::new(stack(SMALL), move |yielder: &Yielder<(), u64>, ()| {
            let mut table = [0; 32];
            for (index, place) in (from..).zip(&mut table) {
                *place = index * index;
                yielder.suspend(*place);
            }
            table.iter().sum::<u64>()
        })
    };
    let (mut left, mut right) = (squares(0), squares(100));
    for index in 0..32 {
        assert_eq!(left.resume(()).as_yield(), Some(index * index));
        assert_eq!(right.resume(()).as_yield(), Some((100 + index) * (100 + index)));
    }
    assert_eq!(left.resume(()).as_return(), Some((0..32).map(|index| index * index).sum()));
    assert_eq!(right.resume(()).as_return(), Some((100..132).map(|index| index * index).sum()));
}
