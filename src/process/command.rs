//! A program to be started, with all that it is to find.

use core::ffi::CStr;
use core::fmt;

use crate::error::Errno;
use crate::io::Error;
use crate::signal::Signal;
use crate::sys::bytes::Bytes;
use crate::sys::call::{Call, Named as _};
use crate::sys::signal::set_of;

use super::launch::{self, Streams};
use super::{Argument, Child, ExitStatus, Output, Stdio};

/// A program to be started, in the shape of std's `Command`.
///
/// Text is copied into memory of the command's own, which comes straight from the kernel and grows as it
/// has to. There is no limit but the kernel's (execve(2), "Limits on size of arguments and
/// environment"). What goes wrong while a command is put together is said when it is started.
///
/// A program without a slash in its name is looked for in the folders of `PATH`, of the environment that
/// it is to have; without one in `/bin` and `/usr/bin`. A script needs its first line with `#!`.
///
/// The environment is read when the program is started. In a program with std, who calls
/// `std::env::set_var` sees to it that no other thread does that meanwhile, as its documentation says.
///
/// The program inherits the directory, the environment, and the descriptors that are not closed on
/// exec: none of this crate's are, but for its standard streams. It finds no signal blocked, and those
/// ignored that this process ignores, or ignored before it waited for them; but not `SIGPIPE`.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, process::{Command, Stdio}};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// RUNTIME.run(|| {
///     let mut child = Command::new("sh").args(["-c", "read line; echo \"$line, $NAME\""])
///         .env("NAME", "world")
///         .stdin(Stdio::piped())
///         .stdout(Stdio::piped())
///         .spawn()?;
///     child.stdin.take().unwrap().write_all(b"hello\n")?;
///     let mut buffer = [0; 32];
///     let count = child.stdout.take().unwrap().read(&mut buffer)?;
///     assert_eq!(&buffer[..count], b"hello, world\n");
///     assert!(child.wait()?.success());
///     Ok::<_, barecoro::io::Error>(())
/// }).unwrap().unwrap();
/// ```
pub struct Command {
    /// What was asked for, in order: a letter each, text, a zero byte.
    log: Bytes,
    /// What went wrong with that.
    refused: Option<Errno>,
    stdio: [Option<Stdio>; 3],
    pub(super) user: Option<u32>,
    pub(super) group: Option<u32>,
    /// Numbers of four bytes each.
    groups: Option<Bytes>,
    pub(super) process_group: Option<i32>,
    pub(super) foreground: bool,
    pub(super) session: bool,
    /// A bit for each signal.
    pub(super) reset: u64,
    pub(super) kill_on_drop: bool,
}

/// What a letter of the log stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Asked {
    Program = b'p',
    Argument = b'a',
    /// Another name as the first argument.
    Name = b'0',
    Directory = b'd',
    /// `NAME=value`.
    Set = b's',
    /// `NAME`.
    Remove = b'r',
    /// Nothing is inherited, and what was set before does not count.
    Clear = b'c',
}

impl Asked {
    fn of_letter(letter: u8) -> Option<Self> {
        use Asked::{Argument, Clear, Directory, Name, Program, Remove, Set};
        let all = [Program, Argument, Name, Directory, Set, Remove, Clear];
        all.into_iter().find(|asked| *asked as u8 == letter)
    }
}

impl Command {
    /// A command that starts `program`, a path or a name to be looked for.
    pub fn new(program: impl Argument) -> Self {
        let mut this = Self {
            log: Bytes::new(),
            refused: None,
            stdio: [const { None }; 3],
            user: None,
            group: None,
            groups: None,
            process_group: None,
            foreground: false,
            session: false,
            reset: 0,
            kill_on_drop: false,
        };
        this.note(Asked::Program, &[program.bytes()]);
        this
    }

    /// Adds an argument.
    pub fn arg(&mut self, argument: impl Argument) -> &mut Self {
        self.note(Asked::Argument, &[argument.bytes()])
    }

    /// Adds some arguments.
    pub fn args<I>(&mut self, arguments: I) -> &mut Self
    where
        I: IntoIterator<Item: Argument>,
    {
        for argument in arguments {
            self.arg(argument);
        }
        self
    }

    /// Gives the program another name as its first argument, instead of how it was found.
    pub fn arg0(&mut self, name: impl Argument) -> &mut Self {
        self.note(Asked::Name, &[name.bytes()])
    }

    /// Sets a variable of the environment.
    pub fn env(&mut self, name: impl Argument, value: impl Argument) -> &mut Self {
        self.check_name(name.bytes());
        self.note(Asked::Set, &[name.bytes(), b"=", value.bytes()])
    }

    /// Sets some variables of the environment.
    pub fn envs<I, K, V>(&mut self, variables: I) -> &mut Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: Argument,
        V: Argument,
    {
        for (name, value) in variables {
            self.env(name, value);
        }
        self
    }

    /// Removes a variable from the environment, be it set before or inherited.
    pub fn env_remove(&mut self, name: impl Argument) -> &mut Self {
        self.check_name(name.bytes());
        self.note(Asked::Remove, &[name.bytes()])
    }

    /// Inherits no variable, and forgets those that were set before.
    pub fn env_clear(&mut self) -> &mut Self {
        self.note(Asked::Clear, &[])
    }

    /// The directory that the program is to run in. A relative path to the program counts from there.
    pub fn current_dir(&mut self, directory: impl Argument) -> &mut Self {
        self.note(Asked::Directory, &[directory.bytes()])
    }

    /// The user that the program is to run as. Without [`groups`](Self::groups), root's other groups are
    /// given up.
    pub fn uid(&mut self, user: u32) -> &mut Self {
        self.user = Some(user);
        self
    }

    /// The group that the program is to run as.
    pub fn gid(&mut self, group: u32) -> &mut Self {
        self.group = Some(group);
        self
    }

    /// The other groups that the program's user is to be in.
    pub fn groups(&mut self, groups: &[u32]) -> &mut Self {
        let mut list = Bytes::new();
        for group in groups {
            if let Err(errno) = list.push(&group.to_ne_bytes()) {
                self.refused.get_or_insert(errno);
            }
        }
        self.groups = Some(list);
        self
    }

    /// The process group that the program is to be in: a number, or 0 for a new one, which has the
    /// program's own number.
    pub fn process_group(&mut self, group: i32) -> &mut Self {
        self.process_group = Some(group);
        self
    }

    /// Whether the program's process group is to get the terminal, if standard input is one
    /// (tcsetpgrp(3)): keys such as Ctrl-C then go to it, and it may read. This process can
    /// [take it back](super::take_foreground).
    pub fn foreground(&mut self, foreground: bool) -> &mut Self {
        self.foreground = foreground;
        self
    }

    /// Whether the program is to begin a session, without a terminal (setsid(2)).
    pub fn setsid(&mut self, setsid: bool) -> &mut Self {
        self.session = setsid;
        self
    }

    /// A signal that the program is not to find ignored, also where this process
    /// [ignores](crate::signal::ignore) it or was started with it ignored.
    pub fn reset_signal(&mut self, signal: Signal) -> &mut Self {
        self.reset |= set_of(signal.number());
        self
    }

    /// Where standard input leads; inherited if nothing is said.
    pub fn stdin(&mut self, stdio: impl Into<Stdio>) -> &mut Self {
        self.stdio[0] = Some(stdio.into());
        self
    }

    /// Where standard output leads; inherited if nothing is said.
    pub fn stdout(&mut self, stdio: impl Into<Stdio>) -> &mut Self {
        self.stdio[1] = Some(stdio.into());
        self
    }

    /// Where standard error leads; inherited if nothing is said.
    pub fn stderr(&mut self, stdio: impl Into<Stdio>) -> &mut Self {
        self.stdio[2] = Some(stdio.into());
        self
    }

    /// Whether the process is to be killed when its [`Child`] is dropped. It is not, if nothing is said.
    pub fn kill_on_drop(&mut self, kill_on_drop: bool) -> &mut Self {
        self.kill_on_drop = kill_on_drop;
        self
    }

    /// Starts the program. Can be called again, for another process.
    ///
    /// The OS thread stands still until the program has begun, typically for a tenth to half of a
    /// millisecond, and about one more for every thousand variables that the command sets. Needs no task.
    /// Uses a descriptor, one more for each pipe, and for its duration two more if it gives up being a user or
    /// a group, about 40 KiB of memory, and 24 bytes for each such variable.
    ///
    /// # Errors
    ///
    /// [`Error::call`] names the step that has failed.
    ///
    /// - `execve`: [`Errno::NOENT`], there is no such program; [`Errno::ACCES`], it must not be executed;
    ///   [`Errno::NOEXEC`], it is no program; [`Errno::TOOBIG`], arguments and environment are too long;
    ///   [`Errno::INVAL`], a zero byte in a text, or an equals sign in a variable's name.
    /// - `clone`: [`Errno::AGAIN`], [`Errno::NOMEM`], there cannot be another process;
    ///   [`Errno::MFILE`], the process has no descriptor left.
    /// - `mmap`: [`Errno::NOMEM`], the process has no memory left.
    /// - `chdir`, `setgroups`, `setgid`, `setuid`, `setsid`, `setpgid`, `tcsetpgrp`, `dup2`: those of their
    ///   manual pages.
    /// - `pipe`, `open`, `fcntl`: [`Errno::MFILE`], the process has no descriptor left.
    pub fn spawn(&mut self) -> Result<Child, Error> {
        launch::launch(self, Streams::Inherited)
    }

    /// Starts the program and waits until it has ended. Only the running task is parked.
    ///
    /// # Cancellation
    ///
    /// The process goes on, and nobody has it, unless it is killed: [`kill_on_drop`](Self::kill_on_drop).
    ///
    /// # Errors
    ///
    /// Those of [`spawn`](Self::spawn) and [`Child::wait`].
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn status(&mut self) -> Result<ExitStatus, Error> {
        self.spawn()?.wait()
    }

    /// Starts the program, waits until it has ended, and returns what it has written. Its input is empty if
    /// nothing else was said.
    ///
    /// # Cancellation
    ///
    /// As for [`status`](Self::status). What was written until then is lost.
    ///
    /// # Errors
    ///
    /// Those of [`spawn`](Self::spawn), and of [`Child::wait_with_output`].
    ///
    /// # Panics
    ///
    /// Outside of a task.
    ///
    /// # Examples
    ///
    /// ```
    /// use barecoro::{Runtime, process::Command};
    ///
    /// static RUNTIME: Runtime<1> = Runtime::new();
    /// let output = RUNTIME.run(|| Command::new("echo").arg("hello").output()).unwrap().unwrap();
    /// assert!(output.status.success());
    /// assert_eq!(*output.stdout, *b"hello\n");
    /// ```
    #[track_caller]
    pub fn output(&mut self) -> Result<Output, Error> {
        launch::launch(self, Streams::Captured)?.wait_with_output()
    }

    /// All that was asked for, in order.
    pub(super) fn asked(&self) -> impl Iterator<Item = (Asked, &CStr)> + Clone {
        let mut rest: &[u8] = &self.log;
        core::iter::from_fn(move || {
            let (letter, text) = rest.split_first()?;
            let text = CStr::from_bytes_until_nul(text).ok()?;
            rest = rest.get(text.count_bytes() + 2..).unwrap_or_default();
            Some((Asked::of_letter(*letter)?, text))
        })
    }

    /// Where a text of [`asked`](Self::asked) lies.
    pub(super) fn place(&self, text: &CStr) -> usize {
        text.as_ptr().addr() - self.log.as_ptr().addr()
    }

    /// The first bytes of the text at a place.
    pub(super) fn text(&self, place: usize, length: usize) -> &[u8] {
        self.log.get(place..place + length).unwrap_or_default()
    }

    /// The text that was last asked for.
    pub(super) fn last(&self, wanted: Asked) -> Option<&CStr> {
        let found = self.asked().filter(|(asked, _)| *asked == wanted);
        found.last().map(|(_, text)| text)
    }

    /// What went wrong until now.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.refused.map_or(Ok(()), Err).of(Call::Execute)
    }

    pub(super) fn stdio(&self) -> &[Option<Stdio>; 3] {
        &self.stdio
    }

    /// The other groups, if they are to be set.
    pub(super) fn group_list(&self) -> Option<impl ExactSizeIterator<Item = u32>> {
        let (groups, _) = self.groups.as_ref()?.as_chunks::<4>();
        Some(groups.iter().map(|group| u32::from_ne_bytes(*group)))
    }

    /// Appends to the log a text of some parts.
    fn note(&mut self, asked: Asked, parts: &[&[u8]]) -> &mut Self {
        if parts.iter().any(|part| part.contains(&0)) {
            self.refused.get_or_insert(Errno::INVAL);
            return self;
        }
        let length = parts.iter().map(|part| part.len()).sum::<usize>() + 2;
        let noted = self.log.reserve(length).and_then(|()| {
            self.log.push(&[asked as u8])?;
            parts.iter().try_for_each(|part| self.log.push(part))?;
            self.log.push(&[0])
        });
        if let Err(errno) = noted {
            self.refused.get_or_insert(errno);
        }
        self
    }

    fn check_name(&mut self, name: &[u8]) {
        // An equals sign in front belongs to the name.
        if name.is_empty() || name.iter().skip(1).any(|byte| *byte == b'=') {
            self.refused.get_or_insert(Errno::INVAL);
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_argument = |asked| matches!(asked, Asked::Program | Asked::Argument);
        let arguments = self.asked().filter(|(asked, _)| is_argument(*asked));
        f.debug_list().entries(arguments.map(|(_, text)| text)).finish()
    }
}
