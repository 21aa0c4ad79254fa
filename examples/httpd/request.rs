//! Requests: where one ends, and what it asks for.

use crate::response::Status;

/// The most headers that a request may have.
const HEADERS: usize = 64;

/// What a request asks for.
pub(crate) struct Request<'a> {
    /// Whether only the headers are wanted.
    pub(crate) is_head: bool,
    /// What follows the method.
    pub(crate) target: &'a str,
    /// Whether the connection stays open afterwards.
    pub(crate) stays_open: bool,
    /// What the client says it has: the time of the last change.
    pub(crate) if_modified_since: Option<&'a [u8]>,
    /// How many bytes are said to follow the headers.
    content_length: Option<usize>,
    /// Whether the client wants no other answer.
    is_last: bool,
    /// How many bytes the headers are.
    pub(crate) length: usize,
}

impl<'a> Request<'a> {
    /// Takes the request at the beginning of `bytes` apart; `None` if it is not all there yet.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Option<Self>, Status> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(Status::HEADERS_TOO_LARGE),
            Err(httparse::Error::Version) => return Err(Status::VERSION_NOT_SUPPORTED),
            Err(_) => return Err(Status::BAD_REQUEST),
        };
        let (Some(method), Some(target), Some(version)) =
            (parsed.method, parsed.path, parsed.version)
        else {
            return Err(Status::BAD_REQUEST);
        };
        let mut request = Self {
            is_head: method == "HEAD",
            target,
            stays_open: version == 1,
            if_modified_since: None,
            content_length: None,
            is_last: false,
            length,
        };
        let mut hosts = 0;
        for header in parsed.headers.iter() {
            hosts += usize::from(header.name.eq_ignore_ascii_case("host"));
            request.take_header(header)?;
        }
        request.stays_open &= !request.is_last;
        // RFC 9112, 3.2.
        if hosts > 1 || (version == 1 && hosts == 0) {
            return Err(Status::BAD_REQUEST);
        }
        if method != "GET" && method != "HEAD" {
            return Err(Status::METHOD_NOT_ALLOWED);
        }
        Ok(Some(request))
    }

    /// How many bytes follow the headers, which nobody wants.
    pub(crate) fn body(&self) -> usize {
        self.content_length.unwrap_or(0)
    }

    fn take_header(&mut self, header: &httparse::Header<'a>) -> Result<(), Status> {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("connection") {
            // Whoever wants it closed gets that, whatever else is said (RFC 9112, 9.3).
            for option in header.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                self.is_last |= option.eq_ignore_ascii_case(b"close");
                self.stays_open |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if is("content-length") {
            let text = core::str::from_utf8(header.value).map_err(|_| Status::BAD_REQUEST)?;
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let length = text.parse().ok().filter(|_| is_number).ok_or(Status::BAD_REQUEST)?;
            // Two that differ, and a server and a proxy may not agree where the next request begins.
            if self.content_length.is_some_and(|before| before != length) {
                return Err(Status::BAD_REQUEST);
            }
            self.content_length = Some(length);
        } else if is("transfer-encoding") {
            // Where the body ends is then said inside of it.
            return Err(Status::LENGTH_REQUIRED);
        } else if is("if-modified-since") {
            self.if_modified_since = Some(header.value);
        }
        Ok(())
    }
}
