//! Ten thousand connections at once. The clients are another process, as both sides together would
//! need more descriptors than a process may have everywhere.
#![cfg(feature = "net")]

mod support;

use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::process::Command;
use std::rc::Rc;

use barecoro::net::TcpListener;
use barecoro::{Driver, Runtime, task};
use support::{in_child, open_descriptors, raise_descriptor_limit};

const COUNT: usize = 10_000;
const ADDRESS: &str = "BARECORO_TEST_ADDRESS";

/// Each connection has a task, which sends back what it gets.
fn serve(driver: Driver) {
    static R: Runtime<{ COUNT + 1 }> = Runtime::new();
    raise_descriptor_limit();
    let before = open_descriptors().len();
    R.builder()
        .driver(driver)
        .stack_size(16 * 1024)
        .run(|| {
            let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let mut clients = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "the_other_side", "--test-threads=1"])
                .env(ADDRESS, listener.local_addr().unwrap().to_string())
                .spawn()
                .unwrap();
            let (at_once, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
            for _ in 0..COUNT {
                let (stream, _) = listener.accept().unwrap();
                let (at_once, most) = (at_once.clone(), most.clone());
                drop(task::spawn(move || {
                    at_once.set(at_once.get() + 1);
                    most.set(most.get().max(at_once.get()));
                    let mut buffer = [0; 64];
                    loop {
                        match stream.read(&mut buffer).unwrap() {
                            0 => break,
                            count => stream.write_all(&buffer[..count]).unwrap(),
                        }
                    }
                    at_once.set(at_once.get() - 1);
                }));
            }
            while at_once.get() > 0 {
                barecoro::time::sleep(barecoro::time::Duration::from_millis(5)).unwrap();
            }
            assert_eq!(most.get(), COUNT);
            assert!(clients.wait().unwrap().success());
        })
        .unwrap();
    assert_eq!(open_descriptors().len(), before);
}

/// The clients, where a server has started them.
#[test]
fn the_other_side() {
    let Ok(address) = std::env::var(ADDRESS) else { return };
    raise_descriptor_limit();
    let mut streams: Vec<_> =
        (0..COUNT).map(|_| std::net::TcpStream::connect(&address).unwrap()).collect();
    for round in 0..3 {
        let message = |number: usize| (number * 10 + round).to_ne_bytes();
        for (number, stream) in streams.iter_mut().enumerate() {
            stream.write_all(&message(number)).unwrap();
        }
        for (number, stream) in streams.iter_mut().enumerate() {
            let mut answer = [0; 8];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(answer, message(number));
        }
    }
}

#[test]
fn on_uring() {
    in_child("on_uring", || serve(Driver::Uring)).well();
}

#[test]
fn on_epoll() {
    in_child("on_epoll", || serve(Driver::Epoll)).well();
}
