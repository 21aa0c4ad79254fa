//! Programs in other languages, compiled by this one when they are needed.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use crate::child::Killed;
use crate::contender::{Contender, Span, Turns};

/// A program in `foreign/`.
#[derive(Clone, Copy)]
pub struct Foreign {
    /// Its file there.
    pub source: &'static str,
    pub language: Language,
}

/// What it is written in, and what its compiler is told after the name of the source.
#[derive(Clone, Copy)]
pub enum Language {
    C(&'static [&'static str]),
    /// With musl as its libc.
    CWithMusl(&'static [&'static str]),
    Cpp(&'static [&'static str]),
    /// The program `go` is told before the name of the source instead.
    Go(&'static [&'static str]),
    Rust(&'static [&'static str]),
}

/// The workloads for Boost.Context.
pub const BOOST: Foreign =
    Foreign { source: "boost.cpp", language: Language::Cpp(&["-lboost_context"]) };

/// What the rows call the scheme that barecoro started from.
pub const THE_ORIGINAL: &str = "the original's scheme";

/// That scheme.
pub const ORIGINAL: Foreign = Foreign { source: "original.c", language: Language::C(&[]) };

/// The workloads for Go.
pub const GO: Foreign = Foreign { source: "tasks.go", language: Language::Go(&["build"]) };

impl Foreign {
    /// Compiles the program unless that has been done. Returns where it is, or why there is none.
    pub fn build(self) -> Result<PathBuf, String> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign");
        let folder = crate::report::folder().join("foreign");
        let failed = |error: io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(failed)?;
        let (compiler, before, after): (OsString, &[&str], &[&str]) = match self.language {
            Language::C(after) => (or("CC", "cc"), &["-O2"], after),
            Language::CWithMusl(after) => ("musl-gcc".into(), &["-O2"], after),
            Language::Cpp(after) => (or("CXX", "c++"), &["-O2"], after),
            Language::Go(before) => ("go".into(), before, &[]),
            Language::Rust(after) => ("rustc".into(), &[], after),
        };
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let musl = if matches!(self.language, Language::CWithMusl(_)) { "-musl" } else { "" };
        let name = format!("{}{}{musl}", self.source, after.concat());
        let program = folder.join(name.replace(|letter| !is_plain(letter), "-"));
        let mut compiler = Command::new(compiler);
        compiler.args(before).arg("-o").arg(&program).arg(sources.join(self.source)).args(after);
        compiler.env("GO111MODULE", "off");
        let built_with = program.with_extension("command");
        if is_newer(&built_with, &sources) && is_built_with(&program, &built_with, &compiler) {
            return Ok(program);
        }
        let output = compiler.output().map_err(|error| {
            format!("no compiler {}: {error}", compiler.get_program().display())
        })?;
        if output.status.success() {
            fs::write(&built_with, format!("{compiler:?}")).map_err(failed)?;
            return Ok(program);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().find(|line| line.contains("error")).unwrap_or_default();
        Err(format!("{} does not compile here: {first}", self.source))
    }
}

/// Whether a file is newer than all in a folder. Headers are there too.
fn is_newer(file: &Path, folder: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path)?.modified();
    let newest = |folder| -> io::Result<_> {
        let times = fs::read_dir(folder)?.map(|entry| changed(&entry?.path()));
        Ok(times.collect::<io::Result<Vec<_>>>()?.into_iter().max())
    };
    matches!((changed(file), newest(folder)), (Ok(file), Ok(newest)) if Some(file) > newest)
}

/// Whether a program is there and has been compiled with this command.
fn is_built_with(program: &Path, built_with: &Path, command: &Command) -> bool {
    let before = fs::read_to_string(built_with).unwrap_or_default();
    program.exists() && before == format!("{command:?}")
}

/// The compiler that the environment names, or else the usual one.
fn or(variable: &str, usual: &str) -> OsString {
    env::var_os(variable).unwrap_or_else(|| usual.into())
}

/// A contender that is a process: it reads a number of laps from its standard input, a line for each
/// question, and answers with a line of nanoseconds and operations.
pub fn contender(program: Foreign, arguments: &[&str]) -> Result<Contender, String> {
    let mut command = Command::new(program.build()?);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    // Go: one thread of goroutines, and no signals that interrupt the one that waits for a question.
    command.env("GOMAXPROCS", "1").env("GODEBUG", "asyncpreemptoff=1");
    Ok(Contender::start(move |turns| ask(command, &turns).expect("the program answers")))
}

fn ask(command: Command, turns: &Turns) -> io::Result<()> {
    let mut process = Killed::start(command)?;
    let (questions, answers) = (process.0.stdin.take(), process.0.stdout.take());
    let mut questions = questions.ok_or(io::ErrorKind::BrokenPipe)?;
    let mut answers = BufReader::new(answers.ok_or(io::ErrorKind::BrokenPipe)?);
    while let Some(laps) = turns.next() {
        writeln!(questions, "{laps}")?;
        let mut answer = String::new();
        answers.read_line(&mut answer)?;
        let mut numbers = answer.split_whitespace().map(|number| number.parse().ok());
        match [numbers.next().flatten(), numbers.next().flatten()] {
            [Some(ns), Some(operations)] => {
                turns.answer_with(Span { time: Duration::from_nanos(ns), operations });
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(())
}
