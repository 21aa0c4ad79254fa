//! The example `supervise`, as a user runs it: as PID 1 of a namespace, where that is
//! allowed, and as a subreaper, on both drivers.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use common::{Ended, build, run};

const FEATURES: &str = "start,panic-handler,io,time,mem,process,sync,uring,errno-text";
const DRIVERS: [&str; 2] = ["uring", "epoll"];

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

/// Runs `supervise` both as PID 1 and not, on each driver, with these arguments.
fn each_way(arguments: &[&str], judge: impl Fn(&Ended)) {
    let program = example("supervise");
    let first = as_first();
    if first.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI allows namespaces");
        eprintln!("SKIPPED: namespaces are not allowed here");
    }
    for driver in DRIVERS {
        for way in [Some(&["env"][..]), first].into_iter().flatten() {
            eprintln!("{way:?} on {driver}");
            let mut command = Command::new(way[0]);
            command.args(&way[1..]).arg(&program).args(arguments);
            judge(&run(command.env("BARECORO_DRIVER", driver)));
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

/// Also those that outlive the one that has started them.
#[test]
fn a_service_is_ended_with_its_whole_group() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let ready = ready.to_str().unwrap();
    // A number of its own, to be found again.
    let long = format!("77.{}", std::process::id());
    let service =
        format!("(trap '' TERM; : > {ready}; exec sleep {long}) & echo started; exec sleep 100");
    let main = format!("until [ -e {ready} ]; do sleep 0.05; done; rm {ready}");
    let arguments = ["--grace", "1", "sh", "-c", &main, "--", "sh", "-c", &service];
    each_way(&arguments, |ended| {
        assert_eq!((ended.stdout.as_str(), ended.code), ("started\n", Some(0)), "{ended:?}");
        assert_eq!(ended.stderr, "supervise: sh: killed, as it did not end\n");
        let processes = std::fs::read_dir("/proc").unwrap();
        let lives = |process: std::fs::DirEntry| {
            let words = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            words == format!("sleep\0{long}\0").as_bytes()
        };
        assert!(!processes.map(Result::unwrap).any(lives), "it lives");
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
    let ways = [(&["env"][..], false)].into_iter().chain(first);
    for ((way, is_first), driver) in ways.flat_map(|way| DRIVERS.map(|driver| (way, driver))) {
        let file = folder.join(if is_first { "first" } else { "other" });
        let output = std::fs::File::create(&file).unwrap();
        let mut child = Command::new(way[0])
            .env("BARECORO_DRIVER", driver)
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

/// `MAIN` sends its parent all signals that are to come back.
#[test]
fn all_kinds_of_signals_are_passed_on() {
    const SCRIPT: &str = "
import os, signal, time
kept = {4, 5, 6, 7, 8, 9, 11, 13, 17, 19, 21, 22, 31}
# Two are the C library's own.
sent = [number for number in range(1, 65) if number not in kept | {32, 33}]
come = []
for number in sent:
    signal.signal(number, lambda number, frame: come.append(number))
for number in sent:
    os.kill(os.getppid(), number)
    limit = time.monotonic() + 20
    while number not in come and time.monotonic() < limit:
        time.sleep(0.001)
print('come back' if come == sent else come)
";
    each_way(&["python3", "-c", SCRIPT], |ended| {
        assert_eq!((ended.stdout.as_str(), ended.code), ("come back\n", Some(0)), "{ended:?}");
    });
}

/// As at a shell's prompt, and as a shell's job in the background.
#[test]
fn main_has_the_terminal_where_supervise_had_it() {
    const SCRIPT: &str = r#"
import os, pty, select, signal, sys, termios
program = sys.argv[1]

def at_a_terminal(words, keys, answer, prepare=lambda: None):
    process, terminal = pty.fork()
    if process == 0:
        prepare()
        os.execv(words[0], words)
    said = b''
    os.write(terminal, keys)
    while answer not in said and select.select([terminal], [], [], 20)[0]:
        said += os.read(terminal, 1000)
    assert answer in said, said
    return terminal, process

def code(process):
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

# What was typed is shown, and then said by cat.
terminal, process = at_a_terminal([program, 'cat'], b'hello\n', b'hello\r\nhello\r\n')
os.write(terminal, b'\x04')
assert code(process) == 0
terminal, process = at_a_terminal([program, 'sh', '-c', 'echo ready; sleep 20'], b'', b'ready')
os.write(terminal, b'\x03')
assert code(process) == 130

# Afterwards the terminal is whose it was, also where MAIN could not be started.
for main in ['true', 'no-such-program']:
    script = '"$0" ' + main + '; read x; echo got $x'
    terminal, process = at_a_terminal(['/bin/sh', '-c', script, program], b'hello\n', b'got hello')
    assert code(process) == 0

# Messages from the background do not stop it.
def stop_writers():
    settings = termios.tcgetattr(0)
    settings[3] |= termios.TOSTOP
    termios.tcsetattr(0, termios.TCSANOW, settings)
    # As a job of a shell's: whose session has no parent in it is not stopped by this.
    if child := os.fork():
        os._exit(code(child))
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)

words = [program, 'sh', '-c', 'sleep 1; exit 3', '--', 'sh', '-c', 'exit 1']
terminal, process = at_a_terminal(words, b'', b'ended: exit code 1', stop_writers)
assert code(process) == 3

def into_background():
    if child := os.fork():
        os.setpgid(child, child)
        os._exit(code(child))
    while os.getpgid(0) != os.getpid():
        pass

# Which group has the terminal is not the one that MAIN is in.
script = 'read a b c d group f g front rest < /proc/$$/stat; echo ready; [ $group != $front ]'
terminal, process = at_a_terminal([program, 'sh', '-c', script], b'', b'ready', into_background)
assert code(process) == 0
"#;
    for driver in DRIVERS {
        let mut command = Command::new("python3");
        command.args(["-c", SCRIPT]).arg(example("supervise")).env("BARECORO_DRIVER", driver);
        let ended = run(&mut command);
        assert_eq!(ended.code, Some(0), "{driver}: {ended:?}");
    }
}

#[test]
fn services_are_counted_before_anything_is_started() {
    let arguments = |count| {
        let services = std::iter::repeat_n(["--", "sleep", "77"], count);
        ["echo", "started"].into_iter().chain(services.flatten()).collect::<Vec<_>>()
    };
    each_way(&arguments(120), |ended| {
        assert_eq!((ended.stdout.as_str(), ended.code), ("started\n", Some(0)), "{ended:?}");
    });
    each_way(&arguments(121), |ended| {
        assert_eq!((ended.stdout.as_str(), ended.code), ("", Some(2)));
        let expected = "supervise: 121 services are too many: there can be 120\n";
        assert_eq!(ended.stderr, expected);
    });
}

/// With so few descriptors some part of it cannot be started, and the rest must not go on.
#[test]
fn what_cannot_go_on_ends_all() {
    let program = example("supervise");
    for driver in DRIVERS {
        let mut failed = 0;
        for limit in 3.. {
            let script = format!("ulimit -n {limit}; exec \"$0\" sh -c 'echo $$; exec sleep 6'");
            let mut command = Command::new("sh");
            command.args(["-c", &script]).arg(&program).env("BARECORO_DRIVER", driver);
            let start = Instant::now();
            let ended = run(&mut command);
            if ended.code == Some(0) {
                break;
            }
            failed += 1;
            // MAIN ends too, and not because it is done.
            while ended.stdout.trim().parse().is_ok_and(is_running) {
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(start.elapsed() < Duration::from_secs(5), "{limit}: {ended:?}");
        }
        assert!(failed > 3, "{failed}");
    }
}

/// A process that has ended may still be there to be reaped, by whoever does that here.
fn is_running(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

fn child_of(process: u32) -> u32 {
    let path = format!("/proc/{process}/task/{process}/children");
    std::fs::read_to_string(Path::new(&path)).unwrap().trim().parse().unwrap()
}
