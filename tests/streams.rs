//! The standard streams, in programs without libc, on both drivers.

mod common;

use std::io::{PipeReader, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use common::build_package;

/// The program, to be run in one way, once on each driver.
fn each_driver(way: &str, judge: impl Fn(&mut Command)) {
    let flags = "-C force-frame-pointers=yes";
    let program = build_package("tests/programs", "streams", true, flags);
    for driver in ["uring", "epoll"] {
        eprintln!("{way} on {driver}");
        judge(command(&program, way).env("BARECORO_DRIVER", driver));
    }
}

fn command(program: &Path, way: &str) -> Command {
    let mut command = Command::new(program);
    command.arg(way).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How often another task has run meanwhile, as the program says.
fn ticks(stderr: &str) -> u32 {
    stderr.strip_prefix("ticks ").unwrap_or_else(|| panic!("{stderr}")).trim().parse().unwrap()
}

fn pause() {
    std::thread::sleep(Duration::from_millis(30));
}

/// Waits for the end of a program that has nothing more to say on its standard output.
fn end(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn read_some(stdout: &mut ChildStdout) -> String {
    let mut buffer = [0; 1000];
    let count = stdout.read(&mut buffer).unwrap();
    String::from_utf8(buffer[..count].to_vec()).unwrap()
}

/// Whether a descriptor is set not to wait.
fn is_nonblocking(reader: &PipeReader) -> bool {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", reader.as_raw_fd()));
    let text = text.unwrap();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    u32::from_str_radix(flags.trim(), 8).unwrap() & 0o4000 != 0
}

#[test]
fn input_parks_only_the_reader() {
    each_driver("lines", |command| {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        pause();
        stdin.write_all("eins\nzw".as_bytes()).unwrap();
        assert_eq!(read_some(&mut stdout), "EINS\n");
        pause();
        stdin.write_all("ei\n".as_bytes()).unwrap();
        assert_eq!(read_some(&mut stdout), "ZWEI\n");
        stdin.write_all("x".repeat(40).as_bytes()).unwrap();
        assert_eq!(read_some(&mut stdout), "the line is too long\n");
        stdin.write_all(b"\xff\nlast").unwrap();
        assert_eq!(read_some(&mut stdout), "the line is not UTF-8\n");
        drop(stdin);
        assert_eq!(read_some(&mut stdout), "LAST");
        let (code, stderr) = end(child);
        assert_eq!(code, Some(0));
        assert!(ticks(&stderr) > 3, "{stderr}");
    });
}

/// `epoll` does not take files: they are always ready.
#[test]
fn input_and_output_can_be_files() {
    let text = (0..5000).map(|n| format!("line {n}\n")).collect::<String>();
    let folder = std::env::temp_dir();
    let name = |what| folder.join(format!("barecoro-streams-{}-{what}", std::process::id()));
    let (from, to) = (name("from"), name("to"));
    std::fs::write(&from, &text).unwrap();
    let file = || std::fs::File::open(&from).unwrap();
    each_driver("copy", |command| {
        command.stdin(file()).stdout(std::fs::File::create(&to).unwrap());
        assert_eq!(end(command.spawn().unwrap()).0, Some(0));
        assert!(std::fs::read_to_string(&to).unwrap() == text);

        let output = command.stdin(file()).stdout(Stdio::piped()).output().unwrap();
        assert!(output.stdout == text.as_bytes());
        command.stdin(Stdio::null());
        assert_eq!(command.output().unwrap().stdout, b"");
    });
    std::fs::remove_file(from).unwrap();
    std::fs::remove_file(to).unwrap();
}

/// Others have the same pipe, and may want to wait in their reads.
#[test]
fn shared_descriptors_are_left_as_they_are() {
    each_driver("cancelled", |command| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut child = command.stdin(reader.try_clone().unwrap()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        assert_eq!(read_some(&mut stdout), "read: operation canceled (ECANCELED)\n");
        pause();
        assert!(!is_nonblocking(&reader));
        writer.write_all(b"after").unwrap();
        assert_eq!(read_some(&mut stdout), "after");
        assert!(!is_nonblocking(&reader));
        assert_eq!(end(child), (Some(0), String::new()));
    });
}

#[test]
fn a_full_pipe_parks_only_those_who_print() {
    each_driver("long", |command| {
        let mut child = command.spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        // Longer than those who print wait for somebody who does not go on.
        std::thread::sleep(Duration::from_millis(1500));
        let (mut text, mut buffer) = (Vec::new(), [0; 700]);
        loop {
            match stdout.read(&mut buffer).unwrap() {
                0 => break,
                count => text.extend_from_slice(&buffer[..count]),
            }
        }
        let text = String::from_utf8(text).unwrap();
        let mut numbers = std::collections::HashMap::new();
        for line in text.lines() {
            let letter = &line[..1];
            let number = numbers.entry(letter).or_insert(0);
            assert_eq!(line, format!("{}{number}", letter.repeat(901)), "lines are whole");
            *number += 1;
        }
        assert!(numbers.len() == 4 && numbers.values().all(|number| *number == 50), "{numbers:?}");
        let (code, stderr) = end(child);
        assert_eq!(code, Some(0));
        assert!(ticks(&stderr) > 3, "{stderr}");
    });
}

#[test]
fn who_is_cancelled_prints_all_the_same() {
    each_driver("late", |command| {
        let mut child = command.spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        pause();
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        let expected = (0..100).map(|n| format!("{}{n}\n", "x".repeat(997))).collect::<String>();
        assert!(text == expected);
        assert_eq!(end(child), (Some(0), String::new()));
    });
}

#[test]
fn a_broken_pipe_is_an_error_and_no_signal() {
    each_driver("broken", |command| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.stdout(writer).output().unwrap();
        let line = "write: broken pipe (EPIPE)\n";
        assert_eq!(String::from_utf8(output.stderr).unwrap(), line.repeat(2));
        assert_eq!(output.status.code(), Some(3));
    });
    each_driver("print", |command| {
        let mut child = command.spawn().unwrap();
        assert!(read_some(child.stdout.as_mut().unwrap()).starts_with("and on\n"));
        drop(child.stdout.take());
        let (code, stderr) = end(child);
        assert_eq!(code, Some(101));
        assert!(stderr.contains("cannot write to standard output"), "{stderr}");
    });
}

/// There is nothing to read, and no room to write.
#[test]
fn nothing_is_read_and_written_without_waiting() {
    each_driver("empty", |command| {
        let (reader, _writer) = std::io::pipe().unwrap();
        let (_full, mut filler) = std::io::pipe().unwrap();
        let flags = rustix::fs::fcntl_getfl(&filler).unwrap();
        rustix::fs::fcntl_setfl(&filler, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
        while filler.write(&[b'x'; 4096]).is_ok() {}
        rustix::fs::fcntl_setfl(&filler, flags).unwrap();
        let output = command.stdin(reader).stdout(filler).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
    });
}

#[test]
fn outside_of_tasks_they_work_as_well() {
    each_driver("outside", |command| {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"input\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.stdout, b"input\nwritten\nprinted\n");
        assert_eq!(output.status.code(), Some(0));
    });
}

#[test]
fn errors_have_names() {
    each_driver("errors", |command| {
        // A folder can be opened, and not read.
        let output = command.stdin(std::fs::File::open("/").unwrap()).output().unwrap();
        let expected = "open: no such file or directory (ENOENT)\nread: EISDIR\n";
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    });
}

/// A program that only prints pays for no driver.
#[test]
fn printing_starts_no_driver_while_there_is_room() {
    each_driver("ready", |command| {
        let mut traced = Command::new("strace");
        traced.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            traced.env(name, value.unwrap());
        }
        let output = traced.output().expect("`strace` is needed: apt-get install strace");
        assert_eq!(output.stdout, b"ready\n");
        let calls = String::from_utf8(output.stderr).unwrap();
        assert!(calls.contains("write(1, \"ready\\n\""), "{calls}");
        assert!(!calls.contains("epoll") && !calls.contains("io_uring"), "{calls}");
    });
}
