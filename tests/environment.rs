//! The environment of a child that is given thousands of variables.
#![cfg(feature = "process")]

mod support;

use barecoro::Runtime;
use barecoro::process::Command;
use barecoro::time::{Duration, Instant};
use support::on_both_drivers;

const COUNT: usize = 20_000;

/// All tasks stand still while it is put together.
#[test]
fn thousands_of_variables_arrive_and_take_little_time() {
    static R: Runtime<1> = Runtime::new();
    on_both_drivers(&R, || {
        let mut command = Command::new("/usr/bin/env");
        command.env("V0", "forgotten").env_clear();
        let name = |number: usize| format!("V{number}");
        for number in 0..COUNT {
            command.env(&*name(number), "first");
        }
        // The last word counts, whichever that is.
        for number in (0..COUNT).step_by(2) {
            command.env(&*name(number), "second");
        }
        for number in (0..COUNT).step_by(4) {
            command.env_remove(&*name(number));
        }
        for number in (0..COUNT).step_by(8) {
            command.env(&*name(number), "third");
        }
        let start = Instant::now();
        let output = command.output().unwrap();
        let took = start.elapsed();
        assert!(took < Duration::from_secs(3), "{took:?}");
        let text = String::from_utf8(output.stdout.to_vec()).unwrap();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let mut expected: Vec<_> = (0..COUNT)
            .filter_map(|number| match number % 8 {
                0 => Some(format!("V{number}=third")),
                4 => None,
                2 | 6 => Some(format!("V{number}=second")),
                _ => Some(format!("V{number}=first")),
            })
            .collect();
        lines.sort();
        expected.sort();
        assert!(lines == expected);
    });
}
