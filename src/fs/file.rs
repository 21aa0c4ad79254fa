//! Open files.

use linux_raw_sys::general as linux;

use crate::driver;
use crate::error::Errno;
use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::io::{self, Error, SeekFrom};
use crate::sys::call::{Call, Named as _};
use crate::sys::operation::Operation;
use crate::sys::{fd, folder};

use super::again;
use super::metadata::{Metadata, Permissions};
use super::options::OpenOptions;
use super::path::AsPath;

/// An open file.
///
/// All calls take `&self`, so that several tasks can use one file. With [`read_at`](Self::read_at)
/// and [`write_at`](Self::write_at) they do not get into each other's way.
///
/// See [the module](super) for what waits.
///
/// # Examples
///
/// ```
/// use barecoro::{Errno, Runtime, fs::File};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// RUNTIME.run(|| {
///     let file = File::open("/proc/version")?;
///     let mut buffer = [0; 5];
///     file.read_exact(&mut buffer)?;
///     assert_eq!(&buffer, b"Linux");
///     Ok::<_, Errno>(())
/// }).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct File {
    fd: OwnedFd,
}

impl File {
    /// Opens a file to read it.
    ///
    /// # Errors
    ///
    /// As for [`OpenOptions::open`].
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn open(path: impl AsPath) -> Result<Self, Error> {
        OpenOptions::new().read(true).open(path)
    }

    /// Opens a file to write it, and makes or empties it.
    ///
    /// # Errors
    ///
    /// As for [`OpenOptions::open`].
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn create(path: impl AsPath) -> Result<Self, Error> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path)
    }

    /// Makes a file to read and write, which must not be there.
    ///
    /// # Errors
    ///
    /// As for [`OpenOptions::open`]; [`Errno::EXIST`].
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn create_new(path: impl AsPath) -> Result<Self, Error> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    /// What a file is opened with.
    pub const fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Reads some bytes from the file's position on, and returns how many; 0 is the end.
    ///
    /// On `io_uring`, the position is for one task at a time: two that read at once may get the same bytes.
    /// [`read_at`](Self::read_at) is for any number.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost: a cancelled read has taken nothing, or returns what it has taken.
    ///
    /// # Errors
    ///
    /// Those of read(2), such as [`Errno::ISDIR`]; [`Errno::CANCELED`] if the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[inline]
    #[track_caller]
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        io::perform_here(Some(&self.fd), &Operation::read(self.fd.raw(), buffer, None))
    }

    /// As [`read`](Self::read), from a place in the file on. Leaves its position as it is.
    ///
    /// # Errors
    ///
    /// As for `read`. Of what has no places, such as a pipe, it is [`Errno::SPIPE`] on `epoll`;
    /// `io_uring` does not mind, and reads.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[inline]
    #[track_caller]
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        let offset = place(offset).of(Call::Read)?;
        driver::perform(Some(&self.fd), &Operation::read(self.fd.raw(), buffer, Some(offset)))
    }

    /// Fills all of `buffer`.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read); [`Errno::NODATA`] if the file ends before.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn read_exact(&self, buffer: &mut [u8]) -> Result<(), Error> {
        if self.fill(buffer)? == buffer.len() { Ok(()) } else { Err(ENDED) }
    }

    /// As [`read_exact`](Self::read_exact), from a place in the file on.
    ///
    /// # Errors
    ///
    /// As for `read_exact`.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read_at(rest, offset.saturating_add(filled as u64))? {
                0 => return Err(ENDED),
                count => filled += count,
            }
        }
        Ok(())
    }

    /// Reads all that follows into `buffer`, and returns how many bytes that is.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read); [`Errno::FBIG`] if there is more than fits. The buffer is full
    /// then, and a byte of the rest may have been read too.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn read_to_end(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        let count = self.fill(buffer)?;
        if count == buffer.len() && self.read(&mut [0])? != 0 {
            return Err(Error::new(Call::Read, Errno::FBIG));
        }
        Ok(count)
    }

    /// Reads until the buffer is full or the file ends.
    fn fill(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read(rest)? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }

    /// Writes some of `bytes` from the file's position on, and returns how many.
    ///
    /// On `io_uring`, the position is for one task at a time, as for [`read`](Self::read): two that write at
    /// once may overwrite each other. Not so where the file was opened to append.
    ///
    /// # Cancellation
    ///
    /// A cancelled write has written nothing, or returns how much it has.
    ///
    /// # Errors
    ///
    /// Those of write(2), such as [`Errno::NOSPC`]; [`Errno::CANCELED`] if the task was told to end.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[inline]
    #[track_caller]
    pub fn write(&self, bytes: &[u8]) -> Result<usize, Error> {
        io::perform_here(Some(&self.fd), &Operation::write(self.fd.raw(), bytes, None))
    }

    /// As [`write`](Self::write), from a place in the file on. Leaves its position as it is. A
    /// file that was opened to append is written at its end all the same.
    ///
    /// # Errors
    ///
    /// As for `write`. Of what has no places, such as a pipe, it is [`Errno::SPIPE`] on `epoll`;
    /// `io_uring` does not mind, and writes.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[inline]
    #[track_caller]
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<usize, Error> {
        let offset = place(offset).of(Call::Write)?;
        driver::perform(Some(&self.fd), &Operation::write(self.fd.raw(), bytes, Some(offset)))
    }

    /// Writes all of `bytes`.
    ///
    /// # Cancellation
    ///
    /// Some may have been written when it fails; nobody knows how many.
    ///
    /// # Errors
    ///
    /// As for [`write`](Self::write).
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn write_all(&self, bytes: &[u8]) -> Result<(), Error> {
        io::write_all(bytes, |rest| self.write(rest))
    }

    /// As [`write_all`](Self::write_all), from a place in the file on.
    ///
    /// # Errors
    ///
    /// As for [`write_at`](Self::write_at).
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn write_all_at(&self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        let mut place = offset;
        io::write_all(bytes, |rest| {
            let count = self.write_at(rest, place)?;
            place = place.saturating_add(count as u64);
            Ok(count)
        })
    }

    /// Sets the file's position, and returns it. Does not wait.
    ///
    /// # Errors
    ///
    /// [`Errno::SPIPE`] of what has no places; [`Errno::INVAL`] before the beginning.
    pub fn seek(&self, to: SeekFrom) -> Result<u64, Error> {
        let (offset, whence) = match to {
            SeekFrom::Start(offset) => {
                (place(offset).of(Call::Seek)?.cast_signed(), linux::SEEK_SET)
            }
            SeekFrom::End(offset) => (offset, linux::SEEK_END),
            SeekFrom::Current(offset) => (offset, linux::SEEK_CUR),
        };
        fd::seek(self.fd.raw(), offset, whence).of(Call::Seek)
    }

    /// What the kernel knows of the file.
    ///
    /// On `io_uring` a thread of the kernel's asks the file system, which takes longer than a system
    /// call.
    ///
    /// # Errors
    ///
    /// Those of statx(2).
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn metadata(&self) -> Result<Metadata, Error> {
        Metadata::ask(self.fd.raw(), c"", 0)
    }

    /// As [`metadata`](Self::metadata), as far as it is in memory: never waits, and works outside of
    /// tasks as well. It saves the way by a worker of the kernel's, where `io_uring` asks.
    ///
    /// Of a file that was just opened it is up to date. Later, and on a network file system, it may be
    /// what was true before.
    ///
    /// # Errors
    ///
    /// Those of statx(2).
    pub fn cached_metadata(&self) -> Result<Metadata, Error> {
        Metadata::cached(self.fd.raw())
    }

    /// Sets who may do what with it. All tasks stand still meanwhile.
    ///
    /// # Errors
    ///
    /// Those of fchmod(2).
    pub fn set_permissions(&self, permissions: Permissions) -> Result<(), Error> {
        again(|| folder::change_mode_of(self.fd.raw(), permissions.mode())).of(Call::ChangeMode)
    }

    /// Cuts the file off, or makes it longer, with zeros. All tasks stand still meanwhile.
    ///
    /// # Errors
    ///
    /// Those of ftruncate(2).
    pub fn set_len(&self, length: u64) -> Result<(), Error> {
        again(|| folder::truncate(self.fd.raw(), length)).of(Call::Truncate)
    }

    /// Waits until all that was written to the file is on its device, with its metadata.
    ///
    /// # Errors
    ///
    /// Those of fsync(2), such as [`Errno::IO`].
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn sync_all(&self) -> Result<(), Error> {
        driver::perform(Some(&self.fd), &Operation::sync(self.fd.raw())).map(drop)
    }

    /// As [`sync_all`](Self::sync_all), without metadata that is not needed to read it.
    ///
    /// # Errors
    ///
    /// As for `sync_all`.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn sync_data(&self) -> Result<(), Error> {
        driver::perform(Some(&self.fd), &Operation::sync_data(self.fd.raw())).map(drop)
    }

    /// Another descriptor for the same file, with the same position.
    ///
    /// # Errors
    ///
    /// [`Errno::MFILE`] if the process has no descriptor left.
    pub fn try_clone(&self) -> Result<Self, Error> {
        fd::duplicate_anywhere(self.fd.raw()).map(Self::from).of(Call::Duplicate)
    }
}

/// The file has ended before a buffer was full.
const ENDED: Error = Error::new(Call::Read, Errno::NODATA);

/// A place in a file; Linux has no more than the positive half of them.
fn place(offset: u64) -> Result<u64, Errno> {
    if i64::try_from(offset).is_ok() { Ok(offset) } else { Err(Errno::INVAL) }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<File> for OwnedFd {
    fn from(file: File) -> Self {
        file.fd
    }
}

/// The descriptor may be of anything that can be read or written.
impl From<OwnedFd> for File {
    fn from(fd: OwnedFd) -> Self {
        Self { fd }
    }
}

crate::io::stream!(File);

impl embedded_io::Seek for File {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, Error> {
        Self::seek(self, to)
    }
}

impl embedded_io::Seek for &File {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, Error> {
        File::seek(self, to)
    }
}
