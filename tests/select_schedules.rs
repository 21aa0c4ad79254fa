//! Hundreds of schedules of tasks that select among sockets, a channel and time, and are cancelled at
//! random: nothing is lost, doubled or stuck.
#![cfg(all(feature = "sim", feature = "net", feature = "sync", feature = "uring"))]

use std::cell::{Cell, RefCell};

use barecoro::net::{UnixListener, UnixStream};
use barecoro::sync::Channel;
use barecoro::task;
use barecoro::time::Duration;
use barecoro::{Driver, Errno, Runtime, select};

const SEEDS: u64 = 150;

/// A generator for what tasks do, apart from the runtime's.
struct Lots(Cell<u64>);

impl Lots {
    fn new(seed: u64) -> Self {
        Self(Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1))
    }

    fn below(&self, end: u64) -> u64 {
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        (state >> 11) % end
    }

    fn pause(&self) -> Result<(), Errno> {
        match self.below(4) {
            0 => task::yield_now(),
            1 => barecoro::time::sleep(Duration::from_micros(self.below(30)))?,
            _ => {}
        }
        Ok(())
    }
}

fn on_both(runtime: &'static Runtime<16>, body: impl Fn(u64)) {
    for driver in [Driver::Uring, Driver::Epoll] {
        for seed in 0..SEEDS {
            runtime.builder().driver(driver).seed(seed).run(|| body(seed)).unwrap();
        }
    }
}

/// Two streams and a channel, and several who read from all of them.
#[test]
fn bytes_and_items_come_once_and_in_order() {
    const COUNT: u8 = 10;
    static R: Runtime<16> = Runtime::new();
    on_both(&R, |seed| {
        let lots = Lots::new(seed);
        let streams = [UnixStream::pair().unwrap(), UnixStream::pair().unwrap()];
        let channel = Channel::<u8, 1>::new();
        let seen: [RefCell<Vec<u8>>; 3] = Default::default();
        let (lots, streams, channel, seen) = (&lots, &streams, &channel, &seen);
        // Whether all that was sent was received, so that nobody has to wait any more.
        let is_done = || seen.iter().all(|seen| seen.borrow().len() == usize::from(COUNT));
        let read = |which: usize| -> Result<(), Errno> {
            let mut byte = [0];
            match streams[which].1.try_read(&mut byte) {
                Ok(_) => seen[which].borrow_mut().push(byte[0]),
                // Another task has read it: nothing says that it is still there.
                Err(error) => assert_eq!(error.errno(), Errno::AGAIN),
            }
            Ok(())
        };
        task::scope(|s| {
            for (writer, _) in streams {
                s.spawn(move || {
                    for byte in 0..COUNT {
                        select! {
                            writable(writer) -> ready => ready?,
                            sleep(Duration::from_millis(1)) => unreachable!("there is room"),
                        }
                        assert_eq!(writer.try_write(&[byte]), Ok(1));
                        lots.pause()?;
                    }
                    Ok(())
                })?;
            }
            s.spawn(move || {
                for item in 0..COUNT {
                    channel.send(item)?;
                    lots.pause()?;
                }
                Ok(())
            })?;
            let readers = [(); 4].map(|()| {
                let reader = s.spawn(|| {
                    while !is_done() {
                        let ended: Result<(), Errno> = select! {
                            readable(streams[0].1) -> ready => ready.map_err(Errno::from).and_then(|()| read(0)),
                            readable(streams[1].1) -> ready => ready.map_err(Errno::from).and_then(|()| read(1)),
                            recv(*channel) -> item => item.map_err(Errno::from).map(|item| seen[2].borrow_mut().push(item)),
                            sleep(Duration::from_micros(1 + lots.below(40))) => Ok(()),
                        };
                        match ended {
                            Err(Errno::CANCELED) => break,
                            ended => ended?,
                        }
                    }
                    Ok(())
                });
                reader.unwrap()
            });
            // One of them goes on to the end.
            for reader in readers.iter().take((seed % 4) as usize) {
                lots.pause()?;
                reader.cancel();
            }
            readers.into_iter().try_for_each(|reader| reader.join().map_err(Errno::from))
        })
        .unwrap();
        // What is handed over in order may be noted later.
        seen[2].borrow_mut().sort_unstable();
        for seen in seen {
            assert!(seen.borrow().iter().copied().eq(0..COUNT), "seed {seed}: {:?}", seen.borrow());
        }
    });
}

/// Several accept and are cancelled: each connection is accepted once, or waits to be.
#[test]
fn connections_are_accepted_once() {
    const COUNT: usize = 6;
    static R: Runtime<16> = Runtime::new();
    on_both(&R, |seed| {
        let lots = Lots::new(seed);
        let name = format!("barecoro-schedules-{}", std::process::id());
        let address = barecoro::net::UnixAddr::from_abstract_name(name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let accepted = RefCell::new(Vec::new());
        let (lots, address, listener, accepted) = (&lots, &address, &listener, &accepted);
        task::scope(|s| {
            let clients = s.spawn(move || {
                let mut streams = Vec::new();
                for number in 0..COUNT {
                    let stream = UnixStream::connect_addr(address)?;
                    assert_eq!(stream.try_write(&[u8::try_from(number).unwrap()]), Ok(1));
                    streams.push(stream);
                    lots.pause()?;
                }
                Ok(streams)
            })?;
            let accepting = [(); 3].map(|()| {
                let accepting = s.spawn(move || {
                    for _ in 0..COUNT {
                        select! {
                            accept(listener) -> stream => match stream {
                                Ok((stream, _)) => accepted.borrow_mut().push(stream),
                                Err(error) if error.is_cancelled() => break,
                                Err(error) => return Err(error.into()),
                            },
                            sleep(Duration::from_micros(1 + lots.below(40))) => {}
                        }
                    }
                    Ok(())
                });
                accepting.unwrap()
            });
            lots.pause()?;
            accepting[(seed % 3) as usize].cancel();
            accepting.into_iter().try_for_each(|task| task.join().map_err(Errno::from))?;
            let _streams = clients.join()?;
            while let Ok((stream, _)) = listener.try_accept() {
                accepted.borrow_mut().push(stream);
            }
            let mut numbers: Vec<_> = accepted
                .borrow()
                .iter()
                .map(|stream| {
                    let mut byte = [0];
                    assert_eq!(stream.try_read(&mut byte), Ok(1));
                    usize::from(byte[0])
                })
                .collect();
            numbers.sort_unstable();
            assert!(numbers.iter().copied().eq(0..COUNT), "seed {seed}: {numbers:?}");
            Ok::<_, Errno>(())
        })
        .unwrap();
    });
}
