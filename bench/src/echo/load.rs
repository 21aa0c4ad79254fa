//! The load: clients that send a message, wait for it to come back, and send the next.
//!
//! It is an epoll loop of its own rather than one of the libraries that are compared, and does as
//! little as it can: where it is slower than the server, the server's idle moments are measured
//! along with it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;

/// Bytes in a message.
const MESSAGE: usize = 64;

/// How many answers the load takes at a time. With all that there are, server and load fall into step
/// with a thousand connections: one waits until the other has dealt with all of them.
const AT_ONCE: usize = 64;

/// After so long without an answer a server has failed, however busy the machine is.
const PATIENCE: Timespec = Timespec { tv_sec: 30, tv_nsec: 0 };

/// Latencies in nanoseconds, to one per cent.
pub type Latencies = Histogram<u64>;

/// None yet.
pub fn latencies() -> Latencies {
    Histogram::new_with_max(60_000_000_000, 2).expect("bounds that make sense")
}

/// The connections to one server.
pub struct Load {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    events: Vec<epoll::Event>,
}

struct Connection {
    stream: TcpStream,
    /// When its message was sent.
    sent: Instant,
    message: [u8; MESSAGE],
}

/// What a stretch of load has seen.
pub struct Seen {
    pub requests: u64,
    pub time: Duration,
    pub latencies: Latencies,
}

impl Load {
    /// Opens the connections.
    pub fn connect(port: u16, connections: usize) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let connect = |index: usize| {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let data = epoll::EventData::new_u64(index as u64);
            epoll::add(&epoll, &stream, data, epoll::EventFlags::IN | epoll::EventFlags::ET)?;
            let message = std::array::from_fn(|byte| (index + byte) as u8);
            Ok(Connection { stream, sent: Instant::now(), message })
        };
        let connections = (0..connections).map(connect).collect::<io::Result<Vec<_>>>()?;
        let events = Vec::with_capacity(connections.len().min(AT_ONCE));
        Ok(Self { epoll, connections, events })
    }

    /// Sends messages on all connections for so long, and waits until all have come back.
    pub fn run(&mut self, time: Duration) -> io::Result<Seen> {
        let mut latencies = latencies();
        let start = Instant::now();
        let end = start + time;
        for connection in &mut self.connections {
            connection.send()?;
        }
        let mut outstanding = self.connections.len();
        let mut requests = 0;
        while outstanding > 0 {
            self.events.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&PATIENCE))?;
            if self.events.is_empty() {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the server does not answer"));
            }
            for event in &self.events {
                let connection = &mut self.connections[event.data.u64() as usize];
                let now = connection.receive()?;
                let latency = now.duration_since(connection.sent);
                latencies.saturating_record(latency.as_nanos() as u64);
                requests += 1;
                if now < end {
                    connection.send_at(now)?;
                } else {
                    outstanding -= 1;
                }
            }
        }
        Ok(Seen { requests, time: start.elapsed(), latencies })
    }
}

impl Connection {
    fn send(&mut self) -> io::Result<()> {
        self.send_at(Instant::now())
    }

    fn send_at(&mut self, now: Instant) -> io::Result<()> {
        self.sent = now;
        self.message[0] = self.message[0].wrapping_add(1);
        // There is room in the socket's buffer: nothing else is in it.
        self.stream.write_all(&self.message)
    }

    /// Receives the message that came back, and checks that it is the one that was sent. It comes
    /// in one piece, as it was sent in one.
    fn receive(&mut self) -> io::Result<Instant> {
        let mut answer = [0; MESSAGE + 1];
        let count = self.stream.read(&mut answer)?;
        if count != MESSAGE || answer[..MESSAGE] != self.message {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the server sent another message",
            ));
        }
        Ok(Instant::now())
    }
}
