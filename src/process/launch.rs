//! From a command to a child.
#![expect(unsafe_code, reason = "lays out what the child reads, and lends it a stack")]

use core::cell::Cell;
use core::ffi::{CStr, c_char};
use core::ptr;
use core::sync::atomic::Ordering;

use crate::error::Errno;
use crate::io::Error;
use crate::signal;
use crate::stack::{MappedStack, Stack as _, StackError};
use crate::sys::call::{Call, Named as _};
use crate::sys::dumpable::Dumpable;
use crate::sys::environment::Inherited;
use crate::sys::process::Which;
use crate::sys::spawn::{self, Plan};
use crate::task::Scheduler;

use super::changes::{Changes, name_of};
use super::command::{Asked, Command};
use super::room::{Room, Sizes};
use super::table::Place;
use super::{Child, Stdio};

/// What becomes of standard streams of which the command says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Streams {
    Inherited,
    /// No input, and pipes for output and errors.
    Captured,
}

/// Where a program is looked for if the environment does not say so.
const USUAL_PATH: &[u8] = b"/bin:/usr/bin";

/// What the child's stack has; it was seen to use 3 KiB where nothing is optimised.
const STACK: usize = 32 * 1024;

pub(super) fn launch(command: &Command, streams: Streams) -> Result<Child, Error> {
    command.check()?;
    let inherited = Inherited::of_process().of(Call::Map)?;
    let program = command.last(Asked::Program).unwrap_or_default();
    let changes = Changes::of(command).of(Call::Map)?;
    let path = path(&changes, &inherited);
    let room = Room::new(&sizes(command, &inherited, path, program)).of(Call::Map)?;
    let arguments = room.arguments(arguments(command).map(CStr::as_ptr));
    let environment = room.environment(changes.applied_to(&inherited).map(CStr::as_ptr));
    let is_path = program.to_bytes().contains(&b'/') || program.is_empty();

    let default = |place| match (streams, place) {
        (Streams::Inherited, _) => Stdio::inherit(),
        (Streams::Captured, 0) => Stdio::null(),
        (Streams::Captured, _) => Stdio::piped(),
    };
    let open = |place: usize, stdio: &Option<Stdio>| match stdio {
        Some(stdio) => stdio.open(place == 0),
        None => default(place).open(place == 0),
    };
    let [stdin, stdout, stderr] = command.stdio();
    let opened = [open(0, stdin)?, open(1, stdout)?, open(2, stderr)?];

    let stack = MappedStack::new(STACK).map_err(refused).of(Call::Map)?;
    let place = Place::reserve().of(Call::Map)?;
    let plan = Plan {
        program,
        path: if is_path { None } else { Some(path) },
        candidate: room.candidate(),
        arguments,
        environment,
        stdio: opened.each_ref().map(|opened| opened.number),
        directory: command.last(Asked::Directory),
        user: command.user,
        group: command.group,
        groups: command.group_list().map(|groups| room.groups(groups)),
        process_group: command.process_group,
        foreground: command.foreground,
        session: command.session,
        ignored: signal::ignored_before(),
        reset: command.reset,
        id: place.id(),
        failure: Cell::new(None),
        has_handlers: Cell::new(false),
    };
    // The child would inherit it for ever.
    if let Some(scheduler) = Scheduler::current() {
        scheduler.put_slack_back();
    }
    let gives_up_rights = command.user.is_some() || command.group.is_some();
    let dumpable = if gives_up_rights { Dumpable::keep().of(Call::Pipe)? } else { None };
    // SAFETY: the stack is new and has that size. The strings are the command's and the inherited
    // ones, which stay until this returns.
    let pidfd = unsafe { spawn::spawn(&plan, stack.base()) }.of(Call::Clone)?;
    drop(dumpable);
    if let Some(error) = plan.failure.get() {
        place.wait_for_end(Which::Pidfd(pidfd.raw()));
        return Err(error);
    }
    let id = place.id().load(Ordering::Relaxed);
    let parents = opened.map(|opened| opened.parent);
    Ok(Child::new(pidfd, id, place, parents, command.kill_on_drop))
}

/// How much room it takes, at most.
fn sizes(command: &Command, inherited: &Inherited, path: &[u8], program: &CStr) -> Sizes {
    let set = command.asked().filter(|(asked, _)| *asked == Asked::Set).count();
    Sizes {
        arguments: arguments(command).count() + 1,
        environment: inherited.iter().count() + set + 1,
        groups: command.group_list().map_or(0, |groups| groups.len()),
        candidate: path.len().max(1) + 1 + program.count_bytes() + 1,
    }
}

/// The arguments, the program's name first.
fn arguments(command: &Command) -> impl Iterator<Item = &CStr> {
    let name = command.last(Asked::Name).or_else(|| command.last(Asked::Program));
    let others = command.asked().filter(|(asked, _)| *asked == Asked::Argument);
    name.into_iter().chain(others.map(|(_, text)| text))
}

/// Where programs are, as the child's environment says.
fn path<'a>(changes: &'a Changes<'_>, inherited: &'a Inherited) -> &'a [u8] {
    let found = changes.applied_to(inherited).find(|variable| name_of(variable) == b"PATH");
    found.and_then(|variable| variable.to_bytes().get(5..)).unwrap_or(USUAL_PATH)
}

fn refused(error: StackError) -> Errno {
    error.into()
}

/// A null for the end of a list.
pub(super) const END: *const c_char = ptr::null();

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::sys::bytes::Bytes;

    #[test]
    fn programs_are_looked_for_where_the_child_would() {
        let mut text = Bytes::new();
        text.push(b"A=1\0PATH=/x\0").unwrap();
        let inherited = Inherited::Text(text);
        let found = |command: &Command| {
            let changes = Changes::of(command).unwrap();
            path(&changes, &inherited).to_vec()
        };
        assert_eq!(found(&Command::new("x")), b"/x");
        assert_eq!(found(Command::new("x").env("PATH", "/y").env("PATH", "")), b"");
        assert_eq!(found(Command::new("x").env_remove("PATH")), USUAL_PATH);
        assert_eq!(found(Command::new("x").env_clear()), USUAL_PATH);
    }

    #[test]
    fn arguments_come_in_order() {
        let mut command = Command::new("program");
        command.arg("one").args([&b""[..], b"2"]).arg(c"three");
        let texts: Vec<_> = arguments(&command).collect();
        assert_eq!(texts, [c"program", c"one", c"", c"2", c"three"]);
        command.arg0("other");
        assert_eq!(arguments(&command).next(), Some(c"other"));
    }

    #[test]
    fn wrong_text_is_said_at_the_start() {
        for command in [
            Command::new("a\0b").arg("x"),
            Command::new("a").arg("x\0"),
            Command::new("a").env("", "x"),
            Command::new("a").env("x=y", "z"),
            Command::new("a").env_remove("x=y"),
        ] {
            assert_eq!(command.check().unwrap_err().errno(), Errno::INVAL);
        }
        assert!(Command::new("a").env("=x", "y").check().is_ok());
    }
}
