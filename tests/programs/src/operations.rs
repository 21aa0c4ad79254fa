//! Does a little of everything that waits for the kernel, and says what has failed. Somebody makes
//! one system call fail: nothing may be lost by that but what the call was for.
//!
//! `operations DRIVER FOLDER`. Exit code 0: all went well, 1: something has failed and was said, 9:
//! something was left behind.
#![no_std]
#![no_main]

use barecoro::fs::{self, Dir, File};
use barecoro::net::{Shutdown, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixStream};
use barecoro::process::{Command, Stdio};
use barecoro::start::{Env, ExitCode};
use barecoro::time::{self, Duration};
use barecoro::{Driver, Errno, Runtime, entry, eprintln, io, task};

const SLOTS: usize = 8;
static RUNTIME: Runtime<SLOTS> = Runtime::new();

entry!(main);

fn main(env: Env) -> ExitCode {
    let mut arguments = env.args().skip(1);
    let driver = match arguments.next() {
        Some("uring") => Driver::Uring,
        _ => Driver::Epoll,
    };
    let folder = arguments.next().unwrap_or("/tmp");
    // What the first child leaves for the next ones, a page of their table, is counted too. The call
    // that fails may be one of these.
    let child = || Command::new("/bin/true").status();
    let _one = (0..3).any(|_| RUNTIME.builder().driver(driver).run(child).is_ok_and(|ended| ended.is_ok()));
    let before = count(driver);
    let ran = RUNTIME.builder().driver(driver).run(|| all_steps(folder)).map_err(Errno::from);
    if let Err(error) = ran {
        eprintln!("run: {error}");
    }
    let after = count(driver);
    if let (Ok(before), Ok(after)) = (before, after)
        && (after.0 > before.0 || after.1 > before.1 || after.2 < before.2)
    {
        eprintln!("left behind: {before:?} {after:?}");
        return ExitCode::from(9);
    }
    if ran == Ok(0) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many descriptors, mappings and free slots there are.
fn count(driver: Driver) -> Result<(usize, usize, usize), Errno> {
    RUNTIME.builder().driver(driver).run(|| {
        let mut descriptors = 0;
        for entry in fs::read_dir("/proc/self/fd")? {
            entry?;
            descriptors += 1;
        }
        let maps = File::open("/proc/self/maps")?;
        let (mut lines, mut piece) = (0, [0; 512]);
        loop {
            match maps.read(&mut piece)? {
                0 => break,
                length => lines += piece[..length].iter().filter(|byte| **byte == b'\n').count(),
            }
        }
        let free = core::iter::from_fn(|| task::spawn(task::yield_now).ok()).count();
        Ok((descriptors, lines, free))
    })?
}

fn all_steps(folder: &str) -> usize {
    type Step = fn(&str) -> Result<(), io::Error>;
    let steps: [(&str, Step); 8] = [
        ("tcp", tcp),
        ("udp", udp),
        ("unix", unix),
        ("limits", limits),
        ("files", files),
        ("folders", folders),
        ("pipes", pipes),
        ("processes", processes),
    ];
    let mut failed = 0;
    for (name, step) in steps {
        // Where one side has failed, the other would wait for ever.
        let done = time::timeout(Duration::from_secs(2), || step(folder));
        let error = match done {
            Ok(Ok(())) => continue,
            Ok(Err(error)) | Err(time::Elapsed(Err(error))) => error,
            Err(time::Elapsed(Ok(()))) => continue,
        };
        eprintln!("{name}: {error}");
        failed += 1;
    }
    failed
}

/// Both sides of a conversation; the first error ends both.
fn both(
    one: impl FnOnce() -> Result<(), io::Error>,
    other: impl FnOnce() -> Result<(), io::Error>,
) -> Result<(), io::Error> {
    task::scope(|s| {
        if s.spawn(one).is_err() {
            eprintln!("spawn: failed");
        }
        other()
    })
}

fn tcp(_: &str) -> Result<(), io::Error> {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    let address = listener.local_addr()?;
    let serve = || {
        let (stream, _peer) = listener.accept()?;
        let mut buffer = [0; 16];
        loop {
            match stream.read(&mut buffer)? {
                0 => return stream.shutdown(Shutdown::Write),
                count => stream.write_all(&buffer[..count])?,
            }
        }
    };
    both(serve, || {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let copy = stream.try_clone()?;
        let mut buffer = [0; 16];
        for _ in 0..3 {
            stream.write_vectored(&[io::IoSlice::new(b"he"), io::IoSlice::new(b"llo")])?;
            copy.peek(&mut buffer)?;
            let mut rest = 5;
            while rest > 0 {
                match stream.read(&mut buffer[..rest])? {
                    0 => return Ok(()),
                    count => rest -= count,
                }
            }
        }
        stream.shutdown(Shutdown::Write)?;
        stream.read(&mut buffer).map(drop)
    })
}

fn udp(_: &str) -> Result<(), io::Error> {
    let a = UdpSocket::bind(([127, 0, 0, 1], 0).into())?;
    let b = UdpSocket::bind(([127, 0, 0, 1], 0).into())?;
    let to = b.local_addr()?;
    both(|| a.send_to(b"hello", to).map(drop), || b.recv_from(&mut [0; 16]).map(drop))
}

fn unix(_: &str) -> Result<(), io::Error> {
    let (a, b) = UnixStream::pair()?;
    both(|| a.write_all(b"hello"), || b.read(&mut [0; 16]).map(drop))?;
    let (a, b) = UnixDatagram::pair()?;
    both(|| a.send(b"hello").map(drop), || b.recv(&mut [0; 16]).map(drop))
}

fn limits(_: &str) -> Result<(), io::Error> {
    let (_a, b) = UnixStream::pair()?;
    let mut buffer = [0; 16];
    match time::timeout(Duration::from_millis(1), || b.read(&mut buffer)) {
        Err(time::Elapsed(Err(error))) if error.is_cancelled() => Ok(()),
        Err(time::Elapsed(read)) | Ok(read) => read.map(drop),
    }
}

fn files(folder: &str) -> Result<(), io::Error> {
    let folder = Dir::open(folder)?;
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    let file = folder.open_file_with("file", &options)?;
    file.write_all(b"hello world")?;
    file.write_all_at(b"HELLO", 0)?;
    let mut buffer = [0; 11];
    file.read_exact_at(&mut buffer, 0)?;
    file.sync_data()?;
    assert!(file.metadata()?.len() >= 11 && &buffer == b"HELLO world");
    Ok(())
}

fn folders(folder: &str) -> Result<(), io::Error> {
    let path = |name: &str| -> heapless::String<256> {
        folder.chars().chain(['/']).chain(name.chars()).collect()
    };
    let (a, b) = (path("a"), path("b"));
    // An earlier try may have left them.
    let _left = (fs::remove_dir(&*a), fs::remove_dir(&*b));
    fs::create_dir(&*a)?;
    fs::rename(&*a, &*b)?;
    for entry in fs::read_dir(folder)? {
        entry?;
    }
    fs::remove_dir(&*b)
}

fn processes(_: &str) -> Result<(), io::Error> {
    let mut child = Command::new("/bin/cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    if let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) {
        stdin.write_all(b"hello")?;
        drop(stdin);
        while stdout.read(&mut [0; 4])? > 0 {}
    }
    child.wait().map(drop)
}

fn pipes(_: &str) -> Result<(), io::Error> {
    let (reader, writer) = io::pipe()?;
    both(
        || {
            let writer = writer;
            writer.write_all(b"hello")
        },
        || {
            let mut buffer = [0; 4];
            while reader.read(&mut buffer)? > 0 {}
            Ok(())
        },
    )
}
