//! Dropping a coroutine: before it was called, after it has returned, and in between.
#![expect(clippy::expect_used, reason = "a test may panic")]

mod support;

use barecoro::stack::{MappedStack, StackMemory};
use barecoro::{Coroutine, CoroutineResult, Yielder};
use support::Drops;

fn stack() -> MappedStack {
    MappedStack::new(64 * 1024).expect("memory for a stack")
}

#[test]
fn a_fresh_one_drops_its_function() {
    let drops = Drops::new();
    let token = drops.token();
    let fresh = Coroutine::new(stack(), move |_: &Yielder<(), ()>, ()| {
        drop(token);
        panic!("called");
    });
    assert_eq!(drops.count(), 0);
    drop(fresh);
    assert_eq!(drops.count(), 1);
}

/// Its destructor panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new("boom"));
    }
}

fn must_panic(f: impl FnOnce()) {
    std::panic::catch_unwind(core::panic::AssertUnwindSafe(f)).expect_err("panics");
}

#[test]
fn a_function_whose_destructor_panics_takes_no_stack_with_it() {
    static MEMORY: StackMemory<{ 64 * 1024 }> = StackMemory::new();
    let fresh = || {
        let bomb = Bomb;
        let stack = MEMORY.take().expect("nobody has it").expect("a page can be protected");
        Coroutine::new(stack, move |_: &Yielder<(), ()>, ()| {
            let _bomb = &bomb;
        })
    };
    must_panic(|| drop(fresh()));
    must_panic(|| drop(fresh().into_stack()));
    assert!(MEMORY.take().is_some());
}

#[test]
fn an_aligned_function_is_dropped_in_an_aligned_place() {
    #[repr(align(1024))]
    struct Wide(Drops);
    impl Drop for Wide {
        fn drop(&mut self) {
            assert_eq!(core::hint::black_box(&raw const *self).addr() % 1024, 0);
            drop(self.0.token());
        }
    }
    let drops = Drops::new();
    for padding in 0..5 {
        let (wide, odd) = (Wide(drops.clone()), [1_u8; 7]);
        drop(Coroutine::new(stack(), move |_: &Yielder<(), ()>, ()| {
            drop(wide);
            odd[padding]
        }));
        assert_eq!(drops.count(), padding + 1);
    }
}

#[test]
fn one_that_has_returned_drops_nothing_twice() {
    let drops = Drops::new();
    let token = drops.token();
    let mut done = Coroutine::new(stack(), move |_: &Yielder<(), ()>, ()| token);
    let result = done.resume(());
    drop(done);
    assert_eq!(drops.count(), 0, "the result is the caller's");
    drop(result);
    assert_eq!(drops.count(), 1);
}

/// Each round would otherwise cost a mapping of 64 KiB and the memory of a page or two.
#[test]
fn stacks_are_unmapped() {
    const NAME: &str = "stacks_are_unmapped";
    support::in_child(NAME, || {
        let round = |resumes: usize| {
            let mut coroutine = Coroutine::new(stack(), |yielder: &Yielder<(), ()>, ()| {
                yielder.suspend(());
            });
            for _ in 0..resumes {
                coroutine.resume(());
            }
        };
        round(0);
        let before = (support::mappings(), support::resident_pages());
        for _ in 0..2000 {
            round(0);
            round(2);
        }
        let after = (support::mappings(), support::resident_pages());
        assert_eq!(before.0, after.0);
        assert!(after.1 < before.1 + 100, "{before:?} {after:?}");
    })
    .well();
}

/// Where nothing unwinds, a suspended stack is leaked: pinned data and borrows stay good.
#[cfg(not(feature = "std"))]
mod leaked {
    use core::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_suspended_one_leaves_its_stack_as_it_is() {
        let drops = Drops::new();
        let token = drops.token();
        let mut coroutine = Coroutine::new(stack(), move |yielder: &Yielder<(), usize>, ()| {
            let _kept = token;
            let pinned = core::pin::pin!(AtomicU64::new(0xfeed));
            yielder.suspend(core::ptr::from_ref(&*pinned).expose_provenance());
            unreachable!("it is dropped");
        });
        let Some(address) = coroutine.resume(()).as_yield() else { panic!("returned") };
        drop(coroutine);
        assert_eq!(drops.count(), 0, "no destructor has run");
        assert!(support::is_mapped(address));
        #[expect(unsafe_code, reason = "what pinning promises")]
        // SAFETY: a pinned value is whole until its destructor has run, and it has not.
        let pinned = unsafe { &*core::ptr::with_exposed_provenance::<AtomicU64>(address) };
        assert_eq!(pinned.fetch_add(1, Ordering::Relaxed), 0xfeed);
    }

    #[test]
    fn a_panic_ends_the_process() {
        const NAME: &str = "leaked::a_panic_ends_the_process";
        support::in_child(NAME, || {
            let mut coroutine = Coroutine::new(stack(), |_: &Yielder<(), ()>, ()| panic!("oh no"));
            // The panic must not get through to here.
            drop(std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| coroutine.resume(()))));
            eprintln!("caught outside");
        })
        .by_abort()
        .saying("oh no")
        .not_saying("caught outside");
    }

    /// The function may still deal with its own panics.
    #[test]
    fn a_panic_caught_inside_is_no_matter() {
        let mut coroutine = Coroutine::new(stack(), |yielder: &Yielder<(), bool>, ()| {
            let caught = std::panic::catch_unwind(|| panic!("within")).is_err();
            yielder.suspend(caught);
        });
        assert_eq!(coroutine.resume(()), CoroutineResult::Yield(true));
        assert_eq!(coroutine.resume(()), CoroutineResult::Return(()));
    }
}

/// With std, a suspended stack is unwound.
#[cfg(feature = "std")]
mod unwound {
    use core::panic::AssertUnwindSafe;
    use std::panic::{catch_unwind, resume_unwind};

    use super::support::{OnDrop, Trace};
    use super::*;

    #[test]
    fn a_suspended_one_drops_what_its_frames_hold() {
        let drops = Drops::new();
        let (outer, inner, input) = (drops.token(), drops.token(), drops.token());
        let mut coroutine = Coroutine::new(stack(), move |yielder: &Yielder<_, ()>, input| {
            let _outer = outer;
            let hold = |_input, _inner| yielder.suspend(());
            hold(input, inner);
            unreachable!("it is dropped");
        });
        assert_eq!(coroutine.resume(input), CoroutineResult::Yield(()));
        assert_eq!(drops.count(), 0);
        drop(coroutine);
        assert_eq!(drops.count(), 3);
    }

    #[test]
    fn a_result_whose_destructor_panics_takes_no_stack_with_it() {
        static MEMORY: StackMemory<{ 64 * 1024 }> = StackMemory::new();
        let stack = MEMORY.take().unwrap().unwrap();
        let mut coroutine = Coroutine::new(stack, |yielder: &Yielder<(), ()>, ()| {
            catch_unwind(AssertUnwindSafe(|| yielder.suspend(()))).expect_err("is unwound");
            Bomb
        });
        assert!(coroutine.resume(()).as_yield().is_some());
        must_panic(|| drop(coroutine));
        assert!(MEMORY.take().is_some());
    }

    #[test]
    fn frames_unwind_from_the_innermost_on() {
        fn descend(yielder: &Yielder<(), ()>, trace: &Trace<u8>, depth: u8) {
            let _note = OnDrop(|| trace.note(depth));
            if depth == 10 {
                yielder.suspend(());
            } else {
                descend(yielder, trace, depth + 1);
            }
        }
        let trace = Trace::new();
        let noted = trace.clone();
        let mut coroutine = Coroutine::new(stack(), move |yielder: &Yielder<(), ()>, ()| {
            descend(yielder, &noted, 0);
        });
        coroutine.resume(());
        drop(coroutine);
        assert_eq!(trace.take(), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn unwinding_says_nothing() {
        const NAME: &str = "unwound::unwinding_says_nothing";
        support::in_child(NAME, || {
            let mut coroutine = Coroutine::new(stack(), |yielder: &Yielder<(), ()>, ()| {
                yielder.suspend(());
            });
            coroutine.resume(());
            drop(coroutine);
            eprintln!("dropped");
        })
        .well()
        .saying("dropped")
        .not_saying("panic");
    }

    #[test]
    fn a_function_that_catches_the_unwinding_cannot_suspend_again() {
        let trace = Trace::new();
        let noted = trace.clone();
        let mut stubborn = Coroutine::new(stack(), move |yielder: &Yielder<(), u8>, ()| {
            for attempt in 0..3 {
                let caught = catch_unwind(AssertUnwindSafe(|| yielder.suspend(attempt)));
                noted.note((attempt, caught.is_err()));
            }
        });
        assert_eq!(stubborn.resume(()), CoroutineResult::Yield(0));
        drop(stubborn);
        assert_eq!(trace.take(), [(0, true), (1, true), (2, true)]);
    }

    #[test]
    fn what_it_returns_while_it_is_unwound_is_dropped() {
        let drops = Drops::new();
        let token = drops.token();
        let mut coroutine = Coroutine::new(stack(), move |yielder: &Yielder<(), ()>, ()| {
            drop(catch_unwind(AssertUnwindSafe(|| yielder.suspend(()))));
            token
        });
        drop(coroutine.resume(()));
        drop(coroutine);
        assert_eq!(drops.count(), 1);
    }

    #[test]
    fn another_panic_on_the_way_goes_on_in_who_dropped_it() {
        let drops = Drops::new();
        let token = drops.token();
        let mut coroutine = Coroutine::new(stack(), move |yielder: &Yielder<(), ()>, ()| {
            let _kept = token;
            drop(catch_unwind(AssertUnwindSafe(|| yielder.suspend(()))));
            resume_unwind(Box::new("another"));
        });
        coroutine.resume(());
        let payload = catch_unwind(AssertUnwindSafe(move || drop(coroutine))).expect_err("panics");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"another"));
        assert_eq!(drops.count(), 1);
    }

    #[test]
    fn panics_go_on_in_who_resumed_it() {
        let drops = Drops::new();
        let token = drops.token();
        let mut coroutine = Coroutine::new(stack(), move |yielder: &Yielder<(), ()>, ()| {
            let _kept = token;
            yielder.suspend(());
            resume_unwind(Box::new(42));
        });
        coroutine.resume(());
        let payload = catch_unwind(AssertUnwindSafe(|| coroutine.resume(()))).expect_err("panics");
        assert_eq!(payload.downcast_ref::<i32>(), Some(&42));
        assert!(coroutine.is_done());
        assert_eq!(drops.count(), 1);
        assert!(coroutine.into_stack().is_ok(), "the stack is free");
    }

    #[test]
    fn panics_go_through_nested_coroutines() {
        let mut outer = Coroutine::new(stack(), |_: &Yielder<(), ()>, ()| {
            let mut inner = Coroutine::new(stack(), |_: &Yielder<(), ()>, ()| {
                resume_unwind(Box::new("from within"));
            });
            inner.resume(())
        });
        let payload = catch_unwind(AssertUnwindSafe(|| outer.resume(()))).expect_err("panics");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"from within"));
    }

    #[test]
    fn dropping_an_outer_one_unwinds_the_inner_one() {
        let trace = Trace::new();
        let (noted, noted_inside) = (trace.clone(), trace.clone());
        let mut outer = Coroutine::new(stack(), move |yielder: &Yielder<(), ()>, ()| {
            let _note = OnDrop(|| noted.note("outer"));
            let mut inner = Coroutine::new(stack(), move |yielder: &Yielder<(), ()>, ()| {
                let _note = OnDrop(|| noted_inside.note("inner"));
                yielder.suspend(());
            });
            inner.resume(());
            yielder.suspend(());
        });
        outer.resume(());
        drop(outer);
        assert_eq!(trace.take(), ["inner", "outer"]);
    }

    /// A drop while the thread is panicking already unwinds all the same.
    #[test]
    fn dropping_one_in_a_panic_unwinds_it() {
        let drops = Drops::new();
        let token = drops.token();
        let mut coroutine = Coroutine::new(stack(), move |yielder: &Yielder<(), ()>, ()| {
            let _kept = token;
            yielder.suspend(());
        });
        coroutine.resume(());
        let caught = catch_unwind(AssertUnwindSafe(move || {
            let _dropped_by_the_panic = coroutine;
            resume_unwind(Box::new(()));
        }));
        assert!(caught.is_err());
        assert_eq!(drops.count(), 1);
        assert!(!std::thread::panicking());
    }

    /// As everywhere in Rust: a destructor that panics while unwinding ends the process.
    #[test]
    fn a_destructor_that_suspends_while_it_is_unwound_aborts() {
        const NAME: &str = "unwound::a_destructor_that_suspends_while_it_is_unwound_aborts";
        support::in_child(NAME, || {
            let mut coroutine = Coroutine::new(stack(), |yielder: &Yielder<(), ()>, ()| {
                let _again = OnDrop(|| yielder.suspend(()));
                yielder.suspend(());
            });
            coroutine.resume(());
            drop(coroutine);
        })
        .by_abort();
    }
}
