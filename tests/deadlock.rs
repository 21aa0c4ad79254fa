//! When every task is parked and nothing can wake any: a report, and a good end.
//!
//! All in processes of their own, for what they write on standard error.

mod support;

use core::time::Duration;

use barecoro::task::{self, Builder, Cancelled, JoinError};
use barecoro::{Errno, RunError, Runtime};

const REPORT: &str = "barecoro: deadlock";

/// Parks although nobody will wake it.
#[track_caller]
fn wait_in_vain() {
    assert_eq!(task::park(), Err(Cancelled));
}

#[test]
fn the_report_names_each_task_and_what_it_waits_for() {
    static R: Runtime<8> = Runtime::new();
    let line = line!();
    let ended = support::in_child("the_report_names_each_task_and_what_it_waits_for", || {
        drop(R.run(|| {
            let parker = Builder::new().name("parker").spawn(wait_in_vain).unwrap();
            let joiner = task::spawn(move || drop(parker.join())).unwrap();
            let scoped = Builder::new().name("with \u{e4}").spawn(|| {
                task::scope(|s| {
                    s.spawn(task::park).map(drop).map_err(|_| Cancelled)?;
                    Ok::<_, Cancelled>(())
                })
            });
            drop((scoped.unwrap(), joiner));
            wait_in_vain();
        }));
    })
    .well();
    let file = file!();
    let place = |offset: u32| format!("(spawned at {file}:{}:", line + offset);
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines[0], "barecoro: deadlock: 5 tasks are parked and nothing can wake them");
    let expected = [
        (String::from("task 1 "), place(2), "waits for an unpark"),
        (String::from("task 2 \"parker\" "), place(3), "waits for an unpark"),
        (String::from("task 3 "), place(4), "waits for the end of task 2"),
        (String::from("task 4 \"with \u{e4}\" "), place(5), "waits for the tasks of its scope"),
        (String::from("task 5 "), place(7), "waits for an unpark"),
    ];
    for (line, (task, place, waits)) in lines[1..].iter().zip(&expected) {
        let whole = line.trim_start();
        assert!(whole.starts_with(&format!("{task}{place}")) && whole.ends_with(waits), "{line}");
    }
    assert_eq!(lines[6].trim_start(), "their waits now fail with Cancelled");
    assert_eq!(lines.len(), 7);
}

#[test]
fn one_task_is_spoken_of_as_one() {
    support::in_child("one_task_is_spoken_of_as_one", || {
        static R: Runtime<1> = Runtime::new();
        drop(R.run(|| task::park()));
    })
    .well()
    .saying("barecoro: deadlock: 1 task is parked");
}

#[test]
fn a_long_report_is_cut() {
    let ended = support::in_child("a_long_report_is_cut", || {
        static R: Runtime<151> = Runtime::new();
        drop(R.run(|| {
            (0..150).for_each(|_| drop(task::spawn(task::park).unwrap()));
            task::park()
        }));
    })
    .well()
    .saying("151 tasks are parked")
    .saying("and 51 more");
    assert_eq!(ended.stderr.matches("waits for").count(), 100);
}

#[test]
fn run_returns_an_error_and_the_waits_fail() {
    support::in_child("run_returns_an_error_and_the_waits_fail", || {
        static R: Runtime<4> = Runtime::new();
        let mut seen = Vec::new();
        let error = R
            .run(|| {
                let parked =
                    task::spawn(|| (task::park(), task::park(), task::cancelled())).unwrap();
                seen.push(match parked.join() {
                    Err(JoinError::Cancelled(parked)) => {
                        // Told to end, a task may still see to its affairs.
                        while !parked.is_finished() {
                            task::yield_now();
                        }
                        parked.join().unwrap()
                    }
                    other => panic!("{other:?}"),
                });
            })
            .unwrap_err();
        assert!(matches!(error, RunError::Deadlock), "{error:?}");
        assert_eq!(error.to_string(), "all tasks were parked and nothing could wake them");
        assert_eq!(Errno::from(error), Errno::DEADLK);
        assert_eq!(seen, [(Err(Cancelled), Err(Cancelled), true)]);
    })
    .well();
}

#[test]
fn the_runtime_is_as_good_as_new_afterwards() {
    support::in_child("the_runtime_is_as_good_as_new_afterwards", || {
        static R: Runtime<4> = Runtime::new();
        for _ in 0..100 {
            assert!(matches!(R.run(|| task::park().is_ok()), Err(RunError::Deadlock)));
            let value = R.run(|| {
                assert!(!task::cancelled());
                let other = task::spawn(|| task::park().map(|()| 3)).unwrap();
                task::yield_now();
                other.task().unpark();
                other.join().unwrap()
            });
            assert_eq!(value.unwrap(), Ok(3));
        }
    })
    .well();
}

#[test]
fn a_task_that_joins_itself_is_stuck() {
    support::in_child("a_task_that_joins_itself_is_stuck", || {
        static R: Runtime<2> = Runtime::new();
        let error = R.run(|| {
            let own = std::rc::Rc::new(core::cell::Cell::new(None));
            let inside = own.clone();
            let task = task::spawn(move || {
                let own: task::JoinHandle<()> = inside.take().unwrap();
                assert!(matches!(own.join(), Err(JoinError::Cancelled(_))));
            });
            own.set(Some(task.unwrap()));
        });
        assert!(matches!(error, Err(RunError::Deadlock)));
    })
    .well()
    .saying("task 2 ")
    .saying("waits for the end of task 2");
}

#[test]
fn tasks_that_join_each_other_are_stuck() {
    support::in_child("tasks_that_join_each_other_are_stuck", || {
        static R: Runtime<3> = Runtime::new();
        let error = R.run(|| {
            let first = std::rc::Rc::new(core::cell::Cell::new(None::<task::JoinHandle<()>>));
            let inside = first.clone();
            let second = task::spawn(move || drop(inside.take().unwrap().join())).unwrap();
            first.set(Some(task::spawn(move || drop(second.join())).unwrap()));
        });
        assert!(matches!(error, Err(RunError::Deadlock)));
    })
    .well()
    .saying("waits for the end of task 3")
    .saying("waits for the end of task 2");
}

/// New tasks, begun after the first report, were told nothing and may get stuck as well.
#[test]
fn a_second_deadlock_is_met_like_the_first() {
    fn stuck(times: u32) {
        wait_in_vain();
        if times > 0 {
            drop(Builder::new().name("again").spawn(move || stuck(times - 1)).unwrap());
        }
    }
    let ended = support::in_child("a_second_deadlock_is_met_like_the_first", || {
        static R: Runtime<4> = Runtime::new();
        assert!(matches!(R.run(|| stuck(3)), Err(RunError::Deadlock)));
    })
    .well();
    assert_eq!(ended.stderr.matches(REPORT).count(), 4);
}

#[test]
fn an_unparker_elsewhere_is_hope() {
    support::in_child("an_unparker_elsewhere_is_hope", || {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let unparker = task::current().unparker();
            let thread = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(100));
                unparker.unpark();
            });
            task::park().unwrap();
            thread.join().unwrap();
        })
        .unwrap();
    })
    .well()
    .not_saying(REPORT);
}

/// It might come to unpark another task, for instance over a channel.
#[test]
fn any_tasks_unparker_is_hope() {
    support::in_child("any_tasks_unparker_is_hope", || {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let ended = task::spawn(|| ()).unwrap();
            let (other, own) = (ended.unparker(), task::current().unparker());
            ended.join().unwrap();
            let (sender, receiver) = std::sync::mpsc::channel();
            sender.send(own).unwrap();
            let thread = std::thread::spawn(move || {
                let own = receiver.recv().unwrap();
                std::thread::sleep(Duration::from_millis(50));
                own.unpark();
                drop(other);
            });
            task::park().unwrap();
            thread.join().unwrap();
        })
        .unwrap();
    })
    .well()
    .not_saying(REPORT);
}

#[test]
fn dropping_the_last_unparker_ends_all_hope() {
    support::in_child("dropping_the_last_unparker_ends_all_hope", || {
        static R: Runtime<2> = Runtime::new();
        for delay in [0, 1, 20] {
            let error = R.run(|| {
                let unparker = task::current().unparker();
                let copy = unparker.clone();
                let thread = std::thread::spawn(move || {
                    drop(unparker);
                    std::thread::sleep(Duration::from_millis(delay));
                    drop(copy);
                });
                assert_eq!(task::park(), Err(Cancelled));
                thread.join().unwrap();
            });
            assert!(matches!(error, Err(RunError::Deadlock)));
        }
    })
    .well()
    .saying(REPORT);
}

#[cfg(feature = "time")]
#[test]
fn a_sleeper_is_hope() {
    use barecoro::time;
    support::in_child("a_sleeper_is_hope", || {
        static R: Runtime<2> = Runtime::new();
        R.run(|| {
            let parked = task::current();
            drop(task::spawn(move || {
                time::sleep(Duration::from_millis(50)).unwrap();
                parked.unpark();
            }));
            task::park().unwrap();
        })
        .unwrap();
    })
    .well()
    .not_saying(REPORT);
}

/// A scope's parent cannot be cancelled out of its wait, but its tasks can.
#[test]
fn scopes_come_apart_from_the_inside() {
    support::in_child("scopes_come_apart_from_the_inside", || {
        static R: Runtime<8> = Runtime::new();
        let error = R.run(|| {
            let outer = task::scope(|s| {
                s.spawn(|| {
                    task::scope(|s| {
                        s.spawn(task::park).map(drop).map_err(|_| Cancelled)?;
                        s.spawn(task::park).map(drop).map_err(|_| Cancelled)
                    })
                })
                .map(drop)
                .map_err(|_| Cancelled)
            });
            assert_eq!(outer, Err(Cancelled));
        });
        assert!(matches!(error, Err(RunError::Deadlock)));
    })
    .well()
    .saying("4 tasks are parked");
}
