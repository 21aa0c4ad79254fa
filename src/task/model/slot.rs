//! Slots as other threads know them.

use core::ptr;
use std::boxed::Box;

use super::shim::{AtomicBool, AtomicPtr, AtomicU64};

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) queued: AtomicBool,
    pub(super) remote: Remote,
}

#[derive(Debug)]
pub(super) struct Remote {
    pub(super) id: AtomicU64,
    pub(super) pending: AtomicU64,
    pub(super) next: AtomicPtr<Slot>,
}

impl Slot {
    /// One that task `id` has. It lives for ever.
    pub(super) fn leaked(id: u64) -> &'static Self {
        Box::leak(Box::new(Self {
            queued: AtomicBool::new(false),
            remote: Remote {
                id: AtomicU64::new(id),
                pending: AtomicU64::new(0),
                next: AtomicPtr::new(ptr::null_mut()),
            },
        }))
    }
}
