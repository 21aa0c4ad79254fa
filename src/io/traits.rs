//! The traits of `embedded_io`, for code that takes any stream.

use embedded_io::ErrorKind;

use crate::error::Errno;

use super::Error;

impl embedded_io::Error for Error {
    fn kind(&self) -> ErrorKind {
        match self.errno() {
            Errno::NOENT => ErrorKind::NotFound,
            Errno::PERM | Errno::ACCES => ErrorKind::PermissionDenied,
            Errno::CONNREFUSED => ErrorKind::ConnectionRefused,
            Errno::CONNRESET => ErrorKind::ConnectionReset,
            Errno::CONNABORTED => ErrorKind::ConnectionAborted,
            Errno::NOTCONN => ErrorKind::NotConnected,
            Errno::ADDRINUSE => ErrorKind::AddrInUse,
            Errno::ADDRNOTAVAIL => ErrorKind::AddrNotAvailable,
            Errno::PIPE => ErrorKind::BrokenPipe,
            Errno::EXIST => ErrorKind::AlreadyExists,
            Errno::INVAL => ErrorKind::InvalidInput,
            Errno::TIMEDOUT => ErrorKind::TimedOut,
            // Not `CANCELED`: who tries again what was interrupted would never end.
            Errno::INTR => ErrorKind::Interrupted,
            Errno::NOSYS | Errno::OPNOTSUPP => ErrorKind::Unsupported,
            Errno::NOMEM | Errno::NOBUFS => ErrorKind::OutOfMemory,
            _ => ErrorKind::Other,
        }
    }
}

/// Gives a type with `read` the traits of a stream to read from, as std does: also for references.
macro_rules! reader {
    ([$($generic:ident)?] $name:ty) => {
        impl<$($generic)?> embedded_io::ErrorType for $name {
            type Error = $crate::io::Error;
        }

        impl<$($generic)?> embedded_io::ErrorType for &$name {
            type Error = $crate::io::Error;
        }

        $crate::io::reader!(@read [$($generic)?] $name);
    };
    ($name:ty) => {
        $crate::io::reader!([] $name);
    };
    (@read [$($generic:ident)?] $name:ty) => {
        impl<$($generic)?> embedded_io::Read for $name {
            fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
                Self::read(self, buffer)
            }
        }

        impl<$($generic)?> embedded_io::Read for &$name {
            fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
                <$name>::read(self, buffer)
            }
        }
    };
}

/// Gives a type with `write` the traits of a stream to write to, also for references.
macro_rules! writer {
    ([$($generic:ident)?] $name:ty) => {
        impl<$($generic)?> embedded_io::ErrorType for $name {
            type Error = $crate::io::Error;
        }

        impl<$($generic)?> embedded_io::ErrorType for &$name {
            type Error = $crate::io::Error;
        }

        $crate::io::writer!(@write [$($generic)?] $name);
    };
    ($name:ty) => {
        $crate::io::writer!([] $name);
    };
    (@write [$($generic:ident)?] $name:ty) => {
        impl<$($generic)?> embedded_io::Write for $name {
            fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
                Self::write(self, bytes)
            }

            fn flush(&mut self) -> Result<(), Self::Error> {
                Ok(())
            }
        }

        impl<$($generic)?> embedded_io::Write for &$name {
            fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
                <$name>::write(self, bytes)
            }

            fn flush(&mut self) -> Result<(), Self::Error> {
                Ok(())
            }
        }
    };
}

/// Gives a type with `read` and `write` the traits of both. With references two tasks can have a
/// direction each.
#[cfg(any(feature = "net", feature = "fs"))]
macro_rules! stream {
    ($name:ty) => {
        $crate::io::reader!($name);
        $crate::io::writer!(@write [] $name);
    };
}

#[cfg(any(feature = "net", feature = "fs"))]
pub(crate) use stream;
#[cfg(any(feature = "epoll", feature = "io"))]
pub(crate) use {reader, writer};
