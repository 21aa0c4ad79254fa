//! Files and folders, in the shapes of [`std::fs`](https://doc.rust-lang.org/std/fs/). Floor 6.
//!
//! # What waits
//!
//! Files of a disk are never "not ready": a read takes as long as it takes. What that means depends
//! on the run's driver:
//!
//! - On `io_uring` opening, reading, writing, syncing, asking for metadata, renaming, linking, removing
//!   and making folders park the task. What is not at hand is done by threads of the kernel.
//! - On `epoll` the same calls are made at once, and all tasks stand still meanwhile: for a file in the
//!   page cache some microseconds, for a slow disk or a network file system as long as that takes.
//! - Listing a folder, reading a link, setting permissions or a file's length, and mounting are made at
//!   once on both: `io_uring` has no operation for them, or has not in Linux 6.1.
//!
//! Pipes, terminals and the like can be waited for, on both drivers. Named pipes too: opening one
//! parks the task until the other side is opened, as it does with std. The kernel tells nobody when
//! that happens, so it is looked for, at first every millisecond, and every 32 after a while.
//!
//! All files are opened so that they are closed on exec.
//!
//! # Cancellation
//!
//! A call that parks the task fails with [`Errno::CANCELED`] if the task is told to end; what the kernel has
//! done by then is returned as done. Buffers are the caller's again when a call returns.
//!
//! # Examples
//!
//! ```
//! use barecoro::{Errno, Runtime, fs};
//!
//! static RUNTIME: Runtime<1> = Runtime::new();
//! RUNTIME.run(|| {
//!     let mut buffer = [0; 4096];
//!     let status = fs::read_to_string("/proc/self/status", &mut buffer)?;
//!     assert!(status.starts_with("Name:"));
//!     for entry in fs::read_dir("/proc/self/fd")? {
//!         assert!(entry?.file_type().is_symlink());
//!     }
//!     Ok::<_, Errno>(())
//! }).unwrap().unwrap();
//! ```

use crate::error::Errno;

mod calls;
mod dir;
mod file;
mod metadata;
mod mount;
mod open;
mod options;
mod path;
mod read_dir;
mod whole;

pub use calls::{
    create_dir, create_dir_all, current_dir, exists, hard_link, metadata, read_link, remove_dir,
    remove_file, rename, set_current_dir, set_permissions, symlink, symlink_metadata,
};
pub use dir::Dir;
pub use file::File;
pub use metadata::{FileType, Metadata, Permissions};
pub use mount::{MountFlags, UnmountFlags, mount, open_stdio, unmount};
pub use options::{OpenOptions, Resolve};
pub use path::AsPath;
pub use read_dir::{DirEntry, ReadDir, read_dir};
pub use whole::{copy, read, read_to_string, write};

/// Makes a call again as long as signals interrupt it.
fn again<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
}
