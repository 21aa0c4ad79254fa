//! The kernel's error numbers.

use core::fmt;
use core::num::NonZeroU16;

use crate::text::Decimal;

/// An error number as the kernel returns it, named as in errno(3) without the leading `E`.
///
/// Every error type of this crate converts into it, so `?` works in a function that returns
/// `Result<_, Errno>`.
///
/// # Examples
///
/// ```
/// use barecoro::Errno;
///
/// assert_eq!(Errno::NOENT.name(), Some("ENOENT"));
/// # #[cfg(feature = "errno-text")]
/// assert_eq!(Errno::NOENT.to_string(), "no such file or directory (ENOENT)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(NonZeroU16);

impl Errno {
    /// Makes an `Errno` of a number between 1 and 4095, the range a system call can return.
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) if number.get() <= 4095 => Some(Self(number)),
            _ => None,
        }
    }

    /// The number itself, between 1 and 4095.
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// The name in errno(3), such as `"ENOENT"`.
    pub fn name(self) -> Option<&'static str> {
        self.texts().map(|(name, _)| name)
    }

    /// Its name and its meaning.
    fn texts(self) -> Option<(&'static str, &'static str)> {
        let place = NUMBERS.iter().position(|number| *number == self.get())?;
        let line = TEXTS.as_bytes().split(|byte| *byte == b'\n').nth(place)?;
        let colon = line.iter().position(|byte| *byte == b':')?;
        let text = |part: Option<&'static [u8]>| core::str::from_utf8(part?).ok();
        Some((text(line.get(..colon))?, text(line.get(colon + 1..))?))
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = if cfg!(feature = "errno-text") { self.texts() } else { None };
        match texts {
            Some((name, meaning)) => write!(f, "{meaning} ({name})"),
            None => write!(f, "error number {}", Decimal(self.get().into())),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Errno({})", self.get()),
        }
    }
}

impl core::error::Error for Errno {}

impl From<core::net::AddrParseError> for Errno {
    fn from(_: core::net::AddrParseError) -> Self {
        Self::INVAL
    }
}

impl From<core::num::ParseIntError> for Errno {
    fn from(_: core::num::ParseIntError) -> Self {
        Self::INVAL
    }
}

impl From<core::str::Utf8Error> for Errno {
    fn from(_: core::str::Utf8Error) -> Self {
        Self::ILSEQ
    }
}

macro_rules! errors {
    ($($name:ident = $number:ident, $meaning:literal;)*) => {
        impl Errno {
            $(
                #[doc = concat!("`", stringify!($number), "`: ", $meaning, ".")]
                pub const $name: Self = named(linux_raw_sys::errno::$number);
            )*
        }

        /// The number of every error that the kernel's headers name.
        static NUMBERS: &[u16] = &[$(Errno::$name.get(),)*];

        /// Their names and meanings, in the same order, a line each. One text instead of a table
        /// of texts: addresses would have to be relocated, and take more room than what they name.
        static TEXTS: &str = concat!($(stringify!($number), ":", $meaning, "\n",)*);
    };
}

/// Narrows a number of the kernel's headers; fails to compile for one out of range.
#[expect(clippy::cast_possible_truncation, reason = "checked at compile time by `Errno::new`")]
const fn named(number: u32) -> Errno {
    assert!(number <= 4095, "an errno is at most 4095");
    match Errno::new(number as u16) {
        Some(errno) => errno,
        None => Errno(NonZeroU16::MAX), // not reached: an errno is not zero
    }
}

errors! {
    PERM = EPERM, "operation not permitted";
    NOENT = ENOENT, "no such file or directory";
    SRCH = ESRCH, "no such process";
    INTR = EINTR, "interrupted system call";
    IO = EIO, "input/output error";
    NXIO = ENXIO, "no such device or address";
    TOOBIG = E2BIG, "argument list too long";
    NOEXEC = ENOEXEC, "exec format error";
    BADF = EBADF, "bad file descriptor";
    CHILD = ECHILD, "no child processes";
    AGAIN = EAGAIN, "resource temporarily unavailable";
    NOMEM = ENOMEM, "cannot allocate memory";
    ACCES = EACCES, "permission denied";
    FAULT = EFAULT, "bad address";
    NOTBLK = ENOTBLK, "block device required";
    BUSY = EBUSY, "device or resource busy";
    EXIST = EEXIST, "file exists";
    XDEV = EXDEV, "invalid cross-device link";
    NODEV = ENODEV, "no such device";
    NOTDIR = ENOTDIR, "not a directory";
    ISDIR = EISDIR, "is a directory";
    INVAL = EINVAL, "invalid argument";
    NFILE = ENFILE, "too many open files in system";
    MFILE = EMFILE, "too many open files";
    NOTTY = ENOTTY, "inappropriate ioctl for device";
    TXTBSY = ETXTBSY, "text file busy";
    FBIG = EFBIG, "file too large";
    NOSPC = ENOSPC, "no space left on device";
    SPIPE = ESPIPE, "illegal seek";
    ROFS = EROFS, "read-only file system";
    MLINK = EMLINK, "too many links";
    PIPE = EPIPE, "broken pipe";
    DOM = EDOM, "numerical argument out of domain";
    RANGE = ERANGE, "numerical result out of range";
    DEADLK = EDEADLK, "resource deadlock avoided";
    NAMETOOLONG = ENAMETOOLONG, "file name too long";
    NOLCK = ENOLCK, "no locks available";
    NOSYS = ENOSYS, "function not implemented";
    NOTEMPTY = ENOTEMPTY, "directory not empty";
    LOOP = ELOOP, "too many levels of symbolic links";
    NOMSG = ENOMSG, "no message of desired type";
    IDRM = EIDRM, "identifier removed";
    CHRNG = ECHRNG, "channel number out of range";
    L2NSYNC = EL2NSYNC, "level 2 not synchronized";
    L3HLT = EL3HLT, "level 3 halted";
    L3RST = EL3RST, "level 3 reset";
    LNRNG = ELNRNG, "link number out of range";
    UNATCH = EUNATCH, "protocol driver not attached";
    NOCSI = ENOCSI, "no CSI structure available";
    L2HLT = EL2HLT, "level 2 halted";
    BADE = EBADE, "invalid exchange";
    BADR = EBADR, "invalid request descriptor";
    XFULL = EXFULL, "exchange full";
    NOANO = ENOANO, "no anode";
    BADRQC = EBADRQC, "invalid request code";
    BADSLT = EBADSLT, "invalid slot";
    BFONT = EBFONT, "bad font file format";
    NOSTR = ENOSTR, "device not a stream";
    NODATA = ENODATA, "no data available";
    TIME = ETIME, "timer expired";
    NOSR = ENOSR, "out of streams resources";
    NONET = ENONET, "machine is not on the network";
    NOPKG = ENOPKG, "package not installed";
    REMOTE = EREMOTE, "object is remote";
    NOLINK = ENOLINK, "link has been severed";
    ADV = EADV, "advertise error";
    SRMNT = ESRMNT, "srmount error";
    COMM = ECOMM, "communication error on send";
    PROTO = EPROTO, "protocol error";
    MULTIHOP = EMULTIHOP, "multihop attempted";
    DOTDOT = EDOTDOT, "RFS specific error";
    BADMSG = EBADMSG, "bad message";
    OVERFLOW = EOVERFLOW, "value too large for defined data type";
    NOTUNIQ = ENOTUNIQ, "name not unique on network";
    BADFD = EBADFD, "file descriptor in bad state";
    REMCHG = EREMCHG, "remote address changed";
    LIBACC = ELIBACC, "can not access a needed shared library";
    LIBBAD = ELIBBAD, "accessing a corrupted shared library";
    LIBSCN = ELIBSCN, ".lib section in a.out corrupted";
    LIBMAX = ELIBMAX, "attempting to link in too many shared libraries";
    LIBEXEC = ELIBEXEC, "cannot exec a shared library directly";
    ILSEQ = EILSEQ, "invalid or incomplete multibyte or wide character";
    RESTART = ERESTART, "interrupted system call should be restarted";
    STRPIPE = ESTRPIPE, "streams pipe error";
    USERS = EUSERS, "too many users";
    NOTSOCK = ENOTSOCK, "socket operation on non-socket";
    DESTADDRREQ = EDESTADDRREQ, "destination address required";
    MSGSIZE = EMSGSIZE, "message too long";
    PROTOTYPE = EPROTOTYPE, "protocol wrong type for socket";
    NOPROTOOPT = ENOPROTOOPT, "protocol not available";
    PROTONOSUPPORT = EPROTONOSUPPORT, "protocol not supported";
    SOCKTNOSUPPORT = ESOCKTNOSUPPORT, "socket type not supported";
    OPNOTSUPP = EOPNOTSUPP, "operation not supported";
    PFNOSUPPORT = EPFNOSUPPORT, "protocol family not supported";
    AFNOSUPPORT = EAFNOSUPPORT, "address family not supported by protocol";
    ADDRINUSE = EADDRINUSE, "address already in use";
    ADDRNOTAVAIL = EADDRNOTAVAIL, "cannot assign requested address";
    NETDOWN = ENETDOWN, "network is down";
    NETUNREACH = ENETUNREACH, "network is unreachable";
    NETRESET = ENETRESET, "network dropped connection on reset";
    CONNABORTED = ECONNABORTED, "software caused connection abort";
    CONNRESET = ECONNRESET, "connection reset by peer";
    NOBUFS = ENOBUFS, "no buffer space available";
    ISCONN = EISCONN, "transport endpoint is already connected";
    NOTCONN = ENOTCONN, "transport endpoint is not connected";
    SHUTDOWN = ESHUTDOWN, "cannot send after transport endpoint shutdown";
    TOOMANYREFS = ETOOMANYREFS, "too many references: cannot splice";
    TIMEDOUT = ETIMEDOUT, "connection timed out";
    CONNREFUSED = ECONNREFUSED, "connection refused";
    HOSTDOWN = EHOSTDOWN, "host is down";
    HOSTUNREACH = EHOSTUNREACH, "no route to host";
    ALREADY = EALREADY, "operation already in progress";
    INPROGRESS = EINPROGRESS, "operation now in progress";
    STALE = ESTALE, "stale file handle";
    UCLEAN = EUCLEAN, "structure needs cleaning";
    NOTNAM = ENOTNAM, "not a XENIX named type file";
    NAVAIL = ENAVAIL, "no XENIX semaphores available";
    ISNAM = EISNAM, "is a named type file";
    REMOTEIO = EREMOTEIO, "remote I/O error";
    DQUOT = EDQUOT, "disk quota exceeded";
    NOMEDIUM = ENOMEDIUM, "no medium found";
    MEDIUMTYPE = EMEDIUMTYPE, "wrong medium type";
    CANCELED = ECANCELED, "operation canceled";
    NOKEY = ENOKEY, "required key not available";
    KEYEXPIRED = EKEYEXPIRED, "key has expired";
    KEYREVOKED = EKEYREVOKED, "key has been revoked";
    KEYREJECTED = EKEYREJECTED, "key was rejected by service";
    OWNERDEAD = EOWNERDEAD, "owner died";
    NOTRECOVERABLE = ENOTRECOVERABLE, "state not recoverable";
    RFKILL = ERFKILL, "operation not possible due to RF-kill";
    HWPOISON = EHWPOISON, "memory page has hardware error";
}

#[cfg(test)]
mod tests {
    use super::Errno;

    #[test]
    fn names_are_the_manual_pages() {
        assert_eq!(Errno::AGAIN.get(), 11);
        assert_eq!(Errno::AGAIN.name(), Some("EAGAIN"));
        assert_eq!(Errno::TOOBIG.name(), Some("E2BIG"));
        assert_eq!(Errno::new(0), None);
        assert_eq!(Errno::new(4096), None);
    }

    #[test]
    fn every_number_has_its_text() {
        for number in super::NUMBERS {
            let errno = Errno::new(*number).unwrap();
            let (name, meaning) = errno.texts().unwrap();
            assert!(name.starts_with('E') && !meaning.is_empty(), "{number} {name} {meaning}");
        }
        assert_eq!(Errno::HWPOISON.name(), Some("EHWPOISON"));
    }

    #[test]
    fn an_unknown_number_still_prints() {
        let unknown = Errno::new(4000).unwrap();
        assert_eq!(std::format!("{unknown} {unknown:?}"), "error number 4000 Errno(4000)");
    }
}
