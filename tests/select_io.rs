//! `select!` with arms that wait for the kernel: readiness, connections, moments. On both drivers.
#![cfg(all(feature = "net", feature = "sync", feature = "uring"))]

mod support;

use std::cell::Cell;
use std::io::Write as _;
use std::rc::Rc;

use barecoro::io;
use barecoro::net::{
    Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixStream,
};
use barecoro::stack::MappedStack;
use barecoro::sync::{Channel, Notify};
use barecoro::task::{self, Status};
use barecoro::time::{self, Duration, Instant};
use barecoro::{Coroutine, CoroutineResult, Driver, Errno, RunError, Runtime, fd, select};
use support::{in_child, mappings, on_both_drivers, open_descriptors};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn local() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// Two ends of a TCP connection.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(local()).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// How often the running task was switched to.
fn switches<const N: usize>(runtime: &'static Runtime<N>) -> u32 {
    let id = task::current().id();
    runtime.tasks().find(|task| task.id == id).unwrap().switches
}

#[test]
fn the_one_that_is_ready_is_chosen() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = connection();
        let (c, d) = UnixStream::pair().unwrap();
        for round in 0..20 {
            let later = task::spawn({
                let (a, c) = (a.try_clone().unwrap(), c.try_clone().unwrap());
                move || {
                    if round % 4 < 2 {
                        time::sleep(millis(1)).unwrap();
                    }
                    if round % 2 == 0 { a.write_all(b"x") } else { c.write_all(b"x") }
                }
            });
            let chosen = select! {
                readable(b) -> ready => { ready.unwrap(); 0 }
                readable(&d) -> ready => { ready.unwrap(); 1 }
                sleep(millis(5000)) => 2,
            };
            assert_eq!(chosen, round % 2);
            let mut buffer = [0; 8];
            let read = if chosen == 0 { b.try_read(&mut buffer) } else { d.try_read(&mut buffer) };
            assert_eq!(read, Ok(1));
            later.unwrap().join().unwrap().unwrap();
        }
        // Nothing came that nobody has read.
        for error in [b.try_read(&mut [0]), d.try_read(&mut [0])] {
            assert_eq!(error.unwrap_err().errno(), Errno::AGAIN);
        }
    });
}

/// Two directions of one descriptor, the end, and errors are readiness too.
#[test]
fn room_and_ends_are_waited_for() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = UnixStream::pair().unwrap();
        let chosen = select! {
            readable(a) => "readable",
            writable(a) -> ready => { ready.unwrap(); "writable" }
        };
        assert_eq!(chosen, "writable");
        // Until there is no room.
        while a.try_write(&[0; 4096]).is_ok() {}
        let chosen = select! {
            readable(a) -> _ => "readable",
            writable(a) -> _ => "writable",
            sleep(millis(3)) -> _ => "neither",
        };
        assert_eq!(chosen, "neither");
        let reader = task::spawn(move || {
            let mut count = 0;
            while b.try_read(&mut [0; 4096]).is_ok_and(|read| {
                count += read;
                read > 0
            }) {}
            b
        });
        select! {
            readable(a) -> _ => unreachable!(),
            writable(a) -> ready => ready.unwrap(),
        }
        let b = reader.unwrap().join().unwrap();
        let closer = task::spawn(move || {
            time::sleep(millis(1)).unwrap();
            drop(b)
        });
        select! { readable(a) -> ready => ready.unwrap(), sleep(millis(5000)) => unreachable!() }
        assert_eq!(a.try_read(&mut [0]), Ok(0));
        select! { writable(a) -> ready => ready.unwrap(), sleep(millis(5000)) => unreachable!() }
        assert_eq!(a.try_write(b"x").unwrap_err().errno(), Errno::PIPE);
        closer.unwrap().join().unwrap();
    });
}

/// Of every kind there is.
#[test]
fn every_kind_of_descriptor_can_be_waited_for() {
    static R: Runtime<2> = Runtime::new();
    fn becomes_readable(what: &str, thing: &impl fd::AsFd, act: impl FnOnce()) {
        let is_ready =
            || select! { readable(thing) -> ready => { ready.unwrap(); true } default => false };
        assert!(!is_ready(), "{what}");
        let limited = select! { readable(thing) -> _ => false, sleep(millis(1)) => true };
        assert!(limited, "{what}");
        act();
        select! { readable(thing) -> ready => ready.unwrap(), sleep(millis(5000)) => panic!("{what}") }
        assert!(is_ready(), "{what}");
    }
    on_both_drivers(&R, || {
        let listener = TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(listener.try_accept().unwrap_err().errno(), Errno::AGAIN);
        let mut client = None;
        becomes_readable("listener", &listener, || {
            client = Some(std::net::TcpStream::connect(address).unwrap());
        });
        let (stream, peer) = listener.try_accept().unwrap();
        let mut client = client.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        let (reader, _writer) = stream.into_split().unwrap();
        becomes_readable("half", &reader, || client.write_all(b"x").unwrap());
        assert_eq!(reader.try_read(&mut [0; 4]), Ok(1));

        let socket = UdpSocket::bind(local()).unwrap();
        let other = UdpSocket::bind(local()).unwrap();
        let to = socket.local_addr().unwrap();
        becomes_readable("UDP", &socket, || assert_eq!(other.try_send_to(b"abc", to), Ok(3)));
        let from = other.local_addr().unwrap();
        assert_eq!(socket.try_recv_from(&mut [0; 8]), Ok((3, from)));
        assert_eq!(socket.try_recv_from(&mut [0; 8]).unwrap_err().errno(), Errno::AGAIN);
        socket.connect(from).unwrap();
        other.connect(to).unwrap();
        assert_eq!(other.try_send(b"de"), Ok(2));
        socket.readable().unwrap();
        assert_eq!(socket.try_recv(&mut [0; 8]), Ok(2));
        assert_eq!(socket.try_recv(&mut [0; 8]).unwrap_err().errno(), Errno::AGAIN);

        let (a, b) = UnixDatagram::pair().unwrap();
        becomes_readable("messages", &a, || assert_eq!(b.try_send(b"x"), Ok(1)));
        assert_eq!(a.try_recv_from(&mut [0; 8]).unwrap().0, 1);
        assert_eq!(a.try_recv(&mut [0; 8]).unwrap_err().errno(), Errno::AGAIN);

        let (reader, writer) = io::pipe().unwrap();
        becomes_readable("pipe", &reader, || assert_eq!(writer.try_write(b"x"), Ok(1)));
        assert_eq!(reader.try_read(&mut [0; 8]), Ok(1));
        assert_eq!(reader.try_read(&mut [0; 8]).unwrap_err().errno(), Errno::AGAIN);
        writer.writable().unwrap();

        // One of another library's, by reference.
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        becomes_readable("borrowed", &support::borrow(&ours), || theirs.write_all(b"x").unwrap());

        // What is always ready, and what epoll does not take.
        let file = support::descriptor(tempfile::tempfile().unwrap());
        select! { readable(file) -> ready => ready.unwrap(), default => unreachable!() }
        select! { writable(file) -> ready => ready.unwrap(), default => unreachable!() }
    });
}

/// With `default` no driver is started, and nothing is left with one.
#[test]
fn with_default_nothing_is_asked_for() {
    in_child("with_default_nothing_is_asked_for", || {
        static R: Runtime<2> = Runtime::new();
        for driver in [Driver::Uring, Driver::Epoll] {
            let ended = R.builder().driver(driver).run(|| {
                let (a, b) = UnixStream::pair().unwrap();
                let before = open_descriptors();
                for _ in 0..100 {
                    select! { readable(b) -> _ => unreachable!(), default => {} }
                }
                a.try_write(b"x").unwrap();
                select! { readable(b) -> ready => ready.unwrap(), default => unreachable!() }
                assert_eq!(open_descriptors(), before, "a driver was started");
                b.read(&mut [0]).unwrap();
                assert_ne!(open_descriptors(), before, "there is none yet");
                select! { readable(b) -> _ => unreachable!(), default => {} }
                select! { readable(b) -> _ => unreachable!(), sleep(millis(1)) => {} }
                // Nobody waits for the kernel any more: this is a deadlock, and no endless sleep.
                assert!(task::park().is_err());
            });
            assert!(matches!(ended, Err(RunError::Deadlock)));
        }
    })
    .well();
}

/// Another arm is chosen each time. The bytes are still there, and nothing piles up.
#[test]
fn nothing_is_left_of_ten_thousand_that_are_given_up() {
    in_child("nothing_is_left_of_ten_thousand_that_are_given_up", || {
        static R: Runtime<3> = Runtime::new();
        static C: Channel<u32, 0> = Channel::new();
        on_both_drivers(&R, || {
            let ((a, b), (c, d)) = (connection(), UnixStream::pair().unwrap());
            let sender = task::spawn(|| (0..10_000).for_each(|n| C.send(n).unwrap())).unwrap();
            let mut before = (0, 0);
            for n in 0..10_000 {
                select! {
                    readable(b) -> _ => unreachable!(),
                    recv(C) -> item => assert_eq!(item, Ok(n)),
                    readable(d) -> _ => unreachable!(),
                }
                if n == 100 {
                    before = (open_descriptors().len(), mappings());
                }
            }
            assert_eq!((open_descriptors().len(), mappings()), before);
            sender.join().unwrap();
            a.write_all(b"1234").unwrap();
            c.write_all(b"12").unwrap();
            assert_eq!((b.read(&mut [0; 8]), d.read(&mut [0; 8])), (Ok(4), Ok(2)));
        });
    })
    .well();
}

/// More arms than the queue has entries, all given up in one turn, while others are served.
#[test]
fn more_wait_than_the_queue_has_entries() {
    const COUNT: usize = 400;
    static R: Runtime<{ COUNT + 2 }> = Runtime::new();
    static N: Notify = Notify::new();
    support::raise_descriptor_limit();
    on_both_drivers(&R, || {
        let woken = Rc::new(Cell::new(0));
        let (ends, tasks): (Vec<_>, Vec<_>) = (0..COUNT)
            .map(|number| {
                let ((a, b), (c, d)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
                let woken = woken.clone();
                let waiting = task::spawn(move || {
                    loop {
                        let got = select! {
                            readable(b) -> ready => { ready.unwrap(); Some(&b) }
                            readable(d) -> ready => { ready.unwrap(); Some(&d) }
                            wait(N) -> woken => { woken.unwrap(); None }
                        };
                        let Some(stream) = got else { continue };
                        woken.set(woken.get() + 1);
                        if stream.try_read(&mut [0]).unwrap() == 0 {
                            return number;
                        }
                    }
                });
                ((a, c), waiting.unwrap())
            })
            .unzip();
        for round in 0..5 {
            time::sleep(millis(1)).unwrap();
            N.notify_waiters();
            if round % 2 == 0 {
                task::yield_now();
            }
            for (a, c) in &ends {
                if round % 2 == 0 { a.write_all(b"x").unwrap() } else { c.write_all(b"x").unwrap() }
            }
            let start = Instant::now();
            while woken.get() < COUNT * (round + 1) {
                assert!(start.elapsed() < Duration::from_secs(20), "{} of {COUNT}", woken.get());
                time::sleep(millis(1)).unwrap();
            }
        }
        let (firsts, seconds): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
        drop(firsts);
        for (number, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.join().unwrap(), number);
        }
        drop(seconds);
    });
}

#[test]
fn a_cancellation_ends_it_and_nothing_is_lost() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = connection();
        let b = Rc::new(b);
        for round in 0..100 {
            let inside = b.clone();
            let waiting = task::spawn(move || {
                select! {
                    sleep(millis(5000)) => unreachable!(),
                    readable(*inside) -> ready => ready,
                }
            })
            .unwrap();
            match round % 4 {
                0 => {} // before it has begun
                1 => task::yield_now(),
                _ => time::sleep(Duration::from_micros(50)).unwrap(),
            }
            if round % 4 == 3 {
                a.write_all(b"x").unwrap(); // both come at a time
            }
            waiting.cancel();
            match waiting.join().unwrap() {
                Ok(()) => assert_eq!(round % 4, 3),
                Err(error) => assert_eq!((error.errno(), error.call()), (Errno::CANCELED, "poll")),
            }
            if round % 4 == 3 {
                assert_eq!(b.read(&mut [0; 8]), Ok(1), "the byte is there");
            }
        }
        // What is ready is chosen by a cancelled task too.
        a.write_all(b"x").unwrap();
        b.readable().unwrap();
        let waiting = task::spawn(move || {
            task::yield_now();
            assert!(task::cancelled());
            select! { readable(*b) -> ready => ready.unwrap() }
            assert_eq!(b.try_read(&mut [0; 8]), Ok(1));
            select! { readable(*b) -> _ => unreachable!(), cancelled => "told" }
        })
        .unwrap();
        task::yield_now();
        waiting.cancel();
        assert_eq!(waiting.join().unwrap(), "told");
    });
}

#[test]
fn time_limits_end_it() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = UnixStream::pair().unwrap();
        for limit in [0, 1, 20, 500] {
            let start = Instant::now();
            let limit = Duration::from_micros(limit);
            let ended = time::timeout(limit, || {
                select! { readable(b) -> ready => ready, sleep(millis(5000)) => unreachable!() }
            });
            assert_eq!(ended.unwrap_err().0.unwrap_err().errno(), Errno::CANCELED);
            assert!(start.elapsed() >= limit);
        }
        // In a shield it waits on.
        let writer = task::spawn({
            let a = a.try_clone().unwrap();
            move || {
                time::sleep(millis(5)).unwrap();
                a.write_all(b"x")
            }
        });
        let ended =
            time::timeout(millis(1), || task::shield(|| select! { readable(b) -> ready => ready }));
        assert_eq!(ended.unwrap(), Ok(()));
        writer.unwrap().join().unwrap().unwrap();
    });
}

/// Those who wait for the same descriptor are all woken, whatever they wait by.
#[test]
fn several_wait_for_one_descriptor() {
    static R: Runtime<8> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = connection();
        for round in 0..50 {
            task::scope(|s| {
                let selecting: Vec<_> = (0..3)
                    .map(|_| {
                        s.spawn(|| select! { readable(b) -> r => r.map_err(Errno::from) }).unwrap()
                    })
                    .collect();
                let waiting = s.spawn(|| fd::readable(&b).map_err(Errno::from))?;
                let owned = s.spawn(|| b.readable().map_err(Errno::from))?;
                if round % 2 == 0 {
                    time::sleep(Duration::from_micros(100))?;
                }
                a.write_all(b"xy")?;
                // Twice in one select.
                select! { readable(b) -> ready => ready?, readable(b) -> ready => ready? }
                selecting.into_iter().try_for_each(|task| task.join().map_err(Errno::from))?;
                waiting.join()?;
                owned.join()?;
                // Those that wait for writing are not in their way.
                select! { writable(b) -> ready => ready? }
                assert_eq!(b.read(&mut [0; 8])?, 2);
                Ok::<_, Errno>(())
            })
            .unwrap();
        }
    });
}

/// Operations of a descriptor's owner between selects on it, of all kinds.
#[test]
fn plain_operations_and_selects_take_turns() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = connection();
        let echo = task::spawn(move || {
            let mut buffer = [0; 100];
            for round in 0.. {
                // A short read says that nothing is left; the next wait must not believe that for ever.
                let read = if round % 3 == 0 {
                    b.read(&mut buffer)
                } else {
                    select! { readable(b) -> ready => ready.and_then(|()| b.read(&mut buffer)) }
                };
                match read.unwrap() {
                    0 => break,
                    count => b.write_all(&buffer[..count]).unwrap(),
                }
            }
        })
        .unwrap();
        for round in 0..500_usize {
            let size = 1 + round % 100;
            a.write_all(&[7; 100][..size]).unwrap();
            let mut got = 0;
            while got < size {
                if round % 2 == 0 {
                    select! {
                        readable(a) -> ready => ready.unwrap(),
                        sleep(millis(5000)) => panic!("lost a wake-up in round {round}"),
                    }
                }
                got += a.read(&mut [0; 100]).unwrap();
            }
            assert_eq!(got, size);
        }
        a.shutdown(Shutdown::Write).unwrap();
        echo.join().unwrap();
    });
}

/// Who is served at once, time after time, lets others run; with `default` nobody else does.
#[test]
fn who_is_always_served_does_not_starve_others() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = UnixStream::pair().unwrap();
        a.try_write(b"x").unwrap();
        let ran = Rc::new(Cell::new(false));
        let inside = ran.clone();
        drop(task::spawn(move || inside.set(true)).unwrap());
        for _ in 0..10_000 {
            select! { readable(b) -> ready => ready.unwrap(), default => unreachable!() }
        }
        assert!(!ran.get());
        for _ in 0..10_000 {
            select! { readable(b) -> ready => ready.unwrap(), sleep(millis(5000)) => unreachable!() }
        }
        assert!(ran.get());
    });
}

/// Nor those who sleep, where nobody else is ready.
#[test]
fn who_is_always_served_does_not_keep_sleepers_asleep() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = UnixStream::pair().unwrap();
        a.write_all(b"x").unwrap();
        let is_awake = Rc::new(Cell::new(false));
        let wakes = is_awake.clone();
        drop(task::spawn(move || {
            time::sleep(millis(1)).unwrap();
            wakes.set(true);
        }));
        task::yield_now();
        std::thread::sleep(millis(5));
        // By lot, one time in 32: that it is not in 1,000 has a chance of one to 10^13.
        for _ in 0..1000 {
            select! {
                readable(b) -> ready => ready.unwrap(),
                sleep(millis(5000)) => unreachable!(),
            }
        }
        assert!(is_awake.get());
    });
}

/// Epoll would tell of urgent data for ever, which is nothing to read.
#[test]
fn urgent_data_does_not_keep_the_thread_busy() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let listener = TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        let peer = socket2::Socket::from(std::net::TcpStream::connect(address).unwrap());
        let (stream, _) = listener.accept().unwrap();
        peer.send_out_of_band(b"!").unwrap();
        let before = switches(&R);
        let chosen = select! { readable(stream) -> _ => "readable", sleep(millis(200)) => "time" };
        assert_eq!(chosen, "time");
        assert!(time::timeout(millis(100), || fd::readable(&stream)).is_err());
        assert!(switches(&R) - before < 20, "it goes round in circles");
        peer.send(b"x").unwrap();
        select! { readable(stream) -> ready => ready.unwrap() }
        assert_eq!(stream.read(&mut [0; 8]), Ok(1));
    });
}

#[test]
fn snapshots_say_where_it_waits() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = UnixStream::pair().unwrap();
        let line = line!() + 2;
        let waiting = task::Builder::new().name("waiting").spawn(move || {
            select! { readable(b) -> ready => ready, sleep(millis(5000)) => unreachable!() }
        });
        task::yield_now();
        let snapshot = R.tasks().find(|task| task.name.as_deref() == Some("waiting")).unwrap();
        assert_eq!(snapshot.status, Status::Parked);
        let text = snapshot.waits_for.unwrap().to_string();
        let expected = format!("one of several events (at {}:{line}:", file!());
        assert!(text.starts_with(&expected), "{text}");
        a.write_all(b"x").unwrap();
        waiting.unwrap().join().unwrap().unwrap();
    });
}

/// A coroutine that waits parks the task that it runs in.
#[test]
fn it_waits_inside_of_coroutines() {
    static R: Runtime<2> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = UnixStream::pair().unwrap();
        let stack = MappedStack::new(64 * 1024).unwrap();
        let mut reading = Coroutine::new(stack, move |yielder, ()| {
            loop {
                select! {
                    readable(b) -> ready => ready.unwrap(),
                    sleep(millis(5000)) => unreachable!(),
                }
                let mut byte = [0];
                match b.try_read(&mut byte).unwrap() {
                    0 => return "end",
                    _ => yielder.suspend(byte[0]),
                }
            }
        });
        let writer = task::spawn(move || {
            for byte in 0..10 {
                task::yield_now();
                a.write_all(&[byte]).unwrap();
            }
        });
        for byte in 0..10 {
            assert_eq!(reading.resume(()), CoroutineResult::Yield(byte));
        }
        assert_eq!(reading.resume(()), CoroutineResult::Return("end"));
        writer.unwrap().join().unwrap();
    });
}

/// What the body does comes when nothing refers to the arms any more.
#[cfg(feature = "std")]
#[test]
fn a_panic_in_the_body_ends_its_task_only() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        for round in 0..20 {
            let ((a, b), (_c, d)) = (connection(), UnixStream::pair().unwrap());
            let panicking = task::spawn(move || {
                select! {
                    readable(b) -> _ => panic!("intended"),
                    readable(d) -> _ => unreachable!(),
                    sleep(millis(if round % 2 == 0 { 1 } else { 5000 })) => panic!("intended"),
                }
            })
            .unwrap();
            if round % 2 == 1 {
                a.write_all(b"x").unwrap();
            }
            assert!(matches!(panicking.join(), Err(task::JoinError::Panicked(_))));
        }
    });
}
