//! Signals: waiting for them as a task, sending them. Floor 6.
//!
//! [`Signals`] installs handlers, which note what has come and wake the tasks that wait for it. So it
//! works whichever thread of the program the kernel chooses, no signal has to be blocked anywhere, and
//! the programs that this one starts find nothing changed.

mod hub;
mod number;
mod send;
mod wait;

#[cfg(feature = "process")]
pub(crate) use hub::ignored_before;
pub use number::{Signal, UnknownSignal};
pub use send::{ignore, raise, reset, send, send_to_all, send_to_group};
pub use wait::{Info, Signals};
