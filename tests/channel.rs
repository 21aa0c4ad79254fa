//! Channels: what Go's channels and libdill's promise, for ours.
#![cfg(feature = "sync")]

mod support;

use std::cell::Cell;
use std::rc::Rc;

use barecoro::sync::{Channel, RecvError, SendError, TryRecvError, TrySendError};
use barecoro::task::{self, Cancelled};
use barecoro::time::{self, Duration, Instant};
use barecoro::{Errno, RunError, Runtime};
use support::{Drops, Trace};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn items_come_in_the_order_in_which_they_were_sent() {
    static R: Runtime<4> = Runtime::new();
    fn check<const N: usize>() {
        R.run(|| {
            let channel = Rc::new(Channel::<u32, N>::new());
            let other = channel.clone();
            let sender = task::spawn(move || {
                (0..1000).for_each(|item| other.send(item).unwrap());
                other.close();
            });
            assert!(channel.iter().eq(0..1000));
            sender.unwrap().join().unwrap();
            assert_eq!(channel.recv(), Err(RecvError::Closed));
        })
        .unwrap();
    }
    check::<0>();
    check::<1>();
    check::<7>();
    check::<2000>();
}

#[test]
fn without_a_queue_a_send_lasts_until_the_item_is_taken() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let trace = Trace::new();
        let channel = Rc::new(Channel::<u32, 0>::new());
        assert_eq!(channel.try_send(1), Err(TrySendError::Full(1)));
        assert_eq!(channel.try_recv(), Err(TryRecvError::Empty));
        let (other, noted) = (channel.clone(), trace.clone());
        let sender = task::spawn(move || {
            noted.note("sending");
            other.send(7).unwrap();
            noted.note("sent");
        });
        for _ in 0..5 {
            task::yield_now();
        }
        trace.note("receiving");
        assert_eq!(channel.try_recv(), Ok(7), "a sender waits");
        sender.unwrap().join().unwrap();
        assert_eq!(trace.take(), ["sending", "receiving", "sent"]);
        // The other way round: a receiver waits, so a send need not.
        let other = channel.clone();
        let receiver = task::spawn(move || other.recv());
        task::yield_now();
        assert_eq!(channel.try_send(8), Ok(()));
        assert_eq!(channel.try_send(9), Err(TrySendError::Full(9)), "it has its item");
        assert_eq!(receiver.unwrap().join().unwrap(), Ok(8));
        assert_eq!((channel.len(), channel.capacity()), (0, 0));
    })
    .unwrap();
}

#[test]
fn a_full_queue_makes_senders_wait_in_order() {
    static R: Runtime<8> = Runtime::new();
    static C: Channel<u32, 2> = Channel::new();
    R.run(|| {
        C.send(0).unwrap();
        C.send(1).unwrap();
        assert_eq!(C.try_send(9), Err(TrySendError::Full(9)));
        for item in 2..6 {
            drop(task::spawn(move || C.send(item).unwrap()).unwrap());
        }
        task::yield_now();
        assert_eq!(C.len(), 2);
        // Nobody overtakes those who wait, though each receive makes room.
        for item in 0..6 {
            assert_eq!(C.recv(), Ok(item));
            assert_eq!(C.try_send(9).is_err(), item < 4, "{item}");
            if item >= 4 {
                break;
            }
        }
    })
    .unwrap();
}

#[test]
fn waiting_receivers_are_served_in_order() {
    static R: Runtime<8> = Runtime::new();
    static C: Channel<u32, 4> = Channel::new();
    R.run(|| {
        let receivers: Vec<_> = (0..5).map(|_| task::spawn(|| C.recv()).unwrap()).collect();
        task::yield_now();
        for item in 0..5 {
            C.send(item).unwrap();
        }
        assert!(C.is_empty(), "all went straight to those who waited");
        for (item, receiver) in receivers.into_iter().enumerate() {
            assert_eq!(receiver.join().unwrap(), Ok(item as u32));
        }
    })
    .unwrap();
}

#[test]
fn what_is_in_a_closed_channel_can_be_received() {
    static R: Runtime<8> = Runtime::new();
    static C: Channel<u32, 4> = Channel::new();
    R.run(|| {
        C.send(1).unwrap();
        C.send(2).unwrap();
        C.close();
        C.close();
        assert!(C.is_closed());
        assert_eq!(C.send(3), Err(SendError::Closed(3)));
        assert_eq!(C.try_send(3), Err(TrySendError::Closed(3)));
        assert_eq!(C.recv(), Ok(1));
        assert_eq!(C.try_recv(), Ok(2));
        assert_eq!(C.try_recv(), Err(TryRecvError::Closed));
        assert_eq!(C.recv(), Err(RecvError::Closed));
        assert_eq!(C.recv_until(Instant::now() + millis(1000)), Err(RecvError::Closed));
        C.reopen();
        assert_eq!(C.try_recv(), Err(TryRecvError::Empty));
        C.send(4).unwrap();
        assert_eq!(C.recv(), Ok(4));
    })
    .unwrap();
}

#[test]
fn closing_wakes_all_who_wait() {
    static R: Runtime<16> = Runtime::new();
    R.run(|| {
        let channel = Rc::new(Channel::<Box<u32>, 0>::new());
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let channel = channel.clone();
                task::spawn(move || channel.recv()).unwrap()
            })
            .collect();
        task::yield_now();
        channel.close();
        for receiver in receivers {
            assert_eq!(receiver.join().unwrap(), Err(RecvError::Closed));
        }
        channel.reopen();
        let senders: Vec<_> = (0..3)
            .map(|item| {
                let channel = channel.clone();
                task::spawn(move || channel.send(Box::new(item))).unwrap()
            })
            .collect();
        task::yield_now();
        channel.close();
        for (item, sender) in senders.into_iter().enumerate() {
            let back = sender.join().unwrap().unwrap_err();
            assert_eq!(back, SendError::Closed(Box::new(item as u32)));
        }
    })
    .unwrap();
}

#[test]
fn a_failed_send_gives_the_item_back() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let channel = Rc::new(Channel::<Box<u32>, 1>::new());
        channel.send(Box::new(0)).unwrap();
        let late = channel.send_until(Box::new(1), Instant::now() + millis(5));
        assert_eq!(late, Err(SendError::TimedOut(Box::new(1))));
        let other = channel.clone();
        let sender = task::spawn(move || other.send(Box::new(2))).unwrap();
        task::yield_now();
        sender.cancel();
        assert_eq!(sender.join().unwrap(), Err(SendError::Cancelled(Box::new(2))));
        // Nothing of that is in the channel.
        assert_eq!(channel.recv(), Ok(Box::new(0)));
        assert_eq!(channel.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(channel.recv_until(Instant::now() + millis(5)), Err(RecvError::TimedOut));
    })
    .unwrap();
}

#[test]
fn an_item_that_was_handed_over_is_not_lost_by_a_cancellation() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let channel = Rc::new(Channel::<u32, 0>::new());
        let other = channel.clone();
        let receiver = task::spawn(move || (other.recv(), other.recv())).unwrap();
        task::yield_now();
        channel.send(1).unwrap();
        receiver.cancel();
        assert_eq!(receiver.join().unwrap(), (Ok(1), Err(RecvError::Cancelled)));
        // The other order: the receiver is told to end, has not run since, and is given an item.
        let other = channel.clone();
        let receiver = task::spawn(move || other.recv()).unwrap();
        task::yield_now();
        receiver.cancel();
        assert_eq!(channel.try_send(2), Ok(()));
        assert_eq!(receiver.join().unwrap(), Ok(2));
        // And a sender.
        let other = channel.clone();
        let sender = task::spawn(move || other.send(3)).unwrap();
        task::yield_now();
        sender.cancel();
        assert_eq!(channel.try_recv(), Ok(3));
        assert_eq!(sender.join().unwrap(), Ok(()));
    })
    .unwrap();
}

#[test]
fn a_cancelled_task_takes_what_is_there() {
    static R: Runtime<4> = Runtime::new();
    static C: Channel<u32, 1> = Channel::new();
    R.run(|| {
        let task = task::spawn(|| {
            assert_eq!(task::park(), Err(Cancelled));
            let sent = C.send(1);
            let more = C.send(2);
            (sent, more, C.recv(), C.recv())
        });
        let task = task.unwrap();
        task.cancel();
        let expected = (Ok(()), Err(SendError::Cancelled(2)), Ok(1), Err(RecvError::Cancelled));
        assert_eq!(task.join().unwrap(), expected);
    })
    .unwrap();
}

#[test]
fn the_last_half_closes_the_channel() {
    static R: Runtime<8> = Runtime::new();
    static C: Channel<u32, 4> = Channel::new();
    R.run(|| {
        let (sender, receiver) = C.split();
        let (sender2, receiver2) = (sender.clone(), receiver.clone());
        sender.send(1).unwrap();
        drop(sender);
        sender2.send(2).unwrap();
        assert!(!C.is_closed());
        drop(sender2);
        assert!(C.is_closed());
        assert_eq!(receiver.recv(), Ok(1));
        drop(receiver);
        assert!(receiver2.iter().eq([2]));
        C.reopen();
        let sender = C.sender();
        assert_eq!(sender.send(3), Ok(()));
        drop(receiver2);
        assert_eq!(sender.try_send(4), Err(TrySendError::Closed(4)));
        assert!(C.is_empty(), "nobody will ever receive what is in it");
        // A receiver that waits is woken by the last sender's end.
        C.reopen();
        let receiver = C.receiver();
        let waiting = task::spawn(move || receiver.recv()).unwrap();
        task::yield_now();
        drop(sender);
        assert_eq!(waiting.join().unwrap(), Err(RecvError::Closed));
    })
    .unwrap();
}

#[test]
fn items_are_dropped_once() {
    static R: Runtime<4> = Runtime::new();
    R.run(|| {
        let drops = Drops::new();
        let channel = Rc::new(Channel::<support::Token, 3>::new());
        for _ in 0..5 {
            channel.send(drops.token()).unwrap();
            drop(channel.recv().unwrap());
        }
        assert_eq!(drops.count(), 5);
        channel.send(drops.token()).unwrap();
        channel.send(drops.token()).unwrap();
        let (sender, receiver) = channel.split();
        drop(receiver);
        assert_eq!(drops.count(), 7, "the last receiver drops what is left");
        drop(sender.send(drops.token()).unwrap_err());
        drop(sender);
        assert_eq!(drops.count(), 8);
        channel.reopen();
        channel.send(drops.token()).unwrap();
        drop(channel);
        assert_eq!(drops.count(), 9, "and so does the channel");
    })
    .unwrap();
}

#[test]
fn a_destructor_may_use_the_channel() {
    thread_local!(static SEEN: Cell<u32> = const { Cell::new(0) });
    struct Item(&'static Channel<Item, 3>);
    impl Drop for Item {
        fn drop(&mut self) {
            SEEN.set(SEEN.get() + 1);
            if let Ok(other) = self.0.try_recv() {
                drop(other);
            }
        }
    }
    static R: Runtime<4> = Runtime::new();
    let channel: &'static Channel<Item, 3> = Box::leak(Box::new(Channel::new()));
    R.run(|| {
        for _ in 0..3 {
            channel.send(Item(channel)).unwrap_or_else(|_| panic!());
        }
        let (sender, receiver) = channel.split();
        drop(receiver);
        drop(sender);
        assert_eq!(SEEN.get(), 3);
        assert!(channel.is_empty());
    })
    .unwrap();
}

#[test]
fn errors_are_numbers_and_texts() {
    assert_eq!(Errno::from(SendError::Closed(1)), Errno::PIPE);
    assert_eq!(Errno::from(SendError::Cancelled(1)), Errno::CANCELED);
    assert_eq!(Errno::from(SendError::TimedOut(1)), Errno::TIMEDOUT);
    assert_eq!(Errno::from(TrySendError::Full(1)), Errno::AGAIN);
    assert_eq!(Errno::from(TrySendError::Closed(1)), Errno::PIPE);
    assert_eq!(Errno::from(RecvError::Closed), Errno::PIPE);
    assert_eq!(Errno::from(TryRecvError::Empty), Errno::AGAIN);
    assert_eq!(RecvError::Cancelled.to_string(), "the task was cancelled");
    assert_eq!(
        format!("{:?} {}", SendError::Closed(1), SendError::Closed(1)),
        "Closed(..) the channel is closed"
    );
    assert_eq!(SendError::TimedOut(5).into_inner() + TrySendError::Full(6).into_inner(), 11);
}

/// Items that tasks of one run leave are there for the next, also on another thread.
#[test]
fn items_stay_from_run_to_run() {
    static R: Runtime<4> = Runtime::new();
    static C: Channel<String, 4> = Channel::new();
    R.run(|| C.send("left".to_string()).unwrap()).unwrap();
    let received = std::thread::spawn(|| R.run(|| C.recv()).unwrap()).join().unwrap();
    assert_eq!(received.unwrap(), "left");
}

#[test]
fn a_deadlock_report_names_the_channel_or_the_place() {
    static R: Runtime<4> = Runtime::new();
    static NAMED: Channel<u32, 0> = Channel::new().named("jobs");
    static NAMELESS: Channel<u32, 0> = Channel::new();
    let line = line!();
    let ended = support::in_child("a_deadlock_report_names_the_channel_or_the_place", || {
        let ended = R.run(|| {
            let sender = task::spawn(|| NAMED.send(1)).unwrap();
            let receiver = task::spawn(|| NAMELESS.recv()).unwrap();
            assert_eq!(sender.join().unwrap(), Err(SendError::Cancelled(1)));
            assert_eq!(receiver.join().unwrap(), Err(RecvError::Cancelled));
        });
        assert!(matches!(ended, Err(RunError::Deadlock)));
    });
    let place = format!("waits for an item of a channel (at {}:{}:", file!(), line + 4);
    ended.saying("waits for room in a channel \"jobs\"\n").saying(&place);
}

/// Go's classic: a chain of filters, one task for each prime number.
#[test]
fn a_sieve_of_tasks_finds_primes() {
    static R: Runtime<64> = Runtime::new();
    fn filter(prime: u32, input: Rc<Channel<u32, 0>>, output: Rc<Channel<u32, 0>>) {
        for number in &*input {
            if number % prime != 0 && output.send(number).is_err() {
                input.close();
            }
        }
    }
    let primes = R.run(|| {
        let mut input = Rc::new(Channel::<u32, 0>::new());
        let first = input.clone();
        drop(task::spawn(move || {
            let mut numbers = 2..;
            while first.send(numbers.next().unwrap()).is_ok() {}
        }));
        let mut primes = Vec::new();
        for _ in 0..40 {
            let prime = input.recv().unwrap();
            primes.push(prime);
            let output = Rc::new(Channel::new());
            let (from, to) = (input, output.clone());
            drop(task::spawn(move || filter(prime, from, to)).unwrap());
            input = output;
        }
        input.close();
        primes
    });
    assert_eq!(primes.unwrap()[36..], [157, 163, 167, 173]);
}

#[test]
fn many_tasks_share_a_channel_and_every_item_comes_once() {
    static R: Runtime<128> = Runtime::new();
    static C: Channel<u32, 3> = Channel::new();
    let mut items = R
        .run(|| {
            let (sender, receiver) = C.split();
            let receivers: Vec<_> = (0..50)
                .map(|_| {
                    let receiver = receiver.clone();
                    task::spawn(move || receiver.iter().collect::<Vec<_>>()).unwrap()
                })
                .collect();
            for number in 0..50_u32 {
                let sender = sender.clone();
                drop(task::spawn(move || {
                    for item in 0..20 {
                        sender.send(number * 20 + item).unwrap();
                        if item % 7 == number % 7 {
                            time::sleep(Duration::from_micros(50)).unwrap();
                        }
                    }
                }));
            }
            drop((sender, receiver));
            receivers.into_iter().flat_map(|r| r.join().unwrap()).collect::<Vec<_>>()
        })
        .unwrap();
    items.sort_unstable();
    assert!(items.into_iter().eq(0..1000));
}

/// The destructor of an item that nobody will receive lets others run, who open the channel again.
#[test]
fn what_is_sent_to_an_opened_channel_is_not_dropped_with_what_was_before() {
    struct Item(bool);

    impl Drop for Item {
        fn drop(&mut self) {
            if self.0 {
                task::yield_now();
            }
        }
    }

    static R: Runtime<2> = Runtime::new();
    static C: Channel<Item, 2> = Channel::new();
    R.run(|| {
        let (sender, receiver) = C.split();
        sender.send(Item(true)).unwrap();
        let dropping = task::spawn(move || drop(receiver)).unwrap();
        task::yield_now();
        assert!(C.is_closed() && !dropping.is_finished());
        C.reopen();
        let receiver = C.receiver();
        sender.send(Item(false)).unwrap();
        dropping.join().unwrap();
        assert!(receiver.try_recv().is_ok(), "it was sent");
    })
    .unwrap();
}

/// Nobody writes this; `select!` makes a new arm each time.
#[test]
fn an_arm_that_has_something_keeps_it() {
    use barecoro::sync::select::{self, Arm as _};
    static R: Runtime<1> = Runtime::new();
    static C: Channel<u32, 2> = Channel::new();
    static ACROSS: barecoro::sync::cross::Channel<u32, 2> = barecoro::sync::cross::Channel::new();
    R.run(|| {
        C.send(1).unwrap();
        let arm = select::recv(&C);
        assert!(arm.try_now());
        C.send(2).unwrap();
        assert!(arm.try_now());
        assert_eq!(C.try_recv(), Ok(2));
        assert!(arm.try_now());
        ACROSS.send(3).unwrap();
        let across = select::recv(&ACROSS);
        assert!(across.try_now() && across.try_now());
    })
    .unwrap();
}
