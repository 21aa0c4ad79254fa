//! Kernel calls with types. Floor 1: one file for each family of calls.
//!
//! The instruction comes from `sc`, the numbers and structures from `linux-raw-sys`. A function
//! here does one call, takes and returns what the manual page says, and retries nothing.

#[cfg(feature = "net")]
pub(crate) mod address;
mod auxv;
#[cfg(any(feature = "panic-handler", feature = "overflow"))]
mod backtrace;
#[cfg(feature = "process")]
pub(crate) mod bytes;
#[cfg(any(feature = "epoll", feature = "io"))]
pub(crate) mod call;
pub(crate) mod clock;
#[cfg(feature = "process")]
pub(crate) mod dumpable;
#[cfg(feature = "epoll")]
pub(crate) mod environment;
#[cfg(feature = "epoll")]
pub(crate) mod epoll;
pub(crate) mod fd;
#[cfg(feature = "fs")]
pub(crate) mod file;
#[cfg(feature = "fs")]
pub(crate) mod folder;
pub(crate) mod lines;
pub(crate) mod mem;
#[cfg(feature = "net")]
pub(crate) mod message;
#[cfg(feature = "epoll")]
pub(crate) mod operation;
#[cfg(feature = "epoll")]
pub(crate) mod owned;
#[cfg(feature = "epoll")]
pub(crate) mod pipe;
pub(crate) mod process;
#[cfg(feature = "overflow")]
pub(crate) mod signal;
#[cfg(feature = "net")]
pub(crate) mod socket;
#[cfg(feature = "process")]
pub(crate) mod spawn;
pub(crate) mod system_time;
pub(crate) mod thread;
#[cfg(feature = "watchdog")]
pub(crate) mod timer;
#[cfg(feature = "uring")]
pub(crate) mod uring;
mod vdso;

pub(crate) use auxv::auxiliary_value;
#[cfg(feature = "start")]
pub(crate) use auxv::remember as remember_auxv;
#[cfg(any(feature = "panic-handler", feature = "overflow"))]
pub(crate) use backtrace::write_return_addresses;
pub(crate) use lines::Lines;

use crate::error::Errno;

/// Splits what a system call returned: -4095 to -1 are errors (Linux's x86-64 convention).
#[inline(always)]
fn result(returned: usize) -> Result<usize, Errno> {
    let error = returned.wrapping_neg();
    if error > 4095 {
        return Ok(returned);
    }
    match u16::try_from(error).ok().and_then(Errno::new) {
        Some(errno) => Err(errno),
        None => Ok(0),
    }
}

/// Widens a constant of the kernel's headers to a register.
const fn number(constant: u32) -> usize {
    constant as usize
}

/// A number of the kernel's in the type of lengths and addresses: the same on this machine.
#[cfg(feature = "epoll")]
#[expect(clippy::cast_possible_truncation, reason = "the crate is for 64 bits only")]
const fn word(number: u64) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use super::{Errno, result};

    #[test]
    fn the_error_range_ends_at_4095() {
        assert_eq!(result(0), Ok(0));
        assert_eq!(result(42), Ok(42));
        assert_eq!(result(usize::MAX), Err(Errno::PERM));
        assert_eq!(result(usize::MAX - 4094), Err(Errno::new(4095).unwrap()));
        assert_eq!(result(usize::MAX - 4095), Ok(usize::MAX - 4095));
    }
}
