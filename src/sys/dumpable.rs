//! Who may look into this process: `PR_SET_DUMPABLE` of prctl(2).
//!
//! When a process gives up rights, the kernel keeps those who have no more than what is left from looking
//! into its memory: no core dumps, no debugger. A child that shares its parent's memory does this to
//! the parent, too, and it lasts. So it is put back, but not before the child has memory of its
//! own: otherwise its new user could read, by the child, what the parent has.

use core::time::Duration;

use linux_raw_sys::{general as linux, prctl};
use spin::{Mutex, MutexGuard};

use super::operation::Operation;
use super::owned::OwnedFd;
use super::{fd, number, pipe, thread};
use crate::error::Errno;

/// One child at a time gives up rights, so that none does while another one's parent puts it back.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// `SUID_DUMP_USER`: whoever has the process's rights may look (prctl(2)).
const ANYBODY: usize = 1;

/// A process that can be looked into, and that can again when this is dropped.
pub(crate) struct Dumpable {
    /// Ends when the child's end is closed, which happens on exec, or when the child ends: both times it
    /// has left this memory before.
    reader: OwnedFd,
    writer: Option<OwnedFd>,
    _turn: MutexGuard<'static, ()>,
}

impl Dumpable {
    /// Call it before a child is started that shares this memory and gives up rights; drop it afterwards.
    /// `None` if nobody may look into the process anyway.
    pub(crate) fn keep() -> Result<Option<Self>, Errno> {
        let turn = loop {
            match ONE_AT_A_TIME.try_lock() {
                Some(turn) => break turn,
                None => thread::pause(Duration::from_micros(20)),
            }
        };
        if thread::control(prctl::PR_GET_DUMPABLE, 0) != Ok(ANYBODY) {
            return Ok(None);
        }
        let (reader, mut writer) = pipe::new()?;
        // The child puts its standard streams there.
        if writer.raw() <= fd::STDERR {
            writer = fd::duplicate_anywhere(writer.raw())?;
        }
        Ok(Some(Self { reader, writer: Some(writer), _turn: turn }))
    }
}

impl Drop for Dumpable {
    fn drop(&mut self) {
        self.writer = None;
        let ended = Operation::poll(self.reader.raw(), linux::POLLIN);
        // It takes microseconds; but if another thread has forked just now, that child has the end too, and
        // may keep it.
        for _ in 0..1000 {
            match ended.perform() {
                Err(Errno::AGAIN) => thread::pause(Duration::from_micros(20)),
                Ok(events) if events & number(linux::POLLHUP) != 0 => {
                    let _set = thread::control(prctl::PR_SET_DUMPABLE, ANYBODY);
                    return;
                }
                _ => return,
            }
        }
    }
}
