//! What a command changes of the environment. The OS thread stands still while that is put together,
//! so it takes little more time than there are variables.

use core::ffi::CStr;

use crate::error::Errno;
use crate::sys::bytes::Bytes;
use crate::sys::environment::Inherited;

use super::command::{Asked, Command};

/// A command's changes, to be looked up by name.
pub(super) struct Changes<'a> {
    command: &'a Command,
    /// Whether nothing is inherited.
    is_cleared: bool,
    /// A [`Change`] each, in their order.
    sorted: Bytes,
}

/// Where a text lies that changes a variable, and how long the variable's name is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Change {
    place: usize,
    name: usize,
}

const NUMBER: usize = size_of::<usize>();

impl Change {
    const fn of_bytes(bytes: &[[u8; NUMBER]; 2]) -> Self {
        let [place, name] = *bytes;
        Self { place: usize::from_ne_bytes(place), name: usize::from_ne_bytes(name) }
    }

    const fn bytes(self) -> [[u8; NUMBER]; 2] {
        [self.place.to_ne_bytes(), self.name.to_ne_bytes()]
    }

    /// What changes are ordered by: the variable's name, and then what was said first.
    fn order(self, command: &Command) -> (&[u8], usize) {
        (command.text(self.place, self.name), self.place)
    }
}

impl<'a> Changes<'a> {
    /// Those that a command makes. Memory for them comes from the kernel, if there are any.
    pub(super) fn of(command: &'a Command) -> Result<Self, Errno> {
        let mut this = Self { command, is_cleared: false, sorted: Bytes::new() };
        for (asked, text) in command.asked() {
            match asked {
                // What was said before does not count.
                Asked::Clear => (this.is_cleared, this.sorted) = (true, Bytes::new()),
                Asked::Set | Asked::Remove => {
                    let change = Change { place: command.place(text), name: name_of(text).len() };
                    this.sorted.push(change.bytes().as_flattened())?;
                }
                Asked::Program | Asked::Argument | Asked::Name | Asked::Directory => {}
            }
        }
        let (numbers, _) = this.sorted.as_chunks_mut::<NUMBER>();
        let (changes, _) = numbers.as_chunks_mut::<2>();
        changes.sort_unstable_by(|one, other| {
            Change::of_bytes(one).order(command).cmp(&Change::of_bytes(other).order(command))
        });
        Ok(this)
    }

    /// Where the text lies that was last said of a variable.
    fn last(&self, name: &[u8]) -> Option<usize> {
        let (numbers, _) = self.sorted.as_chunks::<NUMBER>();
        let (changes, _) = numbers.as_chunks::<2>();
        // Behind all that are said of it.
        let end = changes.partition_point(|change| {
            Change::of_bytes(change).order(self.command) <= (name, usize::MAX)
        });
        let change = Change::of_bytes(changes.get(end.checked_sub(1)?)?);
        (change.order(self.command).0 == name).then_some(change.place)
    }

    /// The environment of the child: what it inherits, less what the command changes, and what that
    /// sets.
    pub(super) fn applied_to<'b>(
        &'b self,
        inherited: &'b Inherited,
    ) -> impl Iterator<Item = &'b CStr> {
        let kept = inherited
            .iter()
            .take_while(|_| !self.is_cleared)
            .filter(|variable| self.last(name_of(variable)).is_none());
        let set = self.command.asked().filter_map(|(asked, text)| {
            let is_set = asked == Asked::Set;
            let is_last = is_set && self.last(name_of(text)) == Some(self.command.place(text));
            is_last.then_some(text)
        });
        kept.chain(set)
    }
}

/// The name of a variable, `NAME=value` or `NAME`.
pub(super) fn name_of(variable: &CStr) -> &[u8] {
    let text = variable.to_bytes();
    // An equals sign in front belongs to the name.
    let sign = text.iter().skip(1).position(|byte| *byte == b'=');
    sign.and_then(|sign| text.get(..=sign)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn inherited() -> Inherited {
        let mut text = Bytes::new();
        text.push(b"A=1\0B=2\0=odd=3\0PATH=/x\0").unwrap();
        Inherited::Text(text)
    }

    fn all(command: &Command) -> Vec<Vec<u8>> {
        let (inherited, changes) = (inherited(), Changes::of(command).unwrap());
        changes.applied_to(&inherited).map(|variable| variable.to_bytes().to_vec()).collect()
    }

    #[test]
    fn what_was_said_last_of_a_variable_counts() {
        let mut command = Command::new("x");
        assert_eq!(all(&command), [&b"A=1"[..], b"B=2", b"=odd=3", b"PATH=/x"]);
        command.env("B", "3").env("C", "").env_remove("A").env("=odd", "4").env("B", "5");
        assert_eq!(all(&command), [&b"PATH=/x"[..], b"C=", b"=odd=4", b"B=5"]);
        command.env("A", "a=b");
        assert_eq!(all(&command)[3..], [&b"B=5"[..], b"A=a=b"]);
        command.env_remove("B");
        assert_eq!(all(&command)[2..], [&b"=odd=4"[..], b"A=a=b"]);
        command.env_clear().env("Z", "1").env_remove("Y");
        assert_eq!(all(&command), [b"Z=1"]);
    }
}
