//! From what a request names to a path in the folder.

use crate::response::Status;

/// A path below the folder; `.` for the folder itself.
pub(crate) struct Path {
    bytes: heapless::Vec<u8, 1024>,
    /// Whether it names a folder: ends in a slash.
    pub(crate) is_folder: bool,
}

impl Path {
    /// The path that a target names, without its query, and with `%` and two digits for a byte.
    pub(crate) fn parse(target: &str) -> Result<Self, Status> {
        let target = target.split(['?', '#']).next().unwrap_or_default();
        let path = match target.strip_prefix("http://") {
            // The absolute form, which a server must understand (RFC 9112, 3.2.2).
            Some(rest) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/"),
            None => target,
        };
        let path = path.strip_prefix('/').ok_or(Status::BAD_REQUEST)?;
        let mut bytes = heapless::Vec::new();
        let mut rest = path.bytes();
        while let Some(byte) = rest.next() {
            let byte = match byte {
                b'%' => hexadecimal(rest.next())? << 4 | hexadecimal(rest.next())?,
                byte => byte,
            };
            if byte == 0 {
                return Err(Status::BAD_REQUEST);
            }
            bytes.push(byte).map_err(|_| Status::URI_TOO_LONG)?;
        }
        // A second slash in front would be a path from the root. The kernel refuses it, and so do we.
        if bytes.first() == Some(&b'/') || climbs(&bytes) {
            return Err(Status::FORBIDDEN);
        }
        let is_folder = bytes.last().is_none_or(|last| *last == b'/');
        Ok(Self { bytes, is_folder })
    }

    /// The path for the kernel.
    pub(crate) fn bytes(&self) -> &[u8] {
        if self.bytes.is_empty() { b"." } else { &self.bytes }
    }

    /// Goes on to the file that stands for a folder.
    pub(crate) fn push_index(&mut self) -> Result<(), Status> {
        self.bytes.extend_from_slice(b"index.html").map_err(|_| Status::URI_TOO_LONG)
    }

    /// What the file is, as its name says.
    pub(crate) fn content_type(&self) -> &'static str {
        let name = self.bytes.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let ending = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
        match ending {
            b"html" | b"htm" => "text/html; charset=utf-8",
            b"txt" | b"md" => "text/plain; charset=utf-8",
            b"css" => "text/css; charset=utf-8",
            b"js" | b"mjs" => "text/javascript; charset=utf-8",
            b"json" => "application/json",
            b"svg" => "image/svg+xml",
            b"png" => "image/png",
            b"jpg" | b"jpeg" => "image/jpeg",
            b"gif" => "image/gif",
            b"webp" => "image/webp",
            b"ico" => "image/x-icon",
            b"wasm" => "application/wasm",
            b"pdf" => "application/pdf",
            _ => "application/octet-stream",
        }
    }
}

/// Whether a path leaves where it begins on its way. The kernel would refuse it too; links are its
/// business alone.
fn climbs(path: &[u8]) -> bool {
    let mut depth = 0_usize;
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return true,
            },
            _ => depth += 1,
        }
    }
    false
}

fn hexadecimal(digit: Option<u8>) -> Result<u8, Status> {
    let value = digit.and_then(|digit| char::from(digit).to_digit(16));
    value.and_then(|value| u8::try_from(value).ok()).ok_or(Status::BAD_REQUEST)
}
