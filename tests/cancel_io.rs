//! Operations that are cancelled: the buffer is the caller's again, and nothing is lost.
#![cfg(feature = "net")]

mod support;

use std::io::{Read as _, Write as _};
use std::rc::Rc;

use barecoro::net::{SocketAddr, TcpListener, TcpStream, UdpSocket, UnixStream};
use barecoro::task::{self, shield};
use barecoro::time::{self, Duration, Instant};
use barecoro::{Errno, Runtime};
use support::on_both_drivers;

fn local() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// Numbers that look random, the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// The kernel must have let go of the buffer when the call returns. If it has not, it writes there
/// when the bytes come, which is seen.
#[test]
fn nobody_writes_into_the_buffer_of_a_cancelled_read() {
    static R: Runtime<4> = Runtime::new();
    on_both_drivers(&R, || {
        for by_cancel in [false, true] {
            let (a, b) = UnixStream::pair().unwrap();
            let task = task::spawn(move || {
                let mut buffer = [0; 256];
                let limit = if by_cancel { Duration::MAX } else { Duration::from_millis(2) };
                let error = match time::timeout(limit, || b.read(&mut buffer)) {
                    Ok(read) => read.unwrap_err(),
                    Err(elapsed) => elapsed.0.unwrap_err(),
                };
                assert!(error.is_cancelled());
                buffer.fill(0xaa);
                shield(|| {
                    // The bytes come now.
                    b.write_all(b"go").unwrap();
                    time::sleep(Duration::from_millis(5)).unwrap();
                    assert!(buffer.iter().all(|byte| *byte == 0xaa), "the kernel wrote");
                    assert_eq!(b.read(&mut buffer), Ok(100), "nothing is lost");
                    assert!(buffer[..100].iter().all(|byte| *byte == 0x55));
                });
            })
            .unwrap();
            time::sleep(Duration::from_millis(1)).unwrap();
            if by_cancel {
                task.cancel();
            }
            assert_eq!(a.read(&mut [0; 8]), Ok(2));
            a.write_all(&[0x55; 100]).unwrap();
            task.join().unwrap();
        }
    });
}

/// And it must not read the buffer of a cancelled write any more.
#[test]
fn nobody_reads_the_buffer_of_a_cancelled_write() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = UnixStream::pair().unwrap();
        let mut buffer = vec![0x55; 1 << 20];
        let mut written = 0;
        // Until there is no room.
        loop {
            match time::timeout(Duration::from_millis(3), || a.write(&buffer)) {
                Ok(count) => written += count.unwrap(),
                Err(elapsed) => break written += elapsed.0.unwrap_or(0),
            }
        }
        buffer.fill(0xaa);
        drop(a);
        let mut received = 0;
        loop {
            let mut piece = [0; 4096];
            let count = b.read(&mut piece).unwrap();
            if count == 0 {
                break;
            }
            assert!(piece[..count].iter().all(|byte| *byte == 0x55), "read after the call");
            received += count;
        }
        assert_eq!(received, written);
    });
}

/// Time limits that end just when the bytes come: every byte is read once.
#[test]
fn no_byte_is_lost_or_read_twice_by_reads_that_race_with_their_limits() {
    const COUNT: u32 = 2000;
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (mut theirs, ours) = std::os::unix::net::UnixStream::pair().unwrap();
        let stream = UnixStream::from(support::descriptor(ours));
        let writer = std::thread::spawn(move || {
            let mut numbers = Numbers(1);
            for number in 0..COUNT {
                theirs.write_all(&number.to_ne_bytes()).unwrap();
                if numbers.below(4) == 0 {
                    std::thread::sleep(Duration::from_micros(numbers.below(60)));
                }
            }
        });
        let (mut numbers, mut received, mut cancelled) = (Numbers(2), Vec::new(), 0);
        loop {
            let mut buffer = [0; 7];
            let limit = Duration::from_micros(numbers.below(80));
            let read = match time::timeout(limit, || stream.read(&mut buffer)) {
                Ok(read) => read,
                Err(elapsed) => elapsed.0,
            };
            match read {
                Ok(0) => break,
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) => {
                    assert_eq!(error.errno(), Errno::CANCELED);
                    cancelled += 1;
                }
            }
        }
        writer.join().unwrap();
        let received: Vec<_> =
            received.chunks(4).map(|bytes| u32::from_ne_bytes(bytes.try_into().unwrap())).collect();
        assert!(received.into_iter().eq(0..COUNT));
        assert!(cancelled > 0, "no limit has ended a read");
    });
}

/// The same by another task's `cancel`, at every moment of an operation's life.
#[test]
fn cancelling_races_with_completing() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let mut numbers = Numbers(3);
        let (mut done, mut cancelled) = (0, 0);
        for round in 0..600 {
            let (a, b) = UnixStream::pair().unwrap();
            let task = task::spawn(move || {
                let mut byte = [0];
                let read = b.read(&mut byte);
                (b, read, byte[0])
            })
            .unwrap();
            let first = numbers.below(2) == 0;
            (0..numbers.below(3)).for_each(|_| task::yield_now());
            if first {
                task.cancel();
                (0..numbers.below(3)).for_each(|_| task::yield_now());
            }
            a.write_all(&[7]).unwrap();
            if !first {
                (0..numbers.below(3)).for_each(|_| task::yield_now());
                task.cancel();
            }
            let (b, read, byte) = task.join().unwrap();
            match read {
                Ok(count) => {
                    assert_eq!((count, byte), (1, 7), "round {round}");
                    done += 1;
                }
                Err(error) => {
                    assert_eq!(error.errno(), Errno::CANCELED);
                    let mut byte = [0];
                    assert_eq!((b.read(&mut byte), byte), (Ok(1), [7]), "round {round}");
                    cancelled += 1;
                }
            }
        }
        assert!(done > 0 && cancelled > 0, "{done} {cancelled}");
    });
}

#[test]
fn no_connection_is_lost_by_accepts_that_race_with_their_limits() {
    const COUNT: usize = 200;
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let listener = TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        let clients = std::thread::spawn(move || {
            let mut numbers = Numbers(4);
            for _ in 0..COUNT {
                let mut stream = std::net::TcpStream::connect(address).unwrap();
                // The peer says that it was accepted.
                assert_eq!(stream.read(&mut [0]).unwrap(), 1);
                std::thread::sleep(Duration::from_micros(numbers.below(50)));
            }
        });
        let (mut numbers, mut accepted) = (Numbers(5), 0);
        while accepted < COUNT {
            let limit = Duration::from_micros(numbers.below(100));
            let stream = match time::timeout(limit, || listener.accept()) {
                Ok(stream) => stream,
                Err(elapsed) => elapsed.0,
            };
            if let Ok((stream, _peer)) = stream {
                stream.write_all(b"x").unwrap();
                accepted += 1;
            }
        }
        clients.join().unwrap();
    });
}

/// Of those who wait for a listener the kernel wakes one for a connection.
#[test]
fn a_connection_is_not_forgotten_with_the_accept_that_it_has_woken() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        for _ in 0..20 {
            let listener = Rc::new(TcpListener::bind(local()).unwrap());
            let accepting = [0, 1].map(|_| {
                let listener = listener.clone();
                task::spawn(move || listener.accept().map(drop)).unwrap()
            });
            time::sleep(Duration::from_millis(1)).unwrap();
            let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let [first, second] = accepting;
            first.cancel();
            match first.join().unwrap() {
                Ok(()) => {
                    second.cancel();
                    assert!(second.join().unwrap().unwrap_err().is_cancelled());
                }
                Err(error) => {
                    assert!(error.is_cancelled());
                    let deadline = Instant::now() + Duration::from_secs(5);
                    assert_eq!(second.join_until(deadline).expect("nobody has it"), Ok(()));
                }
            }
        }
    });
}

/// Else a server that is told to end would go on for as long as somebody connects.
#[test]
fn a_cancelled_task_does_not_accept_what_waits() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let listener = Rc::new(TcpListener::bind(local()).unwrap());
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = listener.clone();
        let cancelled = task::spawn(move || server.accept().map(drop)).unwrap();
        cancelled.cancel();
        assert!(cancelled.join().unwrap().unwrap_err().is_cancelled());
        listener.accept().unwrap();
    });
}

/// A task that was cancelled before: its calls fail at once, and do nothing.
#[test]
fn a_cancelled_task_does_not_begin_an_operation() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = UnixStream::pair().unwrap();
        let task = task::spawn(move || {
            assert!(task::park().is_err());
            let udp = UdpSocket::bind(local()).unwrap();
            let calls = [
                a.write(b"x").unwrap_err(),
                a.read(&mut [0]).unwrap_err(),
                udp.recv_from(&mut [0]).unwrap_err(),
                udp.send_to(b"x", udp.local_addr().unwrap()).unwrap_err(),
                TcpListener::bind(local()).unwrap().accept().unwrap_err(),
                TcpStream::connect("127.0.0.1:9".parse().unwrap()).unwrap_err(),
            ];
            for error in calls {
                assert_eq!(error.errno(), Errno::CANCELED, "{error}");
            }
        })
        .unwrap();
        task::yield_now();
        task.cancel();
        task.join().unwrap();
        assert_eq!(b.read(&mut [0]), Ok(0), "nothing was written");
    });
}

#[test]
fn a_connect_that_takes_too_long_ends_and_leaves_nothing() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        // A listener that never accepts, with as many waiting as may.
        let full = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        support::set_backlog(&full, 0);
        let address = full.local_addr().unwrap();
        let _first = std::net::TcpStream::connect(address).unwrap();
        let mut timed_out = false;
        let mut others = Vec::new();
        for _ in 0..8 {
            match TcpStream::connect_timeout(address, Duration::from_millis(30)) {
                Ok(stream) => others.push(stream),
                Err(error) => {
                    assert_eq!((error.errno(), error.call()), (Errno::TIMEDOUT, "connect"));
                    timed_out = true;
                    break;
                }
            }
        }
        assert!(timed_out, "all connections were made");
    });
}

#[test]
fn a_scope_that_fails_ends_the_operations_of_its_tasks() {
    static R: Runtime<8> = Runtime::new();
    on_both_drivers(&R, || {
        let listener = TcpListener::bind(local()).unwrap();
        let (_a, b) = UnixStream::pair().unwrap();
        let result = task::scope(|s| {
            s.spawn(|| listener.accept().map(drop).map_err(Errno::from)).unwrap();
            s.spawn(|| b.read(&mut [0]).map(drop).map_err(Errno::from)).unwrap();
            s.spawn(|| {
                time::sleep(Duration::from_millis(2))?;
                Err::<(), _>(Errno::NOLINK)
            })
            .unwrap();
            Ok(())
        });
        assert_eq!(result, Err(Errno::NOLINK));
    });
}
