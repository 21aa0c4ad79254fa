//! Thousands of schedules of programs that lock, send and select: nothing is lost, done twice or stuck.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use barecoro::sync::{
    Barrier, Channel, Condvar, Mutex, Notify, OnceCell, RecvError, RwLock, Semaphore, SendError,
    TryRecvError, WaitGroup, oneshot,
};
use barecoro::task::{self, Cancelled};
use barecoro::time::{self, Duration, Instant};
use barecoro::{Runtime, select};

const SEEDS: u64 = 1_500;

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
}

/// Senders and receivers that use every form there is, and are cancelled at random: each item that was
/// sent, as its sender was told, is received once, in its sender's order.
fn channel_model<const N: usize>() {
    static R: Runtime<16> = Runtime::new();
    for seed in 0..SEEDS {
        let channel = Channel::<(u64, u64), N>::new();
        let (sent, received) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let lots = Lots::new(seed);
        let micros = |end| Duration::from_micros(lots.below(end));
        let run = || {
            task::scope(|s| {
                let senders: Vec<_> = (0..3)
                    .map(|sender| {
                        let (channel, sent, lots, micros) = (&channel, &sent, &lots, &micros);
                        s.spawn(move || {
                            for number in 0..6 {
                                let item = (sender, number);
                                let outcome = match lots.below(4) {
                                    0 => channel.send(item),
                                    1 => channel.send_until(item, Instant::now() + micros(6)),
                                    2 => channel
                                        .try_send(item)
                                        .map_err(|error| SendError::TimedOut(error.into_inner())),
                                    _ => select! {
                                        send(*channel, item) -> outcome => outcome,
                                        sleep(micros(6)) => Err(SendError::TimedOut(item)),
                                    },
                                };
                                match outcome {
                                    Ok(()) => sent.borrow_mut().push(item),
                                    Err(error) => assert_eq!(error.into_inner(), item),
                                }
                                if lots.below(2) == 0 {
                                    task::yield_now();
                                }
                            }
                            Ok(())
                        })
                        .unwrap()
                    })
                    .collect();
                let receivers: Vec<_> = (0..3)
                    .map(|_| {
                        let (channel, received, lots, micros) =
                            (&channel, &received, &lots, &micros);
                        s.spawn(move || {
                            loop {
                                let got = match lots.below(4) {
                                    0 => channel.recv(),
                                    1 => channel.recv_until(Instant::now() + micros(6)),
                                    2 => channel.try_recv().map_err(|_| RecvError::TimedOut),
                                    _ => select! {
                                        recv(*channel) -> got => got,
                                        sleep(micros(6)) => Err(RecvError::TimedOut),
                                    },
                                };
                                match got {
                                    Ok(item) => received.borrow_mut().push(item),
                                    Err(RecvError::TimedOut) if channel.is_closed() => break,
                                    Err(RecvError::TimedOut) => task::yield_now(),
                                    Err(_) => break,
                                }
                                if task::cancelled() {
                                    break;
                                }
                            }
                            Ok(())
                        })
                        .unwrap()
                    })
                    .collect();
                if seed % 3 == 0 {
                    time::sleep(micros(20))?;
                    senders[(seed % 2) as usize].cancel();
                    receivers[(seed % 3) as usize].cancel();
                }
                for sender in senders {
                    sender.join().unwrap();
                }
                channel.close();
                for receiver in receivers {
                    receiver.join().unwrap();
                }
                Ok::<_, Cancelled>(())
            })
            .unwrap();
            received.borrow_mut().extend(channel.try_iter());
        };
        R.builder().seed(seed).run(run).unwrap();
        let (mut sent, received) = (sent.take(), received.take());
        for sender in 0..3 {
            // With one receiver at a time the order is the senders'; with several, what is taken in
            // order may be noted later.
            let own: HashSet<_> = received.iter().filter(|item| item.0 == sender).collect();
            assert_eq!(own.len(), received.iter().filter(|item| item.0 == sender).count());
        }
        let mut received = received;
        sent.sort_unstable();
        received.sort_unstable();
        assert_eq!(sent, received, "seed {seed}, N = {N}");
    }
}

#[test]
fn no_item_is_lost_or_doubled() {
    channel_model::<0>();
    channel_model::<1>();
    channel_model::<3>();
}

/// One sender, one receiver: the order is kept, whatever they use.
#[test]
fn order_is_kept() {
    static R: Runtime<4> = Runtime::new();
    for seed in 0..SEEDS {
        let channel = Channel::<u32, 2>::new();
        let run = || {
            task::scope(|s| {
                s.spawn(|| {
                    for item in 0..10 {
                        select! { send(channel, item) -> sent => sent.unwrap() }
                    }
                    channel.close();
                    Ok(())
                })
                .unwrap();
                Ok::<Vec<u32>, Cancelled>(channel.iter().collect())
            })
        };
        let items = R.builder().seed(seed).run(run).unwrap().unwrap();
        assert!(items.into_iter().eq(0..10), "seed {seed}");
    }
}

/// Whatever is locked is never entered twice, and every task that may wait for ever gets in.
#[test]
fn locks_exclude() {
    static R: Runtime<16> = Runtime::new();
    for seed in 0..SEEDS {
        let (mutex, lock, semaphore) = (Mutex::new(0), RwLock::new(0), Semaphore::new(3));
        let (inside, writing, reading) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let (permits, entered) = (Cell::new(0), Cell::new(0));
        let lots = Lots::new(seed);
        let deadline = || Instant::now() + Duration::from_micros(lots.below(8));
        let run = || {
            task::scope(|s| {
                let tasks: Vec<_> = (0..6)
                    .map(|_| {
                        s.spawn(|| {
                            for _ in 0..4 {
                                match lots.below(7) {
                                    0 | 1 => {
                                        let guard = if lots.below(2) == 0 {
                                            mutex.lock().ok()
                                        } else {
                                            select! {
                                                lock(mutex) -> guard => guard.ok(),
                                                sleep_until(deadline()) => None,
                                            }
                                        };
                                        if let Some(mut guard) = guard {
                                            assert_eq!(inside.replace(1), 0, "seed {seed}");
                                            task::yield_now();
                                            *guard += 1;
                                            entered.set(entered.get() + 1);
                                            inside.set(0);
                                        }
                                    }
                                    2 => {
                                        if let Ok(_guard) = lock.write_until(deadline()) {
                                            assert_eq!((writing.replace(1), reading.get()), (0, 0));
                                            task::yield_now();
                                            writing.set(0);
                                        }
                                    }
                                    3 | 4 => {
                                        if let Ok(_guard) = lock.read() {
                                            assert_eq!(writing.get(), 0);
                                            reading.set(reading.get() + 1);
                                            task::yield_now();
                                            reading.set(reading.get() - 1);
                                        }
                                    }
                                    wanted => {
                                        let wanted = wanted as usize - 4;
                                        let permit = if lots.below(2) == 0 {
                                            semaphore.acquire_many(wanted).ok()
                                        } else {
                                            semaphore.acquire_many_until(wanted, deadline()).ok()
                                        };
                                        if let Some(permit) = permit {
                                            permits.set(permits.get() + permit.count());
                                            assert!(permits.get() <= 3, "seed {seed}");
                                            task::yield_now();
                                            permits.set(permits.get() - permit.count());
                                        }
                                    }
                                }
                            }
                            Ok(())
                        })
                        .unwrap()
                    })
                    .collect();
                if seed % 2 == 0 {
                    time::sleep(Duration::from_micros(lots.below(20)))?;
                    tasks[(seed % 6) as usize].cancel();
                }
                Ok::<_, Cancelled>(())
            })
            .unwrap();
            assert_eq!(semaphore.available_permits(), 3, "seed {seed}");
            assert!(mutex.try_lock().is_some() && lock.try_write().is_some(), "seed {seed}");
        };
        R.builder().seed(seed).run(run).unwrap();
        assert_eq!(mutex.into_inner(), entered.get(), "seed {seed}");
    }
}

/// As many notifications as waits that end well, also when some are cancelled.
#[test]
fn no_notification_is_lost() {
    static R: Runtime<8> = Runtime::new();
    let seen = RefCell::new(HashSet::new());
    for seed in 0..SEEDS {
        let (notify, idle) = (Notify::new(), Notify::new());
        let woken = Cell::new(0);
        let run = || {
            task::scope(|s| {
                let tasks: Vec<_> = (0..4)
                    .map(|n| {
                        let (notify, idle, woken) = (&notify, &idle, &woken);
                        s.spawn(move || {
                            let got = if n % 2 == 0 {
                                notify.wait()
                            } else {
                                select! {
                                    wait(*idle) -> _ => Err(Cancelled),
                                    wait(*notify) -> got => got,
                                    cancelled => Err(Cancelled),
                                }
                            };
                            woken.set(woken.get() + u32::from(got.is_ok()));
                            Ok(())
                        })
                        .unwrap()
                    })
                    .collect();
                (0..seed % 6).for_each(|_| task::yield_now());
                notify.notify_one();
                tasks[(seed % 4) as usize].cancel();
                notify.notify_one();
                (0..seed % 5).for_each(|_| task::yield_now());
                for task in &tasks {
                    task.cancel();
                }
                Ok::<_, Cancelled>(())
            })
            .unwrap();
            // One that nobody took is kept. Two that come before anybody waits are one.
            let kept = u32::from(notify.wait_until(Instant::now()).is_ok());
            let all = woken.get() + kept;
            assert!((1..=2).contains(&all), "seed {seed}: {} {kept}", woken.get());
            seen.borrow_mut().insert(all);
        };
        R.builder().seed(seed).run(run).unwrap();
    }
    assert_eq!(seen.borrow().len(), 2);
}

/// A bounded buffer of a mutex and two conditions.
#[test]
fn conditions_lose_nobody() {
    static R: Runtime<8> = Runtime::new();
    for seed in 0..SEEDS {
        let (buffer, filled, emptied) = (Mutex::new(Vec::new()), Condvar::new(), Condvar::new());
        let run = || {
            task::scope(|s| {
                for n in 0..3_u32 {
                    let (buffer, filled, emptied) = (&buffer, &filled, &emptied);
                    s.spawn(move || {
                        for item in 0..4 {
                            let guard = buffer.lock()?;
                            let mut guard = emptied.wait_while(guard, |items| items.len() == 2)?;
                            guard.push(4 * n + item);
                            filled.notify_one();
                        }
                        Ok(())
                    })
                    .unwrap();
                }
                let mut items = Vec::new();
                while items.len() < 12 {
                    let guard = buffer.lock()?;
                    let mut guard = filled.wait_while(guard, |items| items.is_empty())?;
                    items.push(guard.remove(0));
                    emptied.notify_one();
                }
                Ok::<_, Cancelled>(items)
            })
        };
        let mut items = R.builder().seed(seed).run(run).unwrap().unwrap();
        items.sort_unstable();
        assert!(items.into_iter().eq(0..12), "seed {seed}");
    }
}

/// A value is computed by one, whoever is cancelled meanwhile.
#[test]
fn a_value_is_computed_once() {
    static R: Runtime<8> = Runtime::new();
    for seed in 0..SEEDS {
        let (cell, tries) = (OnceCell::new(), Cell::new(0));
        let run = || {
            task::scope(|s| {
                let tasks: Vec<_> = (0..4)
                    .map(|_| {
                        s.spawn(|| {
                            let got = cell.get_or_init(|| {
                                tries.set(tries.get() + 1);
                                task::yield_now();
                                7
                            });
                            Ok(got.copied())
                        })
                        .unwrap()
                    })
                    .collect();
                task::yield_now();
                tasks[(seed % 4) as usize].cancel();
                for task in tasks {
                    let got = task.join().unwrap();
                    assert!(matches!(got, Ok(7) | Err(Cancelled)));
                }
                Ok::<_, Cancelled>(())
            })
        };
        R.builder().seed(seed).run(run).unwrap().unwrap();
        assert_eq!(tries.get(), 1, "seed {seed}");
    }
}

/// An item arrives, or its sender has it back, or it is dropped with a receiver that did not wait for it.
#[test]
fn an_item_goes_to_one_receiver_once() {
    static R: Runtime<4> = Runtime::new();
    let seen = RefCell::new(HashSet::new());
    for seed in 0..SEEDS {
        let (reply, item) = (oneshot::Channel::new(), Rc::new(seed));
        let (is_sent, is_gone) = (Cell::new(false), Cell::new(false));
        let lots = Lots::new(seed);
        let micros = |end| Duration::from_micros(lots.below(end));
        let run = || {
            let outcome = task::scope(|s| {
                let (sender, receiver) = reply.split();
                let (item, is_sent, is_gone) = (&item, &is_sent, &is_gone);
                let (lots, micros) = (&lots, &micros);
                let sending = s.spawn(move || {
                    time::sleep(micros(6))?;
                    if lots.below(4) == 0 {
                        return Ok(None);
                    }
                    let was_gone = is_gone.get();
                    let sent = sender.send(Rc::clone(item));
                    is_sent.set(sent.is_ok());
                    assert_eq!(sent.is_err(), was_gone, "seed {seed}");
                    Ok(sent.err())
                });
                let receiving = s.spawn(move || {
                    let deadline = Instant::now() + micros(6);
                    let got = match lots.below(4) {
                        0 => receiver.recv(),
                        1 => receiver.recv_until(deadline),
                        2 => select! {
                            recv(receiver) -> got => got,
                            sleep_until(deadline) => Err(RecvError::TimedOut),
                        },
                        _ => loop {
                            match receiver.try_recv() {
                                Ok(item) => break Ok(item),
                                Err(TryRecvError::Closed) => break Err(RecvError::Closed),
                                Err(_) => {}
                            }
                            if time::sleep(micros(3)).is_err() {
                                break Err(RecvError::Cancelled);
                            }
                        },
                    };
                    // Until here it may still have been sent.
                    let was_sent = is_sent.get();
                    drop(receiver);
                    is_gone.set(true);
                    Ok((got, was_sent))
                });
                let (sending, receiving) = (sending.unwrap(), receiving.unwrap());
                if seed % 3 == 0 {
                    time::sleep(micros(8))?;
                    receiving.cancel();
                }
                Ok::<_, Cancelled>((sending.join().unwrap(), receiving.join().unwrap()))
            });
            let (back, (got, was_sent)) = outcome.unwrap();
            match &got {
                Ok(got) => assert!(**got == seed && was_sent && back.is_none(), "seed {seed}"),
                // Its sender has left without a word.
                Err(RecvError::Closed) => assert!(!is_sent.get() && back.is_none(), "seed {seed}"),
                Err(_) => assert!(!(back.is_some() && is_sent.get()), "seed {seed}"),
            }
            seen.borrow_mut().insert((got.err().map(|error| error.to_string()), back.is_some()));
        };
        R.builder().seed(seed).run(run).unwrap();
        drop(reply);
        assert_eq!(Rc::strong_count(&item), 1, "seed {seed}");
    }
    // Closed, timed out and cancelled, with and without an item that comes back, and received.
    assert!(seen.borrow().len() >= 5, "{seen:?}");
}

/// Whoever passes a barrier passes it with as many as it is for, one of whom leads.
#[test]
fn a_barrier_lets_through_as_many_as_it_is_for() {
    static R: Runtime<8> = Runtime::new();
    for seed in 0..SEEDS {
        let barrier = Barrier::new(3);
        let (passed, led) = (Cell::new(0), Cell::new(0));
        let lots = Lots::new(seed);
        let run = || {
            task::scope(|s| {
                let spawn = |_| {
                    s.spawn(|| {
                        for _ in 0..lots.below(6) {
                            let Ok(result) = barrier.wait() else { break };
                            led.set(led.get() + u32::from(result.is_leader()));
                            passed.set(passed.get() + 1);
                            assert!(passed.get() <= 3 * led.get(), "seed {seed}");
                            (0..lots.below(3)).for_each(|_| task::yield_now());
                        }
                        Ok(())
                    })
                    .unwrap()
                };
                let tasks: Vec<_> = (0..5).map(spawn).collect();
                (0..lots.below(8)).for_each(|_| task::yield_now());
                tasks[(seed % 5) as usize].cancel();
                (0..40).for_each(|_| task::yield_now());
                // There are not enough left for another round.
                tasks.iter().for_each(|task| task.cancel());
                Ok::<_, Cancelled>(())
            })
        };
        R.builder().seed(seed).run(run).unwrap().unwrap();
        assert_eq!(passed.get(), 3 * led.get(), "seed {seed}");
    }
}

/// A wait ends well if, and only if, there was a moment without members while it waited.
#[test]
fn a_group_is_waited_for_until_there_is_nobody_in_it() {
    static R: Runtime<8> = Runtime::new();
    let outcomes = Cell::new([0_u32; 2]);
    for seed in 0..SEEDS {
        let group = WaitGroup::new();
        // How many are in it, and how often there was nobody.
        let (inside, emptied) = (Cell::new(0_u32), Cell::new(0_u32));
        let lots = Lots::new(seed);
        let run = || {
            task::scope(|s| {
                for _ in 0..3 {
                    let member = || {
                        for _ in 0..4 {
                            let member = group.enter();
                            inside.set(inside.get() + 1);
                            (0..lots.below(3)).for_each(|_| task::yield_now());
                            inside.set(inside.get() - 1);
                            emptied.set(emptied.get() + u32::from(inside.get() == 0));
                            drop(member);
                            (0..lots.below(6)).for_each(|_| task::yield_now());
                        }
                        Ok(())
                    };
                    s.spawn(member).unwrap();
                }
                let waiter = || {
                    for _ in 0..4 {
                        task::yield_now();
                        let (was_empty, before) = (inside.get() == 0, emptied.get());
                        let deadline = Instant::now() + Duration::from_micros(lots.below(4));
                        let way = lots.below(3);
                        let got = match way {
                            0 => group.wait().is_ok(),
                            1 => group.wait_until(deadline).is_ok(),
                            _ => select! {
                                wait(group) -> got => got.is_ok(),
                                sleep_until(deadline) => false,
                            },
                        };
                        let is_over = was_empty || emptied.get() > before;
                        // Of two that have happened, `select!` may choose the other.
                        assert!(got == is_over || (way == 2 && is_over), "seed {seed}");
                        let mut counts = outcomes.get();
                        counts[usize::from(got)] += 1;
                        outcomes.set(counts);
                    }
                    Ok(())
                };
                let waiters = [(); 2].map(|()| s.spawn(waiter).unwrap());
                (0..lots.below(9)).for_each(|_| task::yield_now());
                waiters[(seed % 2) as usize].cancel();
                Ok::<_, Cancelled>(())
            })
        };
        R.builder().seed(seed).run(run).unwrap().unwrap();
        R.builder().seed(seed).run(|| assert_eq!(group.count(), 0)).unwrap();
    }
    assert!(outcomes.get().iter().all(|count| *count > 100), "{outcomes:?}");
}
