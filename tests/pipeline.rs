//! The example `pipeline`, as a user runs it, on both drivers.

mod common;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use common::{Ended, build, run};

const FEATURES: &str = "start,panic-handler,io,time,mem,process,uring,errno-text";
const DRIVERS: [&str; 2] = ["uring", "epoll"];

fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("stable", "example", "pipeline", FEATURES, "release"))
}

/// Runs `pipeline` with these arguments, on each driver.
fn each_driver(arguments: &[&str], judge: impl Fn(&Ended)) {
    for driver in DRIVERS {
        eprintln!("{arguments:?} on {driver}");
        judge(&run(Command::new(program()).args(arguments).env("BARECORO_DRIVER", driver)));
    }
}

#[test]
fn a_pipeline_is_a_shell_s() {
    each_driver(&["seq", "1", "100", "|", "grep", "7", "--", "wc", "-l"], |ended| {
        assert_eq!((ended.stdout.trim(), ended.code), ("19", Some(0)), "{ended:?}");
    });
    each_driver(&["sh", "-c", "exit 3"], |ended| assert_eq!(ended.code, Some(3)));
    // The first one writes for ever, unless nobody reads any more.
    each_driver(&["yes", "|", "head", "-n", "1"], |ended| {
        assert_eq!((ended.stdout.as_str(), ended.code), ("y\n", Some(0)), "{ended:?}");
    });
}

#[test]
fn what_cannot_be_started_reads_and_writes_nothing() {
    each_driver(&["echo", "x", "|", "no-such-program", "|", "wc", "-c"], |ended| {
        assert_eq!((ended.stdout.trim(), ended.code), ("0", Some(0)), "{ended:?}");
        assert!(ended.stderr.contains("pipeline: no-such-program: execve: "), "{ended:?}");
    });
    each_driver(&["no-such-program"], |ended| assert_eq!(ended.code, Some(127)));
    // Nobody reads what the first one writes.
    each_driver(&["yes", "|", "no-such-program"], |ended| assert_eq!(ended.code, Some(127)));
}

/// The environment is the kernel's own, and without a path there are the usual places.
#[test]
fn the_environment_is_passed_on() {
    for driver in DRIVERS {
        let mut command = Command::new(program());
        command.arg("env").env_clear().env("A", "1").env("BARECORO_DRIVER", driver).env("C", "x=y");
        let ended = run(&mut command);
        let expected = format!("A=1\nBARECORO_DRIVER={driver}\nC=x=y\n");
        assert_eq!((ended.stdout, ended.code), (expected, Some(0)));
    }
}

#[test]
fn a_bar_stands_between_two_programs() {
    let yes = ["sh", "-c", "timeout 20 yes"];
    for wrong in [
        &[][..],
        &["|"],
        &["--", "x"],
        &["|", "yes"],
        &[&yes[..], &["|"]].concat(),
        &[&yes[..], &["--"]].concat(),
        &["yes", "|", "|", "head"],
        &["yes", "|", "--", "head"],
    ] {
        each_driver(wrong, |ended| {
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{wrong:?}");
            assert!(ended.stderr.starts_with("usage: pipeline PROGRAM "), "{wrong:?}");
        });
    }
}
