//! TCP connections in all states: half closed, reset, slow, many at a time.
#![cfg(feature = "net")]

mod support;

use core::cell::Cell;
use std::io::{Read as _, Write as _};
use std::rc::Rc;

use barecoro::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use barecoro::time::{self, Duration};
use barecoro::{Errno, Runtime, io, task};
use support::on_both_drivers;

fn local() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A connection between a task and std.
fn connected() -> (TcpStream, std::net::TcpStream) {
    let listener = TcpListener::bind(local()).unwrap();
    let theirs = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, theirs)
}

/// Closes a connection with RST.
fn reset(stream: std::net::TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

#[test]
fn the_half_that_is_open_works_on() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (ours, mut theirs) = connected();
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(ours.read(&mut [0; 4]), Ok(0));
        assert_eq!(ours.read(&mut [0; 4]), Ok(0), "the end stays");
        ours.write_all(b"still here").unwrap();
        ours.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        theirs.read_to_string(&mut text).unwrap();
        assert_eq!(text, "still here");
        assert_eq!(ours.write(b"x").unwrap_err().errno(), Errno::PIPE);
    });
}

#[test]
fn shutting_down_wakes_who_reads() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (ours, _theirs) = connected();
        task::scope(|s| {
            let reader = s.spawn(|| ours.read(&mut [0; 4]).map_err(Errno::from))?;
            time::sleep(Duration::from_millis(2))?;
            ours.shutdown(Shutdown::Read)?;
            assert_eq!(reader.join()?, 0);
            Ok::<_, Errno>(())
        })
        .unwrap();
    });
}

#[test]
fn a_reset_ends_reading_writing_and_peeking() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let waits: [fn(&TcpStream) -> io::Error; 3] = [
            |stream| stream.read(&mut [0; 4]).unwrap_err(),
            |stream| stream.peek(&mut [0; 4]).unwrap_err(),
            // Until there is no room, and then some.
            |stream| loop {
                if let Err(error) = stream.write(&[0; 1 << 16]) {
                    break error;
                }
            },
        ];
        for wait in waits {
            for early in [true, false] {
                let (ours, theirs) = connected();
                let waiter = task::spawn(move || {
                    if early {
                        time::sleep(Duration::from_millis(4)).unwrap();
                    }
                    wait(&ours)
                })
                .unwrap();
                time::sleep(Duration::from_millis(2)).unwrap();
                reset(theirs);
                let error = waiter.join().unwrap();
                assert!(matches!(error.errno(), Errno::CONNRESET | Errno::PIPE), "{error}");
            }
        }
    });
}

#[test]
fn a_reset_before_it_was_accepted_is_no_harm() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let listener = TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        reset(std::net::TcpStream::connect(address).unwrap());
        let mut theirs = std::net::TcpStream::connect(address).unwrap();
        theirs.write_all(b"second").unwrap();
        // The first may be gone without a trace, or found dead.
        loop {
            match listener.accept() {
                Ok((stream, _)) => match stream.read(&mut [0; 16]) {
                    Ok(count) => break assert_eq!(count, 6),
                    Err(error) => assert_eq!(error.errno(), Errno::CONNRESET),
                },
                Err(error) => assert_eq!(error.errno(), Errno::CONNABORTED),
            }
        }
    });
}

#[test]
fn a_refused_connection_is_an_error_that_names_the_call() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = TcpStream::connect(nobody).unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::CONNREFUSED, "connect"));
        assert_eq!(error.to_string(), "connect: connection refused (ECONNREFUSED)");
    });
}

#[test]
fn a_slow_reader_holds_up_its_writer_only() {
    const SIZE: usize = 16 << 20;
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let (ours, mut theirs) = connected();
        let writer = task::spawn(move || {
            let bytes: Vec<u8> = (0..SIZE).map(|index| (index % 251) as u8).collect();
            ours.write_all(&bytes).unwrap();
        })
        .unwrap();
        let (go, gone) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            gone.recv().unwrap();
            let mut received = Vec::new();
            let mut piece = vec![0; 300_000];
            loop {
                std::thread::sleep(Duration::from_micros(500));
                match theirs.read(&mut piece).unwrap() {
                    0 => break received,
                    count => received.extend_from_slice(&piece[..count]),
                }
            }
        });
        // Others run while nobody reads.
        time::sleep(Duration::from_millis(5)).unwrap();
        assert!(!writer.is_finished(), "there was room for all");
        go.send(()).unwrap();
        writer.join().unwrap();
        let received = reader.join().unwrap();
        assert_eq!(received.len(), SIZE);
        assert!(received.iter().enumerate().all(|(index, byte)| usize::from(*byte) == index % 251));
    });
}

#[test]
fn a_slow_writer_is_read_piece_by_piece() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let (ours, mut theirs) = connected();
        let writer = std::thread::spawn(move || {
            for byte in 0..50_u8 {
                theirs.write_all(&[byte]).unwrap();
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        let mut received = Vec::new();
        loop {
            let mut buffer = [0; 64];
            match ours.read(&mut buffer).unwrap() {
                0 => break,
                count => received.extend_from_slice(&buffer[..count]),
            }
        }
        writer.join().unwrap();
        assert!(received.into_iter().eq(0..50));
    });
}

#[test]
fn two_tasks_use_the_two_directions_at_once() {
    const SIZE: usize = 1 << 20;
    static R: Runtime<4> = Runtime::new();
    on_both_drivers(&R, || {
        let (ours, theirs) = connected();
        let echo = std::thread::spawn(move || {
            std::io::copy(&mut &theirs, &mut &theirs).unwrap();
            theirs.shutdown(std::net::Shutdown::Write).unwrap();
        });
        // Both in a scope, and each with a half of its own.
        let (reader, writer) = ours.split();
        let write = |byte: u8| move |piece: &mut [u8]| piece.fill(byte);
        task::scope(|s| {
            s.spawn(move || {
                let mut piece = [0; 1024];
                for _ in 0..SIZE / 1024 {
                    write(1)(&mut piece);
                    writer.write_all(&piece)?;
                }
                Ok(())
            })?;
            let mut rest = SIZE;
            while rest > 0 {
                let mut piece = [0; 3000];
                let end = rest.min(piece.len());
                let count = reader.read(&mut piece[..end])?;
                assert!(piece[..count].iter().all(|byte| *byte == 1));
                rest -= count;
            }
            Ok::<_, Errno>(())
        })
        .unwrap();
        let (reader, writer) = ours.into_split().unwrap();
        let writing = task::spawn(move || writer.write_all(&[2; SIZE])).unwrap();
        let mut received = 0;
        loop {
            let mut piece = [0; 3000];
            match reader.read(&mut piece).unwrap() {
                // The writing half was dropped, so the echo ends.
                0 => break,
                count => {
                    assert!(piece[..count].iter().all(|byte| *byte == 2));
                    received += count;
                }
            }
        }
        assert_eq!(received, SIZE);
        writing.join().unwrap().unwrap();
        echo.join().unwrap();
    });
}

#[test]
fn peeked_bytes_stay_and_vectors_are_filled_in_order() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let (ours, mut theirs) = connected();
        theirs.write_all(b"abcdef").unwrap();
        let mut buffer = [0; 3];
        assert_eq!(ours.peek(&mut buffer), Ok(3));
        assert_eq!(&buffer, b"abc");
        let (mut first, mut second) = ([0; 2], [0; 8]);
        let mut buffers = [io::IoSliceMut::new(&mut first), io::IoSliceMut::new(&mut second)];
        assert_eq!(ours.read_vectored(&mut buffers), Ok(6));
        assert_eq!((&first, &second[..4]), (b"ab", b"cdef".as_slice()));
        let parts = [io::IoSlice::new(b"one "), io::IoSlice::new(b""), io::IoSlice::new(b"two")];
        assert_eq!(ours.write_vectored(&parts), Ok(7));
        drop(ours);
        let mut text = String::new();
        theirs.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
    });
}

#[test]
fn several_tasks_accept_from_one_listener() {
    static R: Runtime<8> = Runtime::new();
    on_both_drivers(&R, || {
        let listener = TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Rc::new(Cell::new(0));
        task::scope(|s| {
            let mut acceptors = Vec::new();
            for _ in 0..4 {
                let (accepted, listener) = (accepted.clone(), &listener);
                acceptors.push(s.spawn(move || {
                    for stream in listener.incoming() {
                        let stream = match stream {
                            Ok(stream) => stream,
                            Err(error) if error.is_cancelled() => break,
                            Err(error) => return Err(Errno::from(error)),
                        };
                        accepted.set(accepted.get() + 1);
                        task::shield(|| stream.write_all(b"x"))?;
                    }
                    Ok(())
                })?);
            }
            for _ in 0..40 {
                let stream = TcpStream::connect(address)?;
                assert_eq!(stream.read(&mut [0]), Ok(1));
            }
            acceptors.iter().for_each(task::ScopedJoinHandle::cancel);
            Ok::<_, Errno>(())
        })
        .unwrap();
        assert_eq!(accepted.get(), 40);
    });
}

#[test]
fn options_are_set_and_read() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let (ours, theirs) = connected();
        for on in [true, false] {
            ours.set_nodelay(on).unwrap();
            assert_eq!(ours.nodelay(), Ok(on));
        }
        ours.set_ttl(7).unwrap();
        assert_eq!(ours.ttl(), Ok(7));
        assert_eq!(ours.linger(), Ok(None));
        ours.set_linger(Some(Duration::from_secs(3))).unwrap();
        assert_eq!(ours.linger(), Ok(Some(Duration::from_secs(3))));
        ours.set_linger(None).unwrap();
        assert_eq!(ours.take_error(), Ok(None));
        assert_eq!(ours.peer_addr(), Ok(theirs.local_addr().unwrap()));
        assert_eq!(ours.local_addr(), Ok(theirs.peer_addr().unwrap()));
        let listener = TcpListener::bind("[::1]:0".parse().unwrap()).unwrap();
        listener.set_ttl(9).unwrap();
        assert_eq!(listener.ttl(), Ok(9));
        assert!(listener.local_addr().unwrap().is_ipv6());
    });
}

#[test]
fn an_address_in_use_is_an_error_and_a_shared_port_is_not() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let first = TcpListener::bind_reuse_port(local()).unwrap();
        let address = first.local_addr().unwrap();
        let error = TcpListener::bind(address).unwrap_err();
        assert_eq!((error.errno(), error.call()), (Errno::ADDRINUSE, "bind"));
        let second = TcpListener::bind_reuse_port(address).unwrap();
        assert_eq!(second.local_addr(), Ok(address));
    });
}

/// A descriptor that is reused for another connection: what was said of the old one is no news of
/// the new one.
#[test]
fn a_new_owner_of_a_number_hears_nothing_of_the_old_one() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        for _ in 0..50 {
            let (old, theirs) = connected();
            let limited = time::timeout(Duration::ZERO, || old.read(&mut [0]));
            assert!(limited.is_err());
            let copy = old.try_clone().unwrap();
            drop(old);
            // It has the number that was free. The old connection lives on, by its copy, and has news.
            let (new, mut peer) = connected();
            (&theirs).write_all(b"old").unwrap();
            let limited = time::timeout(Duration::from_micros(100), || new.read(&mut [0; 8]));
            assert!(limited.is_err(), "{limited:?}");
            peer.write_all(b"newer").unwrap();
            assert_eq!(new.read(&mut [0; 8]), Ok(5));
            assert_eq!(copy.read(&mut [0; 8]), Ok(3));
        }
    });
}

/// A stream can go to a run on another thread, and back.
#[test]
fn a_stream_moves_between_runtimes() {
    static R: Runtime<1> = Runtime::new();
    static OTHER: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let (mut ours, mut theirs) = connected();
        for round in 0..6 {
            theirs.write_all(b"ping").unwrap();
            let read = |stream: &TcpStream| {
                let read = stream.read(&mut [0; 8]);
                let limited = time::timeout(Duration::from_micros(50), || stream.read(&mut [0]));
                assert!(limited.is_err());
                read
            };
            if round % 2 == 0 {
                assert_eq!(read(&ours), Ok(4));
                continue;
            }
            ours = std::thread::spawn(move || {
                OTHER.run(|| assert_eq!(read(&ours), Ok(4))).unwrap();
                ours
            })
            .join()
            .unwrap();
        }
    });
}
