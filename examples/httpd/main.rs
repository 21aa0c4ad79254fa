//! A server of static files over HTTP/1.1, without std and without libc.
//!
//! `httpd ADDRESS:PORT FOLDER [--driver uring|epoll] [--max CONNECTIONS]`
//!
//! GET and HEAD, connections that stay open, and nothing outside of the folder: neither by `..` nor
//! by symbolic links. Each connection has a task.
#![no_std]
#![no_main]

mod connection;
#[path = "../support/listener.rs"]
mod listener;
mod request;
mod response;
mod target;

use core::cell::Cell;
use core::net::SocketAddr;

use barecoro::fs::Dir;
use barecoro::io::Error;
use barecoro::start::{Env, ExitCode};
use barecoro::task;
use barecoro::time::{self, Duration};
use barecoro::{Driver, Errno, Runtime, entry, eprintln};

use listener::listen;

/// Room for the acceptor and the connections.
const SLOTS: usize = 1 << 14;
static RUNTIME: Runtime<SLOTS> = Runtime::new();

/// A connection's buffers are on its stack: 8 KiB for the request, 16 for pieces of the file.
const STACK: usize = 48 * 1024;

entry!(main);

fn main(env: Env) -> ExitCode {
    let Some(options) = Options::parse(env) else {
        eprintln!("usage: httpd ADDRESS:PORT FOLDER [--driver uring|epoll] [--max CONNECTIONS]");
        return ExitCode::from(2);
    };
    let mut builder = RUNTIME.builder().stack_size(STACK);
    if let Some(driver) = options.driver {
        builder = builder.driver(driver);
    }
    match builder.run(|| serve(&options)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("httpd: {error}"),
        Err(error) => eprintln!("httpd: {error}"),
    }
    ExitCode::FAILURE
}

struct Options {
    address: SocketAddr,
    folder: &'static str,
    driver: Option<Driver>,
    most: usize,
}

impl Options {
    fn parse(env: Env) -> Option<Self> {
        let mut arguments = env.args().skip(1);
        let address = arguments.next()?.parse().ok()?;
        let folder = arguments.next()?;
        let mut options = Self { address, folder, driver: None, most: SLOTS - 1 };
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

fn serve(options: &Options) -> Result<(), Error> {
    let folder = Dir::open(options.folder)?;
    let listener = listen(options.address)?;
    eprintln!("httpd: serving {} on {}", options.folder, listener.local_addr()?);
    let (open, acceptor) = (Cell::new(0), task::current());
    task::scope(|s| {
        loop {
            // Who comes too late waits in the kernel's queue until another connection ends.
            while open.get() == options.most {
                // Nobody tells this task to end; `accept` would say so.
                let _ended = task::park();
            }
            let stream = match listener.accept() {
                Ok((stream, _peer)) => stream,
                Err(error) => match error.errno() {
                    Errno::CONNABORTED => continue,
                    Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM => {
                        let _ended = time::sleep(Duration::from_millis(10));
                        continue;
                    }
                    _ => return Err(error),
                },
            };
            open.set(open.get() + 1);
            let (open, folder) = (&open, &folder);
            let task = task::Builder::new().name("connection").spawn_scoped(s, move || {
                // A connection that breaks concerns nobody else.
                let _broken = connection::serve(&stream, folder);
                open.set(open.get() - 1);
                acceptor.unpark();
                Ok(())
            });
            if task.is_err() {
                open.set(open.get() - 1);
                let _ended = time::sleep(Duration::from_millis(10));
            }
        }
    })
}
