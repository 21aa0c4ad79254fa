//! UDP on both drivers.
#![cfg(feature = "net")]

mod support;

use barecoro::net::{SocketAddr, UdpSocket};
use barecoro::time::{self, Duration};
use barecoro::{Errno, Runtime, task};
use support::on_both_drivers;

fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap()
}

#[test]
fn messages_have_senders_and_borders() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = (socket(), socket());
        let (at_a, at_b) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        let receiver = task::spawn(move || {
            let mut buffer = [0; 8];
            assert_eq!(b.recv_from(&mut buffer), Ok((3, at_a)));
            assert_eq!(b.peek_from(&mut buffer), Ok((0, at_a)));
            assert_eq!(b.recv_from(&mut buffer), Ok((0, at_a)), "an empty one is one too");
            assert_eq!(b.recv_from(&mut buffer[..2]), Ok((2, at_a)), "cut");
            assert_eq!(&buffer[..2], b"ab");
            assert_eq!(b.recv_from(&mut buffer), Ok((1, at_a)), "the rest is gone");
        })
        .unwrap();
        for message in ["one", "", "abcdef", "x"] {
            time::sleep(Duration::from_millis(1)).unwrap();
            assert_eq!(a.send_to(message.as_bytes(), at_b), Ok(message.len()));
        }
        receiver.join().unwrap();
    });
}

#[test]
fn a_connected_socket_hears_its_peer_only() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b, other) = (socket(), socket(), socket());
        assert_eq!(a.send(b"x").unwrap_err().errno(), Errno::DESTADDRREQ);
        assert_eq!(a.peer_addr().unwrap_err().errno(), Errno::NOTCONN);
        a.connect(b.local_addr().unwrap()).unwrap();
        assert_eq!(a.peer_addr(), b.local_addr());
        other.send_to(b"other", a.local_addr().unwrap()).unwrap();
        b.send_to(b"peer!", a.local_addr().unwrap()).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(a.peek(&mut buffer), Ok(5));
        assert_eq!(a.recv(&mut buffer), Ok(5));
        assert_eq!(&buffer[..5], b"peer!");
        assert_eq!(a.send(b"back"), Ok(4));
        assert_eq!(b.recv(&mut buffer), Ok(4));
    });
}

#[test]
fn a_peer_that_is_not_there_is_an_error_of_the_next_call() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let nobody: SocketAddr = socket().local_addr().unwrap();
        let a = socket();
        a.connect(nobody).unwrap();
        a.send(b"x").unwrap();
        let error = a.recv(&mut [0]).unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::CONNREFUSED, "recv"));
    });
}

#[test]
fn too_long_a_message_is_an_error() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = (socket(), socket());
        let error = a.send_to(&vec![0; 70_000], b.local_addr().unwrap()).unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::MSGSIZE, "sendmsg"));
    });
}

#[test]
fn options_are_set_and_read() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let a = socket();
        assert_eq!(a.broadcast(), Ok(false));
        a.set_broadcast(true).unwrap();
        assert_eq!(a.broadcast(), Ok(true));
        a.set_ttl(3).unwrap();
        assert_eq!(a.ttl(), Ok(3));
        assert_eq!(a.take_error(), Ok(None));
        let copy = a.try_clone().unwrap();
        assert_eq!(copy.local_addr(), a.local_addr());
    });
}
