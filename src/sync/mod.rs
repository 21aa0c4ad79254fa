//! Locks, channels, `select!`: what lets tasks work together. Floor 5.
#![expect(unsafe_code, reason = "x")]

mod channel;
mod lock;
mod macros;
mod mutex;
mod notify;
pub mod select;
mod semaphore;
mod wait;

pub use channel::{
    Channel, Iter, Receiver, RecvError, SendError, Sender, TryIter, TryRecvError, TrySendError,
};
pub use mutex::{Mutex, MutexGuard};
pub use notify::Notify;
pub use semaphore::{Permit, Semaphore};
