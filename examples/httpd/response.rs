//! Responses: their first lines and headers.

use core::fmt::{self, Write as _};

use barecoro::time::SystemTime;

/// A status code and its phrase (RFC 9110, 15).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(u16, &'static str);

impl Status {
    pub(crate) const OK: Self = Self(200, "OK");
    pub(crate) const MOVED_PERMANENTLY: Self = Self(301, "Moved Permanently");
    pub(crate) const NOT_MODIFIED: Self = Self(304, "Not Modified");
    pub(crate) const BAD_REQUEST: Self = Self(400, "Bad Request");
    pub(crate) const FORBIDDEN: Self = Self(403, "Forbidden");
    pub(crate) const NOT_FOUND: Self = Self(404, "Not Found");
    pub(crate) const METHOD_NOT_ALLOWED: Self = Self(405, "Method Not Allowed");
    pub(crate) const REQUEST_TIMEOUT: Self = Self(408, "Request Timeout");
    pub(crate) const LENGTH_REQUIRED: Self = Self(411, "Length Required");
    pub(crate) const CONTENT_TOO_LARGE: Self = Self(413, "Content Too Large");
    pub(crate) const URI_TOO_LONG: Self = Self(414, "URI Too Long");
    pub(crate) const HEADERS_TOO_LARGE: Self = Self(431, "Request Header Fields Too Large");
    pub(crate) const INTERNAL_ERROR: Self = Self(500, "Internal Server Error");
    pub(crate) const UNAVAILABLE: Self = Self(503, "Service Unavailable");
    pub(crate) const VERSION_NOT_SUPPORTED: Self = Self(505, "HTTP Version Not Supported");
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.1)
    }
}

/// The beginning of a response, up to the empty line.
pub(crate) type Head = heapless::Vec<u8, 2048>;

/// The beginning of a response with a body of so many bytes, all but its last line.
pub(crate) fn head(status: Status, length: u64, kind: &str, stays_open: bool) -> Head {
    let mut head = Head::new();
    let connection = if stays_open { "keep-alive" } else { "close" };
    let now = Date(SystemTime::now());
    // It fits: only `kind` varies, and that is short.
    let _written = write!(
        head,
        "HTTP/1.1 {status}\r\nServer: barecoro\r\nDate: {now}\r\nConnection: {connection}\r\n\
         Content-Length: {length}\r\nContent-Type: {kind}\r\n"
    );
    if status == Status::METHOD_NOT_ALLOWED {
        let _written = head.write_str("Allow: GET, HEAD\r\n");
    }
    head
}

/// A whole response for people to read: its status is its body.
pub(crate) fn plain(status: Status, stays_open: bool, with_body: bool) -> Head {
    let mut text = heapless::String::<64>::new();
    let _written = writeln!(text, "{status}");
    let mut head = head(status, text.len() as u64, "text/plain; charset=utf-8", stays_open);
    let _written = write!(head, "\r\n{}", if with_body { &text } else { "" });
    head
}

/// A moment as HTTP has it: `Sun, 06 Nov 1994 08:49:37 GMT`. Before 1970 it has none.
pub(crate) struct Date(pub(crate) SystemTime);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let since_1970 = self.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let seconds = since_1970.as_secs();
        let (days, seconds) = (seconds / 86_400, seconds % 86_400);
        // Years that begin in March, so that a leap day is the last of one; after Howard Hinnant,
        // "chrono-compatible low-level date algorithms", from 0000-03-01 on.
        let shifted = days + 719_468;
        let (era, day) = (shifted / 146_097, shifted % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = (month + 2) % 12;
        let year = era * 400 + year + u64::from(month < 2);
        let name = |names: &[&'static str], index: u64| {
            usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or("")
        };
        write!(
            f,
            "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
            name(&DAYS, days % 7),
            name(&MONTHS, month),
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
        )
    }
}
