//! Safe programs that try to make the crate break its word to the compiler.
//!
//! Each once did, or could: dropped a value twice, ran on a stack that was gone, or went on
//! borrowing what had ended. They run in processes of their own, as such things rarely end well.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use core::cell::{Cell, RefCell};
use core::panic::AssertUnwindSafe;
use std::panic::{catch_unwind, resume_unwind};
use std::rc::Rc;

use barecoro::stack::MappedStack;
use barecoro::task::{self, JoinHandle, Scope, ScopedJoinHandle};
use barecoro::{Coroutine, RunError, Runtime, Yielder};
use support::{Drops, OnDrop, Token, Trace, in_child};

/// A result that holds a handle, of the same task or of another.
struct Holder {
    _token: Token,
    _handle: Option<JoinHandle<Holder>>,
}

type HandleCell = Rc<Cell<Option<JoinHandle<Holder>>>>;

/// Spawns a task whose result holds the handle that is in the cell by then.
fn spawn_holder(drops: &Drops, cell: &HandleCell) -> JoinHandle<Holder> {
    let (token, cell) = (drops.token(), cell.clone());
    task::spawn(move || Holder { _token: token, _handle: cell.take() }).unwrap()
}

#[test]
fn a_result_may_hold_its_own_handle() {
    in_child("a_result_may_hold_its_own_handle", || {
        static R: Runtime<2> = Runtime::new();
        let drops = Drops::new();
        R.run(|| {
            let cell = HandleCell::default();
            cell.set(Some(spawn_holder(&drops, &cell)));
            task::yield_now();
            assert!(cell.take().is_none());
        })
        .unwrap();
        assert_eq!(drops.count(), 1);
    })
    .well();
}

#[test]
fn results_may_hold_each_others_handles() {
    in_child("results_may_hold_each_others_handles", || {
        static R: Runtime<4> = Runtime::new();
        let drops = Drops::new();
        R.run(|| {
            let cells = [HandleCell::default(), HandleCell::default(), HandleCell::default()];
            let handles = cells.each_ref().map(|cell| spawn_holder(&drops, cell));
            let [first, second, third] = handles;
            cells[0].set(Some(second));
            cells[1].set(Some(third));
            cells[2].set(Some(first));
        })
        .unwrap();
        assert_eq!(drops.count(), 3);
    })
    .well();
}

/// The same in a scope, whose end drops what nobody has fetched.
#[test]
fn results_in_a_scope_may_hold_each_others_handles() {
    struct Member<'scope> {
        _token: Token,
        _handle: Option<ScopedJoinHandle<'scope, Member<'scope>>>,
    }
    in_child("results_in_a_scope_may_hold_each_others_handles", || {
        static R: Runtime<4> = Runtime::new();
        let drops = Drops::new();
        R.run(|| {
            task::scope(|s| {
                let spawn = || {
                    let cell = Rc::new(Cell::new(None));
                    let (inside, token) = (cell.clone(), drops.token());
                    let handle =
                        s.spawn(move || Ok(Member { _token: token, _handle: inside.take() }));
                    (cell, handle.unwrap())
                };
                let ((first_cell, first), (second_cell, second)) = (spawn(), spawn());
                let (own_cell, own) = spawn();
                first_cell.set(Some(second));
                second_cell.set(Some(first));
                own_cell.set(Some(own));
                Ok::<_, ()>(())
            })
            .unwrap();
            assert_eq!(drops.count(), 3);
        })
        .unwrap();
    })
    .well();
}

/// A result that nobody has fetched is dropped when all tasks have ended, and may want to be a
/// task then. Whether that works or panics, it must not run on what is left of the last task.
mod a_forgotten_results_destructor {
    use super::*;

    /// Runs `destructor` in that place, twice. If it fails, then by a clear panic.
    fn runs(name: &str, destructor: fn()) {
        let ended = in_child(&format!("a_forgotten_results_destructor::{name}"), move || {
            static R: Runtime<4> = Runtime::new();
            for _ in 0..2 {
                let count = Rc::new(Cell::new(0));
                let counted = count.clone();
                R.run(move || {
                    let result = OnDrop(move || {
                        counted.set(counted.get() + 1);
                        destructor();
                    });
                    core::mem::forget(task::spawn(move || result).unwrap());
                })
                .unwrap();
                assert_eq!(count.get(), 1);
            }
        });
        if !ended.status.success() {
            ended.by_panic("outside of a task");
        }
    }

    #[test]
    fn may_yield() {
        runs("may_yield", || (0..300).for_each(|_| task::yield_now()));
    }

    #[test]
    fn may_spawn() {
        runs("may_spawn", || drop(task::spawn(task::yield_now).unwrap()));
    }

    #[test]
    fn may_spawn_and_join() {
        runs("may_spawn_and_join", || task::spawn(task::yield_now).unwrap().join().unwrap());
    }

    #[test]
    fn may_open_a_scope() {
        runs("may_open_a_scope", || {
            task::scope(|s| s.spawn(|| Ok::<_, ()>(())).map(drop).map_err(drop)).unwrap();
        });
    }

    #[test]
    fn may_park() {
        runs("may_park", || {
            task::current().unpark();
            task::park().unwrap();
            let own = task::current();
            drop(task::spawn(move || own.unpark()).unwrap());
            task::park().unwrap();
        });
    }

    #[test]
    fn may_forget_another_task() {
        runs("may_forget_another_task", || {
            core::mem::forget(task::spawn(|| String::from("its result")).unwrap());
        });
    }

    #[cfg(feature = "time")]
    #[test]
    fn may_sleep() {
        use barecoro::time;
        runs("may_sleep", || time::sleep(time::Duration::from_millis(1)).unwrap());
    }

    #[test]
    fn may_try_to_run() {
        static OTHER: Runtime<1> = Runtime::new();
        runs("may_try_to_run", || match OTHER.run(|| ()) {
            Ok(()) => {}
            Err(error) => assert!(matches!(error, RunError::Nested(_)), "{error:?}"),
        });
    }
}

/// A panic that a task catches itself: possible in any program with std.
#[test]
fn a_result_whose_destructor_panics_is_dropped_once() {
    in_child("a_result_whose_destructor_panics_is_dropped_once", || {
        static R: Runtime<2> = Runtime::new();
        let drops = Drops::new();
        let token = drops.token();
        R.run(move || {
            let result = (token, OnDrop(|| resume_unwind(Box::new(()))));
            let task = task::spawn(move || result).unwrap();
            while !task.is_finished() {
                task::yield_now();
            }
            assert!(catch_unwind(AssertUnwindSafe(|| drop(task))).is_err());
            // The slot is as free as after any other end.
            task::spawn(|| ()).unwrap().join().unwrap();
        })
        .unwrap();
        assert_eq!(drops.count(), 1);
    })
    .well();
}

/// The destructor starts a task in the scope, and the panic must not leave without it.
#[test]
fn a_scope_does_not_end_before_its_tasks_although_a_destructor_panics() {
    struct Result<'scope, 'env> {
        scope: &'scope Scope<'scope, 'env, ()>,
        alive: &'scope Cell<bool>,
        trace: Trace<bool>,
    }
    impl Drop for Result<'_, '_> {
        fn drop(&mut self) {
            let (alive, trace) = (self.alive, self.trace.clone());
            drop(self.scope.spawn(move || {
                (0..3).for_each(|_| task::yield_now());
                trace.note(alive.get());
                Ok(())
            }));
            resume_unwind(Box::new(()));
        }
    }
    in_child("a_scope_does_not_end_before_its_tasks_although_a_destructor_panics", || {
        static R: Runtime<4> = Runtime::new();
        let trace = Trace::new();
        R.run(|| {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                let alive = Cell::new(true);
                // Notes that what the tasks borrow is gone from now on.
                let _end = OnDrop(|| alive.set(false));
                task::scope(|scope| {
                    let (alive, trace) = (&alive, trace.clone());
                    let task = scope.spawn(move || Ok(Result { scope, alive, trace }));
                    core::mem::forget(task.unwrap());
                    Ok(())
                })
            }));
            assert!(caught.is_err());
            assert_eq!(trace.take(), [true], "the task has ended, and before the scope");
            (0..5).for_each(|_| task::yield_now());
        })
        .unwrap();
    })
    .well();
}

#[test]
fn results_in_a_scope_are_dropped_once_although_a_destructor_panics() {
    in_child("results_in_a_scope_are_dropped_once_although_a_destructor_panics", || {
        static R: Runtime<8> = Runtime::new();
        let drops = Drops::new();
        R.run(|| {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                task::scope(|s| {
                    for number in 0..5 {
                        let token = drops.token();
                        let panics = OnDrop(move || {
                            if number == 2 {
                                resume_unwind(Box::new(()));
                            }
                        });
                        let task = s.spawn(move || Ok((token, panics))).unwrap();
                        core::mem::forget(task);
                    }
                    Ok::<_, ()>(())
                })
            }));
            assert!(caught.is_err());
            assert_eq!(drops.count(), 5, "with the scope");
            (0..7).for_each(|_| drop(task::spawn(|| ()).unwrap()));
        })
        .unwrap();
        assert_eq!(drops.count(), 5);
    })
    .well();
}

/// A panic in a destructor at the end of the run must not leave others half done: a handle that
/// survives the run would find a result on a stack that is gone.
#[test]
fn handles_are_void_after_a_run_although_a_destructor_panics() {
    let ended = in_child("handles_are_void_after_a_run_although_a_destructor_panics", || {
        static R: Runtime<4> = Runtime::new();
        let drops = Drops::new();
        let mut kept = None;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            R.run(|| {
                core::mem::forget(task::spawn(|| OnDrop(|| panic!("in a destructor"))).unwrap());
                let token = drops.token();
                kept = Some(task::spawn(move || token).unwrap());
            })
            .unwrap();
        }));
        drop(outcome);
        let kept = kept.unwrap();
        assert!(kept.is_finished());
        R.run(move || {
            assert!(kept.is_finished());
            drop(kept);
        })
        .unwrap();
        assert!(drops.count() <= 1);
        // Where a panic ends its task only, the rest goes on as usual.
        assert!(drops.count() == 1 || !cfg!(feature = "std"));
    });
    // Without the feature `std`, a panic may also end the process.
    if cfg!(feature = "std") || ended.status.success() {
        ended.well();
    } else {
        ended.by_panic("in a destructor");
    }
}

/// The coroutine stops in the middle of dropping a task's result, and is never resumed, or after
/// the run only.
fn suspend_in_a_results_destructor(resume_later: bool) {
    static R: Runtime<4> = Runtime::new();
    struct Result<'scope> {
        _token: Token,
        on_drop: Box<dyn FnMut() + 'scope>,
    }
    impl Drop for Result<'_> {
        fn drop(&mut self) {
            (self.on_drop)();
        }
    }
    let drops = Drops::new();
    let token = drops.token();
    let stack = MappedStack::new(256 * 1024).unwrap();
    let mut scoped = Coroutine::new(stack, move |yielder: &Yielder<(), ()>, ()| {
        task::scope(|s| {
            let result = Result { _token: token, on_drop: Box::new(|| yielder.suspend(())) };
            core::mem::forget(s.spawn(move || Ok(result)).unwrap());
            Ok::<_, ()>(())
        })
    });
    let scoped = R
        .run(move || {
            assert_eq!(scoped.resume(()).as_yield(), Some(()));
            // The slots change hands in the meantime.
            let tasks = [(); 2].map(|()| task::spawn(|| String::from("another")).unwrap());
            assert_eq!(tasks.map(|task| task.join().unwrap()), ["another", "another"]);
            scoped
        })
        .unwrap();
    assert_eq!(drops.count(), 0, "it is about to be dropped, and by the coroutine");
    if resume_later {
        let mut scoped = scoped;
        assert_eq!(scoped.resume(()).as_return(), Some(Ok(())));
        assert_eq!(drops.count(), 1);
    } else {
        drop(scoped);
        assert_eq!(drops.count(), usize::from(cfg!(feature = "std")), "leaked, or unwound");
    }
}

#[test]
fn a_coroutine_may_be_dropped_while_it_drops_a_tasks_result() {
    in_child("a_coroutine_may_be_dropped_while_it_drops_a_tasks_result", || {
        suspend_in_a_results_destructor(false);
    })
    .well();
}

#[test]
fn a_coroutine_may_outlive_the_run_while_it_drops_a_tasks_result() {
    in_child("a_coroutine_may_outlive_the_run_while_it_drops_a_tasks_result", || {
        suspend_in_a_results_destructor(true);
    })
    .well();
}

/// The owner of an open scope is forgotten: the tasks borrow from its stack, which must stay.
#[test]
fn a_forgotten_coroutine_keeps_what_its_scope_lends() {
    in_child("a_forgotten_coroutine_keeps_what_its_scope_lends", || {
        static R: Runtime<4> = Runtime::new();
        let trace = Trace::new();
        let noted = trace.clone();
        R.run(move || {
            let stack = MappedStack::new(256 * 1024).unwrap();
            let mut scoped = Coroutine::new(stack, move |yielder: &Yielder<(), ()>, ()| {
                let text = RefCell::new(String::from("lent"));
                task::scope(|s| {
                    let (text, noted) = (&text, &noted);
                    drop(s.spawn(move || {
                        (0..10).for_each(|_| task::yield_now());
                        text.borrow_mut().push_str(" and changed");
                        noted.note(text.borrow().clone());
                        Ok(())
                    }));
                    yielder.suspend(());
                    Ok::<_, ()>(())
                })
            });
            assert_eq!(scoped.resume(()).as_yield(), Some(()));
            core::mem::forget(scoped);
            // Whatever is mapped now must not lie where the stack was.
            let _other = MappedStack::new(256 * 1024).unwrap();
        })
        .unwrap();
        assert_eq!(trace.take(), ["lent and changed"]);
    })
    .well();
}

/// A coroutine that others can reach, and whose scope a task has a result in.
type Shared = Rc<RefCell<Option<Coroutine<(), (), ()>>>>;

/// Starts a coroutine that opens a scope, spawns a task there and suspends itself. The task's
/// result, which nobody fetches, calls `on_drop` when it is dropped, with what tells whether its
/// scope has not ended.
fn suspend_in_a_scope(on_drop: impl Fn(&Cell<bool>) + 'static) -> Shared {
    let stack = MappedStack::new(256 * 1024).unwrap();
    let mut scoped = Coroutine::new(stack, move |yielder: &Yielder<(), ()>, ()| {
        let alive = Cell::new(true);
        let ended = OnDrop(|| alive.set(false));
        task::scope(|s| {
            let (alive, on_drop) = (&alive, &on_drop);
            core::mem::forget(s.spawn(move || Ok(OnDrop(move || on_drop(alive)))).unwrap());
            yielder.suspend(());
            Ok::<_, ()>(())
        })
        .unwrap();
        drop(ended);
    });
    assert_eq!(scoped.resume(()).as_yield(), Some(()));
    Rc::new(RefCell::new(Some(scoped)))
}

/// When all tasks have ended, their forgotten results are dropped, side by side. One destructor
/// takes its time, and another lets the scope's owner go on.
#[test]
fn a_scope_does_not_end_while_a_forgotten_result_is_dropped() {
    in_child("a_scope_does_not_end_while_a_forgotten_result_is_dropped", || {
        static R: Runtime<4> = Runtime::new();
        let trace = Trace::new();
        let noted = trace.clone();
        R.run(move || {
            let shared = suspend_in_a_scope(move |alive| {
                (0..10).for_each(|_| task::yield_now());
                noted.note(alive.get());
            });
            let result = OnDrop(move || {
                let mut scoped = shared.borrow_mut().take().unwrap();
                assert_eq!(scoped.resume(()).as_return(), Some(()));
            });
            core::mem::forget(task::spawn(move || result).unwrap());
        })
        .unwrap();
        // It may as well not be dropped at all.
        assert!(matches!(trace.take()[..], [] | [true]));
    })
    .well();
}

/// The destructor itself lets the owner go on, which has to wait for it: nothing good can come of
/// that, but nothing worse either than an end.
#[test]
fn a_scope_does_not_end_within_a_destructor_of_its_results() {
    let ended = in_child("a_scope_does_not_end_within_a_destructor_of_its_results", || {
        static R: Runtime<4> = Runtime::new();
        let outcome = R.run(move || {
            let own = Shared::default();
            let shared = own.clone();
            let scoped = suspend_in_a_scope(move |alive| {
                let scoped = shared.borrow_mut().take();
                if let Some(mut scoped) = scoped {
                    scoped.resume(());
                }
                if !alive.get() {
                    eprintln!("the scope has ended");
                }
            });
            *own.borrow_mut() = scoped.take();
        });
        drop(outcome);
    });
    if !ended.status.success() {
        ended.by_abort().saying("deadlock").not_saying("the scope has ended");
    }
}

/// Its destructor runs where the result lies, below which nothing is in use any more.
#[test]
fn a_forgotten_result_is_dropped_in_an_aligned_place() {
    #[repr(align(1024))]
    struct Wide(Trace<[usize; 2]>);
    impl Drop for Wide {
        fn drop(&mut self) {
            #[repr(align(64))]
            struct Local(u8);
            let local = core::hint::black_box(Local(1));
            let place = core::hint::black_box(&raw const *self).addr();
            assert_eq!(local.0, 1);
            self.0.note([place % 1024, (&raw const local).addr() % 64]);
        }
    }
    in_child("a_forgotten_result_is_dropped_in_an_aligned_place", || {
        static R: Runtime<8> = Runtime::new();
        let trace = Trace::new();
        R.run(|| {
            for size in [0, 0, 0, 1 << 20, 1 << 20] {
                let wide = Wide(trace.clone());
                let task = task::Builder::new().stack_size(size).spawn(move || wide);
                core::mem::forget(task.unwrap());
            }
        })
        .unwrap();
        assert_eq!(trace.take(), [[0, 0]; 5]);
    })
    .well();
}

/// A coroutine is unwound while its thread is in the middle of another panic, and in the middle
/// of it all its task waits for the tasks of a scope.
#[cfg(feature = "std")]
#[test]
fn an_open_scope_is_unwound_in_the_middle_of_a_panic() {
    in_child("an_open_scope_is_unwound_in_the_middle_of_a_panic", || {
        static R: Runtime<4> = Runtime::new();
        let trace = Trace::new();
        let noted = trace.clone();
        R.run(move || {
            let task = task::spawn(move || {
                let stack = MappedStack::new(256 * 1024).unwrap();
                let mut scoped = Coroutine::new(stack, move |yielder: &Yielder<(), ()>, ()| {
                    let alive = Cell::new(true);
                    let _end = OnDrop(|| alive.set(false));
                    task::scope(|s| {
                        let (alive, noted) = (&alive, &noted);
                        drop(s.spawn(move || {
                            assert_eq!(task::park(), Err(task::Cancelled));
                            (0..3).for_each(|_| task::yield_now());
                            noted.note(alive.get());
                            Ok(())
                        }));
                        yielder.suspend(());
                        Ok::<_, ()>(())
                    })
                });
                assert_eq!(scoped.resume(()).as_yield(), Some(()));
                resume_unwind(Box::new("the panic"));
            });
            let error: task::JoinError<_> = task.unwrap().join().map(|()| ()).unwrap_err();
            let task::JoinError::Panicked(payload) = error else { panic!("{error:?}") };
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"the panic"));
        })
        .unwrap();
        assert_eq!(trace.take(), [true]);
    })
    .well();
}
