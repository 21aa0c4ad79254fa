//! Reading lines through a buffer.
#![cfg(feature = "embedded-io")]

use std::collections::VecDeque;

use barecoro::Errno;
use barecoro::io::{BufReader, ReadLineError};
use embedded_io::{BufRead as _, ErrorKind, ErrorType, Read};

/// Gives these parts, one for each read, and then the end.
struct Parts(VecDeque<Result<&'static [u8], ErrorKind>>);

impl Parts {
    fn new(parts: &[&'static str]) -> Self {
        Self(parts.iter().map(|part| Ok(part.as_bytes())).collect())
    }
}

impl ErrorType for Parts {
    type Error = ErrorKind;
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let Some(part) = self.0.pop_front() else { return Ok(0) };
        let part = part?;
        let count = part.len().min(buffer.len());
        buffer[..count].copy_from_slice(&part[..count]);
        if count < part.len() {
            self.0.push_front(Ok(&part[count..]));
        }
        Ok(count)
    }
}

type Line = heapless::String<8>;
type Error = ReadLineError<ErrorKind>;

fn lines<const N: usize>(parts: Parts) -> Vec<Result<String, Error>> {
    let mut reader = BufReader::<_, N>::new(parts);
    let mut all = Vec::new();
    loop {
        let mut line = Line::new();
        match reader.read_line(&mut line) {
            Ok(0) => return all,
            Ok(count) => {
                assert_eq!(count, line.len());
                all.push(Ok(line.as_str().to_owned()));
            }
            Err(error) => all.push(Err(error)),
        }
    }
}

fn texts(texts: &[&str]) -> Vec<Result<String, Error>> {
    texts.iter().map(|text| Ok((*text).to_owned())).collect()
}

#[test]
fn lines_are_put_together() {
    for parts in [&["one\ntwo\n\nthree"][..], &["o", "ne", "\n", "two\n", "\nthr", "ee"]] {
        let expected = texts(&["one\n", "two\n", "\n", "three"]);
        assert_eq!(lines::<4>(Parts::new(parts)), expected);
        assert_eq!(lines::<100>(Parts::new(parts)), expected);
    }
    assert_eq!(lines::<4>(Parts::new(&[])), []);
    assert_eq!(lines::<4>(Parts::new(&["\n"])), texts(&["\n"]));
    // Each of these is as long as there is room.
    assert_eq!(lines::<5>(Parts::new(&["1234567\n12345678"])), texts(&["1234567\n", "12345678"]));
    // Characters that come in parts.
    assert_eq!(lines::<4>(Parts::new(&["äöü\n€€"])), texts(&["äöü\n", "€€"]));
}

#[test]
fn what_does_not_fit_is_lost() {
    let expected = [Err(ReadLineError::TooLong), Ok("9\n".to_owned()), Ok("ab\n".to_owned())];
    assert_eq!(lines::<4>(Parts::new(&["123456789\nab\n"])), expected);
    assert_eq!(lines::<100>(Parts::new(&["123456789\nab\n"])), expected);

    let mut reader = BufReader::<_, 16>::new(Parts::new(&["12345678x\ny\n"]));
    let mut line = Line::try_from("old").unwrap();
    assert_eq!(reader.read_line(&mut line), Err(ReadLineError::TooLong));
    assert_eq!(line, "old");
    assert_eq!(reader.read_line(&mut line), Ok(5));
    assert_eq!(line, "old678x\n");
}

#[test]
fn what_is_not_text_is_lost() {
    let parts = [Ok(&b"a\n\xff\nb\n\xc3"[..])];
    let expected = [Ok("a\n".to_owned()), Err(ReadLineError::NotText), Ok("b\n".to_owned())];
    let found = lines::<4>(Parts(parts.into()));
    assert_eq!(found[..3], expected);
    assert_eq!(found[3..], [Err(ReadLineError::NotText)], "the end of a character is missing");

    // A failure in the middle is not lost, and what comes behind it is no line of its own.
    let timed_out = || Err(ErrorKind::TimedOut);
    let parts = [Ok(&b"\xffabc"[..]), timed_out(), Ok(b"de"), timed_out(), Ok(b"fghi\nnext\n")];
    let mut reader = BufReader::<_, 4>::new(Parts(parts.into()));
    let mut line = Line::try_from("old").unwrap();
    for _ in 0..2 {
        let failed = Err(ReadLineError::Read(ErrorKind::TimedOut));
        assert_eq!(reader.read_line(&mut line), failed);
        assert_eq!(line, "old");
    }
    assert_eq!(reader.read_line(&mut line), Err(ReadLineError::NotText));
    assert_eq!(line, "old");
    assert_eq!(reader.read_line(&mut line), Ok(5));
    assert_eq!(line, "oldnext\n");

    // Who reads otherwise in between has taken the rest.
    let parts = [Ok(&b"\xff"[..]), timed_out(), Ok(b"rest\ngood\n")];
    let mut reader = BufReader::<_, 16>::new(Parts(parts.into()));
    let mut line = Line::new();
    assert!(matches!(reader.read_line(&mut line), Err(ReadLineError::Read(_))));
    let mut rest = heapless::Vec::<u8, 16>::new();
    assert_eq!(reader.read_until(b'\n', &mut rest), Ok(5));
    assert_eq!(reader.read_line(&mut line), Ok(5));
    assert_eq!(line, "good\n");
}

/// Such as a read whose time was up: the next one goes on.
#[test]
fn after_a_failure_nothing_is_lost() {
    let interrupted = [
        Ok(&b"on"[..]),
        Err(ErrorKind::TimedOut),
        Ok(b"e\n\xe2\x82"),
        Err(ErrorKind::TimedOut),
        Ok(b"\xac"),
        Err(ErrorKind::TimedOut),
        Ok(b"\n"),
    ];
    let mut reader = BufReader::<_, 4>::new(Parts(interrupted.into()));
    let mut line = Line::new();
    let timed_out = Err(ReadLineError::Read(ErrorKind::TimedOut));
    assert_eq!(reader.read_line(&mut line), timed_out);
    assert_eq!(line, "on");
    assert_eq!(reader.read_line(&mut line), Ok(2));
    assert_eq!(line, "one\n");
    assert_eq!(reader.read_line(&mut line), timed_out);
    assert_eq!(line, "one\n");
    assert_eq!(reader.read_line(&mut line), timed_out);
    assert_eq!(line, "one\n€");
    assert_eq!(reader.read_line(&mut line), Ok(1));
    assert_eq!(line, "one\n€\n");
    assert_eq!(reader.read_line(&mut line), Ok(0));
}

#[test]
fn bytes_up_to_any_other() {
    let mut reader = BufReader::<_, 4>::new(Parts::new(&["a,bc,", "def"]));
    let mut bytes = heapless::Vec::<u8, 4>::new();
    assert_eq!(reader.read_until(b',', &mut bytes), Ok(2));
    assert_eq!(reader.read_until(b',', &mut bytes), Err(ReadLineError::TooLong));
    assert_eq!(bytes, b"a,bc");
    bytes.clear();
    assert_eq!(reader.read_until(b',', &mut bytes), Ok(1));
    assert_eq!(reader.read_until(b',', &mut bytes), Ok(3));
    assert_eq!(bytes, b",def");
    assert_eq!(reader.read_until(b',', &mut bytes), Ok(0));
}

#[test]
fn the_traits_go_through_the_buffer() {
    let mut reader = BufReader::<_, 4>::new(Parts::new(&["abcdef", "ghijklmnop"]));
    assert_eq!(reader.fill_buf(), Ok(&b"abcd"[..]));
    reader.consume(1);
    assert_eq!(reader.buffer(), b"bcd");
    let mut buffer = [0; 6];
    assert_eq!(reader.read(&mut buffer), Ok(3), "what is in the buffer comes first");
    assert_eq!(reader.read(&mut buffer), Ok(2), "large reads do without it");
    assert_eq!(reader.buffer(), b"");
    assert_eq!(reader.read(&mut buffer[..2]), Ok(2));
    assert_eq!(reader.buffer(), b"ij");
    reader.consume(100);
    assert_eq!(reader.read(&mut buffer), Ok(6));
    assert_eq!(&buffer, b"klmnop");
    assert_eq!(reader.get_mut().0.len(), 0);
    assert_eq!(
        format!("{reader:?}", reader = BufReader::<_, 4>::new(1)),
        "BufReader { inner: 1, buffered: 0, .. }"
    );
}

#[test]
fn errors_are_numbers_too() {
    assert_eq!(Errno::from(ReadLineError::Read(Errno::IO)), Errno::IO);
    assert_eq!(Errno::from(ReadLineError::<Errno>::TooLong), Errno::MSGSIZE);
    assert_eq!(Errno::from(ReadLineError::<Errno>::NotText), Errno::ILSEQ);
    assert_eq!(ReadLineError::<Errno>::TooLong.to_string(), "the line is too long");
}
