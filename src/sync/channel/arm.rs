//! Sending and receiving, as something to wait for.
#![expect(unsafe_code, reason = "links nodes that lie in the frames of parked tasks")]

use core::cell::Cell;
use core::fmt;
use core::ptr::NonNull;

use crate::collections::Node;
use crate::sync::select::{Receive, SendTo};
use crate::sync::wait::{Arm, Link, Take, Waiter};
use crate::task::WaitError;

use super::{Channel, Place, RecvError, SendError, TryRecvError, TrySendError};

/// Sending an item.
pub struct Sending<'a, T, const N: usize> {
    channel: &'a Channel<T, N>,
    /// The item until it is sent.
    item: Cell<Option<T>>,
    node: Node<Place<T>>,
}

impl<'a, T, const N: usize> Sending<'a, T, N> {
    #[inline(always)]
    pub(super) fn new(channel: &'a Channel<T, N>, item: T) -> Self {
        Self {
            channel,
            item: Cell::new(Some(item)),
            node: Node::new((Link::NONE, NonNull::dangling())),
        }
    }

    /// What has come of it.
    #[inline(always)]
    pub(super) fn sent(&self, waited: Result<(), WaitError>) -> Result<(), SendError<T>> {
        match (self.item.take(), waited) {
            (None, _) => Ok(()),
            (Some(item), Ok(())) => Err(SendError::Closed(item)),
            (Some(item), Err(error)) => Err(SendError::of(error, item)),
        }
    }
}

impl<T, const N: usize> Arm for Sending<'_, T, N> {
    fn try_now(&self) -> bool {
        let scheduler = self.channel.owner.enter("Channel::send");
        let Some(item) = self.item.take() else { return true };
        match self.channel.offer(scheduler, item) {
            Ok(()) => true,
            Err(TrySendError::Closed(item)) => {
                self.item.set(Some(item));
                true
            }
            Err(TrySendError::Full(item)) => {
                self.item.set(Some(item));
                false
            }
        }
    }

    #[inline(always)]
    unsafe fn link(&self, waiter: &Waiter, index: u32) {
        self.node.set((Link::to(waiter, index), NonNull::from(&self.item)));
        // SAFETY: the caller's promise.
        unsafe { self.channel.sending.push(&self.node) }
    }

    #[inline]
    unsafe fn unlink(&self) {
        // SAFETY: `link` puts it into this list only.
        unsafe { self.channel.sending.remove(&self.node) }
    }
}

impl<T, const N: usize> Take for Sending<'_, T, N> {
    type Output = Result<(), SendError<T>>;

    fn take(&self, cancelled: bool) -> Self::Output {
        self.sent(if cancelled { Err(WaitError::Cancelled) } else { Ok(()) })
    }
}

impl<T, const N: usize> SendTo<T> for Channel<T, N> {
    type Arm<'a>
        = Sending<'a, T, N>
    where
        Self: 'a;

    fn arm(&self, item: T) -> Sending<'_, T, N> {
        Sending::new(self, item)
    }
}

/// Receiving an item.
pub struct Receiving<'a, T, const N: usize> {
    channel: &'a Channel<T, N>,
    item: Cell<Option<T>>,
    node: Node<Place<T>>,
}

impl<'a, T, const N: usize> Receiving<'a, T, N> {
    #[inline(always)]
    pub(super) fn new(channel: &'a Channel<T, N>) -> Self {
        Self { channel, item: Cell::new(None), node: Node::new((Link::NONE, NonNull::dangling())) }
    }

    /// What has come of it.
    #[inline(always)]
    pub(super) fn received(&self, waited: Result<(), WaitError>) -> Result<T, RecvError> {
        match (self.item.take(), waited) {
            (Some(item), _) => Ok(item),
            (None, Ok(())) => Err(RecvError::Closed),
            (None, Err(error)) => Err(error.into()),
        }
    }
}

impl<T, const N: usize> Arm for Receiving<'_, T, N> {
    fn try_now(&self) -> bool {
        if let Some(item) = self.item.take() {
            // It was tried before.
            self.item.set(Some(item));
            return true;
        }
        let scheduler = self.channel.owner.enter("Channel::recv");
        match self.channel.accept(scheduler) {
            Ok(item) => {
                self.item.set(Some(item));
                true
            }
            Err(error) => error != TryRecvError::Empty,
        }
    }

    #[inline(always)]
    unsafe fn link(&self, waiter: &Waiter, index: u32) {
        self.node.set((Link::to(waiter, index), NonNull::from(&self.item)));
        // SAFETY: the caller's promise.
        unsafe { self.channel.receiving.push(&self.node) }
    }

    #[inline]
    unsafe fn unlink(&self) {
        // SAFETY: `link` puts it into this list only.
        unsafe { self.channel.receiving.remove(&self.node) }
    }
}

impl<T, const N: usize> Take for Receiving<'_, T, N> {
    type Output = Result<T, RecvError>;

    fn take(&self, cancelled: bool) -> Self::Output {
        self.received(if cancelled { Err(WaitError::Cancelled) } else { Ok(()) })
    }
}

impl<T, const N: usize> Receive for Channel<T, N> {
    type Arm<'a>
        = Receiving<'a, T, N>
    where
        Self: 'a;

    fn arm(&self) -> Receiving<'_, T, N> {
        Receiving::new(self)
    }
}

impl<T, const N: usize> fmt::Debug for Sending<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}

impl<T, const N: usize> fmt::Debug for Receiving<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving").finish_non_exhaustive()
    }
}
