//! smol's parts, on one thread: async-io's timers and async-executor's `StaticLocalExecutor`.

use std::io;

use async_io::Timer;
use futures_lite::future::yield_now;

use super::world::World;
use super::{Measured, SLEEPERS};
use crate::libraries;

pub(super) fn sleep(world: &'static World) -> io::Result<Measured> {
    let executor = libraries::smol::executor();
    async_io::block_on(executor.run(async {
        for sleeper in 0..SLEEPERS {
            let task = executor.spawn(async move {
                let deadline = world.deadline(sleeper);
                world.sleeps();
                Timer::at(deadline).await;
                world.woke(sleeper, deadline);
            });
            task.detach();
        }
        world.spawned();
        while !world.all_sleep() {
            yield_now().await;
        }
        let before = world.begin()?;
        world.wait().await;
        world.measured(before)
    }))
}
