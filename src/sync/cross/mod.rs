//! Between OS threads: two runtimes, or a runtime and plain threads.
//!
//! What is here works in tasks and outside of them alike. A task that waits parks, and the other tasks
//! of its runtime go on; a plain thread sleeps. While a task waits for another thread, its runtime
//! does not take parked tasks for deadlocked.
//!
//! An operation costs an atomic lock, which is held for some instructions. For the tasks of one run
//! the things in [`sync`](super) are many times faster.
//!
//! # Examples
//!
//! ```
//! use barecoro::{Runtime, sync::cross};
//!
//! static RUNTIME: Runtime<2> = Runtime::new();
//! static REQUESTS: cross::Channel<u32, 4> = cross::Channel::new();
//! static REPLIES: cross::Channel<u32, 4> = cross::Channel::new();
//!
//! let thread = std::thread::spawn(|| {
//!     while let Ok(request) = REQUESTS.recv() {
//!         REPLIES.send(request * request).unwrap();
//!     }
//! });
//! RUNTIME.run(|| {
//!     REQUESTS.send(12).unwrap();
//!     assert_eq!(REPLIES.recv(), Ok(144));            // parks this task only
//!     REQUESTS.close();
//! }).unwrap();
//! thread.join().unwrap();
//! ```

#[cfg(not(loom))]
mod arm;
mod channel;
mod meeting;
#[cfg(all(loom, test))]
mod model;
mod notify;
#[cfg(not(loom))]
mod seat;
mod shim;

#[cfg(not(loom))]
#[doc(hidden)]
pub use arm::{Notified, Receiving, Sending};
pub use channel::{Channel, Iter, TryIter};
pub use notify::Notify;
