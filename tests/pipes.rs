//! Pipes, on both drivers.
#![cfg(all(feature = "fs", feature = "time", feature = "uring"))]
#![expect(unsafe_code, reason = "hands descriptors over to std")]

mod support;

use std::io::{Read as _, Write as _};

use barecoro::fd::{AsRawFd as _, FromRawFd as _, IntoRawFd as _, OwnedFd};
use barecoro::io::{self, PipeReader, PipeWriter};
use barecoro::time::{self, Duration};
use barecoro::{Errno, Runtime, task};
use support::{in_child, on_both_drivers};

#[test]
fn what_is_written_is_read() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (reader, writer) = io::pipe().unwrap();
        let other = task::spawn(move || {
            // More than fits at once.
            for number in 0..200_u8 {
                writer.write_all(&[number; 1000]).unwrap();
            }
        })
        .unwrap();
        let mut all = Vec::new();
        let mut buffer = [0; 700];
        loop {
            match reader.read(&mut buffer).unwrap() {
                0 => break,
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
        other.join().unwrap();
        assert!(all == (0..200).flat_map(|number| [number; 1000]).collect::<Vec<u8>>());
    });
}

#[test]
fn only_who_waits_is_parked() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let (reader, writer) = io::pipe().unwrap();
        let (full, mut thread_end) = io::pipe().map(|(r, w)| (w, std_reader(r))).unwrap();
        let mut std_writer = std_writer(writer);
        let parked = task::spawn(move || {
            let mut buffer = [0; 8];
            let count = reader.read(&mut buffer).unwrap();
            assert_eq!(&buffer[..count], b"late");
        })
        .unwrap();
        let filling = task::spawn(move || full.write_all(&[7; 100_000]).unwrap()).unwrap();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            std_writer.write_all(b"late").unwrap();
            let mut all = Vec::new();
            thread_end.read_to_end(&mut all).unwrap();
            all.len()
        });
        let mut turns = 0_u64;
        while !parked.is_finished() || !filling.is_finished() {
            turns += 1;
            task::yield_now();
        }
        assert!(turns > 100, "the thread stood still");
        assert_eq!(thread.join().unwrap(), 100_000);
    });
}

/// The same end, for a thread: it must be able to wait, which an end that a task has used is not.
fn std_reader(reader: PipeReader) -> std::io::PipeReader {
    use std::os::fd::FromRawFd as _;
    let fd = OwnedFd::from(reader).into_raw_fd();
    // SAFETY: nobody else owns the descriptor.
    unsafe { std::os::fd::OwnedFd::from_raw_fd(fd) }.into()
}

fn std_writer(writer: PipeWriter) -> std::io::PipeWriter {
    use std::os::fd::FromRawFd as _;
    let fd = OwnedFd::from(writer).into_raw_fd();
    // SAFETY: nobody else owns the descriptor.
    unsafe { std::os::fd::OwnedFd::from_raw_fd(fd) }.into()
}

#[test]
fn ends_are_closed_once() {
    in_child("ends_are_closed_once", || {
        static R: Runtime<1> = Runtime::new();
        let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let before = descriptors();
        on_both_drivers(&R, || {
            let (reader, writer) = io::pipe().unwrap();
            let clone = writer.try_clone().unwrap();
            writer.write_all(b"x").unwrap();
            drop(writer);
            let owned = OwnedFd::from(clone);
            assert!(owned.as_raw_fd() > 2);
            // SAFETY: it has just been given away.
            let owned = unsafe { OwnedFd::from_raw_fd(owned.into_raw_fd()) };
            let writer = PipeWriter::from(owned);
            writer.write_all(b"y").unwrap();
            drop(writer);
            let mut buffer = [0; 8];
            assert_eq!(reader.try_clone().unwrap().read(&mut buffer), Ok(2));
            assert_eq!(reader.read(&mut buffer), Ok(0));
            assert_eq!(PipeReader::from(OwnedFd::from(reader)).read(&mut buffer), Ok(0));
        });
        assert_eq!(descriptors(), before);
    })
    .well();
}

#[test]
fn a_broken_pipe_is_an_error() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let error = writer.write(b"x").unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::PIPE, "write"));
        // Also for one that is waiting.
        let (reader, writer) = io::pipe().unwrap();
        let full = task::spawn(move || writer.write_all(&[0; 100_000])).unwrap();
        time::sleep(Duration::from_millis(5)).unwrap();
        assert!(!full.is_finished());
        drop(reader);
        assert_eq!(full.join().unwrap().unwrap_err().errno(), Errno::PIPE);
    });
}

/// After a read was cancelled, the kernel does not write into its buffer any more, and what comes
/// then is not lost.
#[test]
fn a_cancelled_read_takes_nothing() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (reader, writer) = io::pipe().unwrap();
        let mut buffer = [0; 8];
        let late = time::timeout(Duration::from_millis(5), || reader.read(&mut buffer));
        assert_eq!(late.unwrap_err().0.unwrap_err().errno(), Errno::CANCELED);
        buffer.fill(0xaa);
        writer.write_all(b"after").unwrap();
        time::sleep(Duration::from_millis(5)).unwrap();
        assert_eq!(buffer, [0xaa; 8]);
        assert_eq!(reader.read(&mut buffer), Ok(5));
        assert_eq!(&buffer[..5], b"after");

        // A writer that is cancelled says how much it has written.
        let other = task::spawn(move || {
            let mut written = 0;
            let error = loop {
                match writer.write(&[1; 10_000]) {
                    Ok(count) => written += count,
                    Err(error) => break error,
                }
            };
            assert_eq!(error.errno(), Errno::CANCELED);
            written
        })
        .unwrap();
        time::sleep(Duration::from_millis(5)).unwrap();
        other.cancel();
        let written = other.join().unwrap();
        let mut read = 0;
        let mut buffer = [0; 4096];
        loop {
            match reader.read(&mut buffer).unwrap() {
                0 => break,
                count => read += count,
            }
        }
        assert_eq!(read, written);
    });
}

/// Two tasks read from one pipe; each byte comes once.
#[test]
fn several_readers_share_a_pipe() {
    static R: Runtime<9> = Runtime::new();
    on_both_drivers(&R, || {
        let (reader, writer) = io::pipe().unwrap();
        let total = core::cell::Cell::new(0_u64);
        task::scope(|s| {
            for _ in 0..8 {
                s.spawn(|| {
                    let mut buffer = [0; 33];
                    loop {
                        let count = reader.read(&mut buffer)?;
                        if count == 0 {
                            return Ok(());
                        }
                        let sum = buffer[..count].iter().map(|byte| u64::from(*byte)).sum::<u64>();
                        total.set(total.get() + sum);
                    }
                })
                .unwrap();
            }
            for _ in 0..1000 {
                writer.write_all(&[1, 2, 3, 4, 5, 6, 7])?;
            }
            drop(writer);
            Ok::<_, io::Error>(())
        })
        .unwrap();
        assert_eq!(total.get(), 28_000);
    });
}

#[test]
fn others_use_pipes_through_traits() {
    use embedded_io::{Read, Write};
    fn write(mut stream: impl Write) {
        stream.write_all(b"text").unwrap();
        stream.flush().unwrap();
    }
    fn read(mut stream: impl Read) {
        let mut buffer = [0; 4];
        stream.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"text");
    }
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let (reader, writer) = io::pipe().unwrap();
        write(&writer);
        read(&reader);
        write(writer);
        read(reader);
    });
}
