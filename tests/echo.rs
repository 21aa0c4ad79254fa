//! The example `echo`, as nc, Python and std see it, on both drivers.

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let features = "start,panic-handler,io,mem,net,uring,errno-text";
    PROGRAM.get_or_init(|| common::build("stable", "example", "echo", features, "release"))
}

/// A server in a process of its own, which is killed at the end.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(program())
            .arg("127.0.0.1:0")
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
        Self { child, address }
    }

    fn on_both(test: impl Fn(&Self)) {
        for driver in ["uring", "epoll"] {
            println!("on {driver}");
            test(&Self::start(&["--driver", driver]));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

#[test]
fn nc_gets_back_what_it_has_sent() {
    Server::on_both(|server| {
        let (ip, port) = (server.address.ip().to_string(), server.address.port().to_string());
        let mut nc = Command::new("nc")
            .args(["-N", "-w", "20", &ip, &port])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nc is needed");
        nc.stdin.take().unwrap().write_all(b"hello\nworld\n").unwrap();
        let output = nc.wait_with_output().unwrap();
        assert_eq!(output.stdout, b"hello\nworld\n");
    });
}

#[test]
fn python_gets_back_a_million_bytes() {
    const SCRIPT: &str = "
import socket, sys, threading
stream = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 20)
sent = bytes(range(256)) * 4096
def send():
    stream.sendall(sent)
    stream.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
received = b''
while piece := stream.recv(70000):
    received += piece
assert received == sent, len(received)
";
    Server::on_both(|server| {
        let port = server.address.port().to_string();
        let status = Command::new("python3").args(["-c", SCRIPT, &port]).status();
        assert!(status.expect("python3 is needed").success());
    });
}

#[test]
fn slow_clients_hold_up_nobody() {
    Server::on_both(|server| {
        // These send much and read nothing.
        let stuck: Vec<_> = (0..20)
            .map(|_| {
                let mut stream = TcpStream::connect(server.address).unwrap();
                stream.set_nonblocking(true).unwrap();
                while stream.write(&[0; 65536]).is_ok() {}
                stream
            })
            .collect();
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        for round in 0..100_u8 {
            stream.write_all(&[round; 64]).unwrap();
            let mut answer = [0; 64];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(answer, [round; 64]);
        }
        drop(stuck);
    });
}

#[test]
fn more_than_allowed_wait() {
    let server = Server::start(&["--max", "1"]);
    let mut first = TcpStream::connect(server.address).unwrap();
    first.write_all(b"x").unwrap();
    first.read_exact(&mut [0]).unwrap();
    let mut second = TcpStream::connect(server.address).unwrap();
    second.write_all(b"y").unwrap();
    second.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(second.read_exact(&mut [0]).is_err(), "served at once");
    drop(first);
    second.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    second.read_exact(&mut [0]).unwrap();
}

#[test]
fn what_it_does_not_understand_it_says() {
    let cases: [&[&str]; 7] = [
        &[],
        &["nowhere"],
        &["127.0.0.1"],
        &["127.0.0.1:0", "--driver", "kqueue"],
        &["127.0.0.1:0", "--max", "0"],
        &["127.0.0.1:0", "--max"],
        &["127.0.0.1:0", "more"],
    ];
    for arguments in cases {
        let ended = common::run(Command::new(program()).args(arguments));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ended.stderr.starts_with("usage: echo ADDRESS:PORT"), "{}", ended.stderr);
    }
    let server = Server::start(&[]);
    let taken = server.address.to_string();
    let ended = common::run(Command::new(program()).arg(taken));
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stderr, "echo: bind: address already in use (EADDRINUSE)\n");
    // Before anybody is told where it listens.
    let mut command = Command::new(program());
    let ended = common::run(command.arg("127.0.0.1:0").env("BARECORO_DRIVER", "kqueue"));
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stderr, "echo: start of the driver: invalid argument (EINVAL)\n");
}
