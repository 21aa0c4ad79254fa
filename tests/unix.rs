//! Unix sockets on both drivers.
#![cfg(feature = "net")]

mod support;

use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;

use barecoro::io::{IoSlice, IoSliceMut};
use barecoro::net::{UnixAddr, UnixDatagram, UnixListener, UnixStream};
use barecoro::time::{self, Duration};
use barecoro::{Errno, Runtime, task};
use support::on_both_drivers;

/// For what comes at once, on a machine that has other things to do.
const LONG: Duration = Duration::from_secs(10);

#[test]
fn std_connects_to_a_path_and_is_known() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(path.as_os_str().as_bytes()).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(path.as_os_str().as_bytes()));
        let mut theirs = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let (ours, peer) = listener.accept().unwrap();
        assert!(peer.is_unnamed());
        let who = ours.peer_cred().unwrap();
        assert_eq!(who.pid.cast_unsigned(), std::process::id());
        theirs.write_all(b"hello").unwrap();
        let mut buffer = [0; 8];
        assert_eq!(ours.read(&mut buffer), Ok(5));
        ours.write_all(b"bye").unwrap();
        drop(ours);
        let mut text = String::new();
        theirs.read_to_string(&mut text).unwrap();
        assert_eq!(text, "bye");
        let taken = UnixListener::bind(path.as_os_str().as_bytes()).unwrap_err();
        assert_eq!((taken.errno(), taken.call()), (Errno::ADDRINUSE, "bind"));
    });
}

#[test]
fn abstract_names_are_in_no_folder() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let name = format!("barecoro test {}", std::process::id());
        let address = UnixAddr::from_abstract_name(&name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_abstract_name(), Some(name.as_bytes()));
        let client =
            task::spawn(move || UnixStream::connect_addr(&address).unwrap().read(&mut [0; 8]));
        listener.incoming().next().unwrap().unwrap().write_all(b"12345").unwrap();
        assert_eq!(client.unwrap().join().unwrap(), Ok(5));
    });
}

/// As with std, and as any code expects that writes what is left again.
#[test]
fn of_too_many_buffers_the_first_are_used() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = UnixStream::pair().unwrap();
        assert_eq!(a.write_vectored(&[IoSlice::new(b"x"); 1025]), Ok(1024));
        let mut bytes = [[0]; 1100];
        let mut buffers: Vec<_> = bytes.iter_mut().map(|byte| IoSliceMut::new(byte)).collect();
        a.write_all(b"more").unwrap();
        assert_eq!(b.read_vectored(&mut buffers), Ok(1024));
        assert_eq!(bytes.iter().filter(|byte| **byte == *b"x").count(), 1024);
        assert_eq!(b.read(&mut [0; 8]), Ok(4));
    });
}

#[test]
fn paths_that_are_none_are_errors() {
    for path in ["", "a\0b", &"x".repeat(108)] {
        assert_eq!(UnixAddr::from_pathname(path).unwrap_err(), Errno::INVAL);
        assert_eq!(UnixListener::bind(path).unwrap_err().errno(), Errno::INVAL);
    }
    assert!(UnixAddr::from_pathname("x".repeat(107)).is_ok());
    assert!(UnixAddr::from_abstract_name("x".repeat(107)).is_ok());
    assert_eq!(UnixAddr::from_abstract_name("x".repeat(108)).unwrap_err(), Errno::INVAL);
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let error = UnixStream::connect("/nowhere/at/all").unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::NOENT, "connect"));
    });
}

/// With its hands full a listener lets others wait, and only those.
#[test]
fn connecting_waits_for_a_listener_that_has_its_hands_full() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let full = std::os::unix::net::UnixListener::bind(&path).unwrap();
        support::set_backlog(&full, 0);
        let first = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let inside = path.clone();
        let second =
            task::spawn(move || UnixStream::connect(inside.as_os_str().as_bytes())).unwrap();
        time::sleep(Duration::from_millis(5)).unwrap();
        assert!(!second.is_finished());
        drop(full.accept().unwrap());
        let limited = time::timeout(Duration::from_secs(10), || second.join().unwrap());
        let second = limited.unwrap().unwrap();
        // And it can be cancelled.
        let third = task::spawn(move || UnixStream::connect(path.as_os_str().as_bytes())).unwrap();
        time::sleep(Duration::from_millis(5)).unwrap();
        third.cancel();
        assert_eq!(third.join().unwrap().unwrap_err().errno(), Errno::CANCELED);
        drop((first, second));
    });
}

#[test]
fn datagrams_wait_for_room_and_none_is_lost() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = UnixDatagram::pair().unwrap();
        let sender = task::spawn(move || {
            for number in 0..2000_u32 {
                a.send(&number.to_ne_bytes()).unwrap();
            }
        })
        .unwrap();
        time::sleep(Duration::from_millis(2)).unwrap();
        assert!(!sender.is_finished(), "there was room for all");
        for number in 0..2000_u32 {
            let mut buffer = [0; 8];
            assert_eq!(b.recv(&mut buffer), Ok(4));
            assert_eq!(buffer[..4], number.to_ne_bytes());
        }
        sender.join().unwrap();
    });
}

#[test]
fn datagrams_have_senders() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let folder = tempfile::tempdir().unwrap();
        let (at_a, at_b) = (folder.path().join("a"), folder.path().join("b"));
        let a = UnixDatagram::bind(at_a.as_os_str().as_bytes()).unwrap();
        let b = UnixDatagram::bind(at_b.as_os_str().as_bytes()).unwrap();
        a.send_to(b"hello", at_b.as_os_str().as_bytes()).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(b.peek(&mut buffer), Ok(5));
        let (count, from) = b.recv_from(&mut buffer).unwrap();
        assert_eq!((count, from.as_pathname()), (5, Some(at_a.as_os_str().as_bytes())));
        let unbound = UnixDatagram::unbound().unwrap();
        unbound.connect(at_b.as_os_str().as_bytes()).unwrap();
        unbound.send(b"x").unwrap();
        assert!(b.recv_from(&mut buffer).unwrap().1.is_unnamed());
    });
}

/// Whether a socket may write says nothing about the one that it writes to.
#[test]
fn a_message_goes_as_soon_as_its_receiver_has_room() {
    static R: Runtime<2> = Runtime::new();
    let folder = tempfile::tempdir().unwrap();
    on_both_drivers(&R, || {
        let bind = |name: &str| {
            let path = folder.path().join(name);
            let _of_the_other_driver = std::fs::remove_file(&path);
            let path = path.to_str().unwrap().to_owned();
            (UnixDatagram::bind(&path).unwrap(), path)
        };
        let ((_silent, silent), (busy, path), (idle, idle_path)) =
            (bind("silent"), bind("busy"), bind("idle"));
        let (ours, other) = (UnixDatagram::unbound().unwrap(), UnixDatagram::unbound().unwrap());
        // More than a quarter of what may be under way: the socket does not count as writable.
        for _ in 0..8 {
            ours.try_send_to(&[0; 12_000], &silent).unwrap();
        }
        while other.try_send_to(b"x", &path).is_ok() {}
        let (late, to) = (ours.try_clone().unwrap(), path.clone());
        let sender = task::spawn(move || late.send_to(b"late", &to)).unwrap();
        time::sleep(Duration::from_millis(20)).unwrap();
        let mut buffer = [0; 16];
        let received = time::timeout(LONG, || while busy.recv(&mut buffer) != Ok(4) {});
        received.expect("it was sent in time");
        assert_eq!(sender.join().unwrap(), Ok(4));
        // One that is full keeps nobody from another one.
        ours.connect(&silent).unwrap();
        let late =
            time::timeout(Duration::from_millis(10), || while ours.send(&[0; 12_000]).is_ok() {});
        late.unwrap_err();
        let sent = time::timeout(LONG, || other.send_to(b"y", &idle_path));
        assert_eq!(sent.expect("there is room"), Ok(1));
        other.connect(&path).unwrap();
        while other.try_send(b"x").is_ok() {}
        let late = time::timeout(Duration::from_millis(10), || other.send(b"x"));
        assert_eq!(late.unwrap_err().0.unwrap_err().errno(), Errno::CANCELED);
        let sent = time::timeout(LONG, || other.send_to(b"z", &idle_path));
        assert_eq!(sent.expect("there is room"), Ok(1));
        assert_eq!(idle.recv(&mut [0; 4]), Ok(1));
    });
}

/// The kernel would have a thread wait for each on io_uring, of which a process may have few.
#[test]
fn those_who_wait_for_a_listener_keep_nobody_from_another() {
    static R: Runtime<103> = Runtime::new();
    fn threads() -> usize {
        std::fs::read_dir("/proc/self/task").unwrap().count()
    }
    let folder = tempfile::tempdir().unwrap();
    on_both_drivers(&R, || {
        let listen = |name: &str| {
            let path = folder.path().join(name);
            let _of_the_other_driver = std::fs::remove_file(&path);
            let path = path.to_str().unwrap().to_owned();
            let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
            support::set_backlog(&listener, 0);
            let first = std::os::unix::net::UnixStream::connect(&path).unwrap();
            (listener, path, first)
        };
        let ((_full, path, _one), (listener, other, _another)) = (listen("full"), listen("other"));
        let before = threads();
        let connect = |path: &String| {
            let path = path.clone();
            task::spawn(move || UnixStream::connect(&path)).unwrap()
        };
        let waiting: Vec<_> = (0..100).map(|_| connect(&path)).collect();
        let last = connect(&other);
        time::sleep(Duration::from_millis(20)).unwrap();
        assert!(threads() < before + 50, "{} threads", threads());
        listener.accept().unwrap();
        let connected = time::timeout(LONG, || last.join().unwrap());
        connected.expect("there is room").unwrap();
        for one in &waiting {
            one.cancel();
        }
        for one in waiting {
            assert_eq!(one.join().unwrap().unwrap_err().errno(), Errno::CANCELED);
        }
    });
}

#[test]
fn sockets_of_other_families_have_no_unix_address() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let listener = UnixListener::from(support::descriptor(listener));
        assert_eq!(listener.local_addr().unwrap_err().errno(), Errno::AFNOSUPPORT);
        let refused = listener.accept().unwrap_err();
        assert_eq!((refused.call(), refused.errno()), ("accept", Errno::AFNOSUPPORT));
        let client = UnixStream::from(support::descriptor(client));
        assert_eq!(client.peer_addr().unwrap_err().errno(), Errno::AFNOSUPPORT);
    });
}
