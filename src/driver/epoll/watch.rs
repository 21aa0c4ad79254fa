//! Nodes in the lists of those who wait for a descriptor, of tasks that wait for other things too.
#![expect(unsafe_code, reason = "links nodes that lie in other frames")]

use linux_raw_sys::general as linux;

use crate::collections::{List, Node};
use crate::error::Errno;
use crate::sys::fd::Fd;
use crate::task::Slot;

use super::{ALL, Epoll, Source};

impl Epoll {
    /// Lists a task among those who wait for a descriptor. If that is ready, an event will say so.
    ///
    /// # Safety
    ///
    /// The node is in no list, and stays where it is until [`leave`](Self::leave) was called.
    pub(in crate::driver) unsafe fn join(
        &self,
        node: &Node<&'static Slot>,
        fd: Fd,
        events: u32,
    ) -> Result<(), Errno> {
        let source = self.sources.of(fd)?;
        self.ask_again(source, fd)?;
        // SAFETY: the caller's promise.
        unsafe { list(source, events).push(node) };
        self.waiting.set(self.waiting.get() + 1);
        self.streak.set(0);
        Ok(())
    }

    /// Undoes `join`.
    ///
    /// # Safety
    ///
    /// `join` was called with the same arguments, and has returned no error.
    pub(in crate::driver) unsafe fn leave(&self, node: &Node<&'static Slot>, fd: Fd, events: u32) {
        self.waiting.set(self.waiting.get() - 1);
        if let Ok(source) = self.sources.of(fd) {
            // SAFETY: it is in this list, or an event has taken it out.
            unsafe { list(source, events).remove(node) };
            self.unwatch(source, fd);
        }
    }

    /// Sees to it that there is an event if the descriptor is ready already: one that came since
    /// somebody looked may have been fetched, as there may have been switches.
    fn ask_again(&self, source: &Source, fd: Fd) -> Result<(), Errno> {
        let serial = source.serial.get();
        if serial != 0 {
            // Under the same number, so that it is still the one that its owner knows.
            let data = serial << 32 | u64::from(fd.cast_unsigned());
            match self.set.control(linux::EPOLL_CTL_MOD, fd, ALL, data) {
                // It was another file's, which is closed.
                Err(Errno::NOENT) => {}
                done => return done,
            }
        }
        let is_new = self.add(source, fd)?;
        source.transient.set(is_new);
        Ok(())
    }
}

const fn list(source: &Source, events: u32) -> &List<&'static Slot> {
    if events & linux::POLLOUT == 0 { &source.readers } else { &source.writers }
}
