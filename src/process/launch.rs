//! From a command to a child.
#![expect(unsafe_code, reason = "lays out what the child reads, and lends it a stack")]

use core::cell::Cell;
use core::ffi::{CStr, c_char};
use core::ptr;
use core::sync::atomic::Ordering;

use crate::error::Errno;
use crate::io::Error;
use crate::stack::{MappedStack, Stack as _, StackError};
use crate::sys::call::{Call, Named as _};
use crate::sys::environment::Inherited;
use crate::sys::process::Which;
use crate::sys::spawn::{self, Plan};
use crate::task::Scheduler;

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
    let room = Room::new(&sizes(command, &inherited, program)).of(Call::Map)?;
    let arguments = room.arguments(arguments(command).map(CStr::as_ptr));
    let environment = room.environment(variables(command, &inherited).map(CStr::as_ptr));
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
        path: if is_path { None } else { Some(path(command, &inherited)) },
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
        id: place.id(),
        failure: Cell::new(None),
        has_handlers: Cell::new(false),
    };
    // The child would inherit it for ever.
    if let Some(scheduler) = Scheduler::current() {
        scheduler.put_slack_back();
    }
    // SAFETY: the stack is new and has that size. The strings are the command's and the inherited
    // ones, which stay until this returns.
    let pidfd = unsafe { spawn::spawn(&plan, stack.base()) }.of(Call::Clone)?;
    if let Some(error) = plan.failure.get() {
        place.wait_for_end(Which::Pidfd(pidfd.raw()));
        return Err(error);
    }
    let id = place.id().load(Ordering::Relaxed);
    let parents = opened.map(|opened| opened.parent);
    Ok(Child::new(pidfd, id, place, parents, command.kill_on_drop))
}

/// How much room it takes, at most.
fn sizes(command: &Command, inherited: &Inherited, program: &CStr) -> Sizes {
    let set = command.asked().filter(|(asked, _)| *asked == Asked::Set).count();
    let longest = path(command, inherited).len().max(1);
    Sizes {
        arguments: arguments(command).count() + 1,
        environment: inherited.iter().count() + set + 1,
        groups: command.group_list().map_or(0, |groups| groups.len()),
        candidate: longest + 1 + program.count_bytes() + 1,
    }
}

/// The arguments, the program's name first.
fn arguments(command: &Command) -> impl Iterator<Item = &CStr> {
    let name = command.last(Asked::Name).or_else(|| command.last(Asked::Program));
    let others = command.asked().filter(|(asked, _)| *asked == Asked::Argument);
    name.into_iter().chain(others.map(|(_, text)| text))
}

/// The environment of the child: what it inherits, less what the command changes, and what that sets.
fn variables<'a>(command: &'a Command, inherited: &'a Inherited) -> impl Iterator<Item = &'a CStr> {
    let cleared = command.asked().filter(|(asked, _)| *asked == Asked::Clear).count();
    // What was asked for after the last time that everything was forgotten.
    let changes = command.asked().scan(0, move |seen, (asked, text)| {
        *seen += usize::from(asked == Asked::Clear);
        Some((*seen == cleared, asked, text))
    });
    let changes = changes.filter_map(|(counts, asked, text)| {
        let is_change = matches!(asked, Asked::Set | Asked::Remove);
        (counts && is_change).then_some((asked, text))
    });
    let named = changes.clone();
    let is_changed = move |name: &[u8]| named.clone().any(|(_, text)| name_of(text) == name);
    let kept = inherited
        .iter()
        .take_while(move |_| cleared == 0)
        .filter(move |variable| !is_changed(name_of(variable)));
    let later = changes.clone();
    let set = changes.enumerate().filter_map(move |(place, (asked, text))| {
        let name = name_of(text);
        let is_last = !later.clone().skip(place + 1).any(|(_, text)| name_of(text) == name);
        (asked == Asked::Set && is_last).then_some(text)
    });
    kept.chain(set)
}

/// The name of a variable, `NAME=value` or `NAME`.
fn name_of(variable: &CStr) -> &[u8] {
    let text = variable.to_bytes();
    // An equals sign in front belongs to the name.
    let sign = text.iter().skip(1).position(|byte| *byte == b'=');
    sign.and_then(|sign| text.get(..=sign)).unwrap_or(text)
}

/// Where programs are, as the child's environment says.
fn path<'a>(command: &'a Command, inherited: &'a Inherited) -> &'a [u8] {
    let found = variables(command, inherited).find(|variable| name_of(variable) == b"PATH");
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

    fn inherited() -> Inherited {
        let mut text = Bytes::new();
        text.push(b"A=1\0B=2\0=odd=3\0PATH=/x\0").unwrap();
        Inherited::Text(text)
    }

    fn all(command: &Command) -> Vec<Vec<u8>> {
        let inherited = inherited();
        variables(command, &inherited).map(|variable| variable.to_bytes().to_vec()).collect()
    }

    #[test]
    fn what_was_said_last_of_a_variable_counts() {
        let mut command = Command::new("x");
        assert_eq!(all(&command), [&b"A=1"[..], b"B=2", b"=odd=3", b"PATH=/x"]);
        command.env("B", "3").env("C", "").env_remove("A").env("=odd", "4").env("B", "5");
        assert_eq!(all(&command), [&b"PATH=/x"[..], b"C=", b"=odd=4", b"B=5"]);
        command.env("A", "a=b");
        assert_eq!(all(&command)[3..], [&b"B=5"[..], b"A=a=b"]);
        command.env_clear().env("Z", "1").env_remove("Y");
        assert_eq!(all(&command), [b"Z=1"]);
        assert_eq!(path(&command, &inherited()), USUAL_PATH);
        assert_eq!(path(&Command::new("x"), &inherited()), b"/x");
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
