//! Every order of events that threads can come to, tried by loom:
//! `RUSTFLAGS="--cfg loom" cargo test --lib --release --no-default-features --features sync -- loom`.

use std::vec::Vec;

use loom::sync::Arc;
use loom::thread;

use super::{Channel, Notify};
use crate::sync::{RecvError, TryRecvError};
use crate::task::WaitError;
use crate::time::Instant;

/// With so many preemptions nearly every mistake shows, and it ends.
fn check(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(f);
}

#[test]
fn loom_every_item_comes_once() {
    check(|| {
        let channel = Arc::new(Channel::<u32, 1>::new());
        let other = channel.clone();
        let sender = thread::spawn(move || {
            other.send(1).unwrap();
            other.send(2).unwrap();
            other.close();
        });
        let mut items = Vec::new();
        while let Ok(item) = channel.recv() {
            items.push(item);
        }
        assert_eq!(items, [1, 2]);
        sender.join().unwrap();
    });
}

#[test]
fn loom_two_receivers_share() {
    check(|| {
        let channel = Arc::new(Channel::<u32, 2>::new());
        let other = channel.clone();
        let receiver = thread::spawn(move || other.recv());
        channel.send(1).unwrap();
        channel.send(2).unwrap();
        let here = channel.recv().unwrap();
        let there = receiver.join().unwrap().unwrap();
        assert_eq!(here + there, 3);
    });
}

#[test]
fn loom_a_timeout_loses_nothing() {
    check(|| {
        let channel = Arc::new(Channel::<u32, 1>::new());
        let other = channel.clone();
        let receiver = thread::spawn(move || other.recv_until(Instant::from_nanos(1)));
        channel.send(1).unwrap();
        let late = receiver.join().unwrap();
        match channel.try_recv() {
            Ok(1) => assert_eq!(late, Err(RecvError::TimedOut)),
            left => assert_eq!((late, left), (Ok(1), Err(TryRecvError::Empty))),
        }
    });
}

#[test]
fn loom_a_notification_is_not_lost() {
    check(|| {
        let notify = Arc::new(Notify::new());
        let (first, second) = (notify.clone(), notify.clone());
        let impatient = thread::spawn(move || first.wait_until(Instant::from_nanos(1)));
        let patient = thread::spawn(move || second.wait());
        notify.notify_one();
        if impatient.join().unwrap() == Ok(()) {
            notify.notify_one();
        }
        assert_eq!(patient.join().unwrap(), Ok::<_, WaitError>(()));
    });
}
