//! barecoro. The environment's `BARECORO_DRIVER` chooses between `io_uring` and epoll.

use std::io;

use ::barecoro::net::{TcpListener, TcpStream};
use ::barecoro::{Runtime, task};

use super::{ADDRESS, BUFFER, announce};

static RUNTIME: Runtime<2048> = Runtime::new();

pub(super) fn serve() -> io::Result<()> {
    let ran = RUNTIME.builder().stack_size(16 * 1024).run(|| {
        let listener = TcpListener::bind(ADDRESS).map_err(io::Error::other)?;
        announce(listener.local_addr().map_err(io::Error::other)?)?;
        loop {
            let (stream, _) = listener.accept().map_err(io::Error::other)?;
            stream.set_nodelay(true).map_err(io::Error::other)?;
            drop(task::spawn(move || echo(stream)).map_err(|_| io::ErrorKind::OutOfMemory)?);
        }
    });
    ran.map_err(|_| io::Error::other("the runtime did not run"))?
}

#[expect(clippy::needless_pass_by_value, reason = "the task owns the connection")]
fn echo(stream: TcpStream) {
    let mut buffer = [0; BUFFER];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}
