//! Where the tasks' stacks come from, how far they are used, and giving their memory back.
#![expect(unsafe_code, reason = "packs stacks, and writes to guards")]

mod support;

use std::process::Command;

use barecoro::stack::{MappedStack, Stack, StackError, StackMemory, StaticStack};
use barecoro::task::{self, SpawnError, Status};
use barecoro::time::{self, Duration};
use barecoro::{Coroutine, Errno, RunError, Runtime};
use support::{Drops, in_child, is_mapped, mappings, resident_pages};

/// Uses `bytes` of the stack, and a few hundred more.
#[inline(never)]
fn dig(bytes: usize) -> usize {
    let mut frame = [0_u8; 1024];
    std::hint::black_box(&mut frame);
    if bytes > 1024 { 1 + dig(bytes - 1024) } else { usize::from(frame[0]) }
}

mod looking {
    use super::*;

    #[test]
    fn a_snapshot_says_what_a_task_does() {
        static R: Runtime<8> = Runtime::new();
        assert_eq!(R.tasks().count(), 0, "no run, no tasks");
        R.run(|| {
            let parked = task::Builder::new().name("parked").spawn(task::park).unwrap();
            let asleep = task::spawn(|| time::sleep(Duration::from_secs(3600))).unwrap();
            let ended = task::spawn(|| ()).unwrap();
            time::sleep(Duration::from_millis(20)).unwrap();
            let ready = task::spawn(|| ()).unwrap();

            let tasks: Vec<_> = R.tasks().collect();
            assert_eq!(tasks.len(), 5);
            let find = |id| tasks.iter().find(|task| task.id == id).unwrap();
            let main = find(task::current().id());
            assert_eq!(
                (main.status, main.waits_for, main.parked_for),
                (Status::Running, None, None)
            );
            assert!(main.switches >= 2, "{main:?}");
            assert!(main.stack_size == 64 * 1024 && main.stack_used >= 1024, "{main:?}");

            let snapshot = find(parked.id());
            assert_eq!(snapshot.name.as_deref(), Some("parked"));
            assert_eq!(snapshot.status, Status::Parked);
            assert_eq!(snapshot.waits_for.unwrap().to_string(), "an unpark");
            assert!(snapshot.parked_for.unwrap() >= Duration::from_millis(20));
            assert_eq!(snapshot.switches, 1);
            let text = snapshot.to_string();
            let id = snapshot.id.get();
            assert!(text.starts_with(&format!("{id} parked  parked for ")), "{text}");
            assert!(text.contains(" ms, waits for an unpark  stack "), "{text}");
            assert!(text.contains(" of 64.0 KiB  tests/stacks.rs:"), "{text}");

            assert_eq!(find(asleep.id()).waits_for.unwrap().to_string(), "a deadline");
            assert_eq!(find(ended.id()).status, Status::Finished);
            assert_eq!(find(ready.id()).status, Status::Ready);
            assert_eq!(find(ready.id()).switches, 0);
            assert_eq!(find(ready.id()).name, None);

            parked.task().unpark();
            asleep.cancel();
            ended.join().unwrap();
            assert_eq!(R.tasks().count(), 4, "who was joined is gone");
        })
        .unwrap();
        assert_eq!(R.tasks().count(), 0);
    }

    #[test]
    fn a_list_of_tasks_ends_with_its_run() {
        static R: Runtime<4> = Runtime::new();
        static OTHER: Runtime<4> = Runtime::new();
        let list = || {
            R.run(|| {
                drop(task::spawn(|| ()).unwrap());
                let mut tasks = R.tasks();
                assert!(tasks.next().is_some());
                tasks
            })
            .unwrap()
        };
        assert_eq!(list().count(), 0);
        let kept = list();
        assert_eq!(OTHER.run(move || kept.count()).unwrap(), 0, "nor in another run");
        let kept = list();
        std::thread::spawn(|| {
            R.run(|| assert_eq!(R.tasks().count(), 1)).unwrap();
        })
        .join()
        .unwrap();
        assert_eq!(kept.count(), 0);
    }

    #[test]
    fn trimming_leaves_paint_alone() {
        static R: Runtime<2> = Runtime::new();
        R.builder()
            .paint_stacks()
            .run(|| {
                let task = task::spawn(task::park).unwrap();
                task::yield_now();
                let used = || R.tasks().find(|other| other.id == task.id()).unwrap().stack_used;
                let before = used();
                R.trim();
                assert_eq!(used(), before);
                task.task().unpark();
            })
            .unwrap();
    }

    #[test]
    fn another_thread_may_not_look() {
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            let looks: [fn(); 2] = [|| _ = R.tasks(), || _ = R.trim()];
            for look in looks {
                let panic = std::thread::spawn(look).join().unwrap_err();
                let message = panic.downcast::<String>().unwrap();
                assert!(message.contains("was called outside of the run"), "{message}");
            }
        })
        .unwrap();
    }

    #[test]
    fn residency_shows_how_far_a_stack_was_used() {
        static R: Runtime<2> = Runtime::new();
        R.builder()
            .stack_size(256 * 1024)
            .run(|| {
                let used = |bytes| {
                    let task = task::spawn(move || (dig(bytes), task::park())).unwrap();
                    task::yield_now();
                    let used = R.tasks().find(|other| other.id == task.id()).unwrap().stack_used;
                    task.task().unpark();
                    task.join().unwrap().1.unwrap();
                    used
                };
                let (little, much) = (used(1024), used(100 * 1024));
                assert!(little <= 32 * 1024, "{little}");
                assert!((100 * 1024..220 * 1024).contains(&much), "{much}");
                assert!(used(1024) >= 100 * 1024, "the pages of its predecessor");
                R.trim();
                assert!(used(1024) <= 32 * 1024, "given back");
            })
            .unwrap();
    }

    #[test]
    fn paint_shows_it_to_the_word() {
        static R: Runtime<2> = Runtime::new();
        let used = |bytes| {
            R.builder()
                .paint_stacks()
                .run(|| {
                    let task = task::spawn(move || (dig(bytes), task::park())).unwrap();
                    task::yield_now();
                    let used = R.tasks().find(|other| other.id == task.id()).unwrap().stack_used;
                    task.task().unpark();
                    used
                })
                .unwrap()
        };
        let (little, more, much) = (used(1024), used(4 * 1024), used(20 * 1024));
        let frame = (more - little) / 3;
        assert!((1024..3 * 1024).contains(&frame), "{little} {more}");
        assert_eq!(much - more, 16 * frame, "{more} {much}");
    }
}

mod giving_back {
    use super::*;

    /// Uses 40 pages of each of `count` stacks, and ends.
    fn warm_up(count: usize) {
        let tasks: Vec<_> = (0..count)
            .map(|_| task::spawn(|| (dig(160 * 1024), task::park().is_ok())).unwrap())
            .collect();
        task::yield_now();
        for task in tasks {
            task.task().unpark();
            task.join().unwrap();
        }
    }

    #[test]
    fn trim_gives_back_what_ended_and_parked_tasks_do_not_use() {
        in_child("giving_back::trim_gives_back_what_ended_and_parked_tasks_do_not_use", || {
            static R: Runtime<101> = Runtime::new();
            assert_eq!(R.trim(), 0, "no run, no stacks");
            R.builder()
                .stack_size(1024 * 1024)
                .run(|| {
                    warm_up(100);
                    let warm = resident_pages();
                    let parked = task::spawn(|| {
                        let kept = [7_u8; 5000];
                        dig(160 * 1024);
                        task::park().unwrap();
                        kept.iter().map(|n| usize::from(*n)).sum::<usize>()
                    })
                    .unwrap();
                    task::yield_now();
                    assert_eq!(R.trim(), 100, "99 that are free, and one that is parked");
                    assert!(resident_pages() + 3500 < warm, "{warm} {}", resident_pages());
                    assert_eq!(R.trim(), 1, "the free ones are cold now");
                    parked.task().unpark();
                    assert_eq!(parked.join().unwrap(), 35_000);
                    // And all can be used again.
                    warm_up(100);
                    assert!(resident_pages() + 100 > warm);
                })
                .unwrap();
        })
        .well();
    }

    #[test]
    fn a_task_that_is_parked_in_a_coroutine_keeps_its_stack() {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let task = task::spawn(|| {
                let kept = [3_u8; 20_000];
                let stack = MappedStack::new(64 * 1024).unwrap();
                let mut inside =
                    Coroutine::new(stack, |_: &barecoro::Yielder<(), ()>, ()| task::park());
                let _resumed = inside.resume(());
                kept.iter().all(|n| *n == 3)
            })
            .unwrap();
            task::yield_now();
            assert_eq!(R.trim(), 0, "nobody knows how far it is used");
            task.task().unpark();
            assert!(task.join().unwrap());
        })
        .unwrap();
    }

    #[test]
    fn an_idle_runtime_keeps_as_many_warm_as_it_was_told() {
        in_child("giving_back::an_idle_runtime_keeps_as_many_warm_as_it_was_told", || {
            static R: Runtime<101> = Runtime::new();
            let idle = |keep| {
                let builder = R.builder().stack_size(1024 * 1024);
                let builder = if let Some(keep) = keep { builder.keep_warm(keep) } else { builder };
                builder
                    .run(|| {
                        let cold = resident_pages();
                        warm_up(100);
                        time::sleep(Duration::from_millis(1)).unwrap();
                        resident_pages() - cold
                    })
                    .unwrap()
            };
            let (all, half, none) = (idle(None), idle(Some(50)), idle(Some(0)));
            assert!(all > 4000 && none < 300, "{all} {none}");
            assert!((2000..3000).contains(&half), "{half}");
        })
        .well();
    }

    #[test]
    fn nothing_is_left_after_a_run() {
        in_child("giving_back::nothing_is_left_after_a_run", || {
            static R: Runtime<50> = Runtime::new();
            let round = || {
                R.builder().guard_size(20_000).keep_warm(3).run(|| warm_up(0)).unwrap();
                R.run(|| {
                    let options = task::Builder::new().guard_size(64 * 1024);
                    options.spawn(|| dig(1000)).unwrap().join().unwrap();
                    drop(task::Builder::new().stack_size(1 << 20).spawn(|| ()).unwrap());
                })
                .unwrap();
                // SAFETY: the first task does nothing.
                unsafe { R.builder().packed_stacks(16 * 1024) }.run(|| ()).unwrap();
            };
            round();
            let before = (mappings(), resident_pages());
            (0..1000).for_each(|_| round());
            let after = (mappings(), resident_pages());
            assert!(after.0 == before.0 && after.1 <= before.1 + 16, "{before:?} {after:?}");
        })
        .well();
    }
}

mod other_memory {
    use super::*;

    #[test]
    fn a_static_can_be_a_stack_again_and_again() {
        static MEMORY: StackMemory<{ 64 * 1024 }> = StackMemory::new();
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            for round in 0..10 {
                let stack = MEMORY.take().unwrap().unwrap();
                assert_eq!(stack.size(), 64 * 1024);
                assert!(MEMORY.take().is_none());
                let ends = (stack.limit().addr().get(), stack.base().addr().get());
                let task = task::Builder::new().name("static").spawn_on(stack, move || {
                    let here = &raw const round as usize;
                    assert!((ends.0..ends.1).contains(&here));
                    dig(16 * 1024) + round
                });
                let task = task.unwrap();
                assert_eq!(R.tasks().last().unwrap().stack_size, 64 * 1024);
                assert!(task.join().unwrap() >= round);
            }
        })
        .unwrap();
        assert!(MEMORY.take().is_some());
    }

    #[test]
    fn a_failed_spawn_hands_the_stack_back() {
        static SMALL: StackMemory<1024> = StackMemory::new();
        static LARGE: StackMemory<{ 64 * 1024 }> = StackMemory::new();
        static R: Runtime<1> = Runtime::new();
        static OTHER: Runtime<2> = Runtime::new();
        let drops = Drops::new();
        R.run(|| {
            let (token, stack) = (drops.token(), LARGE.take().unwrap().unwrap());
            let failed = task::Builder::new().spawn_on(stack, move || drop(token)).unwrap_err();
            let SpawnError::Full((_f, stack)) = failed else { panic!("{failed:?}") };
            assert_eq!((drops.count(), stack.size()), (0, 64 * 1024));
        })
        .unwrap();
        OTHER
            .run(|| {
                let stack = SMALL.take().unwrap().unwrap();
                let failed = task::Builder::new().spawn_on(stack, || ()).unwrap_err();
                let SpawnError::StackTooSmall((_f, stack)) = failed else { panic!("{failed:?}") };
                assert_eq!(stack.size(), 1024);
                task::spawn(|| ()).unwrap().join().unwrap();
            })
            .unwrap();
        assert_eq!(drops.count(), 1);
    }

    #[test]
    fn memory_that_is_lent_is_guarded_or_comes_back() {
        for too_small in [0, 1, 4096, 8191] {
            let memory = Box::leak(Box::new_uninit_slice(too_small));
            let unguarded = StaticStack::new(memory).unwrap_err();
            assert_eq!(unguarded.error, StackError::TooSmall);
            assert_eq!(unguarded.memory.len(), too_small);
            assert_eq!(Errno::from(unguarded), Errno::INVAL);
        }
        for size in [3 * 4096, 40_001] {
            let memory = Box::leak(Box::new_uninit_slice(size));
            let start = memory.as_ptr() as usize;
            let stack = StaticStack::new(memory).unwrap();
            assert!(stack.limit().addr().get() >= start + 4096);
            assert!(stack.base().addr().get() <= start + size);
            assert!(stack.base().addr().get().is_multiple_of(16));
            assert!(stack.size() + 2 * 4096 + 16 > size);
        }
    }

    #[test]
    fn the_guard_of_a_static_holds_and_goes() {
        use std::os::unix::process::ExitStatusExt as _;
        static MEMORY: StackMemory<{ 16 * 1024 }> = StackMemory::new();
        let ended = in_child("other_memory::the_guard_of_a_static_holds_and_goes", || {
            let stack = MEMORY.take().unwrap().unwrap();
            let below = stack.limit().as_ptr().wrapping_sub(1);
            drop(stack);
            // SAFETY: the memory is a static's, and nobody uses it.
            unsafe { below.write_volatile(1) };
            eprintln!("without a stack it is memory");
            let _stack = MEMORY.take();
            // SAFETY: faults.
            unsafe { below.write_volatile(1) };
        });
        assert_eq!(ended.status.signal(), Some(11), "{ended:?}");
        ended.saying("without a stack it is memory");
    }

    #[test]
    fn unguarded_memory_is_used_whole() {
        let memory = Box::leak(Box::new_uninit_slice(64 * 1024));
        // SAFETY: the coroutine needs a few hundred bytes.
        let stack = unsafe { StaticStack::unguarded(memory) };
        assert!(stack.size() > 64 * 1024 - 32);
        let mut coroutine = Coroutine::new(stack, |_: &barecoro::Yielder<(), ()>, ()| 5);
        assert_eq!(coroutine.resume(()), barecoro::CoroutineResult::Return(5));
        // SAFETY: as above; there is nothing of it.
        let nothing = unsafe { StaticStack::unguarded(&mut []) };
        assert_eq!(nothing.size(), 0);
    }
}

mod guards {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn a_guard_is_as_large_as_asked_for() {
        for size in [0, 1, 4096, 4097, 1 << 20] {
            let stack = MappedStack::with_guard(8192, size).unwrap();
            assert!(stack.guard_size() >= size.max(1) && stack.guard_size().is_multiple_of(4096));
            assert!(is_mapped(stack.limit().addr().get() - stack.guard_size()));
        }
    }

    static R: Runtime<2> = Runtime::new();

    /// Writes far below the running task's stack, but not below a guard of a megabyte.
    fn write_to_guard() {
        let here = task::current().id();
        let stack = R.tasks().find(|task| task.id == here).unwrap();
        let local = 0_u8;
        let place = (&raw const local).addr() - (stack.stack_size + 600_000);
        eprintln!("writing");
        // SAFETY: faults.
        unsafe { core::ptr::with_exposed_provenance_mut::<u8>(place).write_volatile(1) }
    }

    fn is_ended_by_a_fault(name: &str, body: fn()) {
        let ended = in_child(&format!("guards::{name}"), body).saying("writing");
        assert_eq!(ended.status.signal(), Some(11), "{ended:?}");
    }

    #[test]
    fn tasks_have_guards_of_the_size_of_the_runtimes() {
        is_ended_by_a_fault("tasks_have_guards_of_the_size_of_the_runtimes", || {
            R.builder().guard_size(1 << 20).run(write_to_guard).unwrap();
        });
    }

    #[test]
    fn a_task_can_have_a_larger_one() {
        is_ended_by_a_fault("a_task_can_have_a_larger_one", || {
            let options = task::Builder::new().guard_size(1 << 20);
            R.run(|| options.spawn(write_to_guard).unwrap().join().unwrap()).unwrap();
        });
    }

    #[test]
    fn one_that_is_larger_than_the_address_space_is_an_error() {
        for size in [usize::MAX, usize::MAX / 2, 1 << 50] {
            let ended = R.builder().guard_size(size).run(|| ());
            assert!(matches!(ended, Err(RunError::Stack(_, _))), "{size}: {ended:?}");
            R.run(|| {
                let failed = task::Builder::new().guard_size(size).spawn(|| ());
                assert!(matches!(failed, Err(SpawnError::Stack(_, _))), "{size}: {failed:?}");
            })
            .unwrap();
        }
    }
}

mod packed {
    use super::*;

    #[test]
    fn many_small_stacks_work() {
        static R: Runtime<10_001> = Runtime::new();
        // SAFETY: the tasks park and add a number; unoptimised code needs less than 6 KiB for it.
        let builder = unsafe { R.builder().packed_stacks(6 * 1024) };
        let sum = builder
            .run(|| {
                let tasks: Vec<_> = (0..10_000_u64)
                    .map(|n| task::spawn(move || task::park().map(|()| n)).unwrap())
                    .collect();
                task::yield_now();
                for task in &tasks {
                    task.task().unpark();
                }
                tasks.into_iter().map(|task| task.join().unwrap().unwrap()).sum::<u64>()
            })
            .unwrap();
        assert_eq!(sum, 49_995_000);
    }

    #[test]
    fn an_overflow_is_noticed_at_the_next_switch() {
        in_child("packed::an_overflow_is_noticed_at_the_next_switch", || {
            static R: Runtime<4> = Runtime::new();
            // SAFETY: it is not safe at all. Below the stack that overflows is another of this
            // runtime, which is not used before the process ends.
            let builder = unsafe { R.builder().packed_stacks(16 * 1024) };
            drop(builder.run(|| {
                let quiet = task::spawn(task::park).unwrap();
                let greedy = task::Builder::new().name("greedy");
                let greedy = greedy
                    .spawn(|| {
                        dig(18 * 1024);
                        task::yield_now();
                        eprintln!("went on");
                    })
                    .unwrap();
                greedy.join().unwrap();
                drop(quiet);
            }));
        })
        .by_abort()
        .saying("barecoro: task 3 \"greedy\" (spawned at tests/stacks.rs:")
        .saying(") overflowed its packed stack of ")
        .not_saying("went on");
    }

    #[test]
    fn timers_unparkers_and_own_stacks_work_among_them() {
        static R: Runtime<8> = Runtime::new();
        // SAFETY: 32 KiB are enough for what the tasks do.
        unsafe { R.builder().packed_stacks(32 * 1024) }
            .run(|| {
                let sleeper = task::spawn(|| time::sleep(Duration::from_millis(5))).unwrap();
                let unparker = task::current().unparker();
                std::thread::spawn(move || unparker.unpark());
                task::park().unwrap();
                let large = task::Builder::new().stack_size(1 << 20).spawn(|| dig(512 * 1024));
                let large = large.unwrap();
                let guarded = task::Builder::new().guard_size(4096).spawn(|| {
                    task::yield_now();
                    dig(16 * 1024)
                });
                assert!(large.join().unwrap() > 500);
                assert!(guarded.unwrap().join().unwrap() > 14);
                sleeper.join().unwrap().unwrap();
            })
            .unwrap();
    }

    /// Its stack is gone before its slot has its own again.
    #[test]
    fn a_detached_task_on_a_stack_of_its_own_ends_well() {
        static MEMORY: StackMemory<{ 16 * 1024 }> = StackMemory::new();
        static R: Runtime<4> = Runtime::new();
        // SAFETY: 32 KiB are enough for what the tasks do.
        unsafe { R.builder().packed_stacks(32 * 1024) }
            .run(|| {
                for _ in 0..10 {
                    drop(task::Builder::new().stack_size(1 << 20).spawn(|| ()).unwrap());
                    drop(task::Builder::new().guard_size(1).spawn(|| ()).unwrap());
                    let stack = MEMORY.take().unwrap().unwrap();
                    drop(task::Builder::new().spawn_on(stack, || ()).unwrap());
                    (0..3).for_each(|_| task::yield_now());
                }
                core::mem::forget(task::Builder::new().guard_size(1).spawn(|| vec![1]).unwrap());
            })
            .unwrap();
    }

    #[test]
    fn the_first_task_has_a_guard_all_the_same() {
        static R: Runtime<4> = Runtime::new();
        // SAFETY: as above.
        let builder = unsafe { R.builder().packed_stacks(128 * 1024) };
        let size = builder.run(|| R.tasks().next().unwrap().stack_size).unwrap();
        assert!(size >= 128 * 1024 && size.is_multiple_of(4096), "a stack of whole pages: {size}");
    }

    #[test]
    fn nobody_makes_them_smaller_than_was_vouched_for() {
        static R: Runtime<4> = Runtime::new();
        // SAFETY: as above.
        let builder = unsafe { R.builder().packed_stacks(32 * 1024) };
        let dug = builder.stack_size(1024).run(|| {
            let task = task::spawn(|| dig(16 * 1024));
            task.unwrap().join().unwrap()
        });
        assert!(dug.unwrap() > 14);
    }

    #[test]
    fn a_stack_that_is_too_small_for_anything_is_an_error() {
        static R: Runtime<2> = Runtime::new();
        for bytes in [0, 1, 15, 16, 64, 300] {
            // SAFETY: the first task has a stack of its own, and the others do not start.
            let builder = unsafe { R.builder().packed_stacks(bytes) };
            let ended =
                builder.run(|| matches!(task::spawn(|| ()), Err(SpawnError::StackTooSmall(_))));
            assert!(ended.unwrap(), "{bytes}");
        }
    }
}

/// What happens under limits of memory: each in a process of its own, which sets them.
mod limits {
    use super::*;

    fn spawn_until_it_fails(most: usize) -> usize {
        static R: Runtime<100_000> = Runtime::new();
        R.run(|| {
            let mut tasks = Vec::with_capacity(most);
            let error = loop {
                match task::spawn(task::park) {
                    Ok(task) => tasks.push(task),
                    Err(error) => break error,
                }
                assert!(tasks.len() < most, "nothing has failed");
            };
            let SpawnError::Stack(_, StackError::Refused(Errno::NOMEM | Errno::AGAIN)) = error
            else {
                panic!("{error:?}")
            };
            let count = tasks.len();
            // One ends, and another can begin: nothing is lost.
            tasks.pop().unwrap().cancel();
            task::yield_now();
            tasks.push(task::spawn(task::park).unwrap());
            for task in tasks {
                task.cancel();
            }
            count
        })
        .unwrap()
    }

    /// Runs a test again in a shell that has set limits.
    fn under(limit: &str, name: &str, body: impl FnOnce()) {
        if std::env::var("BARECORO_LIMITED").as_deref() == Ok(name) {
            body();
            return;
        }
        let program = std::env::current_exe().unwrap();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("{limit} && exec \"$0\" --exact {name} --nocapture")])
            .arg(program)
            .env("BARECORO_LIMITED", name);
        let output = shell.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
    }

    #[test]
    fn address_space() {
        under("ulimit -v 1500000", "limits::address_space", || {
            // 100,000 stacks of 76 KiB would be 7.6 GB; fewer than where guards of mappings end.
            let count = spawn_until_it_fails(40_000);
            assert!((1000..20_000).contains(&count), "{count}");
            let before = mappings();
            let again = spawn_until_it_fails(40_000);
            // The last few depend on what else the process has.
            assert!(again.abs_diff(count) < 100, "something has leaked: {count} {again}");
            assert_eq!(mappings(), before);
        });
    }

    #[test]
    fn the_threads_own_stack() {
        under("ulimit -s 256", "limits::the_threads_own_stack", || {
            static R: Runtime<2> = Runtime::new();
            let dug = || task::spawn(|| dig(40 * 1024)).unwrap().join().unwrap();
            assert!(R.run(dug).unwrap() > 30);
        });
    }

    /// The kernel counts every byte of a mapping against what it has. As that is a setting of the
    /// whole system, this happens in the virtual machine of `just test-old-kernel` only.
    #[test]
    fn strict_overcommit() {
        if std::env::var_os("BARECORO_VIRTUAL_MACHINE").is_none() {
            return;
        }
        let set = |value: &str| std::fs::write("/proc/sys/vm/overcommit_memory", value).unwrap();
        set("2");
        let counts = [(); 2].map(|()| spawn_until_it_fails(40_000));
        set("0");
        assert!(counts[0] >= 1000 && counts[0].abs_diff(counts[1]) < 100, "{counts:?}");
    }

    /// Locked memory takes no guard markers, and every page of a mapping is there from the start.
    #[test]
    fn locked_memory() {
        under("ulimit -l 8192", "limits::locked_memory", || {
            unsafe extern "C" {
                safe fn mlockall(flags: i32) -> i32;
            }
            const CURRENT_AND_FUTURE: i32 = 3;
            if mlockall(CURRENT_AND_FUTURE) != 0 {
                // The test program itself is larger than what may be locked.
                eprintln!("SKIPPED: the limit of locked memory is too small for this program");
                return;
            }
            static R: Runtime<16> = Runtime::new();
            let sum = R.run(|| {
                let tasks: Vec<_> = (0..15).map(|n| task::spawn(move || n).unwrap()).collect();
                tasks.into_iter().map(|task| task.join().unwrap()).sum::<i32>()
            });
            assert_eq!(sum.unwrap(), 105);
        });
    }

    /// What locked memory does not take says nothing about the kernel.
    #[test]
    fn memory_that_was_locked_for_a_while() {
        under("true", "limits::memory_that_was_locked_for_a_while", || {
            unsafe extern "C" {
                safe fn mlockall(flags: i32) -> i32;
                safe fn munlockall() -> i32;
            }
            const FUTURE: i32 = 2;
            static R: Runtime<64> = Runtime::new();
            let mappings_of_a_run = || {
                let before = mappings();
                R.run(|| {
                    let tasks: Vec<_> = (0..60).map(|_| task::spawn(|| ()).unwrap()).collect();
                    let during = mappings();
                    drop(tasks);
                    during - before
                })
                .unwrap()
            };
            let at_first = mappings_of_a_run();
            if mlockall(FUTURE) != 0 {
                eprintln!("SKIPPED: memory may not be locked");
                return;
            }
            // The limit may be too small for it, which is not what this is about.
            let _refused = R.run(|| task::spawn(|| ()).map(|task| task.join()).is_ok());
            assert_eq!(munlockall(), 0);
            let afterwards = mappings_of_a_run();
            assert!(afterwards <= at_first + 4, "{at_first} {afterwards}");
        });
    }
}
