//! The servers that are written in Rust: each a process of its own, which is this program again
//! with the hidden option `--serve`.
//!
//! All do the same: they listen on a free port of the loopback interface, print the port, set
//! `TCP_NODELAY`, and give every connection a task that reads what there is and writes it back.

mod async_executor;
mod barecoro;
mod compio;
mod glommio;
mod may;
mod monoio;
mod tokio;

use std::io::{self, Write, stdout};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use clap::ValueEnum;
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Any free port of the loopback interface.
const ADDRESS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// What a server reads at most at once. More than a message, so that a read that gets less has
/// emptied the socket, which some servers make use of.
const BUFFER: usize = 1024;

/// The servers.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Library {
    AsyncExecutor,
    Compio,
    Glommio,
    May,
    Monoio,
    Barecoro,
    Tokio,
}

impl Library {
    /// Serves until the process is killed.
    pub fn serve(self) -> io::Result<()> {
        match self {
            Self::AsyncExecutor => async_executor::serve(),
            Self::Compio => compio::serve(),
            Self::Glommio => glommio::serve(),
            Self::May => may::serve(),
            Self::Monoio => monoio::serve(),
            Self::Barecoro => barecoro::serve(),
            Self::Tokio => tokio::serve(),
        }
    }
}

/// What a connection's task does where its stream has the traits of `futures`.
async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut buffer = [0; BUFFER];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

/// Tells the process that started this one where to connect.
fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = stdout();
    writeln!(out, "{}", address.port())?;
    out.flush()
}
