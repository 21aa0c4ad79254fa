//! The example `httpd`, as curl, wrk and raw connections see it, on both drivers.

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let features = "start,panic-handler,io,mem,net,fs,uring,errno-text";
    PROGRAM.get_or_init(|| common::build("stable", "example", "httpd", features, "release"))
}

/// A server in a process of its own, which is killed at the end.
struct Server {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Server {
    fn start(driver: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path());
        let mut child = Command::new(program())
            .arg("127.0.0.1:0")
            .arg(folder.path().join("www"))
            .args(["--driver", driver])
            .args(more)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().parse();
        Self { child, address: address.unwrap_or_else(|_| panic!("{line}")), folder }
    }

    /// What curl says: the status, and the body.
    fn curl(&self, target: &str, options: &[&str]) -> (u16, Vec<u8>) {
        let output = Command::new("curl")
            .args(["--silent", "--path-as-is", "--max-time", "20", "--write-out", "%{http_code}"])
            .args(options)
            .arg(format!("http://{}{target}", self.address))
            .output()
            .expect("curl is needed");
        let mut body = output.stdout;
        let status = body.split_off(body.len() - 3);
        (String::from_utf8(status).unwrap().parse().unwrap(), body)
    }

    /// What comes back for some bytes, until the server closes the connection.
    fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn fill(folder: &Path) {
    let www = folder.join("www");
    fs::create_dir_all(www.join("sub/deep")).unwrap();
    fs::create_dir_all(www.join("odd/index.html")).unwrap();
    fs::write(www.join("index.html"), "<h1>hello</h1>\n").unwrap();
    fs::write(www.join("sub/index.html"), "below\n").unwrap();
    fs::write(www.join("a b.txt"), "with a space\n").unwrap();
    fs::write(www.join("empty"), "").unwrap();
    let large: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    fs::write(www.join("large.bin"), large).unwrap();
    fs::write(folder.join("secret"), "secret\n").unwrap();
    std::os::unix::fs::symlink(folder.join("secret"), www.join("out")).unwrap();
    std::os::unix::fs::symlink("index.html", www.join("inside")).unwrap();
    let fifo = Command::new("mkfifo").arg(www.join("fifo")).status().unwrap();
    assert!(fifo.success());
}

fn on_both(test: impl Fn(&Server)) {
    for driver in ["uring", "epoll"] {
        println!("on {driver}");
        test(&Server::start(driver, &[]));
    }
}

#[test]
fn curl_gets_files() {
    on_both(|server| {
        assert_eq!(server.curl("/", &[]), (200, b"<h1>hello</h1>\n".to_vec()));
        assert_eq!(server.curl("/index.html?query#part", &[]).0, 200);
        assert_eq!(server.curl("/inside", &[]), (200, b"<h1>hello</h1>\n".to_vec()));
        assert_eq!(server.curl("/a%20b.txt", &[]), (200, b"with a space\n".to_vec()));
        assert_eq!(server.curl("/empty", &[]), (200, Vec::new()));
        assert_eq!(server.curl("/sub/", &[]), (200, b"below\n".to_vec()));
        assert_eq!(server.curl("/sub", &["--location"]), (200, b"below\n".to_vec()));
        assert_eq!(server.curl("/sub/../sub/deep/../index.html", &[]).0, 200);
        let large = fs::read(server.folder.path().join("www/large.bin")).unwrap();
        assert_eq!(server.curl("/large.bin", &[]), (200, large));
        // Several files over one connection.
        let output = Command::new("curl")
            .args(["--silent", "--verbose"])
            .args([
                format!("http://{}/", server.address),
                format!("http://{}/sub/", server.address),
            ])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("Re-using existing connection"), "{said}");
    });
}

/// Somebody else's idea of a date.
fn seconds_since_1970(date: &str) -> u64 {
    let output = Command::new("date").args(["+%s", "-d", date]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn headers_say_what_the_file_is() {
    on_both(|server| {
        let before = seconds_since_1970("now");
        let (status, head) = server.curl("/index.html", &["--head"]);
        let head = String::from_utf8(head).unwrap();
        assert_eq!(status, 200);
        for line in ["Content-Length: 15", "Content-Type: text/html", "Connection: keep-alive"] {
            assert!(head.contains(line), "{head}");
        }
        let value = |name| head.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let date = seconds_since_1970(value("Date: "));
        assert!((before..=seconds_since_1970("now")).contains(&date), "{head}");
        let modified = value("Last-Modified: ");
        // Somebody else's idea of the time.
        let path = server.folder.path().join("www/index.html");
        let mut date = Command::new("date");
        date.args(["-u", "+%a, %d %b %Y %H:%M:%S GMT", "-r"]).arg(path).env("LC_ALL", "C");
        let expected = date.output().unwrap().stdout;
        assert_eq!(modified, String::from_utf8(expected).unwrap().trim());
        let known = format!("If-Modified-Since: {modified}");
        assert_eq!(server.curl("/index.html", &["--header", &known]), (304, Vec::new()));
    });
}

#[test]
fn nothing_outside_of_the_folder_is_served() {
    on_both(|server| {
        let climbing = [
            "/../secret",
            "/sub/../../secret",
            "/%2e%2e/secret",
            "/..%2fsecret",
            "//etc/passwd",
            "/%2fetc/passwd",
            "/out",
            "/sub/../../www/index.html",
        ];
        for target in climbing {
            let (status, body) = server.curl(target, &[]);
            assert_eq!(status, 403, "{target}");
            assert!(!body.windows(6).any(|part| part == b"secret"), "{target}");
        }
        assert_eq!(server.curl("/fifo", &[]).0, 403, "no file");
        assert_eq!(server.curl("/odd/", &[]).0, 403, "its index is a folder");
    });
}

#[test]
fn bad_requests_are_answered() {
    on_both(|server| {
        assert_eq!(server.curl("/nothing", &[]).0, 404);
        assert_eq!(server.curl("/index.html/more", &[]).0, 404);
        assert_eq!(server.curl("/sub/deep/", &[]).0, 404);
        assert_eq!(server.curl("/%zz", &[]).0, 400);
        assert_eq!(server.curl("/%00", &[]).0, 400);
        assert_eq!(server.curl("/", &["--data", "x"]).0, 405);
        assert_eq!(server.curl("/", &["--request", "DELETE"]).0, 405);
        assert_eq!(server.curl(&format!("/{}", "x".repeat(3000)), &[]).0, 414);
        assert_eq!(server.curl("/", &["--http1.0"]).0, 200);
        let long = "x".repeat(9000);
        let cases = [
            ("nonsense\r\n\r\n".to_owned(), "400"),
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), "400"),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n".to_owned(), "400"),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 0\r\n\r\n"
                    .to_owned(),
                "400",
            ),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n".to_owned(), "413"),
            ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), "411"),
            ("GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_owned(), "505"),
            (format!("GET /{long} HTTP/1.1\r\n"), "414"),
            (format!("GET / HTTP/1.1\r\nLong: {long}"), "431"),
            (
                "GET http://a/sub/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(),
                "200",
            ),
            ("GET index.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(), "400"),
            // The path ends before the query, and who wants an end gets one.
            (
                "GET http://a?b/sub HTTP/1.1\r\nHost: a\r\nConnection: close, keep-alive\r\n\r\n"
                    .to_owned(),
                "200",
            ),
        ];
        for (request, status) in cases {
            let answer = server.raw(request.as_bytes());
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{request:.60}: {answer:.60}"
            );
        }
    });
}

#[test]
fn requests_come_in_pieces_and_several_at_a_time() {
    on_both(|server| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_nodelay(true).unwrap();
        for piece in ["GE", "T / HTTP/1.1\r\nHo", "st: a\r\n", "\r\n"] {
            stream.write_all(piece.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(3));
        }
        // A body that nobody wants, and a request behind it.
        let two = "GET /sub/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345\
                   HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        stream.write_all(two.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
        assert!(answer.contains("hello") && answer.contains("below"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "no body after HEAD: {answer}");
    });
}

#[test]
fn wrk_finds_no_error() {
    on_both(|server| {
        let output = Command::new("wrk")
            .args(["--threads", "1", "--connections", "100", "--duration", "1s"])
            .arg(format!("http://{}/index.html", server.address))
            .output()
            .expect("wrk is needed");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && said.contains("Requests/sec"), "{said}");
        assert!(!said.contains("Non-2xx") && !said.contains("Socket errors"), "{said}");
    });
}

#[test]
fn more_connections_than_allowed_wait_their_turn() {
    for driver in ["uring", "epoll"] {
        let server = Server::start(driver, &["--max", "2"]);
        let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let mut streams: Vec<_> =
            (0..4).map(|_| TcpStream::connect(server.address).unwrap()).collect();
        for stream in &mut streams {
            stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            stream.write_all(request).unwrap();
        }
        let answered = |stream: &mut TcpStream| stream.read(&mut [0; 4096]).is_ok_and(|n| n > 0);
        let served: Vec<_> = streams.iter_mut().map(answered).collect();
        assert_eq!(served, [true, true, false, false]);
        streams.drain(..2);
        assert!(streams.iter_mut().all(answered));
    }
}

#[test]
fn what_fails_at_the_start_is_named() {
    let says = |folder: &str, driver: &str, expected: &str| {
        let mut command = Command::new(program());
        command.args(["127.0.0.1:0", folder]).env("BARECORO_DRIVER", driver);
        let ended = common::run(&mut command);
        assert_eq!((ended.stderr.as_str(), ended.code), (expected, Some(1)));
    };
    says("/no/such", "epoll", "httpd: open: no such file or directory (ENOENT)\n");
    says("/", "kqueue", "httpd: start of the driver: invalid argument (EINVAL)\n");
}
