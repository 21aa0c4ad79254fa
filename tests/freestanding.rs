//! Whole programs without libc, judged by what they write and how they end.

mod common;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Ended, build, build_package, root, run};

const FEATURES: &str = "start,panic-handler,io,time,mem";

/// Ways to build the test programs: optimised or not, with the plain list of relocations, with the
/// compact one, laid out by the crate's script, and at a fixed address.
const WAYS: &[(bool, &str)] = &[
    (false, "-C force-frame-pointers=yes"),
    (true, "-C force-frame-pointers=yes"),
    (true, "-C link-arg=-Wl,-z,pack-relative-relocs"),
    (true, "-C link-arg=-Wl,-T,../../linker.ld,-z,noexecstack,--no-eh-frame-hdr"),
    (false, "-C relocation-model=static"),
];

fn each_way(name: &str, arguments: &[&str], judge: impl Fn(&Ended)) {
    for (release, flags) in WAYS {
        let program = build_package("tests/programs", name, *release, flags);
        let ended =
            run(Command::new(&program).args(arguments).env_clear().env("HOME", "/home/x=y"));
        println!("{} {arguments:?}: {ended:?}", program.display());
        judge(&ended);
    }
}

fn assert_rotation(program: PathBuf) {
    let start = Instant::now();
    let ended = run(&mut Command::new(program));
    let elapsed = start.elapsed();
    assert_eq!(ended.stdout, "func_a\nfunc_b\nfunc_c\n".repeat(10));
    assert_eq!((ended.stderr.as_str(), ended.code), ("", Some(0)));
    // The tasks sleep at the same time: one after the other it would be 3 s.
    assert!(
        elapsed >= Duration::from_secs(1) && elapsed < Duration::from_millis(2500),
        "{elapsed:?}"
    );
}

#[test]
fn the_demonstration_keeps_its_rotation_on_stable() {
    assert_rotation(build("stable", "bin", "freestanding", FEATURES, "freestanding"));
}

#[test]
fn the_demonstration_keeps_its_rotation_unoptimised() {
    assert_rotation(build("stable", "bin", "freestanding", FEATURES, "dev"));
}

#[test]
fn the_demonstration_keeps_its_rotation_with_a_core_of_its_own() {
    let output = common::just(&["toolchain"]);
    let toolchain = String::from_utf8(output.stdout).unwrap();
    if toolchain.trim() == "stable" {
        assert!(std::env::var_os("CI").is_none(), "CI has a toolchain that builds core");
        eprintln!("SKIPPED: no toolchain here can build core; `just setup` brings one");
        return;
    }
    assert_rotation(build(toolchain.trim(), "bin", "freestanding", FEATURES, "freestanding"));
}

#[test]
fn a_program_gets_what_the_kernel_gave_it() {
    each_way("environment", &["one", "", "zwölf"], |ended| {
        assert_eq!(
            ended.stdout,
            "argument Ok(\"one\")\nargument Ok(\"\")\nargument Ok(\"zwölf\")\n\
             variable HOME is /home/x=y\nHOME: Some(\"/home/x=y\"), NO_SUCH: None\n\
             page size Some(4096)\nentries true\n",
        );
        assert_eq!(ended.code, Some(42));
    });
}

#[test]
fn the_first_thread_has_its_variables_and_a_canary() {
    each_way("thread", &[], |ended| {
        assert_eq!(ended.stdout, "initial 0x1122334455667788, aligned 0, zero 0\ncanary true 0\n");
        assert_eq!(ended.code, Some(0));
    });
}

#[test]
fn a_small_variable_has_its_initial_value() {
    each_way("variable", &[], |ended| assert_eq!(ended.stdout, "variable 0x1234\n"));
}

#[test]
fn statics_that_hold_addresses_are_relocated() {
    let sum = (0..200).map(|n| if n % 3 == 0 { n * n } else { n * 2 }).sum::<usize>();
    each_way("statics", &[], |ended| {
        assert_eq!(ended.stdout, format!("sum {sum}\n1 one 1\n2 two 2\n3 three 3\n4 four 4\n"));
    });
}

#[test]
fn a_panic_names_its_task_and_place() {
    each_way("panics", &["task"], |ended| {
        let mut lines = ended.stderr.lines();
        let first = lines.next().unwrap();
        assert!(first.starts_with("task 2 \"parser\" (spawned at src/panics.rs:"), "{first}");
        assert!(first.contains(") panicked at src/panics.rs:"), "{first}");
        assert_eq!(lines.next(), Some("at 3 of 7"));
        assert_eq!(lines.next(), Some("return addresses:"));
        assert!(lines.all(|line| line.starts_with("  0x")));
        assert_eq!((ended.stdout.as_str(), ended.code), ("", Some(101)));
    });
}

#[test]
fn an_overflow_names_its_task_and_ends_by_a_fault() {
    for way in ["recursion", "mebibyte"] {
        each_way("overflow", &[way], |ended| {
            let mut lines = ended.stderr.lines();
            let first = lines.next().unwrap();
            assert!(
                first.starts_with("barecoro: task 2 \"parser\" (spawned at src/overflow.rs:"),
                "{first}"
            );
            assert!(first.ends_with(") overflowed its 64 KiB stack"), "{first}");
            assert_eq!(lines.next(), Some("return addresses:"));
            assert!((1..=16).contains(&lines.clone().count()));
            assert!(lines.all(|line| line.starts_with("  0x")));
            assert_eq!(ended.signal, Some(11));
        });
    }
    each_way("overflow", &["null"], |ended| {
        assert_eq!((ended.stderr.as_str(), ended.signal), ("", Some(11)));
    });
}

#[test]
fn the_return_addresses_of_a_panic_lead_to_its_function() {
    let program = build_package("tests/programs", "panics", false, "-C force-frame-pointers=yes");
    let ended = run(Command::new(&program).arg("task"));
    let addresses =
        ended.stderr.lines().skip(3).map(|line| line.split_whitespace().nth(1).unwrap());
    let functions =
        run(Command::new("addr2line").arg("-Cfie").arg(&program).args(addresses)).stdout;
    assert!(functions.contains("panics::main::"), "{functions}");
    assert!(functions.contains("barecoro::task::life::run"), "{functions}");
}

#[test]
fn a_panic_outside_of_tasks_is_the_programs() {
    each_way("panics", &["main"], |ended| {
        assert!(ended.stderr.starts_with("the program panicked at src/panics.rs:"), "{ended:?}");
        assert!(ended.stderr.contains("\noutside\n"), "{ended:?}");
        assert_eq!(ended.code, Some(101));
    });
}

#[test]
fn a_task_function_outside_of_tasks_says_what_to_do() {
    each_way("panics", &["outside"], |ended| {
        assert!(ended.stderr.starts_with("the program panicked at src/panics.rs:"), "{ended:?}");
        assert!(ended.stderr.contains(
            "\ntask::yield_now was called outside of a task: call it inside of Runtime::run\n"
        ));
        assert_eq!(ended.code, Some(101));
    });
}

#[test]
fn a_deadlock_is_reported_and_becomes_an_error() {
    each_way("panics", &["deadlock"], |ended| {
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.contains("deadlock: 2 tasks are parked"), "{ended:?}");
        assert!(ended.stderr.contains("task 2 \"waiter\" (spawned at src/panics.rs:"), "{ended:?}");
        assert!(ended.stderr.contains(") waits for an unpark\n"), "{ended:?}");
        assert!(ended.stderr.contains(") waits for the end of task 2\n"), "{ended:?}");
        assert!(
            ended.stderr.ends_with("error: resource deadlock avoided (EDEADLK)\n"),
            "{ended:?}"
        );
        assert_eq!(ended.code, Some(1));
    });
}

#[test]
fn an_error_of_main_is_printed_and_is_code_1() {
    each_way("panics", &["error"], |ended| {
        assert_eq!(ended.stderr, "error: no such file or directory (ENOENT)\n");
        assert_eq!(ended.code, Some(1));
    });
}

#[test]
fn the_standalone_example_builds_and_runs() {
    for release in [false, true] {
        let program = build_package("examples/standalone", "standalone", release, "");
        let ended = run(Command::new(program).args(["hello", "wide", "world"]));
        assert_eq!(ended.stdout, "hello: 5\nwide: 4\nworld: 5\n14 letters\n");
        assert_eq!((ended.stderr.as_str(), ended.code), ("", Some(0)));
    }
}

#[test]
fn the_example_of_the_readme_is_the_one_that_runs() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let source = std::fs::read_to_string(root().join("examples/hello.rs")).unwrap();
    let code = source.split_once('\n').unwrap().1;
    assert!(readme.contains(code), "README.md does not show examples/hello.rs");

    let program = build("stable", "example", "hello", FEATURES, "release");
    let ended = run(Command::new(&program).arg("you"));
    assert_eq!((ended.stdout.as_str(), ended.code), ("hello, you: 42\n", Some(0)));
    // Without standard output, as an init may be started: it is nobody's, and no error.
    let ended = run(Command::new("sh").args(["-c", "exec \"$0\" you >&-"]).arg(program));
    assert_eq!((ended.stderr.as_str(), ended.code), ("", Some(0)));
}

#[test]
fn the_proof_holds() {
    let output = common::just(&["prove", "stable"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("proved: the program stands on the kernel alone"), "{text}");
}

#[test]
fn the_proof_fails_for_a_program_that_needs_a_libc() {
    let ended = run(Command::new(root().join(".ci/prove")).arg("/bin/true"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for row in ["no interpreter", "no needed library", "no undefined symbol", "30 lines"] {
        let line = ended.stdout.lines().find(|line| line.starts_with(row)).unwrap();
        assert!(line.contains("NO"), "{line}");
    }
}
