//! How files are opened.

use core::ops::BitOr;

use linux_raw_sys::general as linux;

use crate::error::Errno;
use crate::io::Error;
use crate::sys::call::{Call, Named as _};
use crate::sys::file::{HERE, How};

use super::file::File;
use super::open;
use super::path::{AsPath, with_path};

/// Where a path may lead, as in openat2(2).
///
/// # Examples
///
/// ```
/// use barecoro::fs::{OpenOptions, Resolve};
/// use barecoro::{Errno, Runtime};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// RUNTIME.run(|| {
///     let file = OpenOptions::new().read(true).resolve(Resolve::NO_SYMLINKS).open("/proc/self/stat");
///     assert_eq!(file.unwrap_err().errno(), Errno::LOOP);       // /proc/self is a link
/// }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolve(u64);

impl Resolve {
    /// Not out of the folder that it begins in: not by `..`, by links, or by a path from the root.
    pub const BENEATH: Self = Self(linux::RESOLVE_BENEATH as u64);
    /// The folder that it begins in is the root, also for `..` and for links.
    pub const IN_ROOT: Self = Self(linux::RESOLVE_IN_ROOT as u64);
    /// Not through symbolic links.
    pub const NO_SYMLINKS: Self = Self(linux::RESOLVE_NO_SYMLINKS as u64);
    /// Not through links as in `/proc/self/fd`.
    pub const NO_MAGICLINKS: Self = Self(linux::RESOLVE_NO_MAGICLINKS as u64);
    /// Not into another file system.
    pub const NO_XDEV: Self = Self(linux::RESOLVE_NO_XDEV as u64);

    /// Anywhere.
    pub const fn empty() -> Self {
        Self(0)
    }
}

impl BitOr for Resolve {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How a file is opened, in the shape of std's `OpenOptions`.
///
/// # Examples
///
/// ```
/// use barecoro::{Errno, Runtime, fs::OpenOptions};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// RUNTIME.run(|| {
///     let log = OpenOptions::new().append(true).open("/dev/null")?;
///     log.write_all(b"one more line\n")?;
///     Ok::<_, Errno>(())
/// }).unwrap().unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own, as in std")]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
    flags: u32,
    mode: u32,
    resolve: Resolve,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl OpenOptions {
    /// Nothing is chosen yet. A file that is made will have the mode 0o666, less the umask.
    pub const fn new() -> Self {
        Self {
            read: false,
            write: false,
            append: false,
            truncate: false,
            create: false,
            create_new: false,
            flags: 0,
            mode: 0o666,
            resolve: Resolve::empty(),
        }
    }

    /// The file can be read.
    pub const fn read(&mut self, read: bool) -> &mut Self {
        self.read = read;
        self
    }

    /// The file can be written.
    pub const fn write(&mut self, write: bool) -> &mut Self {
        self.write = write;
        self
    }

    /// Each write goes to the file's end.
    pub const fn append(&mut self, append: bool) -> &mut Self {
        self.append = append;
        self
    }

    /// The file is emptied. Needs `write`.
    pub const fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.truncate = truncate;
        self
    }

    /// The file is made if there is none. Needs `write` or `append`.
    pub const fn create(&mut self, create: bool) -> &mut Self {
        self.create = create;
        self
    }

    /// The file is made, and must not have been there. Needs `write` or `append`.
    pub const fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.create_new = create_new;
        self
    }

    /// More flags of open(2), such as `O_NOFOLLOW`; those for reading and writing do not count. What
    /// `openat2` does not know, it refuses.
    pub const fn custom_flags(&mut self, flags: u32) -> &mut Self {
        self.flags = flags;
        self
    }

    /// Who may do what with a file that is made, less the umask.
    pub const fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = mode;
        self
    }

    /// Where the path may lead.
    pub const fn resolve(&mut self, resolve: Resolve) -> &mut Self {
        self.resolve = resolve;
        self
    }

    /// Opens a file. The end of a named pipe is opened when the other is.
    ///
    /// Does not wait for anything but named pipes and files that others have a lease on: a device is
    /// opened as with `O_NONBLOCK`, and then used without it.
    ///
    /// # Cancellation
    ///
    /// Nothing is left open. A file may have been made.
    ///
    /// # Errors
    ///
    /// Those of openat2(2) and of [`AsPath`]; [`Errno::INVAL`] if the choices do not fit together.
    ///
    /// # Panics
    ///
    /// Outside of a task.
    #[track_caller]
    pub fn open(&self, path: impl AsPath) -> Result<File, Error> {
        let how = self.how(Resolve::empty()).of(Call::Open)?;
        with_path(path, Call::Open, |path| open::open(HERE, path, &how)).map(File::from)
    }

    /// These choices as the kernel has them, and where the path may lead besides.
    pub(super) fn how(&self, resolve: Resolve) -> Result<How, Errno> {
        let flags = self.access()? | self.creation()? | linux::O_CLOEXEC;
        let flags = flags | self.flags & !linux::O_ACCMODE;
        let makes_a_file = flags & (linux::O_CREAT | linux::O_TMPFILE & !linux::O_DIRECTORY) != 0;
        Ok(How {
            flags: flags.into(),
            mode: if makes_a_file { (self.mode & 0o7777).into() } else { 0 },
            resolve: (self.resolve | resolve).0,
        })
    }

    /// As [`how`](Self::how), of a path that stays in its folder.
    pub(super) fn how_within(&self) -> Result<How, Errno> {
        let is_root = self.resolve.0 & Resolve::IN_ROOT.0 != 0;
        self.how(if is_root { Resolve::empty() } else { Resolve::BENEATH })
    }

    fn access(&self) -> Result<u32, Errno> {
        match (self.read, self.write, self.append) {
            (true, false, false) => Ok(linux::O_RDONLY),
            (false, true, false) => Ok(linux::O_WRONLY),
            (true, true, false) => Ok(linux::O_RDWR),
            (false, _, true) => Ok(linux::O_WRONLY | linux::O_APPEND),
            (true, _, true) => Ok(linux::O_RDWR | linux::O_APPEND),
            (false, false, false) => Err(Errno::INVAL),
        }
    }

    fn creation(&self) -> Result<u32, Errno> {
        let makes = self.create || self.create_new;
        if (makes || self.truncate) && !self.write && !self.append
            || self.truncate && self.append && !self.create_new
        {
            return Err(Errno::INVAL);
        }
        Ok(match (self.create, self.truncate, self.create_new) {
            (_, _, true) => linux::O_CREAT | linux::O_EXCL,
            (true, true, false) => linux::O_CREAT | linux::O_TRUNC,
            (true, false, false) => linux::O_CREAT,
            (false, true, false) => linux::O_TRUNC,
            (false, false, false) => 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(choose: impl Fn(&mut OpenOptions)) -> Result<u32, Errno> {
        let mut options = OpenOptions::new();
        choose(&mut options);
        let how = options.how(Resolve::empty())?;
        assert_eq!(how.mode != 0, how.flags & u64::from(linux::O_CREAT) != 0);
        Ok(how.flags as u32 & !linux::O_CLOEXEC)
    }

    #[test]
    fn choices_are_stds() {
        assert_eq!(flags(|_| ()), Err(Errno::INVAL));
        assert_eq!(flags(|o| _ = o.read(true)), Ok(linux::O_RDONLY));
        assert_eq!(flags(|o| _ = o.append(true)), Ok(linux::O_WRONLY | linux::O_APPEND));
        assert_eq!(flags(|o| _ = o.read(true).truncate(true)), Err(Errno::INVAL));
        assert_eq!(flags(|o| _ = o.read(true).create(true)), Err(Errno::INVAL));
        assert_eq!(flags(|o| _ = o.append(true).truncate(true)), Err(Errno::INVAL));
        assert_eq!(
            flags(|o| _ = o.read(true).write(true).create_new(true).create(true).truncate(true)),
            Ok(linux::O_RDWR | linux::O_CREAT | linux::O_EXCL),
        );
        assert_eq!(
            flags(|o| _ = o.write(true).create(true).truncate(true)),
            Ok(linux::O_WRONLY | linux::O_CREAT | linux::O_TRUNC),
        );
        let custom = linux::O_RDWR | linux::O_NOFOLLOW;
        assert_eq!(flags(|o| _ = o.read(true).custom_flags(custom)), Ok(linux::O_NOFOLLOW));
    }
}
