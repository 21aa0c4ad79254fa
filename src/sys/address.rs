//! Addresses of sockets as the kernel has them: ip(7), ipv6(7), unix(7).

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use linux_raw_sys::net as linux;

/// Room for the longest address that this crate knows: a Unix socket's, of 110 bytes.
const ROOM: u32 = 110;
const _: () = assert!(size_of::<linux::sockaddr_un>() == ROOM as usize);
/// Where a path begins in a Unix socket's address.
const PATH: usize = core::mem::offset_of!(linux::sockaddr_un, sun_path);

/// The families, as `sa_family` has them.
pub(crate) const INET: u32 = linux::AF_INET;
pub(crate) const INET6: u32 = linux::AF_INET6;
pub(crate) const UNIX: u32 = linux::AF_UNIX;

/// A family as an address has it.
#[expect(clippy::cast_possible_truncation, reason = "families are small numbers")]
const fn family(number: u32) -> [u8; 2] {
    (number as u16).to_ne_bytes()
}

/// A `sockaddr` of any of these families.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Address {
    bytes: [u8; ROOM as usize],
    length: u32,
}

impl Address {
    /// How long an address can be at most.
    pub(super) const ROOM: u32 = ROOM;

    /// Room for an address that the kernel is to write.
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; ROOM as usize], length: 0 }
    }

    /// Where the kernel writes an address and its length, of which the latter says how much room
    /// there is.
    pub(super) fn as_out(&mut self) -> (usize, usize) {
        self.length = ROOM;
        (self.bytes.as_mut_ptr().expose_provenance(), (&raw mut self.length).expose_provenance())
    }

    /// Where the kernel reads an address, and its length.
    pub(super) fn as_in(&self) -> (usize, usize) {
        (self.bytes.as_ptr().expose_provenance(), self.bytes().len())
    }

    /// Sets how much of it the kernel has written.
    pub(crate) fn set_length(&mut self, length: u32) {
        self.length = length;
    }

    fn bytes(&self) -> &[u8] {
        // The kernel says how long the address is, which may be more than it has written.
        self.bytes.get(..self.length.min(ROOM) as usize).unwrap_or_default()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Its family; zero for none.
    pub(crate) fn family(&self) -> u32 {
        self.field(0).map_or(0, |bytes| u16::from_ne_bytes(bytes).into())
    }

    /// Some bytes of it, if there are so many.
    fn field<const N: usize>(&self, start: usize) -> Option<[u8; N]> {
        self.bytes().get(start..)?.first_chunk().copied()
    }

    fn put(&mut self, start: usize, bytes: &[u8]) {
        let end = start + bytes.len();
        if let Some(place) = self.bytes.get_mut(start..end) {
            place.copy_from_slice(bytes);
            self.length = self.length.max(u32::try_from(end).unwrap_or(ROOM));
        }
    }

    /// The address of an internet socket.
    pub(crate) fn internet(address: SocketAddr) -> Self {
        let mut this = Self::new();
        this.put(2, &address.port().to_be_bytes());
        match address {
            SocketAddr::V4(address) => {
                this.put(0, &family(INET));
                this.put(4, &address.ip().octets());
                this.put(8, &[0; 8]);
            }
            SocketAddr::V6(address) => {
                this.put(0, &family(INET6));
                this.put(4, &address.flowinfo().to_be_bytes());
                this.put(8, &address.ip().octets());
                this.put(24, &address.scope_id().to_ne_bytes());
            }
        }
        this
    }

    /// The internet address that it is, if it is one.
    pub(crate) fn to_internet(self) -> Option<SocketAddr> {
        let port = u16::from_be_bytes(self.field(2)?);
        match self.family() {
            INET => {
                let ip = Ipv4Addr::from(self.field::<4>(4)?);
                Some(SocketAddrV4::new(ip, port).into())
            }
            INET6 => {
                let flow = u32::from_be_bytes(self.field(4)?);
                let ip = Ipv6Addr::from(self.field::<16>(8)?);
                let scope = u32::from_ne_bytes(self.field(24)?);
                Some(SocketAddrV6::new(ip, port, flow, scope).into())
            }
            _ => None,
        }
    }

    /// The address of a Unix socket at a path, or, where that begins with a zero byte, of an abstract
    /// name. `None` for paths of more than 107 bytes, and names of more than 108 with that byte.
    pub(crate) fn unix(path: &[u8]) -> Option<Self> {
        let mut this = Self::new();
        let is_path = path.first().is_some_and(|first| *first != 0);
        if path.len() + usize::from(is_path) > ROOM as usize - PATH {
            return None;
        }
        this.put(0, &family(UNIX));
        this.put(PATH, path);
        if is_path {
            this.put(PATH + path.len(), &[0]);
        }
        Some(this)
    }

    /// The path of a Unix socket, or its abstract name with the zero byte in front; empty for one
    /// without a name.
    pub(crate) fn unix_path(&self) -> &[u8] {
        let path = self.bytes().get(PATH..).unwrap_or_default();
        match path.first() {
            Some(0) | None => path,
            Some(_) => path.split(|byte| *byte == 0).next().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internet_addresses_come_back() {
        for text in ["127.0.0.1:80", "255.0.3.4:65535", "[::1]:1", "[fe80::1%7]:443"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(Address::internet(address).to_internet(), Some(address));
        }
        assert_eq!(Address::new().to_internet(), None);
        assert_eq!(
            size_of::<linux::sockaddr_in>(),
            Address::internet("1.2.3.4:5".parse().unwrap()).bytes().len()
        );
        assert_eq!(
            size_of::<linux::sockaddr_in6>(),
            Address::internet("[::1]:5".parse().unwrap()).bytes().len()
        );
    }

    #[test]
    fn unix_paths_come_back() {
        for path in [b"/run/socket".as_slice(), b"\0abstract\0name", b"\0", b""] {
            assert_eq!(Address::unix(path).unwrap().unix_path(), path);
        }
        assert!(Address::unix(&[b'x'; 107]).is_some());
        assert!(Address::unix(&[b'x'; 108]).is_none());
        assert!(Address::unix(&[0; 108]).is_some());
        assert!(Address::unix(&[0; 109]).is_none());
    }
}
