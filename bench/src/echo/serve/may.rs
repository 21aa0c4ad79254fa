//! may, with one worker. Its coroutines are stackful like ours.

use std::io::{self, Read, Write};

use may::net::{TcpListener, TcpStream};

use super::{ADDRESS, BUFFER, announce};

pub(super) fn serve() -> io::Result<()> {
    // The default stack of 4 KiB words would do too; this leaves room beside the buffer.
    may::config().set_workers(1).set_stack_size(16 * 1024 / size_of::<usize>());
    let listener = TcpListener::bind(ADDRESS)?;
    announce(listener.local_addr()?)?;
    let accepting = may::go!(move || -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            drop(may::go!(move || echo(stream)));
        }
    });
    accepting.join().map_err(|_| io::Error::other("a coroutine panicked"))?
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; BUFFER];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
    }
}
