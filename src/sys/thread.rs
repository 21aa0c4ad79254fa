//! Sleeping and waking an OS thread: futex(2).
#![expect(unsafe_code, reason = "system calls; each function says what its arguments must be")]

#[cfg(feature = "epoll")]
use core::num::NonZeroUsize;
use core::sync::atomic::AtomicU32;

use linux_raw_sys::general as linux;
#[cfg(feature = "epoll")]
use linux_raw_sys::prctl;

use super::clock::Instant;
use super::{number, result};
use crate::error::Errno;

/// Sleeps while `word` holds `expected`, until woken or until `deadline`.
///
/// Returns at once where it holds something else (`EAGAIN`); `EINTR` and `ETIMEDOUT` as their
/// names say. A futex needs no descriptor and no memory, and its time limit is absolute.
pub(crate) fn futex_wait(
    word: &AtomicU32,
    expected: u32,
    deadline: Option<Instant>,
) -> Result<(), Errno> {
    let limit = deadline.map(Instant::as_timespec);
    let limit_address = limit.as_ref().map_or(0, |limit| (&raw const *limit).expose_provenance());
    // SAFETY: the kernel reads the word and the time limit, both alive during the call.
    let returned = unsafe {
        sc::syscall6(
            number(linux::__NR_futex),
            word.as_ptr().expose_provenance(),
            number(linux::FUTEX_WAIT_BITSET | linux::FUTEX_PRIVATE_FLAG),
            number(expected),
            limit_address,
            0,
            number(linux::FUTEX_BITSET_MATCH_ANY),
        )
    };
    result(returned).map(drop)
}

/// Wakes the thread that sleeps on `word`, if one does.
pub(crate) fn futex_wake(word: &AtomicU32) {
    futex_wake_at(word);
}

/// As [`futex_wake`], also if there is no word at the address any more: then it wakes nobody, or
/// somebody who sleeps on another word that is there now, and has to expect that (futex(2)).
pub(crate) fn futex_wake_at(word: *const AtomicU32) {
    // SAFETY: waking touches no memory of the program's.
    let _woken = unsafe {
        sc::syscall3(
            number(linux::__NR_futex),
            word.expose_provenance(),
            number(linux::FUTEX_WAKE | linux::FUTEX_PRIVATE_FLAG),
            1,
        )
    };
}

/// The least slack that a thread can have, in nanoseconds.
#[cfg(feature = "epoll")]
pub(crate) const EXACT: NonZeroUsize = NonZeroUsize::MIN;

/// Sets by how many nanoseconds this thread's sleeps may be longer than asked for
/// (`PR_SET_TIMERSLACK`), and returns what that was. `None` if nothing was changed.
#[cfg(feature = "epoll")]
pub(crate) fn replace_timer_slack(slack: NonZeroUsize) -> Option<NonZeroUsize> {
    let before = NonZeroUsize::new(control(prctl::PR_GET_TIMERSLACK, 0).ok()?)?;
    control(prctl::PR_SET_TIMERSLACK, slack.get()).ok()?;
    Some(before)
}

/// prctl(2) with a number.
#[cfg(feature = "epoll")]
pub(super) fn control(option: u32, argument: usize) -> Result<usize, Errno> {
    // SAFETY: the options that this is called with touch no memory of the program's.
    result(unsafe { sc::syscall5(number(linux::__NR_prctl), number(option), argument, 0, 0, 0) })
}

/// Lets so much time pass: nanosleep(2), which a signal ends early.
pub(crate) fn pause(duration: core::time::Duration) {
    let time = linux::__kernel_timespec {
        tv_sec: duration.as_secs().cast_signed(),
        tv_nsec: duration.subsec_nanos().into(),
    };
    // SAFETY: the kernel reads the time.
    let _ended = unsafe {
        sc::syscall2(number(linux::__NR_nanosleep), (&raw const time).expose_provenance(), 0)
    };
}

/// Points the thread register fs at a thread's control block.
///
/// # Safety
///
/// `block` is laid out as the System V ABI says (variant II: its first word points at itself, the
/// thread-local variables lie below it) and lives as long as the thread.
#[cfg(feature = "start")]
pub(crate) unsafe fn set_thread_register(block: *mut u8) -> Result<(), Errno> {
    // SAFETY: the caller vouches for the block.
    let returned = unsafe {
        sc::syscall2(
            number(linux::__NR_arch_prctl),
            number(linux::ARCH_SET_FS),
            block.expose_provenance(),
        )
    };
    result(returned).map(drop)
}
