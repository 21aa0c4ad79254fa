//! What a task waits for that waits for something of `sync`, as reports say it.
#![expect(unsafe_code, reason = "reads names and places by the addresses that are kept of them")]

use core::fmt;
use core::panic::Location;

use super::report::Place;
use super::slot::{Waiting, What};

/// Set where a thing's name is kept: its address in the lowest bits, and its length.
const NAMED: u64 = 1 << 63;
/// Programs have the lower half of the addresses of 48 bits.
const ADDRESS_BITS: u32 = 48;
const MOST: usize = 0x7fff;

impl Waiting {
    /// On something that has a name, or else at a place in the source.
    #[inline(always)]
    pub(crate) fn at(
        what: What,
        name: Option<&'static str>,
        place: &'static Location<'static>,
    ) -> Self {
        let detail = match name {
            None => (&raw const *place).expose_provenance() as u64,
            Some(name) => {
                let length = name.len().min(MOST) as u64;
                NAMED | length << ADDRESS_BITS | name.as_ptr().expose_provenance() as u64
            }
        };
        Self { what, detail }
    }
}

const fn kind(what: What) -> &'static str {
    match what {
        What::Lock => "a lock",
        What::Read => "a lock for reading",
        What::Write => "a lock for writing",
        What::Permits => "a semaphore",
        What::Condition => "a condition",
        What::Barrier => "a barrier",
        What::Notification => "a notification",
        What::Value => "a value to be set",
        What::Group => "a wait group",
        What::Receive => "an item of a channel",
        What::Send => "room in a channel",
        What::Change => "a change of a value",
        What::Select => "one of several events",
        What::Future => "a future",
        What::Thread => "something between threads",
        // Others are written elsewhere.
        What::Unpark | What::Sleep | What::Join | What::Scope => "",
        #[cfg(feature = "epoll")]
        What::Call => "",
    }
}

/// `a lock "config"`, or `a lock (at src/main.rs:7:5)`.
pub(super) fn write(what: What, detail: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(kind(what))?;
    let address = |bits: u64| usize::try_from(bits).unwrap_or(0);
    if detail & NAMED == 0 {
        let place = core::ptr::with_exposed_provenance::<Location<'static>>(address(detail));
        // SAFETY: for these kinds of things only `at` makes the detail, of a place that lives for
        // ever.
        return unsafe { place.as_ref() }
            .map_or(Ok(()), |place| write!(f, " (at {})", Place(place)));
    }
    let start = detail & ((1 << ADDRESS_BITS) - 1);
    let length = address(detail >> ADDRESS_BITS) & MOST;
    let start = core::ptr::with_exposed_provenance::<u8>(address(start));
    // SAFETY: `at` has put together the address and the length of text that lives for ever, or the
    // length of its beginning.
    let name = unsafe { core::slice::from_raw_parts(start, length) };
    let name = match core::str::from_utf8(name) {
        Ok(name) => name,
        Err(cut) => core::str::from_utf8(name.get(..cut.valid_up_to()).unwrap_or_default())
            .unwrap_or_default(),
    };
    write!(f, " \"{name}\"")
}
