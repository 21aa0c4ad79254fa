//! A channel between threads.

use core::fmt;

use heapless::Deque;

use crate::sync::{RecvError, SendError, TryRecvError, TrySendError};
use crate::time::Instant;

use super::meeting::{Meeting, Side};

/// A queue of up to `N` items between tasks of any runtimes and plain threads.
///
/// `N` is at least 1, or it does not compile. Without a queue a sender would have to be sure of a
/// receiver's hands, but who waits here may be about to leave.
///
/// Items come in the order in which they were sent. Of several that wait, who is called first may be
/// overtaken by one that comes just then.
///
/// It has no halves: whoever has a reference to it may send and receive, on any thread, so none of
/// them is the last of its side. [`close`](Self::close) says that nothing more will come.
///
/// # Examples
///
/// Threads compute for the tasks of a run:
///
/// ```
/// use barecoro::{Runtime, sync::cross, task};
///
/// static RUNTIME: Runtime<2> = Runtime::new();
/// static NUMBERS: cross::Channel<u64, 4> = cross::Channel::new().named("numbers");
/// static SQUARES: cross::Channel<u64, 4> = cross::Channel::new().named("squares");
///
/// std::thread::scope(|s| {
///     for _ in 0..2 {
///         s.spawn(|| NUMBERS.iter().for_each(|n| SQUARES.send(n * n).unwrap()));
///     }
///     RUNTIME.run(|| {
///         let asking = task::spawn(|| (1..=10).for_each(|n| NUMBERS.send(n).unwrap())).unwrap();
///         assert_eq!(SQUARES.iter().take(10).sum::<u64>(), 385);
///         asking.join().unwrap();
///         NUMBERS.close();                             // the threads' loops end
///     }).unwrap();
/// });
/// ```
pub struct Channel<T, const N: usize>(pub(super) Meeting<Inside<T, N>>);

pub(super) struct Inside<T, const N: usize> {
    items: Deque<T, N>,
    closed: bool,
}

/// The channel is closed, and nothing is left in it.
pub(super) struct Closed;

impl<T, const N: usize> Channel<T, N> {
    /// An empty channel.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        const {
            assert!(
                N > 0,
                "a channel between threads needs room for an item: its capacity is at least 1"
            );
        }
        Self(Meeting::new(Inside { items: Deque::new(), closed: false }))
    }

    /// An empty channel.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self(Meeting::new(Inside { items: Deque::new(), closed: false }))
    }

    /// Gives it a name for reports of what tasks wait for.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.0.set_name(name);
        self
    }

    /// Sends an item, and waits while there is no room for it.
    ///
    /// # Cancellation
    ///
    /// The item is in the error, and was not sent.
    ///
    /// # Errors
    ///
    /// Both hold the item:
    /// - [`SendError::Closed`]: the channel is closed.
    /// - [`SendError::Cancelled`]: the task was told to end. Threads are not.
    #[track_caller]
    pub fn send(&self, item: T) -> Result<(), SendError<T>> {
        self.send_within(item, None)
    }

    /// As [`send`](Self::send), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// Those of `send`, and [`SendError::TimedOut`] with the item.
    #[track_caller]
    pub fn send_until(&self, item: T, deadline: Instant) -> Result<(), SendError<T>> {
        self.send_within(item, Some(deadline))
    }

    #[track_caller]
    fn send_within(&self, item: T, deadline: Option<Instant>) -> Result<(), SendError<T>> {
        let mut item = Some(item);
        let sent = self.0.wait(Side::Bringing, |inside| inside.put(&mut item), deadline);
        match (item, sent) {
            (None, _) => Ok(()),
            (Some(item), Ok(())) => Err(SendError::Closed(item)),
            (Some(item), Err(error)) => Err(SendError::of(error, item)),
        }
    }

    /// Sends an item if that takes no waiting.
    ///
    /// # Errors
    ///
    /// Both hold the item:
    /// - [`TrySendError::Full`]: there is no room.
    /// - [`TrySendError::Closed`]: the channel is closed.
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let mut item = Some(item);
        let tried = self.0.attempt(Side::Bringing, |inside| inside.put(&mut item));
        match (item, tried) {
            (None, _) => Ok(()),
            (Some(item), Some(())) => Err(TrySendError::Closed(item)),
            (Some(item), None) => Err(TrySendError::Full(item)),
        }
    }

    /// Receives the item that was sent first, and waits while there is none.
    ///
    /// # Errors
    ///
    /// - [`RecvError::Closed`]: the channel is closed, and nothing is left in it.
    /// - [`RecvError::Cancelled`]: the task was told to end. Threads are not.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.0.wait(Side::Taking, Inside::take, None)?.map_err(|Closed| RecvError::Closed)
    }

    /// As [`recv`](Self::recv), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// Those of `recv`, and [`RecvError::TimedOut`].
    #[track_caller]
    pub fn recv_until(&self, deadline: Instant) -> Result<T, RecvError> {
        self.0.wait(Side::Taking, Inside::take, Some(deadline))?.map_err(|Closed| RecvError::Closed)
    }

    /// Receives an item if that takes no waiting.
    ///
    /// # Errors
    ///
    /// - [`TryRecvError::Empty`]: there is nothing.
    /// - [`TryRecvError::Closed`]: the channel is closed, and nothing is left in it.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.0.attempt(Side::Taking, Inside::take) {
            Some(Ok(item)) => Ok(item),
            Some(Err(Closed)) => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Receives until the channel is closed, or the task is told to end. A thread is not told.
    pub fn iter(&self) -> Iter<'_, T, N> {
        Iter(self)
    }

    /// Receives until there is nothing left.
    pub fn try_iter(&self) -> TryIter<'_, T, N> {
        TryIter(self)
    }

    /// Closes the channel: nothing can be sent any more, and what is in it can still be received.
    pub fn close(&self) {
        self.0.change_for_all(|inside| inside.closed = true);
    }

    /// Opens a closed channel again, for another run for example. What is left in its queue stays.
    ///
    /// Who waited when it was closed, and has not run since, does not notice, and waits on.
    pub fn reopen(&self) {
        self.0.with(|inside| inside.closed = false);
    }

    /// Whether the channel is closed.
    pub fn is_closed(&self) -> bool {
        self.0.with(|inside| inside.closed)
    }

    /// How many items are in the queue.
    pub fn len(&self) -> usize {
        self.0.with(|inside| inside.items.len())
    }

    /// Whether nothing is in the queue.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T, const N: usize> Inside<T, N> {
    /// Puts the item in, or leaves it where it is if the channel is closed.
    pub(super) fn put(&mut self, item: &mut Option<T>) -> Option<()> {
        if self.closed {
            return Some(());
        }
        if self.items.is_full() {
            return None;
        }
        if let Some(item) = item.take() {
            // There is room.
            let _pushed = self.items.push_back(item);
        }
        Some(())
    }

    /// Takes an item, or learns that none will come any more.
    pub(super) fn take(&mut self) -> Option<Result<T, Closed>> {
        match self.items.pop_front() {
            Some(item) => Some(Ok(item)),
            None => self.closed.then_some(Err(Closed)),
        }
    }

    /// Whether [`put`](Self::put) would succeed.
    #[cfg(not(loom))]
    pub(super) fn has_room(&self) -> bool {
        self.closed || !self.items.is_full()
    }

    /// Whether [`take`](Self::take) would succeed.
    #[cfg(not(loom))]
    pub(super) fn has_something(&self) -> bool {
        self.closed || !self.items.is_empty()
    }
}

impl<T, const N: usize> Default for Channel<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> fmt::Debug for Channel<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("name", &self.0.name())
            .field("capacity", &N)
            .finish_non_exhaustive()
    }
}

/// The items of a channel, as they come, until it is closed or the task is told to end.
pub struct Iter<'a, T, const N: usize>(&'a Channel<T, N>);

impl<T, const N: usize> Iterator for Iter<'_, T, N> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

/// The items of a channel that are there.
pub struct TryIter<'a, T, const N: usize>(&'a Channel<T, N>);

impl<T, const N: usize> Iterator for TryIter<'_, T, N> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a Channel<T, N> {
    type Item = T;
    type IntoIter = Iter<'a, T, N>;

    fn into_iter(self) -> Iter<'a, T, N> {
        self.iter()
    }
}

impl<T, const N: usize> fmt::Debug for Iter<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

impl<T, const N: usize> fmt::Debug for TryIter<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryIter").finish_non_exhaustive()
    }
}
