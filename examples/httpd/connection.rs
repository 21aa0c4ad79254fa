//! One connection: request after request.

use core::fmt::Write as _;

use barecoro::fs::{Dir, File, Metadata, OpenOptions};
use barecoro::io::{Error, IoSlice};
use barecoro::net::{Shutdown, TcpStream};
use barecoro::time::{self, Duration, Instant};
use barecoro::{Errno, task};

use crate::request::Request;
use crate::response::{self, Date, Head, Status};
use crate::target::Path;

/// How long a connection may stay open without a request.
const IDLE: Duration = Duration::from_secs(30);
/// How long a request may take to come, from its first byte on, and a piece of a file to go.
const LIMIT: Duration = Duration::from_secs(30);
/// The longest body of a request that is read, and dropped.
const LONGEST_BODY: usize = 1 << 16;
/// The longest request, without its body.
const LONGEST_REQUEST: usize = 8 * 1024;

/// What open(2) is asked for besides: not to wait for what is no file.
const NONBLOCK_NOCTTY: u32 = 0o4000 | 0o400;

/// What has been read and not yet been answered.
struct Input<'a> {
    stream: &'a TcpStream,
    buffer: [u8; LONGEST_REQUEST],
    length: usize,
}

/// Answers requests until the client or an error ends it.
pub(crate) fn serve(stream: &TcpStream, folder: &Dir) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let mut input = Input { stream, buffer: [0; LONGEST_REQUEST], length: 0 };
    loop {
        let answered = match input.next_request()? {
            Next::Request(request) => {
                let (length, body) = (request.length, request.body());
                let stays_open = answer(stream, folder, &request)?;
                input.consume(length);
                stays_open && input.drop_body(body)?
            }
            Next::Bad(status) => {
                within_limit(|| stream.write_all(&response::plain(status, false, true)))?;
                false
            }
            Next::End => return Ok(()),
        };
        if !answered {
            return input.close();
        }
    }
}

enum Next<'a> {
    Request(Request<'a>),
    /// It cannot be answered but with this.
    Bad(Status),
    /// There is none.
    End,
}

impl Input<'_> {
    /// Reads until a request is complete.
    fn next_request(&mut self) -> Result<Next<'_>, Error> {
        // Of the whole request, from its first byte on.
        let mut limit = Instant::now() + if self.length == 0 { IDLE } else { LIMIT };
        loop {
            match Request::parse(&self.buffer[..self.length]) {
                // It is parsed again below: returned from here it would stay borrowed in all branches.
                Ok(Some(_)) => break,
                Ok(None) if self.length == LONGEST_REQUEST => {
                    let has_target = self.buffer.contains(&b'\n');
                    let (long_target, long_rest) =
                        (Status::URI_TOO_LONG, Status::HEADERS_TOO_LARGE);
                    return Ok(Next::Bad(if has_target { long_rest } else { long_target }));
                }
                Ok(None) => {}
                Err(status) => return Ok(Next::Bad(status)),
            }
            let place = &mut self.buffer[self.length..];
            let is_first = self.length == 0;
            match time::timeout_until(limit, || self.stream.read(place)) {
                Ok(Ok(0)) | Err(_) if self.length == 0 => return Ok(Next::End),
                Ok(Ok(0)) => return Ok(Next::Bad(Status::BAD_REQUEST)),
                Ok(read) => self.length += read?,
                Err(_) => return Ok(Next::Bad(Status::REQUEST_TIMEOUT)),
            }
            if is_first {
                limit = Instant::now() + LIMIT;
            }
        }
        match Request::parse(&self.buffer[..self.length]) {
            Ok(Some(request)) => Ok(Next::Request(request)),
            Ok(None) => Ok(Next::End),
            Err(status) => Ok(Next::Bad(status)),
        }
    }

    /// Forgets the first bytes.
    fn consume(&mut self, count: usize) {
        self.buffer.copy_within(count..self.length, 0);
        self.length -= count;
    }

    /// Reads a body that nobody wants. `false` if it is too long for that.
    fn drop_body(&mut self, length: usize) -> Result<bool, Error> {
        if length > LONGEST_BODY {
            return Ok(false);
        }
        let limit = Instant::now() + LIMIT;
        let mut rest = length;
        loop {
            let here = rest.min(self.length);
            self.consume(here);
            rest -= here;
            if rest == 0 {
                return Ok(true);
            }
            let read = time::timeout_until(limit, || self.stream.read(&mut self.buffer));
            self.length = read.unwrap_or_else(|elapsed| elapsed.0)?;
            if self.length == 0 {
                return Ok(false);
            }
        }
    }

    /// Ends the connection so that the client can read what was written: closing it with bytes that
    /// nobody has read would reset it.
    fn close(&mut self) -> Result<(), Error> {
        self.stream.shutdown(Shutdown::Write)?;
        let limit = Instant::now() + Duration::from_secs(2);
        let mut rest = LONGEST_BODY;
        while rest > 0 {
            match time::timeout_until(limit, || self.stream.read(&mut self.buffer)) {
                Ok(Ok(count)) if count > 0 => rest = rest.saturating_sub(count),
                _ => break,
            }
        }
        Ok(())
    }
}

/// A client that does not take or give anything for so long has gone.
fn within_limit<T>(f: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    time::timeout(LIMIT, f).unwrap_or_else(|elapsed| elapsed.0)
}

/// Answers a request, and says whether the connection stays open.
fn answer(stream: &TcpStream, folder: &Dir, request: &Request<'_>) -> Result<bool, Error> {
    let refuse = |status| {
        let whole = response::plain(status, request.stays_open, !request.is_head);
        within_limit(|| stream.write_all(&whole)).map(|()| request.stays_open)
    };
    if request.body() > LONGEST_BODY {
        let whole = response::plain(Status::CONTENT_TOO_LARGE, false, !request.is_head);
        return within_limit(|| stream.write_all(&whole)).map(|()| false);
    }
    match find(folder, request.target) {
        Ok(Found::File(path, file, metadata)) => {
            send(stream, request, path.content_type(), &file, &metadata)
        }
        Ok(Found::Folder) => {
            let mut head = response::head(
                Status::MOVED_PERMANENTLY,
                0,
                "text/plain; charset=utf-8",
                request.stays_open,
            );
            let place = request.target.split(['?', '#']).next().unwrap_or_default();
            let fits = write!(head, "Location: {place}/\r\n\r\n").is_ok();
            // What is parsed holds neither spaces nor ends of lines.
            if !fits {
                return refuse(Status::URI_TOO_LONG);
            }
            within_limit(|| stream.write_all(&head)).map(|()| request.stays_open)
        }
        Err(status) => refuse(status),
    }
}

#[expect(clippy::large_enum_variant, reason = "there is one at a time, on a stack made for it")]
enum Found {
    File(Path, File, Metadata),
    /// A folder that was named like a file: what lies in it has other addresses.
    Folder,
}

/// Opens the file that a target names.
fn find(folder: &Dir, target: &str) -> Result<Found, Status> {
    let mut path = Path::parse(target)?;
    if path.is_folder {
        path.push_index()?;
    }
    let (file, metadata) = open(folder, path.bytes()).map_err(status_of)?;
    if metadata.is_dir() {
        // What stands for a folder is a file.
        return if path.is_folder { Err(Status::FORBIDDEN) } else { Ok(Found::Folder) };
    }
    if !metadata.is_file() {
        return Err(Status::FORBIDDEN);
    }
    Ok(Found::File(path, file, metadata))
}

fn open(folder: &Dir, path: &[u8]) -> Result<(File, Metadata), Error> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(NONBLOCK_NOCTTY);
    let file = folder.open_file_with(path, &options)?;
    let metadata = file.cached_metadata()?;
    Ok((file, metadata))
}

fn status_of(error: Error) -> Status {
    match error.errno() {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Status::NOT_FOUND,
        // It leads out of the folder, or is none of the server's business.
        Errno::XDEV | Errno::ACCES | Errno::PERM | Errno::NXIO | Errno::NODEV => Status::FORBIDDEN,
        Errno::NAMETOOLONG => Status::URI_TOO_LONG,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN => Status::UNAVAILABLE,
        _ => Status::INTERNAL_ERROR,
    }
}

/// Sends a file, the head together with its first piece.
fn send(
    stream: &TcpStream,
    request: &Request<'_>,
    kind: &str,
    file: &File,
    metadata: &Metadata,
) -> Result<bool, Error> {
    let mut modified = heapless::String::<32>::new();
    let _fits = write!(modified, "{}", Date(metadata.modified()));
    let is_known = request.if_modified_since == Some(modified.as_bytes());
    let status = if is_known { Status::NOT_MODIFIED } else { Status::OK };
    let length = metadata.len();
    let mut head: Head = response::head(status, length, kind, request.stays_open);
    let _fits = write!(head, "Last-Modified: {modified}\r\n\r\n");
    if is_known || request.is_head || length == 0 {
        return within_limit(|| stream.write_all(&head)).map(|()| request.stays_open);
    }
    let mut piece = [0; 16 * 1024];
    let mut sent = 0;
    while sent < length {
        let rest = usize::try_from(length - sent).unwrap_or(usize::MAX);
        let end = rest.min(piece.len());
        let count = file.read_at(&mut piece[..end], sent)?;
        if count == 0 {
            // The file has become shorter, and the length was promised.
            return Ok(false);
        }
        write_both(stream, &head, &piece[..count])?;
        head.clear();
        sent += count as u64;
        // A fast client must not have all the time.
        task::yield_now();
    }
    Ok(request.stays_open)
}

/// Writes two pieces, together as far as they go.
fn write_both(stream: &TcpStream, first: &[u8], second: &[u8]) -> Result<(), Error> {
    if first.is_empty() {
        return within_limit(|| stream.write_all(second));
    }
    let parts = [IoSlice::new(first), IoSlice::new(second)];
    let count = within_limit(|| stream.write_vectored(&parts))?;
    let (first, second) = match count.checked_sub(first.len()) {
        Some(of_second) => (&[][..], &second[of_second..]),
        None => (&first[count..], second),
    };
    within_limit(|| stream.write_all(first))?;
    within_limit(|| stream.write_all(second))
}
