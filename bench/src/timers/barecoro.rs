//! barecoro: as it is by itself, exact, or with more slack.

use std::io;
use std::time::{Duration, Instant};

use ::barecoro::{Runtime, task, time};

use super::world::World;
use super::{Measured, SLEEPERS};

/// One is the task that waits for the others.
static RUNTIME: Runtime<{ SLEEPERS + 1 }> = Runtime::new();

pub(super) fn sleep(world: &'static World, slack: Option<Duration>) -> io::Result<Measured> {
    let builder = RUNTIME.builder().stack_size(16 * 1024);
    let builder = slack.map_or(builder, |slack| builder.timer_slack(slack));
    let ran = builder.run(|| {
        let waits = task::current();
        for sleeper in 0..SLEEPERS {
            let sleep = move || {
                let deadline = world.deadline(sleeper);
                let in_its_clock = time::Instant::now() + (deadline - Instant::now());
                world.sleeps();
                if time::sleep_until(in_its_clock).is_ok() && world.woke(sleeper, deadline) {
                    waits.unpark();
                }
            };
            drop(task::spawn(sleep).map_err(|_| io::Error::other("no memory for a task"))?);
        }
        world.spawned();
        while !world.all_sleep() {
            task::yield_now();
        }
        let before = world.begin()?;
        while !world.all_awake() {
            task::park().map_err(io::Error::other)?;
        }
        world.measured(before)
    });
    ran.map_err(|_| io::Error::other("the runtime did not run"))?
}
