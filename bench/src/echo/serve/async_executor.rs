//! smol's parts, on one thread: async-executor's `LocalExecutor`, async-io and async-net.

use std::io;
use std::rc::Rc;

use async_executor::LocalExecutor;
use async_net::TcpListener;

use super::{ADDRESS, announce, echo};

pub(super) fn serve() -> io::Result<()> {
    let executor = Rc::new(LocalExecutor::new());
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
