//! A debugger sees the whole chain of calls inside a task, down to the first frame of its stack,
//! and no further.

mod common;

use std::path::Path;
use std::process::Command;

use barecoro::{Runtime, task};
use common::{build, build_package, root, run};

/// The functions of a backtrace at `breakpoint`, innermost first, after `hits` hits.
fn backtrace(program: &Path, arguments: &str, breakpoint: &str, hits: u32) -> Vec<String> {
    let mut gdb = Command::new("gdb");
    gdb.args(["-q", "-batch", "-nx", "-ex", "set startup-with-shell off"]);
    gdb.args(["-ex", "set width 0", "-ex", "set confirm off", "-ex", "set breakpoint pending on"]);
    gdb.arg("-ex").arg(format!("break {breakpoint}"));
    gdb.arg("-ex").arg(format!("run {arguments}"));
    for _ in 1..hits {
        gdb.args(["-ex", "continue"]);
    }
    gdb.args(["-ex", "backtrace", "-ex", "kill"]).arg(program);
    let ended = run(&mut gdb);
    let trouble = ["Backtrace stopped", "corrupt", "previous frame"];
    assert!(!trouble.iter().any(|text| ended.stdout.contains(text)), "{ended:?}");
    let frames = ended.stdout.lines().filter(|line| line.starts_with('#'));
    let frames: Vec<String> = frames.map(str::to_owned).collect();
    assert!(!frames.is_empty(), "{ended:?}");
    frames
}

/// The chain is inner, middle, outer, then this crate's frames, and ends at the root.
fn assert_whole(frames: &[String]) {
    let text = frames.join("\n");
    for (frame, name) in frames.iter().zip(["inner", "middle", "outer"]) {
        assert!(frame.contains(name), "no {name} in:\n{text}");
    }
    let last = frames.last().unwrap();
    assert!(last.contains("barecoro::arch::switch::root"), "{text}");
    assert!(!text.contains("?? ()"), "{text}");
    assert!(frames.len() < 20, "{text}");
}

#[test]
fn gdb_sees_a_whole_task_without_libc() {
    let program = build_package("tests/programs", "chain", false, "-C force-frame-pointers=yes");
    assert_whole(&backtrace(&program, "", "chain::inner", 1));
}

#[test]
fn gdb_sees_a_whole_coroutine_without_libc() {
    let program = build_package("tests/programs", "chain", false, "-C force-frame-pointers=yes");
    assert_whole(&backtrace(&program, "", "chain::inner", 2));
}

#[test]
fn gdb_sees_a_whole_task_without_unwinding_tables() {
    // The linker script leaves them out: what remains are frame pointers, and the zero that the
    // root puts where gdb guesses a return address.
    let features = "start,panic-handler,io,time,mem";
    let program = build("stable", "bin", "freestanding", features, "dev");
    let frames = backtrace(&root().join(program), "", "freestanding::func_a", 1);
    let text = frames.join("\n");
    assert!(frames[0].contains("func_a") && frames[1].contains("five_times"), "{text}");
    let [.., root, end] = frames.as_slice() else { panic!("{text}") };
    assert!(root.contains("switch::root"), "{text}");
    assert!(end.ends_with("0x0000000000000000 in ?? ()"), "{text}");
}

#[inline(never)]
fn outer() {
    middle();
    task::yield_now();
}

#[inline(never)]
fn middle() {
    inner();
    task::yield_now();
}

#[inline(never)]
fn inner() {
    task::yield_now();
    std::hint::black_box(());
}

/// What the next test starts under the debugger.
#[test]
fn a_chain_of_calls() {
    static RUNTIME: Runtime<2> = Runtime::new();
    RUNTIME.run(|| task::spawn(outer).unwrap().join().unwrap()).unwrap();
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "gdb finds functions by debug information")]
fn gdb_sees_a_whole_task_in_a_std_program() {
    let program = std::env::current_exe().unwrap();
    assert_whole(&backtrace(&program, "--exact a_chain_of_calls", "backtrace::inner", 1));
}
