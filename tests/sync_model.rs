//! Channels and values against models of a few lines: first step by step, then in any order that the
//! simulated scheduler comes to, with tasks that are cancelled wherever they wait.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use barecoro::sync::broadcast::{self, TryRecvError};
use barecoro::sync::{LazyCell, RecvError, SendError, watch};
use barecoro::task::{self, Cancelled};
use barecoro::time::{Duration, Instant};
use barecoro::{Runtime, select};
use proptest::prelude::*;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, cases, ..ProptestConfig::default() }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Send,
    Receive(usize),
    Subscribe,
    Unsubscribe(usize),
    AddSender,
    DropSender,
    Close,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Send),
        6 => (0..4_usize).prop_map(Step::Receive),
        2 => Just(Step::Subscribe),
        1 => (0..4_usize).prop_map(Step::Unsubscribe),
        1 => Just(Step::AddSender),
        1 => Just(Step::DropSender),
        1 => Just(Step::Close),
        2 => Just(Step::Reopen),
    ]
}

/// All that was ever sent, and where each receiver is; the last `N` can be received.
fn broadcast_steps<const N: usize>(steps: &[Step]) {
    let channel = broadcast::Channel::<Rc<u32>, N>::new();
    let (mut sent, mut closed) = (Vec::<Rc<u32>>::new(), false);
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    for step in steps {
        match *step {
            Step::Send => {
                let item = Rc::new(sent.len() as u32);
                let outcome = channel.send(item.clone());
                if closed || receivers.is_empty() {
                    assert_eq!(outcome, Err(SendError::Closed(item)));
                } else {
                    assert_eq!(outcome, Ok(()));
                    sent.push(item);
                }
            }
            Step::Receive(n) => {
                let count = receivers.len().max(1);
                let Some((receiver, next)) = receivers.get_mut(n % count) else { continue };
                let receiver: &mut broadcast::Receiver<'_, Rc<u32>, N> = receiver;
                let start = sent.len().saturating_sub(N).max(*next);
                assert_eq!(receiver.len(), sent.len() - start);
                let expected = match sent.get(start) {
                    _ if start > *next => Err(TryRecvError::Lagged((start - *next) as u64)),
                    Some(item) => Ok(item.clone()),
                    None if closed => Err(TryRecvError::Closed),
                    None => Err(TryRecvError::Empty),
                };
                *next = start + usize::from(expected.is_ok());
                assert_eq!(receiver.try_recv(), expected);
            }
            Step::Subscribe => receivers.push((channel.subscribe(), sent.len())),
            Step::Unsubscribe(n) if n < receivers.len() => drop(receivers.remove(n)),
            Step::AddSender => senders.push(channel.sender()),
            Step::DropSender => closed |= senders.pop().is_some() && senders.is_empty(),
            Step::Close => {
                channel.close();
                closed = true;
            }
            Step::Reopen => {
                channel.reopen();
                closed = false;
            }
            Step::Unsubscribe(_) => {}
        }
        assert_eq!((channel.is_closed(), channel.receiver_count()), (closed, receivers.len()));
        // An item is there as long as somebody is to receive it, and no longer.
        for (number, item) in sent.iter().enumerate() {
            let is_kept = number + N >= sent.len() && receivers.iter().any(|at| at.1 <= number);
            assert_eq!(Rc::strong_count(item), 1 + usize::from(is_kept), "item {number}");
        }
    }
    drop((senders, receivers));
    assert!(sent.iter().all(|item| Rc::strong_count(item) == 1));
}

/// The value, how often it was changed, and which change each receiver has seen.
fn watch_steps(steps: &[Step]) {
    let channel = watch::Channel::new(0);
    let (mut value, mut version, mut closed) = (0, 0, false);
    let (mut senders, mut receivers) = (Vec::new(), Vec::<(watch::Receiver<'_, u32>, u32)>::new());
    for (number, step) in steps.iter().enumerate() {
        let next = number as u32 + 1;
        match *step {
            Step::Send => {
                let outcome = channel.send(next);
                if closed || receivers.is_empty() {
                    assert_eq!(outcome, Err(SendError::Closed(next)));
                } else {
                    assert_eq!(outcome, Ok(()));
                    (value, version) = (next, version + 1);
                }
            }
            Step::Receive(n) => {
                let count = receivers.len().max(1);
                let Some((receiver, seen)) = receivers.get_mut(n % count) else { continue };
                let is_new = *seen != version;
                assert_eq!(receiver.has_changed(), is_new);
                let now = Instant::now();
                let expected = match () {
                    () if is_new => Ok(()),
                    () if closed => Err(RecvError::Closed),
                    () => Err(RecvError::TimedOut),
                };
                assert_eq!(receiver.changed_until(now), expected);
                *seen = version;
                assert_eq!(*receiver.borrow().unwrap(), value);
            }
            Step::Subscribe => receivers.push((channel.subscribe(), version)),
            Step::Unsubscribe(n) if n < receivers.len() => {
                // A clone has seen what it has.
                let clone = receivers[n].0.clone();
                assert_eq!(clone.has_changed(), receivers[n].1 != version);
                drop(receivers.remove(n));
            }
            // As good as any other place to change the value whoever listens.
            Step::AddSender => {
                senders.push(channel.sender());
                assert_eq!(channel.send_replace(next), Ok(value));
                (value, version) = (next, version + 1);
                assert_eq!(channel.send_if_modified(|value| *value == 0), Ok(false));
            }
            Step::DropSender => closed |= senders.pop().is_some() && senders.is_empty(),
            Step::Close => {
                channel.close();
                closed = true;
            }
            Step::Reopen => {
                channel.reopen();
                closed = false;
            }
            Step::Unsubscribe(_) => {}
        }
        assert_eq!((channel.is_closed(), channel.receiver_count()), (closed, receivers.len()));
        assert_eq!(*channel.borrow().unwrap(), value);
    }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn broadcast_does_what_a_list_does(steps in prop::collection::vec(step(), 0..60)) {
        static R: Runtime<1> = Runtime::new();
        R.run(|| {
            broadcast_steps::<1>(&steps);
            broadcast_steps::<3>(&steps);
            broadcast_steps::<8>(&steps);
        }).unwrap();
    }

    #[test]
    fn watch_does_what_a_number_does(steps in prop::collection::vec(step(), 0..60)) {
        static R: Runtime<1> = Runtime::new();
        R.run(|| watch_steps(&steps)).unwrap();
    }
}

/// A generator for what tasks do, apart from the runtime's.
#[derive(Debug)]
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

    fn soon(&self) -> Instant {
        Instant::now() + Duration::from_micros(self.below(8))
    }
}

/// An item whose clone takes its time now and then.
#[derive(Debug)]
struct Slow(Rc<Lots>, u32, u32);

impl Clone for Slow {
    fn clone(&self) -> Self {
        let (sender, number) = (self.1, self.2);
        for _ in 0..self.0.below(5).saturating_sub(2) {
            task::yield_now();
        }
        assert_eq!((self.1, self.2), (sender, number), "it was overwritten while it was cloned");
        Self(self.0.clone(), sender, number)
    }
}

/// What a receiver has received or missed, one after the other.
#[derive(Default)]
struct Log {
    count: u64,
    last: [Option<u32>; 2],
}

impl Log {
    fn note(&mut self, item: &Slow) {
        self.count += 1;
        let last = &mut self.last[item.1 as usize];
        assert!(last.is_none_or(|last| last < item.2), "each sender's order is kept");
        *last = Some(item.2);
    }
}

/// Receives in every form there is until it is told to end. Returns the receiver for the rest.
fn receive<'a, const N: usize>(
    receiver: broadcast::Receiver<'a, Slow, N>,
    lots: &Lots,
) -> (broadcast::Receiver<'a, Slow, N>, Log) {
    let mut log = Log::default();
    loop {
        let got = match lots.below(4) {
            0 => receiver.recv(),
            1 => receiver.recv_until(lots.soon()),
            2 => match receiver.try_recv() {
                Err(TryRecvError::Lagged(items)) => Err(broadcast::RecvError::Lagged(items)),
                Err(_) => Err(broadcast::RecvError::TimedOut),
                Ok(item) => Ok(item),
            },
            _ => select! {
                recv(receiver) -> got => got,
                sleep_until(lots.soon()) => Err(broadcast::RecvError::TimedOut),
            },
        };
        match got {
            Ok(item) => log.note(&item),
            Err(broadcast::RecvError::Lagged(items)) => {
                assert!(items > 0);
                log.count += items;
            }
            Err(broadcast::RecvError::TimedOut) => task::yield_now(),
            Err(_) => return (receiver, log),
        }
        if task::cancelled() {
            return (receiver, log);
        }
    }
}

/// Two senders, three receivers, one of each cancelled after some turns: every item that was sent, as its
/// sender was told, comes to every receiver or counts as missed, once.
fn broadcast_model<const N: usize>(seed: u64, cut: u32) {
    static R: Runtime<8> = Runtime::new();
    let lots = Rc::new(Lots::new(seed));
    let sent = Cell::new(0);
    let run = || {
        let channel = broadcast::Channel::<Slow, N>::new();
        task::scope(|s| {
            let receivers = [(); 3].map(|()| {
                let (receiver, lots) = (channel.subscribe(), &lots);
                s.spawn(move || Ok(receive(receiver, lots))).unwrap()
            });
            let senders = [0, 1].map(|sender| {
                let (channel, lots, sent) = (&channel, &lots, &sent);
                s.spawn(move || {
                    for number in 0..8 {
                        let item = Slow(Rc::clone(lots), sender, number);
                        let outcome = match lots.below(2) {
                            0 => channel.send(item),
                            _ => select! { send(channel, item) -> outcome => outcome },
                        };
                        match outcome {
                            Ok(()) => sent.set(sent.get() + 1),
                            Err(error) => assert_eq!(error.into_inner().2, number),
                        }
                        if lots.below(2) == 0 {
                            task::yield_now();
                        }
                    }
                    Ok(())
                })
                .unwrap()
            });
            (0..cut).for_each(|_| task::yield_now());
            receivers[0].cancel();
            senders[0].cancel();
            senders.into_iter().for_each(|sender| sender.join().unwrap());
            channel.close();
            for receiver in receivers {
                let (receiver, mut log) = receiver.join().unwrap();
                for item in &receiver {
                    match item {
                        Ok(item) => log.note(&item),
                        Err(broadcast::Lagged(items)) => log.count += items,
                    }
                }
                assert_eq!(log.count, sent.get(), "seed {seed}, cut {cut}, N = {N}");
            }
            Ok::<_, Cancelled>(())
        })
        .unwrap();
        assert_eq!(channel.receiver_count(), 0);
    };
    R.builder().seed(seed).run(run).unwrap();
    assert_eq!(Rc::strong_count(&lots), 1, "every item was dropped");
}

/// Three tasks change a number in every form there is, three watch it, one of each cancelled after some
/// turns: no change is lost, nobody sees one that is half done or older than the last one seen, and
/// all see the last.
fn watch_model(seed: u64, cut: u32) {
    static R: Runtime<8> = Runtime::new();
    let lots = Lots::new(seed);
    let changes = Cell::new(0);
    let run = || {
        let channel = watch::Channel::new((0, 0));
        task::scope(|s| {
            let lots = &lots;
            let watchers = [(); 3].map(|()| {
                let mut receiver = channel.subscribe();
                s.spawn(move || {
                    let mut last = 0;
                    loop {
                        let changed = match lots.below(4) {
                            0 => receiver.changed(),
                            1 => receiver.changed_until(lots.soon()),
                            2 => receiver.wait_for(|value| value.0 > last).map(drop),
                            _ => select! {
                                changed(receiver) -> changed => changed,
                                sleep_until(lots.soon()) => Err(RecvError::TimedOut),
                            },
                        };
                        match changed {
                            Ok(()) => {
                                let Ok(value) = receiver.borrow_and_update() else { break };
                                let before = *value;
                                (0..lots.below(3)).for_each(|_| task::yield_now());
                                assert!(*value == before && before.0 == before.1);
                                assert!(before.0 > last || !value.has_changed());
                                last = last.max(before.0);
                            }
                            Err(RecvError::TimedOut) if !task::cancelled() => task::yield_now(),
                            Err(_) => break,
                        }
                    }
                    Ok((receiver, last))
                })
                .unwrap()
            });
            let changers = [(); 3].map(|()| {
                let (channel, changes) = (&channel, &changes);
                s.spawn(move || {
                    for _ in 0..5 {
                        let modified = match lots.below(2) {
                            0 => channel.send_modify(|value| {
                                value.0 += 1;
                                (0..lots.below(3)).for_each(|_| task::yield_now());
                                value.1 += 1;
                            }),
                            _ => channel
                                .send_if_modified(|value| {
                                    *value = (value.0 + 1, value.1 + 1);
                                    true
                                })
                                .map(drop),
                        };
                        changes.set(changes.get() + u32::from(modified.is_ok()));
                        (0..lots.below(3)).for_each(|_| task::yield_now());
                    }
                    Ok(())
                })
                .unwrap()
            });
            (0..cut).for_each(|_| task::yield_now());
            watchers[0].cancel();
            changers[0].cancel();
            changers.into_iter().for_each(|changer| changer.join().unwrap());
            channel.close();
            let all = changes.get();
            for (number, watcher) in watchers.into_iter().enumerate() {
                let (mut receiver, last) = watcher.join().unwrap();
                assert!(number == 0 || last == all, "seed {seed}, cut {cut}: {last} of {all}");
                if receiver.changed().is_ok() {
                    assert!(last < all);
                }
                assert_eq!(*receiver.borrow().unwrap(), (all, all));
                assert_eq!(receiver.changed(), Err(RecvError::Closed));
            }
            Ok::<_, Cancelled>(())
        })
        .unwrap();
    };
    R.builder().seed(seed).run(run).unwrap();
}

/// Five tasks need a value, two of them cancelled after some turns: it is computed once, and who is not
/// cancelled has it.
fn lazy_model(seed: u64, cut: u32) {
    static R: Runtime<8> = Runtime::new();
    let lots = Lots::new(seed);
    let calls = RefCell::new(0);
    let run = || {
        let lazy = LazyCell::new(|| {
            *calls.borrow_mut() += 1;
            (0..lots.below(6)).for_each(|_| task::yield_now());
            7
        });
        task::scope(|s| {
            let tasks: Vec<_> = (0..5)
                .map(|number| {
                    let (lazy, lots) = (&lazy, &lots);
                    s.spawn(move || {
                        (0..lots.below(4)).for_each(|_| task::yield_now());
                        Ok(match number % 2 {
                            0 => LazyCell::force(lazy).copied(),
                            _ => Ok(**lazy),
                        })
                    })
                    .unwrap()
                })
                .collect();
            (0..cut).for_each(|_| task::yield_now());
            tasks[0].cancel();
            tasks[1].cancel();
            for (number, task) in tasks.into_iter().enumerate() {
                let got = task.join().unwrap();
                assert!(got == Ok(7) || (number == 0 && got == Err(Cancelled)), "seed {seed}");
            }
            Ok::<_, Cancelled>(())
        })
        .unwrap();
        assert_eq!(*calls.borrow(), 1);
    };
    R.builder().seed(seed).run(run).unwrap();
}

proptest! {
    #![proptest_config(config(1_500))]

    #[test]
    fn broadcast_loses_nothing(seed in any::<u64>(), cut in 0..40_u32) {
        broadcast_model::<1>(seed, cut);
        broadcast_model::<2>(seed, cut);
        broadcast_model::<5>(seed, cut);
    }

    #[test]
    fn watch_shows_the_latest(seed in any::<u64>(), cut in 0..40_u32) {
        watch_model(seed, cut);
    }

    #[test]
    fn a_lazy_value_is_computed_once(seed in any::<u64>(), cut in 0..12_u32) {
        lazy_model(seed, cut);
    }
}
