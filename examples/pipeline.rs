//! Runs programs whose output is each the next one's input, as a shell does: `ps | grep | wc`.
//!
//! ```text
//! pipeline PROGRAM [ARG]... ['|' PROGRAM [ARG]...]...
//! ```
//!
//! `--` may stand for the bar, which has to be kept from a shell. It ends with the exit code of the last
//! program, 127 if that could not be started.
#![no_std]
#![no_main]

use core::ffi::CStr;

use barecoro::fd::OwnedFd;
use barecoro::process::{Child, Command, ExitStatus, Stdio};
use barecoro::start::{Env, ExitCode};
use barecoro::{Errno, Runtime, entry, eprintln};

static RUNTIME: Runtime<1> = Runtime::new();

/// The exit code of a shell for a program that it cannot start.
const NOT_STARTED: u8 = 127;

entry!(main);

fn main(env: Env) -> Result<ExitCode, Errno> {
    if !is_complete(env.args_os().skip(1)) {
        eprintln!("usage: pipeline PROGRAM [ARG]... ['|' PROGRAM [ARG]...]...");
        return Ok(ExitCode::from(2));
    }
    RUNTIME.run(move || pipeline(env))?
}

/// Whether there is a program in front of each bar, and one at the end.
fn is_complete(words: impl Iterator<Item = &'static CStr>) -> bool {
    let mut has_program = false;
    for word in words {
        if is_bar(word) && !has_program {
            return false;
        }
        has_program = !is_bar(word);
    }
    has_program
}

fn is_bar(word: &CStr) -> bool {
    matches!(word.to_bytes(), b"|" | b"--")
}

fn pipeline(env: Env) -> Result<ExitCode, Errno> {
    let mut children = heapless::Vec::<Option<Child>, 256>::new();
    let mut words = env.args_os().skip(1).peekable();
    // What the program before has written.
    let mut input: Option<Stdio> = None;
    while let Some(program) = words.next() {
        let mut command = Command::new(program);
        let mut is_last = true;
        for word in words.by_ref() {
            if is_bar(word) {
                is_last = false;
                break;
            }
            command.arg(word);
        }
        if let Some(input) = input.take() {
            command.stdin(input);
        }
        if !is_last {
            command.stdout(Stdio::piped());
        }
        let child = match command.spawn() {
            Ok(mut child) => {
                input = child.stdout.take().map(|output| Stdio::from(OwnedFd::from(output)));
                Some(child)
            }
            Err(error) => {
                eprintln!("pipeline: {}: {error}", program.to_str().unwrap_or("?"));
                input = Some(Stdio::null());
                None
            }
        };
        children.push(child).map_err(|_| Errno::TOOBIG)?;
    }
    // Who writes into a pipe that nobody reads is not to wait for this process.
    drop(input);
    let mut code = NOT_STARTED;
    for child in children {
        code = match child {
            Some(mut child) => ExitStatus::shell_code(child.wait()?),
            None => NOT_STARTED,
        };
    }
    Ok(ExitCode::from(code))
}
