//! Callers on other threads, and a runtime that sleeps.

use loom::sync::Arc;
use loom::thread;

use super::remote::{Call, Inbox};
#[cfg(feature = "epoll")]
use super::shim::epoll;
use super::shim::thread::futex_wait;
use super::slot::Slot;
use super::{Plain, check};
use core::sync::atomic::Ordering;

/// Sleeps as the root does, until the inbox has calls for all of the slots. Returns the last of each.
fn sleep_until_called<const N: usize>(inbox: &Inbox, slots: [&'static Slot; N]) -> [Call; N] {
    let mut calls = [None; N];
    loop {
        inbox.take(|slot, call| {
            let place = slots.iter().position(|other| core::ptr::eq(*other, slot)).unwrap();
            calls[place] = Some(call);
        });
        if calls.iter().all(Option::is_some) {
            return calls.map(Option::unwrap);
        }
        // If it sleeps on, loom finds all threads asleep.
        if let Some(word) = inbox.prepare_to_sleep(true) {
            futex_wait(word);
            inbox.woken();
        }
    }
}

/// A call wakes the runtime, which sees what came before it.
#[test]
fn loom_a_call_is_not_lost() {
    check(|| {
        let inbox = Arc::new(Inbox::new());
        let slot = Slot::leaked(7);
        let data = Arc::new(Plain::new());
        let (other, written) = (inbox.clone(), data.clone());
        let caller = thread::spawn(move || {
            written.add();
            other.send(slot, 7, Call::Nudge);
        });
        sleep_until_called(&inbox, [slot]);
        assert_eq!(data.get(), 1);
        caller.join().unwrap();
    });
}

/// Two callers for two tasks: the list keeps both.
#[test]
fn loom_calls_for_several_tasks_are_not_lost() {
    check(|| {
        let inbox = Arc::new(Inbox::new());
        let slots = [Slot::leaked(1), Slot::leaked(2)];
        let data = [Arc::new(Plain::new()), Arc::new(Plain::new())];
        let callers = [0, 1].map(|n| {
            let (inbox, data) = (inbox.clone(), data[n].clone());
            thread::spawn(move || {
                data.add();
                inbox.send(slots[n], n as u64 + 1, Call::Nudge);
            })
        });
        sleep_until_called(&inbox, slots);
        assert!(data.iter().all(|data| data.get() == 1));
        callers.into_iter().for_each(|caller| caller.join().unwrap());
    });
}

/// Two callers for one task: what both have written is seen when both calls were answered, and an
/// unpark is never taken for less.
#[test]
fn loom_the_stronger_of_two_calls_wins() {
    check(|| {
        let inbox = Arc::new(Inbox::new());
        let slot = Slot::leaked(3);
        let data = Arc::new(Plain::new());
        let (nudging, unparking, written) = (inbox.clone(), inbox.clone(), data.clone());
        let nudge = thread::spawn(move || nudging.send(slot, 3, Call::Nudge));
        let unpark = thread::spawn(move || {
            written.add();
            unparking.send(slot, 3, Call::Unpark);
        });
        while sleep_until_called(&inbox, [slot]) != [Call::Unpark] {}
        assert_eq!(data.get(), 1);
        nudge.join().unwrap();
        unpark.join().unwrap();
    });
}

/// A late call for the slot's former task hides no call for the present one, and wakes nobody.
#[test]
fn loom_a_late_call_hides_nothing() {
    check(|| {
        let inbox = Arc::new(Inbox::new());
        let slot = Slot::leaked(1);
        let (late, timely) = (inbox.clone(), inbox.clone());
        let late = thread::spawn(move || late.send(slot, 1, Call::Unpark));
        // The next task gets the slot.
        slot.remote.id.store(2, Ordering::Relaxed);
        let timely = thread::spawn(move || timely.send(slot, 2, Call::Nudge));
        assert_eq!(sleep_until_called(&inbox, [slot]), [Call::Nudge]);
        late.join().unwrap();
        timely.join().unwrap();
        inbox.take(|_, _| panic!("there was one call for the task"));
    });
}

/// A runtime that only a caller could wake either is called, or learns that there is none left.
#[test]
fn loom_the_last_caller_leaves_no_sleeper() {
    check(|| {
        let inbox = Arc::new(Inbox::new());
        let slot = Slot::leaked(1);
        inbox.add_caller();
        inbox.add_caller();
        let callers = [true, false].map(|calls| {
            let inbox = inbox.clone();
            thread::spawn(move || {
                if calls {
                    inbox.send(slot, 1, Call::Unpark);
                }
                inbox.forget_caller();
            })
        });
        let mut called = false;
        while inbox.may_be_called() {
            if let Some(word) = inbox.prepare_to_sleep(false) {
                futex_wait(word);
                inbox.woken();
            }
            inbox.take(|_, _| called = true);
        }
        assert!(called, "it gave up before it was called");
        callers.into_iter().for_each(|caller| caller.join().unwrap());
    });
}

/// A runtime that waits for the kernel is woken by its descriptor, which nobody writes to when it is
/// closed.
#[cfg(feature = "epoll")]
#[test]
fn loom_a_bell_rings_until_it_is_removed() {
    check(|| {
        let inbox = Arc::new(Inbox::new());
        let slots = [Slot::leaked(1), Slot::leaked(2)];
        let callers = [0, 1].map(|n| {
            let inbox = inbox.clone();
            thread::spawn(move || inbox.send(slots[n], n as u64 + 1, Call::Nudge))
        });
        inbox.install_bell(5);
        let mut called = 0;
        // The first call ends the run; the other may come at any time.
        while called == 0 {
            inbox.take(|_, _| called += 1);
            if called == 0 && inbox.prepare_to_sleep(true).is_some() {
                epoll::wait();
                inbox.woken();
            }
        }
        inbox.remove_bell();
        epoll::close();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        inbox.take(|_, _| called += 1);
        assert_eq!(called, 2);
    });
}
