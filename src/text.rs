//! Numbers and text for reports, without paddings and alignments. Below floor 0.
//!
//! The formatting of core can do much more, and a program that uses it anywhere carries 2 KiB of
//! code for it. Reports can do without, so a small program that prints nothing else stays small.

use core::fmt::{self, Write as _};
use core::num::NonZeroU64;

/// A number in decimal digits.
pub(crate) struct Decimal(pub(crate) u64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        digits(f, self.0, const { NonZeroU64::new(10).unwrap() })
    }
}

/// A number in hexadecimal digits, with the prefix `0x`.
#[cfg_attr(
    not(any(feature = "panic-handler", feature = "overflow")),
    allow(dead_code, reason = "for return addresses")
)]
pub(crate) struct Hexadecimal(pub(crate) u64);

impl fmt::Display for Hexadecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        digits(f, self.0, const { NonZeroU64::new(16).unwrap() })
    }
}

/// Text as it is.
pub(crate) struct Plain<'a>(pub(crate) &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Writes all digits but the last by calling itself: at most 20 deep.
fn digits(f: &mut fmt::Formatter<'_>, number: u64, base: NonZeroU64) -> fmt::Result {
    let rest = number / base;
    if rest > 0 {
        digits(f, rest, base)?;
    }
    let last = u32::try_from(number % base).unwrap_or(0);
    f.write_char(char::from_digit(last, 16).unwrap_or('?'))
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::{Decimal, Hexadecimal, Plain};

    #[test]
    fn numbers_print_as_cores_do() {
        for number in [0, 1, 9, 10, 15, 16, 255, 4096, u64::MAX] {
            assert_eq!(format!("{}", Decimal(number)), format!("{number}"));
            assert_eq!(format!("{}", Hexadecimal(number)), format!("{number:#x}"));
        }
        assert_eq!(format!("{}", Plain("as it is")), "as it is");
    }
}
