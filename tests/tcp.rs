//! TCP, among tasks and against std, on both drivers.
#![cfg(feature = "net")]

mod support;

use std::io::{Read as _, Write as _};

use barecoro::net::{Shutdown, TcpListener, TcpStream};
use barecoro::time::{self, Duration};
use barecoro::{Errno, Runtime, task};
use support::on_both_drivers;

fn local() -> core::net::SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

#[test]
fn what_is_written_is_read() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let listener = TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        let client = task::spawn(move || {
            let stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"hello").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut buffer = [0; 16];
            let count = stream.read(&mut buffer).unwrap();
            assert_eq!(&buffer[..count], b"HELLO");
            assert_eq!(stream.read(&mut buffer), Ok(0));
            stream.local_addr().unwrap()
        })
        .unwrap();
        let (stream, peer) = listener.accept().unwrap();
        let mut buffer = [0; 16];
        let mut length = 0;
        loop {
            match stream.read(&mut buffer[length..]).unwrap() {
                0 => break,
                count => length += count,
            }
        }
        buffer[..length].make_ascii_uppercase();
        stream.write_all(&buffer[..length]).unwrap();
        drop(stream);
        assert_eq!(client.join().unwrap(), peer);
    });
}

#[test]
fn only_the_reader_is_parked() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let listener = TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            std::thread::sleep(Duration::from_millis(20));
            stream.write_all(b"late").unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).unwrap();
            rest
        });
        let reader = task::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 16];
            let count = stream.read(&mut buffer).unwrap();
            stream.write_all(&buffer[..count]).unwrap();
        })
        .unwrap();
        let mut turns = 0_u64;
        while !reader.is_finished() {
            turns += 1;
            task::yield_now();
        }
        assert!(turns > 100, "the thread stood still");
        assert_eq!(peer.join().unwrap(), b"late");
    });
}

#[test]
fn a_time_limit_ends_a_read() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let listener = TcpListener::bind(local()).unwrap();
        let _silent = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 16];
        let read = time::timeout(Duration::from_millis(10), || stream.read(&mut buffer));
        assert_eq!(read.unwrap_err().0.unwrap_err().errno(), Errno::CANCELED);
    });
}
