//! Terminals, on both drivers. On `io_uring` a thread of the kernel's reads them, which must let go
//! when the read is cancelled.
#![cfg(all(feature = "fs", feature = "time", feature = "uring"))]
#![expect(unsafe_code, reason = "makes a terminal by the C library")]

mod support;

use std::ffi::CStr;
use std::io::{Read as _, Write as _};
use std::os::fd::FromRawFd as _;

use barecoro::fs::OpenOptions;
use barecoro::time::{self, Duration};
use barecoro::{Errno, Runtime, task};
use support::on_both_drivers;

unsafe extern "C" {
    fn posix_openpt(flags: i32) -> i32;
    fn grantpt(fd: i32) -> i32;
    fn unlockpt(fd: i32) -> i32;
    fn ptsname(fd: i32) -> *const core::ffi::c_char;
}

const READ_AND_WRITE: i32 = 2;
const NOT_THE_CONTROLLING_ONE: i32 = 0o400;

/// Both sides of a terminal: the one that a person would be at, and the path of the program's.
fn terminal() -> (std::fs::File, String) {
    // SAFETY: nobody else owns the new descriptor, and nobody else asks for names meanwhile: the test
    // is alone in its process.
    unsafe {
        let fd = posix_openpt(READ_AND_WRITE | NOT_THE_CONTROLLING_ONE);
        assert!(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0);
        let name = CStr::from_ptr(ptsname(fd)).to_str().unwrap().to_owned();
        (std::fs::File::from_raw_fd(fd), name)
    }
}

#[test]
fn a_terminal_is_waited_for() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (mut person, path) = terminal();
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(NOT_THE_CONTROLLING_ONE as u32);
        let program = options.open(&*path).unwrap();
        let mut buffer = [0; 16];
        for round in 0..5_u8 {
            let limit = Duration::from_millis(u64::from(round) * 3);
            let late = time::timeout(limit, || program.read(&mut buffer));
            assert_eq!(late.unwrap_err().0.unwrap_err().errno(), Errno::CANCELED);

            buffer.fill(0xaa);
            person.write_all(&[b'0' + round, b'\n']).unwrap();
            time::sleep(Duration::from_millis(2)).unwrap();
            assert_eq!(buffer, [0xaa; 16], "the kernel has let go of it");
            assert_eq!(program.read(&mut buffer), Ok(2));
            assert_eq!(buffer[..2], [b'0' + round, b'\n']);
        }
        // A cancelled task as well.
        let other = program.try_clone().unwrap();
        let reader = task::spawn(move || other.read(&mut [0; 4])).unwrap();
        time::sleep(Duration::from_millis(5)).unwrap();
        reader.cancel();
        let error = reader.join().unwrap().unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::CANCELED, "read"));
        program.write_all(b"bye").unwrap();
        // Behind the echo of what the person has written.
        let mut all = Vec::new();
        while !all.ends_with(b"bye") {
            let count = person.read(&mut buffer).unwrap();
            all.extend_from_slice(&buffer[..count]);
        }
    });
}
