//! A listener for the examples that serve.

use core::net::SocketAddr;

use barecoro::Errno;
use barecoro::io::Error;
use barecoro::net::TcpListener;
use barecoro::time::{self, Duration};

/// One that tasks can wait for: whatever forbids that is an error here, before anybody hears of the server.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let listener = bind(address)?;
    start_driver(&listener)?;
    Ok(listener)
}

/// A server that was killed lets go of its address a little later than of its number: the kernel
/// still takes its ring apart.
fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    for _ in 0..50 {
        match TcpListener::bind(address) {
            Err(error) if error.errno() == Errno::ADDRINUSE => {
                let _ended = time::sleep(Duration::from_millis(20));
            }
            bound => return bound,
        }
    }
    TcpListener::bind(address)
}

/// Waits for the kernel for no time at all.
fn start_driver(listener: &TcpListener) -> Result<(), Error> {
    let waited = time::timeout(Duration::ZERO, || listener.readable());
    match waited.unwrap_or_else(|late| late.0) {
        Err(error) if !error.is_cancelled() => Err(error),
        _ => Ok(()),
    }
}
