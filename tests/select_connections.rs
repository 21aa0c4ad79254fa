//! `select!` in servers: a proxy, accepting among other things, and what there is when descriptors run out.
#![cfg(all(feature = "net", feature = "sync", feature = "uring"))]

mod support;

use std::cell::{Cell, RefCell};
use std::io::{Read as _, Write as _};

use barecoro::io::Error;
use barecoro::net::{
    Shutdown, SocketAddr, TcpListener, TcpStream, UnixAddr, UnixListener, UnixStream,
};
use barecoro::sync::Channel;
use barecoro::time::{self, Duration};
use barecoro::{Errno, Runtime, select, task};
use support::{in_child, on_both_drivers};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn local() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A proxy of one task for each connection: it waits for both sides at a time, until one has ended.
/// Then what is left goes the other way. Returns how many bytes it has moved.
fn proxy(client: &TcpStream, upstream: &TcpStream, idle: Duration) -> Result<usize, Errno> {
    let mut buffer = [0; 512];
    let mut moved = 0;
    loop {
        let (from, to) = select! {
            readable(client) -> ready => { ready?; (client, upstream) }
            readable(upstream) -> ready => { ready?; (upstream, client) }
            sleep(idle) => return Err(Errno::TIMEDOUT),
        };
        match from.try_read(&mut buffer) {
            Ok(0) => {
                to.shutdown(Shutdown::Write)?;
                return rest(to, from).map(|rest| moved + rest);
            }
            Ok(count) => {
                to.write_all(&buffer[..count])?;
                moved += count;
            }
            Err(error) if error.errno() == Errno::AGAIN => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Moves all that comes until the end.
fn rest(from: &TcpStream, to: &TcpStream) -> Result<usize, Errno> {
    let mut buffer = [0; 512];
    let mut moved = 0;
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(moved),
            count => {
                to.write_all(&buffer[..count])?;
                moved += count;
            }
        }
    }
}

#[test]
fn a_proxy_moves_all_that_comes_from_both_sides() {
    static R: Runtime<32> = Runtime::new();
    on_both_drivers(&R, || {
        // The server answers each line with its length, and is std's, on another thread.
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = server.local_addr().unwrap();
        let serving = std::thread::spawn(move || {
            let clients: Vec<_> = (0..8)
                .map(|_| {
                    let (mut stream, _) = server.accept().unwrap();
                    std::thread::spawn(move || {
                        let mut lines = std::io::BufReader::new(stream.try_clone().unwrap());
                        let mut line = String::new();
                        while std::io::BufRead::read_line(&mut lines, &mut line).unwrap() > 0 {
                            writeln!(stream, "{}", line.len()).unwrap();
                            line.clear();
                        }
                        stream.write_all(b"bye\n").unwrap();
                    })
                })
                .collect();
            clients.into_iter().for_each(|client| client.join().unwrap());
        });
        let listener = TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = task::spawn(move || {
            let tasks: Vec<_> = (0..8)
                .map(|_| {
                    let (client, _) = select! { accept(listener) -> accepted => accepted.unwrap() };
                    task::spawn(move || {
                        proxy(&client, &TcpStream::connect(upstream)?, Duration::from_secs(20))
                    })
                    .unwrap()
                })
                .collect();
            tasks.into_iter().for_each(|task| assert!(task.join().unwrap().unwrap() > 0));
        })
        .unwrap();
        let clients: Vec<_> = (0..8_usize)
            .map(|client| {
                std::thread::spawn(move || {
                    let mut stream = std::net::TcpStream::connect(address).unwrap();
                    let mut expected = String::new();
                    for round in 0..50 {
                        let line = "x".repeat((client * 331 + round * 97) % 3000);
                        writeln!(stream, "{line}").unwrap();
                        expected += &format!("{}\n", line.len() + 1);
                    }
                    stream.shutdown(std::net::Shutdown::Write).unwrap();
                    let mut answer = String::new();
                    stream.read_to_string(&mut answer).unwrap();
                    assert_eq!(answer, expected + "bye\n");
                })
            })
            .collect();
        accepting.join().unwrap();
        clients.into_iter().for_each(|client| client.join().unwrap());
        serving.join().unwrap();
    });
}

/// Several tasks accept, with other arms that win most of the time: each connection is one's.
#[test]
fn no_connection_is_lost_or_accepted_twice() {
    const COUNT: usize = 60;
    static R: Runtime<6> = Runtime::new();
    static OTHER: Channel<(), 1> = Channel::new();
    on_both_drivers(&R, || {
        let listener = TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        let clients = std::thread::spawn(move || {
            (0..COUNT)
                .map(|number| {
                    let mut stream = std::net::TcpStream::connect(address).unwrap();
                    stream.write_all(&[u8::try_from(number).unwrap()]).unwrap();
                    stream
                })
                .collect::<Vec<_>>()
        });
        let (seen, others) = (RefCell::new(Vec::new()), Cell::new(0_u32));
        task::scope(|s| {
            for number in 0..3 {
                let (listener, seen, others) = (&listener, &seen, &others);
                s.spawn(move || {
                    while seen.borrow().len() < COUNT {
                        select! {
                            accept(listener) -> accepted => {
                                let (stream, peer) = accepted?;
                                assert_eq!(stream.peer_addr()?, peer);
                                let mut byte = [0];
                                stream.read(&mut byte)?;
                                seen.borrow_mut().push(byte[0]);
                            }
                            recv(OTHER) -> _ => others.set(others.get() + 1),
                            sleep(Duration::from_micros(50 + 70 * number)) => others.set(others.get() + 1),
                        }
                    }
                    Ok(())
                })?;
            }
            while seen.borrow().len() < COUNT {
                let _full = OTHER.try_send(());
                task::yield_now();
            }
            Ok::<_, Errno>(())
        })
        .unwrap();
        let mut seen = seen.take();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..u8::try_from(COUNT).unwrap()));
        assert!(others.get() > 0);
        drop(clients.join().unwrap());
        let _none = OTHER.try_recv();

        // Of Unix sockets too; and a cancelled one is told.
        let address =
            UnixAddr::from_abstract_name(format!("select-{}", std::process::id())).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let accepting = task::spawn(move || {
            select! { accept(listener) -> accepted => accepted.unwrap(), sleep(millis(5000)) => unreachable!() };
            select! { accept(listener) -> accepted => accepted.unwrap_err() }
        })
        .unwrap();
        task::yield_now();
        let _stream = UnixStream::connect_addr(&address).unwrap();
        time::sleep(millis(2)).unwrap();
        accepting.cancel();
        let error = accepting.join().unwrap();
        assert_eq!((error.errno(), error.call()), (Errno::CANCELED, "accept"));
    });
}

/// A listener that no longer waits is still accepted from as ever.
#[test]
fn after_a_select_accept_parks_as_before() {
    static R: Runtime<3> = Runtime::new();
    on_both_drivers(&R, || {
        let listener = TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        let connect = move || {
            let connecting = move || {
                time::sleep(millis(1)).unwrap();
                TcpStream::connect(address).unwrap()
            };
            task::spawn(connecting).unwrap()
        };
        for _ in 0..3 {
            let connecting = connect();
            select! { accept(listener) -> accepted => drop(accepted.unwrap()) }
            connecting.join().unwrap();
            let connecting = connect();
            listener.accept().unwrap();
            connecting.join().unwrap();
        }
    });
}

/// No descriptor is left: not for the driver, and not for a connection.
#[test]
fn without_descriptors_the_arm_gets_the_error() {
    in_child("without_descriptors_the_arm_gets_the_error", || {
        static R: Runtime<2> = Runtime::new();
        on_both_drivers(&R, || {
            let (_a, b) = UnixStream::pair().unwrap();
            let listener = TcpListener::bind(local()).unwrap();
            let address = listener.local_addr().unwrap();
            let client = std::net::TcpStream::connect(address).unwrap();
            let mut files = Vec::new();
            while let Ok(file) = std::fs::File::open("/dev/null") {
                files.push(file);
            }
            for _ in 0..3 {
                let error = select! {
                    readable(b) -> ready => ready.unwrap_err(),
                    sleep(millis(5000)) => unreachable!(),
                };
                assert_eq!((error.errno(), error.call()), (Errno::MFILE, "start of the driver"));
                // The connection is there, and stays there.
                let error: Error =
                    select! { accept(listener) -> accepted => accepted.unwrap_err() };
                assert_eq!((error.errno(), error.call()), (Errno::MFILE, "accept"));
            }
            files.clear();
            let (stream, _) = select! { accept(listener) -> accepted => accepted.unwrap() };
            drop(client);
            select! { readable(stream) -> ready => ready.unwrap() }
            assert_eq!(stream.try_read(&mut [0]), Ok(0));
        });
    })
    .well();
}
