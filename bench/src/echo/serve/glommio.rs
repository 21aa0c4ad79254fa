//! glommio, one executor.

use std::io;

use glommio::net::TcpListener;

use super::{ADDRESS, announce, echo};
use crate::libraries;

pub(super) fn serve() -> io::Result<()> {
    libraries::glommio::runtime()?.run(async {
        let listener = TcpListener::bind(ADDRESS)?;
        announce(listener.local_addr()?)?;
        loop {
            let stream = listener.accept().await?;
            stream.set_nodelay(true)?;
            glommio::spawn_local(echo(stream)).detach();
        }
    })
}
