//! Corners of the kernel where waiting has gone wrong, or could.
#![cfg(all(feature = "net", feature = "fs"))]

mod support;

use std::io::Write as _;
use std::os::fd::AsFd as _;

use barecoro::net::{TcpListener, UnixDatagram, UnixStream};
use barecoro::time::{self, Duration, Instant};
use barecoro::{Errno, Runtime, fd, io, task};
use support::on_both_drivers;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Generous: an end that does not come hangs for ever.
const SOON: Duration = Duration::from_secs(20);

/// A listener at a path that has as many connections waiting as may.
fn full_listener() -> (std::os::unix::net::UnixListener, UnixStream, tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket").to_str().unwrap().to_owned();
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    support::set_backlog(&listener, 0);
    let first = UnixStream::connect(&path).unwrap();
    (listener, first, folder, path)
}

/// A receiver at a path that has no room, and somebody who would send to it.
fn full_receiver() -> (UnixDatagram, UnixDatagram, tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket").to_str().unwrap().to_owned();
    let receiver = UnixDatagram::bind(&path).unwrap();
    let filler = std::os::unix::net::UnixDatagram::unbound().unwrap();
    filler.set_nonblocking(true).unwrap();
    while filler.send_to(&[0], &path).is_ok() {}
    (receiver, UnixDatagram::unbound().unwrap(), folder, path)
}

/// The kernel tries such a connection again and again by itself, and does not find it meanwhile when
/// it is to be cancelled.
#[test]
fn a_connection_that_is_cancelled_at_once_ends() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let (_listener, _first, _folder, path) = full_listener();
        for pause in [None, Some(millis(0)), Some(millis(5))] {
            let path = path.clone();
            let task = task::spawn(move || UnixStream::connect(&path).map(drop)).unwrap();
            match pause {
                None => task::yield_now(),
                Some(pause) => time::sleep(pause).unwrap(),
            }
            task.cancel();
            let ended = task.join_until(Instant::now() + SOON).unwrap();
            assert_eq!(ended.unwrap_err().errno(), Errno::CANCELED);
        }
    });
}

#[test]
fn a_connection_whose_time_is_up_ends() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let (_listener, _first, _folder, path) = full_listener();
        for limit in [millis(0), millis(1), millis(50)] {
            let path = path.clone();
            let task =
                task::spawn(move || time::timeout(limit, || UnixStream::connect(&path).map(drop)));
            let ended = task.unwrap().join_until(Instant::now() + SOON).unwrap();
            assert_eq!(ended.unwrap_err().0.unwrap_err().errno(), Errno::CANCELED);
        }
    });
}

#[test]
fn a_datagram_to_a_receiver_without_room_ends_when_its_time_is_up() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        for not_waiting in [false, true] {
            let (receiver, sender, _folder, path) = full_receiver();
            if not_waiting {
                let copy = sender.try_clone().unwrap();
                support::set_nonblocking(&fd::OwnedFd::from(copy));
            }
            let task = task::spawn(move || {
                let start = support::cpu_time();
                let ended = time::timeout(millis(200), || sender.send_to(&[1], &path));
                assert_eq!(ended.unwrap_err().0.unwrap_err().errno(), Errno::CANCELED);
                let spent = support::cpu_time() - start;
                assert!(spent < millis(150), "it spins: {spent:?} of 200 ms");
                (sender, path)
            })
            .unwrap();
            let (sender, path) = task.join_until(Instant::now() + SOON).unwrap();
            // With room it goes.
            receiver.recv(&mut [0]).unwrap();
            sender.send_to(&[1], &path).unwrap();
        }
    });
}

/// Urgent data cuts reads in two, without another event for the rest.
#[test]
fn urgent_data_hides_nothing_behind_it() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let peer = socket2::Socket::from(peer);
        let (stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 100];
        peer.send(b"0").unwrap();
        assert_eq!(stream.read(&mut buffer), Ok(1));
        assert!(time::timeout(millis(2), || stream.read(&mut buffer)).is_err());
        peer.send(b"abc").unwrap();
        peer.send_out_of_band(b"!").unwrap();
        peer.send(b"efg").unwrap();
        let mut count = 0;
        while count < 6 {
            let read = time::timeout(SOON, || stream.read(&mut buffer)).expect("it hangs");
            count += read.unwrap();
        }
    });
}

/// So does a descriptor that is sent along.
#[test]
fn a_descriptor_in_the_stream_hides_nothing_behind_it() {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (peer, ours) = std::os::unix::net::UnixStream::pair().unwrap();
        let stream = UnixStream::from(support::descriptor(ours));
        let mut buffer = [0; 100];
        assert!(time::timeout(millis(2), || stream.read(&mut buffer)).is_err());
        let mut space = [core::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [peer.as_fd()];
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        let text = [std::io::IoSlice::new(b"x")];
        sendmsg(&peer, &text, &mut control, SendFlags::empty()).unwrap();
        (&peer).write_all(b"yyy").unwrap();
        let mut count = 0;
        while count < 4 {
            let read = time::timeout(SOON, || stream.read(&mut buffer)).expect("it hangs");
            count += read.unwrap();
        }
    });
}

/// A descriptor that is used as one thing and then as another is set anew not to wait.
#[test]
fn a_socket_that_becomes_a_pipe_parks_its_task_only() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let (peer, stream) = UnixStream::pair().unwrap();
        let mut buffer = [0; 8];
        assert!(time::timeout(millis(2), || stream.read(&mut buffer)).is_err());
        let reader = io::PipeReader::from(fd::OwnedFd::from(stream));
        let writer = task::spawn(move || {
            time::sleep(millis(5)).unwrap();
            peer.write_all(b"hello").unwrap();
        })
        .unwrap();
        assert_eq!(reader.read(&mut buffer), Ok(5), "the thread did not freeze");
        writer.join().unwrap();
    });
}

#[test]
fn an_empty_buffer_is_read_at_once() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let (_peer, mut stream) = UnixStream::pair().unwrap();
        assert_eq!(stream.read(&mut []), Ok(0));
        assert_eq!(embedded_io::Read::read(&mut stream, &mut []), Ok(0));
    });
}

#[test]
fn what_is_no_descriptor_is_an_error_to_wait_for() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        #[expect(unsafe_code, reason = "the number is none, and only compared")]
        // SAFETY: nobody has so high a number.
        let none = unsafe { fd::BorrowedFd::borrow_raw(1023) };
        let error = fd::readable(none).unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::BADF, "poll"));
    });
}

/// Two tasks wait for a borrowed descriptor; one is faster, and then waits again.
#[test]
fn a_borrowed_descriptor_is_forgotten_when_nobody_waits() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let borrowed = support::borrow(&reader);
        let waits = || fd::readable(borrowed).map_err(Errno::from);
        task::scope(|s| {
            let (one, other) = (s.spawn(waits)?, s.spawn(waits)?);
            time::sleep(millis(1))?;
            writer.write_all(b"x").unwrap();
            one.join()?;
            other.join()?;
            Ok::<_, Errno>(())
        })
        .unwrap();
        assert_eq!(std::io::Read::read(&mut &reader, &mut [0]).unwrap(), 1);
        assert!(time::timeout(millis(1), || fd::readable(borrowed)).is_err());
    });
}
