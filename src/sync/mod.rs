//! Locks, channels, `select!`: what lets tasks work together. Floor 5.
//!
//! All of it is for the tasks of one run, needs no memory but its own, and can be made in a constant:
//! in a `static`, in a task's frame and lent to a [`scope`](crate::task::scope), or anywhere else.
//!
//! Who waits has its turn in the order of coming, and is handed what it waits for. With two exceptions:
//! in [`cross`], who is called tries again, and may be overtaken by one that comes just then; and the
//! receivers of [`broadcast`] and [`watch`] are all woken, and look for themselves.
//!
//! | for | there are |
//! |---|---|
//! | values that several tasks use | [`Mutex`], [`RwLock`], [`OnceCell`], [`LazyCell`] |
//! | values that go from task to task | [`Channel`], [`oneshot`] |
//! | values that go to all who want them | [`broadcast`], [`watch`] for the latest only |
//! | waiting for others | [`Notify`], [`Condvar`], [`Barrier`], [`WaitGroup`] |
//! | limits | [`Semaphore`] |
//! | what comes from, or goes to, another OS thread | [`cross`] |
//! | the first of several things | [`select!`](crate::select) |
//!
//! # Cancellation
//!
//! Each call that can wait returns an error if the task is cancelled meanwhile, and has then done
//! nothing: an item that was to be sent is in the error. If what it waits for comes first, the call is
//! successful, and nothing is lost. A cancelled task still gets what is there without waiting.
//!
//! [`Condvar::wait`] has done something: it unlocks the mutex before it waits. It locks it again when it
//! is successful, and leaves it unlocked when it fails.
//!
//! # Threads
//!
//! A thing in a `static` belongs to the run whose task uses it first, until that run has ended. Then
//! the next run may have it, also on another OS thread. Used while the run of another thread has it, it
//! panics: that is what [`cross`] is for.
//!
//! Guards and halves stay on their thread, and should not outlive their run. One that is dropped while
//! the run of another thread has its thing cannot take itself off the count, and nobody does so later: a
//! channel does not close, a [`WaitGroup`] stays occupied, a [`Semaphore`]'s permits are missing, an
//! [`RwLock`] stays locked. A [`Mutex`] is not taken over while it is locked: until the guard is
//! dropped, other runs that use it panic.

#[cfg(feature = "epoll")]
mod attempt;
mod awaiting;
mod barrier;
pub mod broadcast;
mod channel;
mod condvar;
pub mod cross;
mod group;
mod lazy;
mod lock;
mod macros;
mod mutex;
mod notify;
mod once;
pub mod oneshot;
mod parked;
mod rwlock;
pub mod select;
mod semaphore;
mod tick;
mod wait;
pub mod watch;

pub use barrier::{Barrier, BarrierWaitResult};
pub use channel::{
    Channel, Iter, Receiver, RecvError, SendError, Sender, TryIter, TryRecvError, TrySendError,
};
pub use condvar::Condvar;
pub use group::{Member, WaitGroup};
pub use lazy::LazyCell;
pub use mutex::{Mutex, MutexGuard};
pub use notify::Notify;
pub use once::OnceCell;
pub use rwlock::{ReadGuard, RwLock, WriteGuard};
pub use semaphore::{Permit, Semaphore};

/// What a bug of this crate would come to.
#[cold]
#[inline(never)]
#[expect(clippy::panic, reason = "stands for a bug of this crate")]
fn impossible() -> ! {
    panic!("barecoro has a bug")
}
