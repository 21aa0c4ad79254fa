//! Starting processes: what they find, how their end is learned, and what goes wrong.
#![cfg(feature = "process")]
#![expect(unsafe_code, reason = "sets a variable of the environment")]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use barecoro::process::{self, Command, ExitStatus, Output, Stdio};
use barecoro::signal::{self, Signal, Signals};
use barecoro::time::{self, Duration, Instant};
use barecoro::{Errno, Runtime, io::Error, task};
use support::{in_child, on_both_drivers};

/// The output of a shell's script.
fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script);
    command
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.to_vec()).unwrap()
}

#[test]
fn exit_codes_and_signals_come_back() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        assert_eq!(shell("exit 0").status().unwrap().code(), Some(0));
        assert_eq!(shell("exit 255").status().unwrap().code(), Some(255));
        let killed = shell("kill -TERM $$").status().unwrap();
        assert_eq!((killed.code(), killed.signal()), (None, Some(Signal::TERM)));
    });
}

/// The runtime makes its own timers exact, which is nobody else's business.
#[test]
fn timers_of_children_are_as_exact_as_ever() {
    static R: Runtime<1> = Runtime::new();
    let before = fs::read_to_string("/proc/self/timerslack_ns").unwrap();
    on_both_drivers(&R, || {
        time::sleep(Duration::from_millis(1)).unwrap();
        let output = shell("cat /proc/self/timerslack_ns").output().unwrap();
        assert_eq!(text(&output), before);
    });
}

#[test]
fn only_the_one_who_waits_is_parked() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let waiter = task::spawn(|| shell("sleep 0.05; exit 3").status().unwrap()).unwrap();
        let mut turns = 0_u64;
        while !waiter.is_finished() {
            turns += 1;
            task::yield_now();
        }
        assert_eq!(waiter.join().unwrap().code(), Some(3));
        assert!(turns > 100, "the thread stood still");
    });
}

#[test]
fn arguments_arrive_as_they_are_however_many() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let mut command = shell("printf '%s|' \"$0\" \"$@\"");
        command.args(["", "a b", "zwölf"]).arg(b"\xff").arg(c"c").arg(String::from("s").as_str());
        let output = command.output().unwrap();
        let expected = ["|a b|zwölf|".as_bytes(), b"\xff|c|s|"].concat();
        assert_eq!(*output.stdout, *expected);
        let mut command = shell("echo $#");
        for number in 0..10_000 {
            command.arg(number.to_string().as_str());
        }
        // The first is `$0`.
        assert_eq!(text(&command.output().unwrap()), "9999\n");
        // Again, as a command can be used several times.
        assert_eq!(text(&command.output().unwrap()), "9999\n");
    });
}

#[test]
fn the_environment_is_inherited_and_changed() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let path = std::env::var("PATH").unwrap();
        let script = "echo \"$PATH,$ONE,$TWO,${HOME-none}\"";
        let output = shell(script).env("ONE", "1").env("TWO", "a=b").env_remove("HOME").output();
        assert_eq!(text(&output.unwrap()), format!("{path},1,a=b,none\n"));
        let output = Command::new("/usr/bin/env").env_clear().env("A", "1").env("A", "2").output();
        assert_eq!(text(&output.unwrap()), "A=2\n");
        // All that this process has, in its order.
        let output = Command::new("/usr/bin/env").output().unwrap();
        let own = std::env::vars().map(|(name, value)| format!("{name}={value}\n"));
        assert_eq!(text(&output), own.collect::<String>());
    });
}

#[test]
fn what_std_has_set_is_inherited() {
    in_child("what_std_has_set_is_inherited", || {
        static R: Runtime<1> = Runtime::new();
        // SAFETY: no other thread of this process uses the environment.
        unsafe { std::env::set_var("SET_LATER", "yes") };
        let output = R.run(|| shell("echo $SET_LATER").output()).unwrap().unwrap();
        assert_eq!(text(&output), "yes\n");
    })
    .well();
}

#[test]
fn a_program_is_looked_for_as_the_child_s_path_says() {
    let folder = std::env::temp_dir().join(format!("barecoro-path-{}", std::process::id()));
    let [first, second] = ["first", "second"].map(|name| folder.join(name));
    for (place, says) in [(&first, "first"), (&second, "second")] {
        fs::create_dir_all(place).unwrap();
        let file = place.join("says");
        fs::write(&file, format!("#!/bin/sh\necho {says}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("/no/such:{}:{}", first.display(), second.display());
    let run = || Command::new("says").env("PATH", path.as_str()).output();
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        fs::set_permissions(first.join("says"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(text(&run().unwrap()), "first\n");
        // What must not be executed is passed over, also for root.
        fs::set_permissions(first.join("says"), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(text(&run().unwrap()), "second\n");
        // An empty folder is the current one.
        let mut command = Command::new("says");
        command.env("PATH", "").current_dir(second.to_str().unwrap());
        assert_eq!(text(&command.output().unwrap()), "second\n");
        // Without the variable, the usual places.
        assert!(Command::new("true").env_clear().status().unwrap().success());
    });
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_program_finds_its_directory_group_session_and_name() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let output = Command::new("/bin/pwd").current_dir("/usr").env_remove("PWD").output();
        assert_eq!(text(&output.unwrap()), "/usr\n");
        // Number, group and session, of proc(5).
        let script = "read pid name state parent group session rest < /proc/self/stat; \
                      echo $$ $group $session";
        let numbers = |command: &mut Command| {
            let output = text(&command.output().unwrap());
            let numbers = output.split_whitespace().map(|number| number.parse::<i32>().unwrap());
            let [pid, group, session] = numbers.collect::<Vec<_>>()[..] else { panic!("{output}") };
            (pid, group, session)
        };
        let (pid, group, _) = numbers(&mut shell(script));
        assert_ne!(pid, group);
        let (pid, group, session) = numbers(shell(script).process_group(0));
        assert!(pid == group && pid != session);
        let (pid, group, session) = numbers(shell(script).setsid(true));
        assert!(pid == group && pid == session);
        let output = shell("echo $0").arg0("other").output().unwrap();
        assert_eq!(text(&output), "other\n");
    });
}

#[test]
fn users_and_groups_are_given_up_by_root() {
    static R: Runtime<1> = Runtime::new();
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("SKIPPED: only root can give up being root");
        return;
    }
    on_both_drivers(&R, || {
        let ids = |command: &mut Command| text(&command.output().unwrap());
        let mut command = shell("id -u; id -g; id -G");
        assert_eq!(ids(command.gid(5).uid(7)), "7\n5\n5\n");
        assert_eq!(ids(command.groups(&[11, 12])), "7\n5\n5 11 12\n");
        let error = Command::new("/bin/true").gid(5).uid(u32::MAX).spawn();
        assert_eq!(error.unwrap_err().call(), "setuid");
        // Nobody has given up anything here: a core dump is possible, and a debugger may look.
        let dumpable = rustix::process::dumpable_behavior().unwrap();
        assert_eq!(dumpable, rustix::process::DumpableBehavior::Dumpable);
    });
}

#[test]
fn signals_are_as_a_program_expects_them() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let output = Command::new("/bin/cat").arg("/proc/self/status").output().unwrap();
        let set = |status: &str, name: &str| {
            let set = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            u64::from_str_radix(set.trim_start_matches(":\t"), 16).unwrap()
        };
        let (child, own) = (text(&output), fs::read_to_string("/proc/thread-self/status").unwrap());
        assert_eq!(set(&child, "SigBlk"), 0, "{child}");
        // What is ignored is inherited, but not what std has this program ignore.
        let pipe = 1 << (Signal::PIPE.get() - 1);
        assert_eq!(set(&child, "SigIgn"), set(&own, "SigIgn") & !pipe, "{child}");
        assert_ne!(set(&own, "SigIgn") & pipe, 0);
        // And nothing is left blocked here.
        assert_eq!(set(&own, "SigBlk"), 0, "{own}");
    });
}

#[test]
fn signals_that_were_ignored_are_so_for_a_child_unless_they_are_reset() {
    let name = "signals_that_were_ignored_are_so_for_a_child_unless_they_are_reset";
    in_child(name, || {
        static R: Runtime<1> = Runtime::new();
        on_both_drivers(&R, || {
            let ignored = |command: &mut Command| {
                let status = text(&command.output().unwrap());
                let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
                let set = u64::from_str_radix(set, 16).unwrap();
                [Signal::HUP, Signal::INT, Signal::TTOU].map(|one| set & 1 << (one.get() - 1) != 0)
            };
            let mut command = Command::new("cat");
            command.arg("/proc/self/status");
            // A shell may have ignored it for what it started in the background.
            signal::reset(Signal::INT).unwrap();
            for one in [Signal::HUP, Signal::TTOU] {
                signal::ignore(one).unwrap();
            }
            let waiting = Signals::new(&[Signal::HUP, Signal::INT]).unwrap();
            assert_eq!(ignored(&mut command), [true, false, true]);
            drop(waiting);
            assert_eq!(ignored(&mut command), [true, false, true]);
            let waiting = Signals::new(&[Signal::HUP]).unwrap();
            command.reset_signal(Signal::HUP).reset_signal(Signal::TTOU);
            assert_eq!(ignored(&mut command), [false; 3]);
            signal::reset(Signal::HUP).unwrap();
            drop(waiting);
            for one in [Signal::HUP, Signal::TTOU] {
                signal::reset(one).unwrap();
            }
        });
    })
    .well();
}

/// The kernel says that it has ended, and not how: that is the tracer's to learn first.
#[test]
fn a_child_that_is_traced_is_waited_for_at_leisure() {
    const TRACER: &str = r#"
import ctypes, sys, time
SEIZE = 0x4206
libc = ctypes.CDLL(None, use_errno=True)
seized = libc.ptrace(SEIZE, int(sys.argv[1]), None, None)
print('forbidden' if seized else 'seized', flush=True)
time.sleep(1)
"#;
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let id = child.id().to_string();
        let mut tracer = Command::new("python3");
        let mut tracer = match tracer.args(["-c", TRACER, &id]).stdout(Stdio::piped()).spawn() {
            Err(error) if error.errno() == Errno::NOENT => {
                eprintln!("SKIPPED: there is no python3");
                return;
            }
            tracer => tracer.unwrap(),
        };
        let mut said = [0; 16];
        let count = tracer.stdout.as_ref().unwrap().read(&mut said).unwrap();
        if &said[..count] == b"forbidden\n" {
            eprintln!("SKIPPED: no process may be traced here");
            return;
        }
        let before = support::cpu_time();
        assert!(child.wait().unwrap().success());
        // A second of it, if it asked all the time.
        let used = support::cpu_time() - before;
        assert!(used < Duration::from_millis(300), "{used:?}");
        assert!(tracer.wait().unwrap().success());
    });
}

#[test]
fn endless_output_ends_with_the_time() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let ticks = task::spawn(|| {
            let mut ticks = 0;
            while time::sleep(Duration::from_millis(1)).is_ok() {
                ticks += 1;
            }
            ticks
        })
        .unwrap();
        let mut command = Command::new("cat");
        command.arg("/dev/zero").stdout(Stdio::piped()).kill_on_drop(true);
        let endless = command.spawn().unwrap();
        let late = time::timeout(Duration::from_millis(50), || endless.wait_with_output());
        assert_eq!(late.unwrap_err().0.unwrap_err().errno(), Errno::CANCELED);
        ticks.cancel();
        assert!(ticks.join().unwrap() > 1, "others run meanwhile");
    });
}

#[test]
fn an_abort_is_one_however_it_is_handled() {
    in_child("an_abort_is_one_however_it_is_handled", || {
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            let _noted = Signals::new(&[Signal::ABRT]).unwrap();
            process::abort()
        })
        .unwrap()
    })
    .by_abort();
}

#[test]
fn much_output_on_both_streams_comes_in_order() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let script =
            "i=0; while [ $i -lt 20000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done";
        let output = shell(script).output().unwrap();
        let expected =
            |name: &str| (0..20_000).map(|i| format!("{name} {i}\n")).collect::<String>();
        assert!(*output.stdout == *expected("out").as_bytes());
        assert!(*output.stderr == *expected("err").as_bytes());
        let output = shell("exit 4").output().unwrap();
        assert_eq!(
            (output.status.code(), output.stdout.len(), output.stderr.len()),
            (Some(4), 0, 0)
        );
    });
}

#[test]
fn input_is_written_and_ends() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let mut child = Command::new("wc")
            .arg("-c")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        // More than a pipe holds.
        let writer = task::spawn(move || stdin.write_all(&vec![b'x'; 1 << 20])).unwrap();
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        assert_eq!(text(&output), "1048576\n");
    });
}

#[test]
fn nobody_reading_is_an_error() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let mut child = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(stdin.write(b"x").unwrap_err().errno(), Errno::PIPE);
    });
}

#[test]
fn a_pipeline_of_three() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let mut one = shell("printf '3\\n1\\n2\\n1\\n'").stdout(Stdio::piped()).spawn().unwrap();
        let mut two = Command::new("sort")
            .stdin(one.stdout.take().unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let three = Command::new("uniq").stdin(two.stdout.take().unwrap()).output().unwrap();
        assert_eq!(text(&three), "1\n2\n3\n");
        assert!(one.wait().unwrap().success() && two.wait().unwrap().success());
    });
}

#[test]
fn what_was_read_from_here_is_given_away_as_programs_expect_it() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let mut first =
            shell("echo one; sleep 0.1; echo two").stdout(Stdio::piped()).spawn().unwrap();
        let stdout = first.stdout.take().unwrap();
        let mut buffer = [0; 4];
        assert_eq!(stdout.read(&mut buffer), Ok(4));
        // A driver has set it not to wait; `cat` would fail at once.
        let output = Command::new("cat").stdin(stdout).output().unwrap();
        assert_eq!(text(&output), "two\n");
        first.wait().unwrap();
    });
}

#[test]
fn a_wait_that_was_cancelled_can_be_done_again() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let mut child = shell("sleep 0.1; exit 5").spawn().unwrap();
        let wait = time::timeout(Duration::from_millis(10), || child.wait());
        let error = wait.unwrap_err().0.unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::CANCELED, "wait"));
        assert_eq!(child.try_wait(), Ok(None));
        assert_eq!(child.wait().unwrap().code(), Some(5));
        assert_eq!(child.wait().unwrap().code(), Some(5));
        assert_eq!(child.try_wait().unwrap().and_then(ExitStatus::code), Some(5));
        // It has ended, and another one may have its number: nothing is sent.
        assert_eq!(child.kill(), Ok(()));
        assert_eq!(child.signal(Signal::TERM).unwrap_err().errno(), Errno::SRCH);
    });
}

#[test]
fn a_child_is_signalled_and_killed() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        child.signal(Signal::HUP).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::HUP));
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::KILL));
    });
}

fn error_of(command: &mut Command) -> (&'static str, Errno) {
    let error: Error = command.spawn().unwrap_err();
    (error.call(), error.errno())
}

#[test]
fn what_cannot_be_started_says_why() {
    static R: Runtime<1> = Runtime::new();
    let folder = std::env::temp_dir().join(format!("barecoro-errors-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("no-program");
    fs::write(&file, "neither").unwrap();
    let path = file.to_str().unwrap();
    let set = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    on_both_drivers(&R, || {
        assert_eq!(error_of(&mut Command::new("/no/such")), ("execve", Errno::NOENT));
        assert_eq!(error_of(&mut Command::new("no-such-program")), ("execve", Errno::NOENT));
        assert_eq!(error_of(&mut Command::new("")), ("execve", Errno::NOENT));
        assert_eq!(error_of(&mut Command::new("/")), ("execve", Errno::ACCES));
        set(0o644);
        assert_eq!(error_of(&mut Command::new(path)), ("execve", Errno::ACCES));
        let mut command = Command::new("no-program");
        command.env("PATH", format!("{}:/no", folder.display()).as_str());
        assert_eq!(error_of(&mut command), ("execve", Errno::ACCES));
        set(0o755);
        assert_eq!(error_of(&mut command), ("execve", Errno::NOEXEC));
        assert_eq!(error_of(&mut Command::new(path)), ("execve", Errno::NOEXEC));
        let mut command = Command::new("/bin/true");
        assert_eq!(error_of(command.current_dir("/no/such")), ("chdir", Errno::NOENT));
        let mut command = Command::new("/bin/true");
        assert_eq!(error_of(command.process_group(1)), ("setpgid", Errno::PERM));
        // A single argument may have 128 KiB (execve(2)).
        let mut command = Command::new("/bin/true");
        assert_eq!(
            error_of(command.arg("x".repeat(128 * 1024).as_str())),
            ("execve", Errno::TOOBIG)
        );
        assert_eq!(error_of(Command::new("/bin/true").arg("a\0b")), ("execve", Errno::INVAL));
    });
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn dropping_kills_if_that_was_asked_for() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let is_there = |id: i32| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ") && !stat.contains(") X ")
        };
        let killed = Command::new("sleep").arg("100").kill_on_drop(true).spawn().unwrap().id();
        let spared = Command::new("sleep").arg("0.3").spawn().unwrap().id();
        let start = Instant::now();
        while is_there(killed) {
            assert!(start.elapsed() < Duration::from_secs(20), "it was not killed");
            time::sleep(Duration::from_millis(5)).unwrap();
        }
        assert!(start.elapsed() > Duration::from_millis(250) || is_there(spared));
    });
}

/// A pipe that the parent goes on using is set to wait for the child; the parent's writes still park
/// their task only.
#[test]
fn a_pipe_shared_with_a_child_parks_its_task_only() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (reader, writer) = barecoro::io::pipe().unwrap();
        // The driver knows it now.
        writer.write_all(b"x").unwrap();
        let mut command = shell("printf y");
        command.stdout(writer.try_clone().unwrap());
        assert!(command.status().unwrap().success());
        drop(command);
        let writing = task::spawn(move || writer.write_all(&[b'z'; 1 << 18])).unwrap();
        let (mut count, mut piece) = (0, [0; 4096]);
        loop {
            match reader.read(&mut piece).unwrap() {
                0 => break,
                length => count += length,
            }
        }
        writing.join().unwrap().unwrap();
        assert_eq!(count, 2 + (1 << 18));
    });
}
