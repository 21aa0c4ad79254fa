//! The halves of streams do what the streams do, each in its direction.
#![cfg(all(feature = "net", feature = "uring"))]

mod support;

use barecoro::Runtime;
use barecoro::io::{Error, IoSlice, IoSliceMut};
use barecoro::net::{OwnedReadHalf, ReadHalf, TcpListener, TcpStream, UnixStream};
use embedded_io::{Read, Write};
use support::on_both_drivers;

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (ours, listener.accept().unwrap().0)
}

/// Goes through all that a reading and a writing half can do, and through their references.
macro_rules! converse {
    ($reader:expr, $writer:expr) => {
        let (mut reader, mut writer) = ($reader, $writer);
        let mut buffer = [0; 8];
        assert_eq!(writer.write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"c")]), Ok(3));
        writer.writable().unwrap();
        reader.readable().unwrap();
        assert_eq!(reader.peek(&mut buffer), Ok(3));
        let (mut first, mut second) = ([0; 1], [0; 8]);
        let slices = &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(reader.read_vectored(slices), Ok(3));
        assert_eq!((&first, &second[..2]), (b"a", &b"bc"[..]));
        by_traits(&mut reader, &mut writer);
        by_traits(&mut &reader, &mut &writer);
    };
}

fn by_traits(reader: &mut impl Read<Error = Error>, writer: &mut impl Write<Error = Error>) {
    let mut buffer = [0; 4];
    writer.write_all(b"text").unwrap();
    writer.flush().unwrap();
    reader.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"text");
}

#[test]
fn halves_do_what_streams_do() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = UnixStream::pair().unwrap();
        converse!(b.split().0, a.split().1);
        converse!(b.into_split().unwrap().0, a.into_split().unwrap().1);
        let (a, b) = pair();
        converse!(b.split().0, a.split().1);
        converse!(b.into_split().unwrap().0, a.into_split().unwrap().1);
    });
}

#[test]
fn halves_have_the_addresses_of_their_stream() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let (a, b) = pair();
        let (ours, theirs) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        let (reader, writer): (ReadHalf<'_>, _) = a.split();
        assert_eq!((reader.local_addr(), reader.peer_addr()), (Ok(ours), Ok(theirs)));
        assert_eq!((writer.local_addr(), writer.peer_addr()), (Ok(ours), Ok(theirs)));
        let (reader, writer) = a.into_split().unwrap();
        assert_eq!((reader.local_addr(), reader.peer_addr()), (Ok(ours), Ok(theirs)));
        assert_eq!((writer.local_addr(), writer.peer_addr()), (Ok(ours), Ok(theirs)));
        let (a, _b) = UnixStream::pair().unwrap();
        let (reader, writer): (OwnedReadHalf<UnixStream>, _) = a.into_split().unwrap();
        assert!(reader.local_addr().unwrap().is_unnamed());
        assert!(writer.peer_addr().unwrap().is_unnamed());
    });
}
