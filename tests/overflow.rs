//! An overflow of a task's stack is caught every time, and said; other faults are left alone.

#![cfg(feature = "overflow")]
#![expect(unsafe_code, reason = "does what must fault; the C library's sigaltstack(2)")]

mod support;

use core::hint::black_box;

use barecoro::{Runtime, task};
use support::{Ended, in_child};

const SIGSEGV: i32 = 11;

/// Calls itself until the stack ends.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if depth == u64::MAX { 0 } else { recurse(depth + 1) + black_box(frame)[7] }
}

/// Has a frame of a mebibyte, and touches the far end of it first.
#[inline(never)]
fn mebibyte() -> u8 {
    let mut frame = core::mem::MaybeUninit::<[u8; 1 << 20]>::uninit();
    // SAFETY: the first byte of the frame, if there is one.
    unsafe {
        let first = black_box(&mut frame).as_mut_ptr().cast::<u8>();
        first.write_volatile(1);
        first.read_volatile()
    }
}

trait Judge {
    /// One report of `task`, whose stack has so many KiB, with a backtrace, and a death by SIGSEGV.
    fn overflowed(self, task: &str, kibibytes: usize) -> Self;
}

impl Judge for Ended {
    #[track_caller]
    fn overflowed(self, task: &str, kibibytes: usize) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        assert_eq!(self.status.signal(), Some(SIGSEGV), "{self:#?}");
        let reports: Vec<_> =
            self.stderr.lines().filter(|line| line.starts_with("barecoro: ")).collect();
        let [report] = *reports else { panic!("not one report: {self:#?}") };
        assert!(report.starts_with(&format!("barecoro: {task} ")), "{self:#?}");
        assert!(report.contains(&format!(" (spawned at {}:", file!())), "{self:#?}");
        assert!(report.contains(&format!(" overflowed its {kibibytes} KiB stack")), "{self:#?}");
        let addresses = self.stderr.split_once("\nreturn addresses:\n").unwrap().1;
        let addresses: Vec<_> = addresses.lines().map(|line| line.starts_with("  0x")).collect();
        assert!((1..=16).contains(&addresses.len()) && !addresses.contains(&false), "{self:#?}");
        self
    }
}

/// Each size in a child of its own; the children find their size in the environment.
fn at_each_size(test: &str, sizes: &[usize], run: impl Fn(usize)) {
    const SIZE: &str = "BARECORO_TEST_SIZE";
    if let Ok(size) = std::env::var(SIZE) {
        in_child(test, || run(size.parse().unwrap()));
        return;
    }
    let mut caught = 0;
    for size in sizes {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env("BARECORO_TEST_CHILD", test)
            .env(SIZE, size.to_string())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&child.stderr).into_owned();
        assert!(stderr.contains(test), "{stderr}");
        let ended = Ended { status: child.status, stderr };
        ended.overflowed("task 2 \"deep\"", size.next_multiple_of(4096) / 1024);
        caught += 1;
    }
    println!("caught {caught} of {}", sizes.len());
    assert_eq!(caught, sizes.len());
}

const SIZES: &[usize] = &[16 * 1024, 20_000, 64 * 1024, 256 * 1024, 4 << 20];

#[test]
fn in_tasks_of_every_size() {
    at_each_size("in_tasks_of_every_size", SIZES, |size| {
        static R: Runtime<2> = Runtime::new();
        let run = R.builder().stack_size(12 * 1024).run(|| {
            let deep = task::Builder::new().name("deep").stack_size(size);
            deep.spawn(|| recurse(0)).unwrap().join().unwrap()
        });
        run.unwrap();
    });
}

#[test]
fn in_runtimes_of_every_size() {
    at_each_size("in_runtimes_of_every_size", SIZES, |size| {
        static R: Runtime<2> = Runtime::new();
        let run = R.builder().stack_size(size).run(|| {
            let deep = task::Builder::new().name("deep");
            deep.spawn(|| recurse(0)).unwrap().join().unwrap()
        });
        run.unwrap();
    });
}

/// Locked memory takes no markers, so the guards are mappings there.
#[test]
fn in_locked_memory() {
    unsafe extern "C" {
        fn mlockall(flags: i32) -> i32;
    }
    const MCL_FUTURE: i32 = 2;
    const MCL_ONFAULT: i32 = 4;
    let ended = in_child("in_locked_memory", || {
        static R: Runtime<2> = Runtime::new();
        // SAFETY: the C library's function, for what will be mapped.
        if unsafe { mlockall(MCL_FUTURE | MCL_ONFAULT) } != 0 {
            eprintln!("not allowed to lock memory");
            return;
        }
        let deep = || task::Builder::new().name("deep").spawn(|| recurse(0)).unwrap().join();
        R.run(|| deep().unwrap()).unwrap();
    });
    if !ended.stderr.contains("not allowed") {
        ended.overflowed("task 2 \"deep\"", 64);
    }
}

#[test]
fn in_the_smallest_stack() {
    in_child("in_the_smallest_stack", || {
        static R: Runtime<1> = Runtime::new();
        R.builder().stack_size(1).run(|| recurse(0)).unwrap();
    })
    .overflowed("task 1", 4);
}

#[test]
fn in_the_first_frame() {
    in_child("in_the_first_frame", || {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let huge = || {
                let frame = black_box([1_u8; 200_000]);
                frame[task::current().id().get() as usize]
            };
            task::spawn(huge).unwrap().join().unwrap()
        })
        .unwrap();
    })
    .overflowed("task 2", 64);
}

#[test]
fn with_a_local_of_a_mebibyte() {
    in_child("with_a_local_of_a_mebibyte", || {
        static R: Runtime<2> = Runtime::new();
        R.run(|| task::spawn(mebibyte).unwrap().join().unwrap()).unwrap();
    })
    .overflowed("task 2", 64);
}

#[test]
fn in_nested_scopes() {
    in_child("in_nested_scopes", || {
        static R: Runtime<4> = Runtime::new();
        R.run(|| {
            let depth = 0;
            task::scope(|outer| {
                let inner = || {
                    task::scope(|s| {
                        let spawned = task::Builder::new()
                            .name("inner")
                            .spawn_scoped(s, || Ok::<_, ()>(recurse(black_box(depth))));
                        drop(spawned.map_err(drop)?);
                        Ok::<_, ()>(())
                    })
                };
                drop(outer.spawn(inner).map_err(drop)?);
                Ok::<_, ()>(())
            })
        })
        .unwrap()
        .unwrap();
    })
    .overflowed("task 3 \"inner\"", 64);
}

#[test]
fn beside_tasks_that_switch() {
    in_child("beside_tasks_that_switch", || {
        #[inline(never)]
        fn deep(depth: u64) -> u64 {
            task::yield_now();
            let frame = black_box([depth; 16]);
            if depth == u64::MAX { 0 } else { deep(depth + 1) + frame[3] }
        }
        static R: Runtime<8> = Runtime::new();
        R.run(|| {
            for _ in 0..5 {
                drop(task::spawn(|| (0..1_000_000).for_each(|_| task::yield_now())));
            }
            task::Builder::new().name("deep").spawn(|| deep(0)).unwrap().join().unwrap()
        })
        .unwrap();
    })
    .overflowed("task 7 \"deep\"", 64);
}

#[test]
fn in_a_large_guard() {
    in_child("in_a_large_guard", || {
        static R: Runtime<2> = Runtime::new();
        let run = R.builder().guard_size(1 << 20).run(|| {
            task::spawn(|| {
                let here = black_box(0_u8);
                let below = black_box((&raw const here).addr() - 200_000);
                let below = core::ptr::with_exposed_provenance::<u8>(below);
                // As a frame without probes would, in another language.
                // SAFETY: it is not: the process ends here.
                unsafe { below.read_volatile() }
            })
            .unwrap()
            .join()
            .unwrap()
        });
        run.unwrap();
    })
    .overflowed("task 2", 64);
}

#[test]
fn on_a_stack_in_a_static() {
    use barecoro::stack::StackMemory;
    in_child("on_a_stack_in_a_static", || {
        static R: Runtime<2> = Runtime::new();
        static MEMORY: StackMemory<{ 32 * 1024 }> = StackMemory::new();
        R.run(|| {
            let stack = MEMORY.take().unwrap().unwrap();
            let deep = task::Builder::new().name("static");
            deep.spawn_on(stack, || recurse(0)).unwrap().join().unwrap()
        })
        .unwrap();
    })
    .overflowed("task 2 \"static\"", 32);
}

/// Each thread with a runtime of its own, one of which overflows.
fn on_one_of_two_threads(test: &str, unlucky: usize) {
    static R: [Runtime<2>; 2] = [const { Runtime::new() }; 2];
    let run = move |number: usize| {
        let body = move || {
            if number == unlucky {
                std::thread::sleep(core::time::Duration::from_millis(20));
                recurse(0);
            }
            loop {
                task::yield_now();
            }
        };
        let named = task::Builder::new().name(["here", "there"][number]);
        R[number].run(|| named.spawn(body).unwrap().join().unwrap()).unwrap();
    };
    in_child(test, || {
        let other = std::thread::spawn(move || run(1));
        run(0);
        other.join().unwrap();
    })
    .overflowed(["task 2 \"here\"", "task 2 \"there\""][unlucky], 64);
}

#[test]
fn on_the_first_of_two_threads() {
    on_one_of_two_threads("on_the_first_of_two_threads", 0);
}

#[test]
fn on_the_second_of_two_threads() {
    on_one_of_two_threads("on_the_second_of_two_threads", 1);
}

/// C programs' threads have no alternate stack, and neither has a program's without libc.
#[test]
fn on_a_thread_without_an_alternate_stack() {
    in_child("on_a_thread_without_an_alternate_stack", || {
        static R: Runtime<2> = Runtime::new();
        alternate::disable();
        R.run(|| task::spawn(|| recurse(0)).unwrap().join().unwrap()).unwrap();
    })
    .overflowed("task 2", 64);
}

#[test]
fn runs_leave_no_mapping_and_no_stack_behind() {
    in_child("runs_leave_no_mapping_and_no_stack_behind", || {
        static R: Runtime<2> = Runtime::new();
        alternate::disable();
        R.run(|| ()).unwrap();
        let before = support::mappings();
        for _ in 0..100_000 {
            R.run(|| ()).unwrap();
        }
        assert_eq!(support::mappings(), before);
        assert!(alternate::is_disabled());
    })
    .well();
}

#[test]
fn a_thread_keeps_the_stack_that_it_has_set_meanwhile() {
    in_child("a_thread_keeps_the_stack_that_it_has_set_meanwhile", || {
        static R: Runtime<2> = Runtime::new();
        let memory = Box::leak(vec![0_u8; 64 * 1024].into_boxed_slice());
        alternate::disable();
        R.run(|| alternate::set(memory.as_mut_ptr(), memory.len())).unwrap();
        assert_eq!(alternate::get().0, memory.as_mut_ptr());
    })
    .well();
}

#[cfg(feature = "io")]
mod in_a_system_call {
    use super::*;

    /// A buffer that begins in the guard and ends above the stack's limit.
    fn buffer_across_the_limit() -> &'static mut [u8] {
        let here = black_box(0_u8);
        let here = (&raw const here).addr();
        let limit = limit_of_the_running_stack(here);
        let start = core::ptr::with_exposed_provenance_mut::<u8>(limit - 10);
        // SAFETY: it is not memory that may be read, which is what the test is about.
        unsafe { core::slice::from_raw_parts_mut(start, 100) }
    }

    /// Found by asking the kernel which page cannot be read, as a system call reads.
    fn limit_of_the_running_stack(here: usize) -> usize {
        unsafe extern "C" {
            fn write(fd: i32, bytes: usize, count: usize) -> isize;
        }
        let (_reader, writer) = std::io::pipe().unwrap();
        let writer = std::os::fd::AsRawFd::as_raw_fd(&writer);
        let mut page = here & !4095;
        // SAFETY: only the kernel looks at the address.
        while unsafe { write(writer, page - 4096, 1) } == 1 {
            page -= 4096;
        }
        page
    }

    /// Makes `number` another name for a descriptor.
    fn replace(number: i32, descriptor: &impl std::os::fd::AsRawFd) {
        unsafe extern "C" {
            fn dup2(from: i32, to: i32) -> i32;
        }
        // SAFETY: nobody else in the child relies on what the number meant.
        assert_eq!(unsafe { dup2(descriptor.as_raw_fd(), number) }, number);
    }

    #[test]
    fn that_writes() {
        in_child("in_a_system_call::that_writes", || {
            static R: Runtime<2> = Runtime::new();
            R.builder()
                .stack_size(256 * 1024)
                .run(|| {
                    let (_reader, writer) = std::io::pipe().unwrap();
                    replace(1, &writer);
                    let buffer = buffer_across_the_limit();
                    barecoro::io::stdout().write(buffer).is_ok()
                })
                .unwrap();
        })
        .overflowed("task 1", 256)
        .saying("overflowed its 256 KiB stack in a system call\n");
    }

    #[test]
    fn that_reads() {
        in_child("in_a_system_call::that_reads", || {
            static R: Runtime<2> = Runtime::new();
            R.builder()
                .stack_size(256 * 1024)
                .run(|| {
                    replace(0, &std::fs::File::open("/dev/zero").unwrap());
                    let buffer = buffer_across_the_limit();
                    barecoro::io::stdin().read(buffer).is_ok()
                })
                .unwrap();
        })
        .overflowed("task 1", 256)
        .saying("overflowed its 256 KiB stack in a system call\n");
    }

    #[test]
    fn with_another_bad_address_is_an_error() {
        in_child("in_a_system_call::with_another_bad_address_is_an_error", || {
            static R: Runtime<2> = Runtime::new();
            let (_reader, writer) = std::io::pipe().unwrap();
            replace(1, &writer);
            let bad = core::ptr::without_provenance::<u8>(4096);
            // SAFETY: it is not memory, and only the kernel looks.
            let bad = unsafe { core::slice::from_raw_parts(bad, 10) };
            let error = R.run(|| barecoro::io::stdout().write(bad)).unwrap().unwrap_err();
            assert_eq!(error.errno(), barecoro::Errno::FAULT);
        })
        .well();
    }
}

/// The C library's calls for alternate stacks.
mod alternate {
    use core::ffi::{c_int, c_void};

    #[repr(C)]
    struct Stack {
        start: *mut c_void,
        flags: c_int,
        size: usize,
    }

    const DISABLED: c_int = 2;

    unsafe extern "C" {
        fn sigaltstack(new: *const Stack, old: *mut Stack) -> c_int;
    }

    fn change(new: Option<Stack>) -> Stack {
        let mut old = Stack { start: core::ptr::null_mut(), flags: 0, size: 0 };
        let new = new.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
        // SAFETY: both are such descriptions, and the callers' stacks live for ever.
        assert_eq!(unsafe { sigaltstack(new, &raw mut old) }, 0);
        old
    }

    pub(crate) fn disable() {
        change(Some(Stack { start: core::ptr::null_mut(), flags: DISABLED, size: 0 }));
    }

    pub(crate) fn set(start: *mut u8, size: usize) {
        change(Some(Stack { start: start.cast(), flags: 0, size }));
    }

    pub(crate) fn get() -> (*mut u8, usize) {
        let stack = change(None);
        (stack.start.cast(), stack.size)
    }

    pub(crate) fn is_disabled() -> bool {
        change(None).flags & DISABLED != 0
    }
}
