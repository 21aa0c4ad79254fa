//! tokio, `current_thread`.

use std::io;

use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::sleep_until;

use super::world::World;
use super::{Measured, SLEEPERS};

pub(super) fn sleep(world: &'static World) -> io::Result<Measured> {
    Builder::new_current_thread().enable_time().build()?.block_on(async {
        for sleeper in 0..SLEEPERS {
            drop(tokio::spawn(async move {
                let deadline = world.deadline(sleeper);
                world.sleeps();
                sleep_until(deadline.into()).await;
                world.woke(sleeper, deadline);
            }));
        }
        world.spawned();
        while !world.all_sleep() {
            yield_now().await;
        }
        let before = world.begin()?;
        world.wait().await;
        world.measured(before)
    })
}
