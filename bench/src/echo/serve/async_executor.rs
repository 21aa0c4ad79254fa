//! smol's parts, on one thread: async-executor's `StaticLocalExecutor`, async-io and async-net.

use std::io;

use async_net::TcpListener;

use super::{ADDRESS, announce, echo};
use crate::libraries;

pub(super) fn serve() -> io::Result<()> {
    let executor = libraries::smol::executor();
    async_io::block_on(executor.run(async {
        let listener = TcpListener::bind(ADDRESS).await?;
        announce(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            executor.spawn(echo(stream)).detach();
        }
    }))
}
