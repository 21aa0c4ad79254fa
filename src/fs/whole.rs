//! Whole files at once.

use crate::error::Errno;
use crate::io::Error;
use crate::sys::call::Call;

use super::file::File;
use super::options::OpenOptions;
use super::path::AsPath;

/// How much is copied at once.
const CHUNK: usize = 4096;

/// Reads a whole file into `buffer`, and returns the part of it that was filled.
///
/// # Errors
///
/// As for [`File::open`] and [`File::read`]; [`Errno::FBIG`] if the file does not fit.
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn read(path: impl AsPath, buffer: &mut [u8]) -> Result<&mut [u8], Error> {
    let count = File::open(path)?.read_to_end(buffer)?;
    Ok(buffer.get_mut(..count).unwrap_or_default())
}

/// Reads a whole file into `buffer`, and returns it as text.
///
/// # Errors
///
/// As for [`read`]; [`Errno::ILSEQ`] if it is not UTF-8.
///
/// # Panics
///
/// Outside of a task.
///
/// # Examples
///
/// ```
/// use barecoro::{Runtime, fs};
///
/// static RUNTIME: Runtime<1> = Runtime::new();
/// RUNTIME.run(|| {
///     let mut buffer = [0; 64];
///     let kernel = fs::read_to_string("/proc/sys/kernel/ostype", &mut buffer).unwrap();
///     assert_eq!(kernel, "Linux\n");
/// }).unwrap();
/// ```
#[track_caller]
pub fn read_to_string(path: impl AsPath, buffer: &mut [u8]) -> Result<&mut str, Error> {
    let bytes = read(path, buffer)?;
    core::str::from_utf8_mut(bytes).map_err(|_| Error::new(Call::Read, Errno::ILSEQ))
}

/// Writes a file that has these bytes, and no others.
///
/// # Errors
///
/// As for [`File::create`] and [`File::write_all`].
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn write(path: impl AsPath, bytes: &[u8]) -> Result<(), Error> {
    File::create(path)?.write_all(bytes)
}

/// Copies a file's contents and its permissions, and returns how many bytes it has. What was at `to`
/// is overwritten.
///
/// Takes 4096 bytes of stack.
///
/// # Errors
///
/// As for [`File::open`], [`File::read`] and [`File::write`]; [`Errno::INVAL`] if `from` is no regular
/// file. Then `to` is left as it was.
///
/// # Panics
///
/// Outside of a task.
#[track_caller]
pub fn copy(from: impl AsPath, to: impl AsPath) -> Result<u64, Error> {
    let from = File::open(from)?;
    let metadata = from.metadata()?;
    if !metadata.is_file() {
        return Err(Error::new(Call::Read, Errno::INVAL));
    }
    let permissions = metadata.permissions();
    let mode = permissions.mode();
    let to = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(to)?;
    if to.metadata()?.is_file() {
        to.set_permissions(permissions)?;
    }
    copy_contents(&from, &to)
}

#[inline(never)]
fn copy_contents(from: &File, to: &File) -> Result<u64, Error> {
    #[expect(clippy::large_stack_arrays, reason = "documented at `copy`")]
    let mut buffer = [0; CHUNK];
    let mut copied = 0;
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(copied);
        }
        to.write_all(buffer.get(..count).unwrap_or_default())?;
        copied += count as u64;
    }
}
