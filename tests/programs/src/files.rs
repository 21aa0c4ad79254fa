//! Does something with files, folders and pipes, in the folder that its argument names, until a call
//! fails. In the end as many descriptors are open as in the beginning. See tests/file_errors.rs.
#![no_std]
#![no_main]

use barecoro::fs::{self, Dir, File, OpenOptions, Permissions};
use barecoro::io::{self, Error, SeekFrom};
use barecoro::start::{Env, ExitCode};
use barecoro::{Errno, Runtime, entry, eprintln, println, task};

static RUNTIME: Runtime<4> = Runtime::new();

entry!(main);

fn main(env: Env) -> Result<ExitCode, Errno> {
    let folder = env.args().nth(1).ok_or(Errno::INVAL)?;
    let outcome = RUNTIME.run(|| {
        fs::set_current_dir(folder)?;
        // What it says goes by other calls than what is tried.
        let outcome = try_all();
        outcome
    })?;
    // All that was opened is closed, the driver included: the next descriptor is the first free one.
    let (reader, writer) = io::pipe()?;
    let numbers = (number(&reader), number(&writer));
    match outcome {
        Ok(()) => println!("done, next {numbers:?}"),
        Err(error) => eprintln!("{error:?}, next {numbers:?}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn number(fd: &impl barecoro::fd::AsRawFd) -> i32 {
    fd.as_raw_fd()
}

fn try_all() -> Result<(), Error> {
    files()?;
    folders()?;
    fifo()?;
    pipes()
}

fn files() -> Result<(), Error> {
    let file = OpenOptions::new().read(true).write(true).create(true).open("file")?;
    file.write_all(b"hello, world")?;
    file.seek(SeekFrom::Start(0))?;
    let mut buffer = [0; 16];
    let count = file.read_to_end(&mut buffer)?;
    check(&buffer[..count] == b"hello, world");
    file.write_all_at(b"HE", 0)?;
    file.read_exact_at(&mut buffer[..5], 0)?;
    check(&buffer[..5] == b"HEllo");
    file.sync_all()?;
    file.sync_data()?;
    file.set_len(3)?;
    check(file.metadata()?.len() == 3);
    check(file.try_clone()?.metadata()?.len() == 3);
    file.set_permissions(Permissions::from_mode(0o600))?;
    fs::set_permissions("file", Permissions::from_mode(0o640))?;
    check(fs::copy("file", "copy")? == 3);
    Ok(())
}

fn folders() -> Result<(), Error> {
    fs::create_dir("folder")?;
    fs::rename("copy", "folder/other")?;
    fs::hard_link("file", "folder/link")?;
    fs::symlink("link", "folder/symlink")?;
    let mut buffer = [0; 16];
    check(fs::read_link("folder/symlink", &mut buffer)? == b"link");
    let folder = Dir::open("folder")?;
    check(folder.open_file("symlink")?.metadata()?.nlink() == 2);
    let mut count = 0;
    for entry in folder.read_dir()? {
        fs::remove_file(path_of(entry?.file_name()).as_str())?;
        count += 1;
    }
    check(count == 3);
    fs::remove_dir("folder")
}

fn path_of(name: &core::ffi::CStr) -> heapless::String<64> {
    let mut path = heapless::String::new();
    check(path.push_str("folder/").is_ok());
    check(name.to_str().is_ok_and(|name| path.push_str(name).is_ok()));
    path
}

/// A named pipe that is there already. If one side fails, the other is cancelled.
fn fifo() -> Result<(), Error> {
    task::scope(|s| {
        let reader = s.spawn(|| File::open("fifo")?.read(&mut [0; 4]).map(drop));
        let writer = s.spawn(|| OpenOptions::new().write(true).open("fifo")?.write_all(b"x"));
        check(reader.is_ok() && writer.is_ok());
        Ok(())
    })
}

fn pipes() -> Result<(), Error> {
    let (reader, writer) = io::pipe()?;
    writer.write_all(b"pipe")?;
    drop(writer);
    let mut buffer = [0; 8];
    check(reader.read(&mut buffer)? == 4);
    check(reader.read(&mut buffer)? == 0);
    Ok(())
}

#[track_caller]
fn check(fact: bool) {
    assert!(fact);
}
