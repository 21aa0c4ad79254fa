//! A change, as something to wait for.
#![expect(unsafe_code, reason = "links nodes that lie in the frames of parked tasks")]

use core::fmt;

use crate::collections::Node;
use crate::sync::RecvError;
use crate::sync::wait::{Arm, Link, Take, Waiter};

use super::Receiver;

/// Waiting for a change. Nobody else uses the receiver meanwhile.
pub struct Changing<'a, T> {
    receiver: &'a Receiver<'a, T>,
    node: Node<Link>,
}

impl<'a, T> Changing<'a, T> {
    pub(in crate::sync) fn new(receiver: &'a mut Receiver<'_, T>) -> Self {
        Self { receiver, node: Node::new(Link::NONE) }
    }
}

impl<T> Arm for Changing<'_, T> {
    #[track_caller]
    fn try_now(&self) -> bool {
        let channel = self.receiver.channel();
        channel.owner.enter("watch::Receiver::changed");
        self.receiver.is_behind() || channel.closed.get()
    }

    unsafe fn link(&self, waiter: &Waiter, index: u32) {
        self.node.set(Link::to(waiter, index));
        // SAFETY: the caller's promise.
        unsafe { self.receiver.channel().waiters.push(&self.node) }
    }

    unsafe fn unlink(&self) {
        // SAFETY: `link` puts it into this list only.
        unsafe { self.receiver.channel().waiters.remove(&self.node) }
    }
}

impl<T> Take for Changing<'_, T> {
    type Output = Result<(), RecvError>;

    fn take(&self, cancelled: bool) -> Self::Output {
        if cancelled {
            return Err(RecvError::Cancelled);
        }
        self.receiver.channel().owner.enter("watch::Receiver::changed");
        self.receiver.catch_up()
    }
}

impl<T> fmt::Debug for Changing<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changing").finish_non_exhaustive()
    }
}
