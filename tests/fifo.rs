//! Named pipes, on both drivers: who opens one waits for the other side, and nobody else does.
#![cfg(all(feature = "fs", feature = "time", feature = "uring"))]
#![expect(unsafe_code, reason = "makes named pipes by the C library")]

mod support;

use std::path::PathBuf;

use barecoro::fs::{self, Dir, File, OpenOptions};
use barecoro::time::{self, Duration};
use barecoro::{Errno, Runtime, task};
use support::{in_child, on_both_drivers};

unsafe extern "C" {
    fn mkfifo(path: *const core::ffi::c_char, mode: u32) -> i32;
}

/// A named pipe in a folder of its own.
///
/// Each run makes one: a thread of `io_uring`'s may have that of the run before open for a moment
/// longer.
struct Fifo(PathBuf);

impl Fifo {
    fn new(name: &str) -> Self {
        let folder = format!("barecoro-fifo-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        let _old = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("fifo");
        let text = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: the text ends in a zero byte.
        assert_eq!(unsafe { mkfifo(text.as_ptr(), 0o600) }, 0);
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn folder(&self) -> &str {
        self.0.parent().unwrap().to_str().unwrap()
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(self.folder());
    }
}

fn to_write() -> OpenOptions {
    *OpenOptions::new().write(true)
}

fn read_all(file: &File) -> Vec<u8> {
    let mut buffer = [0; 64];
    let count = file.read_to_end(&mut buffer).unwrap();
    buffer[..count].to_vec()
}

fn sleep(milliseconds: u64) {
    time::sleep(Duration::from_millis(milliseconds)).unwrap();
}

#[test]
fn a_reader_waits_for_a_writer() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let fifo = Fifo::new("reader");
        let path = fifo.path().to_owned();
        let reader = task::spawn(move || read_all(&File::open(&*path).unwrap())).unwrap();
        for _ in 0..20 {
            sleep(1);
            assert!(!reader.is_finished(), "there is no end where nobody has begun");
        }
        let writer = to_write().open(fifo.path()).unwrap();
        sleep(5);
        writer.write_all(b"hello").unwrap();
        sleep(5);
        writer.write_all(b", world").unwrap();
        drop(writer);
        assert_eq!(reader.join().unwrap(), b"hello, world");
    });
}

#[test]
fn a_writer_waits_for_a_reader() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let fifo = Fifo::new("writer");
        let path = fifo.path().to_owned();
        let writer = task::spawn(move || {
            let file = to_write().open(&*path)?;
            file.write_all(b"hello")
        })
        .unwrap();
        for _ in 0..20 {
            sleep(1);
            assert!(!writer.is_finished());
        }
        assert_eq!(read_all(&File::open(fifo.path()).unwrap()), b"hello");
        writer.join().unwrap().unwrap();
    });
}

/// The writer has been and gone before the reader looks again.
#[test]
fn a_writer_that_says_nothing_is_an_end() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let fifo = Fifo::new("silent");
        let path = fifo.path().to_owned();
        let reader = task::spawn(move || read_all(&File::open(&*path).unwrap())).unwrap();
        sleep(3);
        drop(std::fs::OpenOptions::new().write(true).open(fifo.path()).unwrap());
        assert_eq!(reader.join().unwrap(), b"");
    });
}

/// Opening returns when the other side has opened, though it has not written yet. Otherwise these
/// two would wait for each other for ever.
#[test]
fn two_pipes_are_opened_crosswise() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (there, back) = (Fifo::new("there"), Fifo::new("back"));
        let (requests, answers) = (there.path().to_owned(), back.path().to_owned());
        let server = task::spawn(move || {
            let requests = File::open(&*requests).unwrap();
            let answers = to_write().open(&*answers).unwrap();
            let request = read_all(&requests);
            answers.write_all(&request.to_ascii_uppercase()).unwrap();
        })
        .unwrap();
        let requests = to_write().open(there.path()).unwrap();
        let answers = File::open(back.path()).unwrap();
        requests.write_all(b"question").unwrap();
        drop(requests);
        assert_eq!(read_all(&answers), b"QUESTION");
        server.join().unwrap();
    });
}

#[test]
fn another_process_is_the_other_side() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let fifo = Fifo::new("process");
        let command = format!("sleep 0.02; echo hello > {0}; cat {0}", fifo.path());
        let shell = std::process::Command::new("sh")
            .args(["-c", &command])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        assert_eq!(read_all(&File::open(fifo.path()).unwrap()), b"hello\n");
        to_write().open(fifo.path()).unwrap().write_all(b"goodbye").unwrap();
        assert_eq!(shell.wait_with_output().unwrap().stdout, b"goodbye");
    });
}

#[test]
fn both_sides_can_be_cancelled() {
    in_child("both_sides_can_be_cancelled", || {
        static R: Runtime<3> = Runtime::new();
        let fifo = Fifo::new("cancelled");
        let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let before = descriptors();
        on_both_drivers(&R, || {
            let (path, other) = (fifo.path().to_owned(), fifo.path().to_owned());
            let reader = task::spawn(move || File::open(&*path).map(drop)).unwrap();
            sleep(5);
            reader.cancel();
            assert_eq!(reader.join().unwrap().unwrap_err().errno(), Errno::CANCELED);
            let writer = task::spawn(move || to_write().open(&*other).map(drop)).unwrap();
            sleep(5);
            writer.cancel();
            let error = writer.join().unwrap().unwrap_err();
            assert_eq!((error.errno(), error.call()), (Errno::CANCELED, "open"));

            for options in [OpenOptions::new().read(true), &to_write()] {
                let limit = Duration::from_millis(5);
                let late = time::timeout(limit, || options.open(fifo.path()));
                assert_eq!(late.unwrap_err().0.unwrap_err().errno(), Errno::CANCELED);
            }
            // A read is cancelled as well.
            let path = fifo.path().to_owned();
            let reader = task::spawn(move || File::open(&*path)?.read(&mut [0; 8])).unwrap();
            let _writer = to_write().open(fifo.path()).unwrap();
            sleep(40);
            reader.cancel();
            assert_eq!(reader.join().unwrap().unwrap_err().errno(), Errno::CANCELED);
        });
        assert_eq!(descriptors(), before);
    })
    .well();
}

/// Those who wait keep no thread of the kernel's from the others.
#[test]
fn many_that_wait_keep_nobody_else_waiting() {
    static R: Runtime<66> = Runtime::new();
    on_both_drivers(&R, || {
        let fifo = Fifo::new("many");
        let readers = [(); 64].map(|()| {
            let path = fifo.path().to_owned();
            task::spawn(move || File::open(&*path).map(drop)).unwrap()
        });
        sleep(5);
        let file = format!("{}/file", fifo.folder());
        fs::write(&*file, b"x").unwrap();
        File::open(&*file).unwrap().sync_all().unwrap();
        fs::remove_file(&*file).unwrap();
        assert!(readers.iter().all(|reader| !reader.is_finished()));
        let _writer = to_write().open(fifo.path()).unwrap();
        readers.into_iter().for_each(|reader| reader.join().unwrap().unwrap());
    });
}

#[test]
fn what_waits_for_nobody() {
    static R: Runtime<1> = Runtime::new();
    let fifo = Fifo::new("nobody");
    let socket = format!("{}/socket", fifo.folder());
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    on_both_drivers(&R, || {
        const NONBLOCK: u32 = 0o4000;
        // Both sides at once: Linux does not wait.
        let both = OpenOptions::new().read(true).write(true).open(fifo.path()).unwrap();
        both.write_all(b"x").unwrap();
        assert_eq!(both.read(&mut [0; 8]), Ok(1));
        drop(both);
        let file = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(fifo.path());
        assert_eq!(file.unwrap().read(&mut [0; 8]), Ok(0));
        let other = Fifo::new("nobody else");
        let error = to_write().custom_flags(NONBLOCK).open(other.path()).unwrap_err();
        assert_eq!(error.errno(), Errno::NXIO);
        // The same error, and no pipe.
        assert_eq!(to_write().open(&*socket).unwrap_err().errno(), Errno::NXIO);
    });
}

#[test]
fn in_a_folder() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let fifo = Fifo::new("folder");
        let folder = fifo.folder().to_owned();
        let writer = task::spawn(move || {
            Dir::open(&*folder)?.open_file_with("fifo", &to_write())?.write_all(b"x")
        })
        .unwrap();
        sleep(3);
        let file = Dir::open(fifo.folder()).unwrap().open_file("fifo").unwrap();
        assert_eq!(read_all(&file), b"x");
        writer.join().unwrap().unwrap();
    });
}

#[test]
fn a_broken_pipe_is_an_error() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let fifo = Fifo::new("broken");
        let path = fifo.path().to_owned();
        let reader = task::spawn(move || File::open(&*path).map(drop)).unwrap();
        let writer = to_write().open(fifo.path()).unwrap();
        reader.join().unwrap().unwrap();
        assert_eq!(writer.write(b"x").unwrap_err().errno(), Errno::PIPE);
    });
}
