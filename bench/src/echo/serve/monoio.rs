//! monoio on `io_uring`, with the ring's flags that make it fast, which it does not set by itself.

use std::io;

use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::{IoUringDriver, RuntimeBuilder};

use super::{ADDRESS, BUFFER, announce};

pub(super) fn serve() -> io::Result<()> {
    let mut ring = io_uring_of_monoio::IoUring::builder();
    ring.setup_single_issuer().setup_defer_taskrun();
    let builder = RuntimeBuilder::<IoUringDriver>::new().with_entries(4096).uring_builder(ring);
    builder.build()?.block_on(async {
        let listener = TcpListener::bind(ADDRESS)?;
        announce(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            drop(monoio::spawn(echo(stream)));
        }
    })
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(BUFFER);
    loop {
        let (result, read) = stream.read(buffer).await;
        if result? == 0 {
            return Ok(());
        }
        let (result, written) = stream.write_all(read).await;
        result?;
        buffer = written;
        buffer.clear();
    }
}
