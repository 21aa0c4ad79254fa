//! Return addresses as text.

use core::fmt::Write as _;

use super::Lines;
use super::auxv::image_base;
use crate::text::Hexadecimal;

/// Writes the addresses, a line each: where they are, and where in the program's file.
/// `addr2line -e PROGRAM` turns the second number into a place in the source.
pub(crate) fn write_return_addresses(out: &mut Lines, addresses: impl Iterator<Item = usize>) {
    // Nobody can be told that standard error does not work.
    let _written = out.write_str("return addresses:\n");
    let base = image_base();
    for address in addresses {
        let (absolute, relative) = (address as u64, address.wrapping_sub(base) as u64);
        let _written = writeln!(out, "  {}  {}", Hexadecimal(absolute), Hexadecimal(relative));
    }
}
