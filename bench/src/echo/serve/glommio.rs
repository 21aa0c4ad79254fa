//! glommio, one executor.

use std::io;

use glommio::net::TcpListener;
use glommio::{LocalExecutorBuilder, Placement};

use super::{ADDRESS, announce, echo};

pub(super) fn serve() -> io::Result<()> {
    let executor = LocalExecutorBuilder::new(Placement::Unbound).make()?;
    executor.run(async {
        let listener = TcpListener::bind(ADDRESS)?;
        announce(listener.local_addr()?)?;
        loop {
            let stream = listener.accept().await?;
            stream.set_nodelay(true)?;
            glommio::spawn_local(echo(stream)).detach();
        }
    })
}
