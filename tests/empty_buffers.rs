//! Reads into nothing and writes of nothing, which wait for nothing.
#![cfg(all(feature = "net", feature = "fs", feature = "io"))]

mod support;

use barecoro::io::{self, BufReader, Error, IoSlice, IoSliceMut};
use barecoro::net::{TcpListener, TcpStream, UnixStream};
use barecoro::time::{self, Duration};
use barecoro::{Runtime, task};
use embedded_io::Read as _;
use support::on_both_drivers;

/// The call returns that nothing was done, at once.
#[track_caller]
fn at_once(call: impl FnOnce() -> Result<usize, Error>) {
    let done = time::timeout(Duration::from_millis(100), call);
    assert_eq!(done.expect("it has waited"), Ok(0));
}

/// Fills what a stream's peer has room for, until a write waits.
fn fill(mut write: impl FnMut() -> Result<usize, Error>) {
    while let Ok(written) = time::timeout(Duration::from_millis(5), &mut write) {
        assert!(written.unwrap() > 0);
    }
}

macro_rules! wait_for_nothing {
    ($stream:expr) => {
        let stream = $stream;
        at_once(|| stream.read(&mut []));
        at_once(|| stream.read_vectored(&mut []));
        at_once(|| stream.read_vectored(&mut [IoSliceMut::new(&mut []), IoSliceMut::new(&mut [])]));
        at_once(|| stream.peek(&mut []));
        at_once(|| stream.try_read(&mut []));
        at_once(|| BufReader::<_, 16>::new(&stream).read(&mut []));
        fill(|| stream.write(&[0; 4096]));
        at_once(|| stream.write(&[]));
        at_once(|| stream.write_vectored(&[]));
        at_once(|| stream.write_vectored(&[IoSlice::new(&[])]));
    };
}

#[test]
fn streams_do_not_wait_for_nothing() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        wait_for_nothing!(ours);
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let client = task::spawn(move || TcpStream::connect(address)).unwrap();
        let (ours, _) = listener.accept().unwrap();
        let _theirs = client.join().unwrap().unwrap();
        wait_for_nothing!(ours);
    });
}

#[test]
fn pipes_do_not_wait_for_nothing() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let (reader, writer) = io::pipe().unwrap();
        at_once(|| reader.read(&mut []));
        at_once(|| BufReader::<_, 16>::new(&reader).read(&mut []));
        fill(|| writer.write(&[0; 4096]));
        at_once(|| writer.write(&[]));
    });
}
