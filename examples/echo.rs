//! A server that sends back what it gets, without std and without libc.
//!
//! `echo ADDRESS:PORT [--driver uring|epoll] [--max CONNECTIONS]`
#![no_std]
#![no_main]

#[path = "support/listener.rs"]
mod listener;

use core::cell::Cell;
use core::net::SocketAddr;

use barecoro::io::Error;
use barecoro::net::TcpStream;
use barecoro::start::{Env, ExitCode};
use barecoro::task::{self, Task};
use barecoro::time::{self, Duration};
use barecoro::{Driver, Errno, Runtime, entry, eprintln};

use listener::listen;

/// Room for the acceptor and 16,383 connections; `--max` may say less.
static RUNTIME: Runtime<{ 1 << 14 }> = Runtime::new();

entry!(main);

fn main(env: Env) -> ExitCode {
    let Some(options) = Options::parse(env) else {
        eprintln!("usage: echo ADDRESS:PORT [--driver uring|epoll] [--max CONNECTIONS]");
        return ExitCode::from(2);
    };
    let mut builder = RUNTIME.builder().stack_size(16 * 1024);
    if let Some(driver) = options.driver {
        builder = builder.driver(driver);
    }
    match builder.run(|| serve(&options)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("echo: {error}"),
        Err(error) => eprintln!("echo: {error}"),
    }
    ExitCode::FAILURE
}

struct Options {
    address: SocketAddr,
    driver: Option<Driver>,
    most: usize,
}

impl Options {
    fn parse(env: Env) -> Option<Self> {
        let mut arguments = env.args().skip(1);
        let address = arguments.next()?.parse().ok()?;
        let mut options = Self { address, driver: None, most: (1 << 14) - 1 };
        while let Some(option) = arguments.next() {
            match (option, arguments.next()?) {
                ("--driver", "uring") => options.driver = Some(Driver::Uring),
                ("--driver", "epoll") => options.driver = Some(Driver::Epoll),
                ("--max", most) => options.most = most.parse().ok().filter(|most| *most > 0)?,
                _ => return None,
            }
        }
        Some(options)
    }
}

/// How many connections there are, and who waits for one to end.
struct Connections {
    count: Cell<usize>,
    acceptor: Task,
}

fn serve(options: &Options) -> Result<(), Error> {
    let listener = listen(options.address)?;
    eprintln!("echo: listening on {}", listener.local_addr()?);
    let connections = Connections { count: Cell::new(0), acceptor: task::current() };
    task::scope(|s| {
        loop {
            while connections.count.get() == options.most {
                // Nobody tells this task to end; `accept` would say so.
                let _ended = task::park();
            }
            let stream = match listener.accept() {
                Ok((stream, _peer)) => stream,
                // There are no descriptors, or no memory, until some connection ends.
                Err(error) if is_shortage(error.errno()) => {
                    let _ended = time::sleep(Duration::from_millis(10));
                    continue;
                }
                Err(error) if error.errno() == Errno::CONNABORTED => continue,
                Err(error) => return Err(error),
            };
            connections.count.set(connections.count.get() + 1);
            let connections = &connections;
            let spawned = task::Builder::new().name("connection").spawn_scoped(s, move || {
                // A connection that breaks concerns nobody else.
                let _broken = echo(&stream);
                connections.count.set(connections.count.get() - 1);
                connections.acceptor.unpark();
                Ok(())
            });
            if spawned.is_err() {
                connections.count.set(connections.count.get() - 1);
                let _ended = time::sleep(Duration::from_millis(10));
            }
        }
    })
}

fn is_shortage(errno: Errno) -> bool {
    matches!(errno, Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
}

fn echo(stream: &TcpStream) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => stream.write_all(&buffer[..count])?,
        }
    }
}
