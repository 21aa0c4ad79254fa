//! Timers that send signals: `timer_create(2)`, `timer_settime(2)`, `timer_delete(2)`.
#![expect(unsafe_code, reason = "system calls; each function says what its arguments must be")]

use core::time::Duration;

use linux_raw_sys::general as linux;

use super::{number, result};
use crate::error::Errno;

/// A timer of the kernel's; deleted when it is dropped.
#[derive(Debug)]
pub(crate) struct SignalTimer(linux::__kernel_timer_t);

impl SignalTimer {
    /// A timer on the monotonic clock that sends this OS thread `signal`, with `value`. It stands
    /// still at first.
    pub(crate) fn new(signal: u32, value: usize) -> Result<Self, Errno> {
        // SAFETY: touches no memory of the program's, and cannot fail.
        let thread = unsafe { sc::syscall0(number(linux::__NR_gettid)) };
        let event = linux::sigevent {
            sigev_value: linux::sigval { sival_ptr: core::ptr::without_provenance_mut(value) },
            sigev_signo: signal.cast_signed(),
            sigev_notify: linux::SIGEV_THREAD_ID.cast_signed(),
            _sigev_un: linux::sigevent__bindgen_ty_1 { _tid: i32::try_from(thread).unwrap_or(0) },
        };
        let mut id = 0;
        // SAFETY: the kernel reads the event and writes the timer's number.
        let returned = unsafe {
            sc::syscall3(
                number(linux::__NR_timer_create),
                number(linux::CLOCK_MONOTONIC),
                (&raw const event).expose_provenance(),
                (&raw mut id).expose_provenance(),
            )
        };
        result(returned).map(|_| Self(id))
    }

    /// The number, for [`repeat`].
    pub(crate) fn id(&self) -> linux::__kernel_timer_t {
        self.0
    }
}

/// Lets the timer with this number go off again and again; with zero it stands still.
pub(crate) fn repeat(id: linux::__kernel_timer_t, interval: Duration) {
    let time = linux::__kernel_timespec {
        tv_sec: interval.as_secs().cast_signed(),
        tv_nsec: interval.subsec_nanos().into(),
    };
    let setting = linux::__kernel_itimerspec { it_interval: time, it_value: time };
    // SAFETY: the kernel reads the setting. A number that is no timer's is an error, of no
    // consequence.
    let _set = unsafe {
        sc::syscall4(
            number(linux::__NR_timer_settime),
            number(id.cast_unsigned()),
            0,
            (&raw const setting).expose_provenance(),
            0,
        )
    };
}

impl Drop for SignalTimer {
    fn drop(&mut self) {
        // SAFETY: touches no memory of the program's.
        let _deleted = unsafe {
            sc::syscall1(number(linux::__NR_timer_delete), number(self.0.cast_unsigned()))
        };
    }
}
