//! Channels whose receivers all receive every item, or learn how many they have missed.
#![cfg(feature = "sync")]

mod support;

use std::cell::Cell;
use std::rc::Rc;

use barecoro::sync::broadcast::{Channel, Lagged, RecvError, TryRecvError};
use barecoro::sync::{Notify, SendError, TrySendError};
use barecoro::task::{self, Cancelled};
use barecoro::time::{Duration, Instant};
use barecoro::{Errno, RunError, Runtime, select};

use support::{Drops, in_child};

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(5)
}

#[test]
fn every_receiver_receives_every_item() {
    static R: Runtime<64> = Runtime::new();
    static C: Channel<u32, 4> = Channel::new();
    R.run(|| {
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let receiver = C.subscribe();
                task::spawn(move || receiver.iter().map(Result::unwrap).collect::<Vec<_>>())
                    .unwrap()
            })
            .collect();
        assert_eq!(C.receiver_count(), 50);
        for item in 0..20 {
            C.send(item).unwrap();
            if item % 4 == 3 {
                task::yield_now();
            }
        }
        C.close();
        for task in tasks {
            assert!(task.join().unwrap().into_iter().eq(0..20));
        }
        assert_eq!(C.receiver_count(), 0);
    })
    .unwrap();
}

#[test]
fn who_is_too_slow_learns_how_much_is_lost() {
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let channel = Channel::<u32, 3>::new();
        let (sender, slow) = channel.split();
        for item in 0..8 {
            sender.send(item).unwrap();
        }
        assert_eq!((slow.len(), channel.capacity()), (3, 3));
        assert_eq!(slow.recv(), Err(RecvError::Lagged(5)));
        assert_eq!((slow.recv(), slow.len()), (Ok(5), 2));
        sender.send(8).unwrap();
        sender.send(9).unwrap();
        assert_eq!(slow.try_recv(), Err(TryRecvError::Lagged(1)));
        let late = slow.resubscribe();
        drop(sender);
        assert!(slow.is_closed());
        let got: Vec<_> = slow.iter().collect();
        assert_eq!(got, [Ok(7), Ok(8), Ok(9)]);
        assert_eq!(late.recv(), Err(RecvError::Closed));
        channel.reopen();
        assert_eq!(late.try_recv(), Err(TryRecvError::Empty));
        (0..5).for_each(|item| channel.send(item).unwrap());
        assert_eq!((&late).into_iter().next(), Some(Err(Lagged(2))));
        assert_eq!(late.into_iter().next(), Some(Ok(2)));
    })
    .unwrap();
}

#[test]
fn an_item_is_moved_to_the_last_and_dropped_when_nobody_is_left() {
    #[derive(Debug)]
    struct Counted(
        Rc<Cell<u32>>,
        #[expect(dead_code, reason = "counts when dropped")] support::Token,
        Drops,
    );
    impl Clone for Counted {
        fn clone(&self) -> Self {
            self.0.set(self.0.get() + 1);
            Self(self.0.clone(), self.2.token(), self.2.clone())
        }
    }
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let (clones, drops) = (Rc::new(Cell::new(0)), Drops::new());
        let item = || Counted(clones.clone(), drops.token(), drops.clone());
        let channel = Channel::<Counted, 2>::new();
        let receivers = [(); 3].map(|()| channel.subscribe());
        channel.send(item()).unwrap();
        for receiver in &receivers {
            drop(receiver.recv().unwrap());
        }
        assert_eq!((clones.get(), drops.count()), (2, 3));
        // Whoever leaves is not waited for.
        channel.send(item()).unwrap();
        channel.send(item()).unwrap();
        drop(receivers[0].recv().unwrap());
        assert_eq!((clones.get(), drops.count()), (3, 4));
        drop(receivers);
        assert_eq!(drops.count(), 6);
        // What is overwritten is dropped, and what is left when the channel ends.
        let receiver = channel.subscribe();
        for _ in 0..3 {
            channel.send(item()).unwrap();
        }
        assert_eq!(drops.count(), 7);
        core::mem::forget(receiver);
        drop(channel);
        assert_eq!((clones.get(), drops.count()), (3, 9));
    })
    .unwrap();
}

#[test]
fn a_send_finds_somebody_or_gives_the_item_back() {
    static R: Runtime<2> = Runtime::new();
    static C: Channel<u32, 2> = Channel::new();
    R.run(|| {
        assert_eq!(C.send(1), Err(SendError::Closed(1)));
        let receiver = C.subscribe();
        C.send(2).unwrap();
        drop(receiver);
        assert_eq!(C.send(3), Err(SendError::Closed(3)));
        let receiver = C.subscribe();
        C.close();
        assert_eq!(C.send(4), Err(SendError::Closed(4)));
        assert_eq!(receiver.recv(), Err(RecvError::Closed));
        C.reopen();
        let (first, second) = (C.sender(), C.sender());
        drop(first);
        second.send(5).unwrap();
        assert!(!C.is_closed());
        drop(second.clone());
        drop(second);
        assert!(C.is_closed());
        assert_eq!((receiver.recv(), receiver.recv()), (Ok(5), Err(RecvError::Closed)));
        C.reopen();
        assert_eq!(receiver.recv_until(soon()), Err(RecvError::TimedOut));
    })
    .unwrap();
}

#[test]
fn closing_wakes_all_who_wait_and_cancelling_one() {
    static R: Runtime<8> = Runtime::new();
    static C: Channel<u32, 2> = Channel::new();
    R.run(|| {
        let tasks = [(); 4].map(|()| {
            let receiver = C.subscribe();
            task::spawn(move || receiver.recv()).unwrap()
        });
        task::yield_now();
        tasks[1].cancel();
        task::yield_now();
        C.close();
        let got = tasks.map(|task| task.join().unwrap());
        let closed = Err(RecvError::Closed);
        assert_eq!(got, [closed, Err(RecvError::Cancelled), closed, closed]);
        C.reopen();
        // Who is woken first and cancelled then has the item; the other way round it stays.
        for (sends_first, expected) in [(true, Ok(1)), (false, Err(RecvError::Cancelled))] {
            let receiver = C.subscribe();
            let task = task::spawn(move || (receiver.recv(), receiver.len())).unwrap();
            task::yield_now();
            if sends_first {
                C.send(1).unwrap();
                task.cancel();
            } else {
                task.cancel();
                C.send(1).unwrap();
            }
            assert_eq!(task.join().unwrap(), (expected, usize::from(!sends_first)));
        }
    })
    .unwrap();
}

/// An item whose clone waits until it is told to go on.
#[derive(Debug)]
struct Slow<'a>(u32, &'a Notify, support::Token, Drops);

impl Clone for Slow<'_> {
    fn clone(&self) -> Self {
        let number = self.0;
        self.1.wait().unwrap();
        assert_eq!(self.0, number, "it was overwritten while it was cloned");
        let _alive = &self.2;
        Self(number, self.1, self.3.token(), self.3.clone())
    }
}

#[test]
fn an_item_is_not_overwritten_while_it_is_cloned() {
    static R: Runtime<8> = Runtime::new();
    static GO: Notify = Notify::new();
    R.run(|| {
        let drops = Drops::new();
        let item = |number| Slow(number, &GO, drops.token(), drops.clone());
        let channel = Channel::<Slow<'_>, 1>::new().named("slow");
        let (first, second) = (channel.subscribe(), channel.subscribe());
        task::scope(|s| {
            channel.send(item(1)).unwrap();
            let cloning = s.spawn(|| Ok(first.recv().unwrap().0)).unwrap();
            task::yield_now();
            let sending = [2, 3, 4].map(|number| {
                let item = item(number);
                s.spawn(|| Ok(channel.send(item).map_err(|error| error.into_inner().0))).unwrap()
            });
            let other = item(5);
            let among_others = s
                .spawn(|| {
                    Ok(select! {
                        send(channel, other) -> sent => sent.map_err(|error| error.into_inner().0),
                    })
                })
                .unwrap();
            (0..3).for_each(|_| task::yield_now());
            // The other receiver may clone it too.
            assert_eq!(second.len(), 1);
            // Those who wait are cancelled with their item.
            sending[1].cancel();
            among_others.cancel();
            GO.notify_one();
            assert_eq!(cloning.join().unwrap(), 1);
            let sent = sending.map(|task| task.join().unwrap());
            assert_eq!(sent, [Ok(()), Err(3), Ok(())]);
            assert_eq!(among_others.join().unwrap(), Err(5));
            assert_eq!(second.recv().map(drop), Err(RecvError::Lagged(2)));
            // It is the fourth; `first` clones it, or moves it.
            GO.notify_one();
            assert_eq!(second.recv().unwrap().0, 4);
            assert_eq!(first.recv().map(drop), Err(RecvError::Lagged(1)));
            assert_eq!(first.recv().unwrap().0, 4);
            Ok::<_, Cancelled>(())
        })
        .unwrap();
        drop((first, second));
        drop(channel);
        // Five were sent or tried to be, and two cloned.
        assert_eq!(drops.count(), 7);
    })
    .unwrap();
}

#[test]
fn a_send_that_would_wait_for_a_clone_gives_the_item_back_at_once_or_in_time() {
    static R: Runtime<8> = Runtime::new();
    static GO: Notify = Notify::new();
    R.run(|| {
        let drops = Drops::new();
        let item = |number| Slow(number, &GO, drops.token(), drops.clone());
        let channel = Channel::<Slow<'_>, 1>::new();
        let later = Instant::now() + Duration::from_secs(10);
        let number = |error: SendError<Slow<'_>>| match error {
            SendError::TimedOut(item) => item.0,
            other => panic!("{other:?}"),
        };
        let full = |error: TrySendError<Slow<'_>>| match error {
            TrySendError::Full(item) => item.0,
            TrySendError::Closed(item) => panic!("{} was closed out", item.0),
        };
        assert!(matches!(channel.try_send(item(1)), Err(TrySendError::Closed(_))));
        let (sender, first) = channel.split();
        let second = channel.subscribe();
        sender.try_send(item(2)).unwrap();
        task::scope(|s| {
            let cloning = s.spawn(|| Ok(first.recv().unwrap().0)).unwrap();
            task::yield_now();
            assert_eq!(channel.try_send(item(3)).map_err(full), Err(3));
            assert_eq!(channel.send_until(item(4), soon()).map_err(number), Err(4));
            assert_eq!(sender.send_until(item(5), Instant::now()).map_err(number), Err(5));
            // Who was not served in time is not in the way of others.
            let in_time =
                s.spawn(|| Ok(sender.send_until(item(6), later).map_err(number))).unwrap();
            task::yield_now();
            GO.notify_one();
            assert_eq!(cloning.join().unwrap(), 2);
            assert_eq!(in_time.join().unwrap(), Ok(()));
            // Who waits came before, also where there is room again.
            let cloning = s.spawn(|| Ok(first.recv().unwrap().0)).unwrap();
            task::yield_now();
            let waits = s.spawn(|| Ok(channel.send(item(7)).is_ok())).unwrap();
            task::yield_now();
            assert_eq!(sender.try_send(item(8)).map_err(full), Err(8));
            GO.notify_one();
            assert_eq!((cloning.join().unwrap(), waits.join().unwrap()), (6, true));
            // Nothing is cloned: neither waits, whatever the deadline.
            channel.send_until(item(9), Instant::now()).map_err(number).unwrap();
            sender.try_send(item(10)).unwrap();
            channel.close();
            assert!(matches!(sender.try_send(item(11)), Err(TrySendError::Closed(_))));
            assert!(matches!(sender.send_until(item(12), soon()), Err(SendError::Closed(_))));
            Ok::<_, Cancelled>(())
        })
        .unwrap();
        assert_eq!(second.recv().map(drop), Err(RecvError::Lagged(4)));
        drop((first, second, sender));
        drop(channel);
        // Twelve, and two clones.
        assert_eq!(drops.count(), 14);
    })
    .unwrap();
}

#[test]
fn a_sender_that_waits_is_told_of_the_close() {
    static R: Runtime<8> = Runtime::new();
    static GO: Notify = Notify::new();
    R.run(|| {
        let drops = Drops::new();
        let item = |number| Slow(number, &GO, drops.token(), drops.clone());
        let channel = Channel::<Slow<'_>, 1>::new();
        task::scope(|s| {
            let (receiver, other) = (channel.subscribe(), channel.subscribe());
            channel.send(item(1)).unwrap();
            let cloning = s.spawn(move || Ok(receiver.recv().map(|item| item.0))).unwrap();
            task::yield_now();
            let sending = s.spawn(|| Ok(channel.send(item(2)).is_err())).unwrap();
            task::yield_now();
            channel.close();
            assert!(sending.join().unwrap(), "the close ends it at once");
            // The other does not want the item that is being cloned, and is not asked.
            drop(other);
            GO.notify_one();
            assert_eq!(cloning.join().unwrap(), Ok(1));
            Ok::<_, Cancelled>(())
        })
        .unwrap();
        assert_eq!(channel.receiver_count(), 0);
        assert_eq!(drops.count(), 3);
    })
    .unwrap();
}

#[test]
fn a_clone_and_a_destructor_may_use_the_channel() {
    struct Uses(Rc<Channel<Uses, 2>>, u32);
    impl Clone for Uses {
        fn clone(&self) -> Self {
            // Overwrites the other item, and finds this one kept.
            if self.1 == 1 {
                self.0.send(Self(self.0.clone(), 10)).map_err(drop).unwrap();
            }
            Self(self.0.clone(), self.1)
        }
    }
    impl Drop for Uses {
        fn drop(&mut self) {
            let _maybe = self.0.subscribe().is_empty();
        }
    }
    static R: Runtime<2> = Runtime::new();
    R.run(|| {
        let channel = Rc::new(Channel::<Uses, 2>::new());
        let (first, second) = (channel.subscribe(), channel.subscribe());
        for number in 0..2 {
            channel.send(Uses(channel.clone(), number)).map_err(drop).unwrap();
        }
        let numbers: Vec<_> = (0..3).map(|_| first.recv().unwrap().1).collect();
        assert_eq!(numbers, [0, 1, 10]);
        assert_eq!(second.recv().map(|item| item.1), Err(RecvError::Lagged(1)));
        drop((first, second));
        assert_eq!(Rc::strong_count(&channel), 1);
    })
    .unwrap();
}

#[test]
fn tasks_that_share_a_receiver_share_its_items() {
    static R: Runtime<8> = Runtime::new();
    R.run(|| {
        let channel = Channel::<u32, 8>::new();
        let receiver = channel.subscribe();
        let got = task::scope(|s| {
            let tasks = [(); 3]
                .map(|()| s.spawn(|| Ok(select! { recv(receiver) -> item => item })).unwrap());
            let plain = [(); 2].map(|()| s.spawn(|| Ok(receiver.recv())).unwrap());
            task::yield_now();
            for item in 0..4 {
                channel.send(item).unwrap();
                task::yield_now();
            }
            channel.close();
            let mut got: Vec<_> =
                tasks.into_iter().chain(plain).map(|task| task.join().unwrap()).collect();
            got.sort_by_key(|item| item.unwrap_or(9));
            Ok::<_, Cancelled>(got)
        })
        .unwrap();
        assert_eq!(got, [Ok(0), Ok(1), Ok(2), Ok(3), Err(RecvError::Closed)]);
    })
    .unwrap();
}

#[test]
fn select_receives_and_sends() {
    static R: Runtime<4> = Runtime::new();
    static A: Channel<u32, 2> = Channel::new();
    static B: Channel<u32, 2> = Channel::new();
    R.run(|| {
        let (a, b) = (A.subscribe(), B.subscribe());
        let none = select! { recv(a) -> _ => 1, recv(b) -> _ => 2, default => 3 };
        assert_eq!(none, 3);
        let task = task::spawn(move || {
            let first = select! { recv(a) -> item => ('a', item), recv(b) -> item => ('b', item) };
            (first, a.len(), b.len())
        })
        .unwrap();
        task::yield_now();
        let sent = select! { send(B, 5) -> sent => sent };
        assert_eq!(sent, Ok(()));
        assert_eq!(task.join().unwrap(), (('b', Ok(5)), 0, 0));
        let (sender, receiver) = A.split();
        for item in 0..3 {
            select! { send(sender, item) -> sent => sent.unwrap() }
        }
        select! { recv(receiver) -> item => assert_eq!(item, Err(RecvError::Lagged(1))) }
        select! { recv(&receiver) -> item => assert_eq!(item, Ok(1)) }
        drop(sender);
        select! { recv(receiver) -> item => assert_eq!(item, Ok(2)) }
        select! { recv(receiver) -> item => assert_eq!(item, Err(RecvError::Closed)) }
        select! { send(A, 7) -> sent => assert_eq!(sent, Err(SendError::Closed(7))) }
        A.reopen();
        let task = task::spawn(move || select! { recv(receiver) -> item => item }).unwrap();
        task::yield_now();
        task.cancel();
        assert_eq!(task.join().unwrap(), Err(RecvError::Cancelled));
    })
    .unwrap();
}

#[test]
fn halves_may_outlive_their_run() {
    static R: Runtime<2> = Runtime::new();
    static C: Channel<u32, 2> = Channel::new();
    let (sender, receiver) = R.run(|| C.split()).unwrap();
    R.run(|| {
        C.send(1).unwrap();
        assert_eq!(receiver.recv(), Ok(1));
        C.send(2).unwrap();
    })
    .unwrap();
    drop(receiver);
    drop(sender);
    R.run(|| {
        assert_eq!((C.receiver_count(), C.is_closed()), (0, true));
        C.reopen();
        let receiver = C.subscribe();
        (3..6).for_each(|item| C.send(item).unwrap());
        assert_eq!((receiver.recv(), receiver.recv()), (Err(RecvError::Lagged(1)), Ok(4)));
    })
    .unwrap();
}

#[test]
fn errors_are_numbers_and_texts() {
    assert_eq!(Errno::from(RecvError::Lagged(3)), Errno::NOBUFS);
    assert_eq!(Errno::from(RecvError::Closed), Errno::PIPE);
    assert_eq!(Errno::from(TryRecvError::Empty), Errno::AGAIN);
    assert_eq!(Errno::from(Lagged(3)), Errno::from(TryRecvError::Lagged(3)));
    assert_eq!(RecvError::from(Lagged(3)), RecvError::Lagged(3));
    assert_eq!(RecvError::Lagged(3).to_string(), "the receiver was too slow for 3 items");
    assert_eq!(TryRecvError::Closed.to_string(), RecvError::Closed.to_string());
}

#[test]
fn deadlock_reports_name_it() {
    let ended = in_child("deadlock_reports_name_it", || {
        static R: Runtime<4> = Runtime::new();
        static C: Channel<u32, 2> = Channel::new().named("news");
        let result = R.run(|| {
            let (receiver, other) = (C.subscribe(), C.subscribe());
            let cancelled = Err(RecvError::Cancelled);
            drop(task::spawn(move || assert_eq!(receiver.recv(), cancelled)).unwrap());
            select! { recv(other) -> item => assert_eq!(item, cancelled) }
        });
        assert!(matches!(result, Err(RunError::Deadlock)));
    });
    ended.well().saying("an item of a channel \"news\"").saying("one of several events");
}

/// Others wait to send, too, where the destructor of what is overwritten panics.
#[cfg(feature = "std")]
#[test]
fn a_destructor_that_panics_leaves_no_sender_behind() {
    static R: Runtime<8> = Runtime::new();
    static CLONES: Notify = Notify::new();
    static C: Channel<Bomb, 1> = Channel::new();
    struct Bomb(u32);
    impl Clone for Bomb {
        fn clone(&self) -> Self {
            if self.0 == 0 {
                CLONES.wait().unwrap();
            }
            Self(self.0 + 100)
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert_ne!(self.0, 0, "in a destructor");
        }
    }
    R.run(|| {
        let receivers = (C.subscribe(), C.subscribe());
        assert!(C.send(Bomb(0)).is_ok());
        let receiving = task::spawn(move || drop(receivers.0.recv())).unwrap();
        task::yield_now();
        let senders = [1, 2].map(|n| task::spawn(move || C.send(Bomb(n)).is_ok()).unwrap());
        task::yield_now();
        CLONES.notify_one();
        assert!(receiving.join().is_err(), "the destructor's panic is the receiving task's");
        assert_eq!(senders.map(|sender| sender.join().unwrap()), [true, true]);
    })
    .unwrap();
}
