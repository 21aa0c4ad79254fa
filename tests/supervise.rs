//! The examples `supervise` and `pipeline`, as a user runs them: as PID 1 of a namespace, where that is
//! allowed, and as a subreaper.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use common::{Ended, build, run};

const FEATURES: &str = "start,panic-handler,io,time,mem,process,sync,errno-text";

fn example(name: &str) -> PathBuf {
    static ONE_AT_A_TIME: Once = Once::new();
    let build = || build("stable", "example", name, FEATURES, "release");
    ONE_AT_A_TIME.call_once(|| drop(build()));
    build()
}

/// How to run a program as PID 1 of a namespace of its own; `None` where that is forbidden.
fn as_first() -> Option<&'static [&'static str]> {
    const WAYS: [&[&str]; 2] = [
        &["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"],
        &[
            "unshare",
            "--user",
            "--map-root-user",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ],
    ];
    let works = |way: &&&[&str]| {
        let tried = Command::new(way[0]).args(&way[1..]).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    WAYS.iter().find(works).copied()
}

/// Runs `supervise` both as PID 1 and not, with these arguments.
fn each_way(arguments: &[&str], judge: impl Fn(&Ended)) {
    let program = example("supervise");
    judge(&run(Command::new(&program).args(arguments)));
    match as_first() {
        Some(way) => {
            let mut command = Command::new(way[0]);
            judge(&run(command.args(&way[1..]).arg(&program).args(arguments)));
        }
        None => {
            assert!(std::env::var_os("CI").is_none(), "CI allows namespaces");
            eprintln!("SKIPPED: namespaces are not allowed here");
        }
    }
}

#[test]
fn it_ends_as_its_main_program_does() {
    each_way(&["sh", "-c", "exit 5"], |ended| assert_eq!(ended.code, Some(5)));
    each_way(&["sh", "-c", "kill -9 $$"], |ended| assert_eq!(ended.code, Some(137)));
    each_way(&["no-such-program"], |ended| {
        assert_eq!(ended.code, Some(127));
        let expected = "supervise: no-such-program: execve: no such file or directory (ENOENT)\n";
        assert_eq!(ended.stderr, expected);
    });
    each_way(&["/"], |ended| assert_eq!(ended.code, Some(126)));
    for wrong in [&[][..], &["--grace"], &["--grace", "x", "true"], &["--"], &["--other", "true"]] {
        each_way(wrong, |ended| {
            assert_eq!(ended.code, Some(2), "{wrong:?}");
            assert!(ended.stderr.starts_with("usage: supervise "));
        });
    }
}

#[test]
fn services_are_started_again_with_pauses_and_stopped() {
    let arguments = [
        &["--grace", "1", "sh", "-c", "sleep 1"][..],
        &["--", "sh", "-c", "echo started; exit 1"],
        &["--", "sh", "-c", "trap 'echo stopped; exit 0' TERM; while :; do sleep 0.05; done"],
        &["--", "sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"],
        &["--", "no-such-service"],
    ]
    .concat();
    each_way(&arguments, |ended| {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        // After 0, 0.1, 0.3 and 0.7 s, and whatever starting takes.
        let count = ended.stdout.matches("started").count();
        assert!((2..=4).contains(&count), "{ended:?}");
        assert_eq!(ended.stdout.matches("stopped").count(), 1, "{ended:?}");
        assert_eq!(ended.stderr.matches("supervise: sh: ended: exit code 1").count(), count);
        assert!(ended.stderr.contains("supervise: no-such-service: execve: no such file"));
        assert_eq!(ended.stderr.matches("supervise: sh: killed, as it did not end").count(), 1);
    });
}

#[test]
fn words_between_programs_can_be_chosen() {
    let arguments =
        ["--separator", ";", "sh", "-c", "echo $1; sleep 0.3", "x", "--", ";", "echo", "two"];
    each_way(&arguments, |ended| {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("--\n") && ended.stdout.contains("two\n"), "{ended:?}");
    });
}

#[test]
fn orphans_are_reaped() {
    // The shell in the middle ends at once, so that what it has started gets another parent.
    let script = "sh -c 'sh -c \"sleep 0.1; exit 7\" & echo orphan $!' > /dev/null; sleep 0.6; \
                  ps ax -o stat=,ppid= | grep -c \"^Z.* $PPID\\$\"; exit 0";
    each_way(&["sh", "-c", script], |ended| {
        assert_eq!((ended.stdout.trim(), ended.code), ("0", Some(0)), "{ended:?}");
    });
}

#[test]
fn signals_are_passed_on_to_the_group() {
    let program = example("supervise");
    let script = "trap 'echo main; exit 9' TERM; \
                  sh -c 'trap \"echo other; exit 0\" TERM; while :; do sleep 0.05; done' & \
                  echo ready; while :; do sleep 0.05; done";
    let folder = std::env::temp_dir().join(format!("barecoro-supervise-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let first = as_first().map(|way| (way, true));
    for (way, is_first) in [(&["env"][..], false)].into_iter().chain(first) {
        let file = folder.join(if is_first { "first" } else { "other" });
        let output = std::fs::File::create(&file).unwrap();
        let mut child = Command::new(way[0])
            .args(&way[1..])
            .arg(&program)
            .args(["sh", "-c", script])
            .stdout(Stdio::from(output))
            .spawn()
            .unwrap();
        let said = || std::fs::read_to_string(&file).unwrap();
        let start = Instant::now();
        while !said().contains("ready") {
            assert!(start.elapsed() < Duration::from_secs(20), "it does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        // The handlers of the inner shell are there a little later.
        std::thread::sleep(Duration::from_millis(300));
        // `env` has become `supervise`; `unshare` has it as a child.
        let own = child.id();
        let target = if is_first { child_of(own) } else { own };
        assert!(Command::new("kill").arg(target.to_string()).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(9));
        // The other one may still be about to say it.
        let start = Instant::now();
        while !(said().contains("main\n") && (said().contains("other\n") || is_first)) {
            assert!(start.elapsed() < Duration::from_secs(20), "{}", said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

fn child_of(process: u32) -> u32 {
    let path = format!("/proc/{process}/task/{process}/children");
    std::fs::read_to_string(Path::new(&path)).unwrap().trim().parse().unwrap()
}

#[test]
fn a_pipeline_is_a_shell_s() {
    let program = example("pipeline");
    let pipeline = |arguments: &[&str]| run(Command::new(&program).args(arguments));
    let ended = pipeline(&["seq", "1", "100", "|", "grep", "7", "--", "wc", "-l"]);
    assert_eq!((ended.stdout.trim(), ended.code), ("19", Some(0)), "{ended:?}");
    let ended = pipeline(&["sh", "-c", "exit 3"]);
    assert_eq!(ended.code, Some(3));
    // The first one writes for ever, unless nobody reads any more.
    let ended = pipeline(&["yes", "|", "head", "-n", "1"]);
    assert_eq!((ended.stdout.as_str(), ended.code), ("y\n", Some(0)), "{ended:?}");
    let ended = pipeline(&["echo", "x", "|", "no-such-program", "|", "wc", "-c"]);
    assert_eq!((ended.stdout.trim(), ended.code), ("0", Some(0)), "{ended:?}");
    assert!(ended.stderr.contains("pipeline: no-such-program: execve: "), "{ended:?}");
    assert_eq!(pipeline(&["no-such-program"]).code, Some(127));
    // The environment is the kernel's own, and without a path there are the usual places.
    let ended = run(Command::new(&program).arg("env").env_clear().env("A", "1").env("B", "x=y"));
    assert_eq!((ended.stdout.as_str(), ended.code), ("A=1\nB=x=y\n", Some(0)), "{ended:?}");
    assert_eq!(pipeline(&[]).code, Some(2));
    assert_eq!(pipeline(&["--", "x"]).code, Some(2));
}
