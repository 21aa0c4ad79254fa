//! Calls three deep in a task, and in a coroutine in a task, for a debugger to look at.
#![no_std]
#![no_main]

use barecoro::stack::MappedStack;
use barecoro::start::Env;
use barecoro::{Coroutine, Errno, Runtime, entry, println, task};

static RUNTIME: Runtime<4> = Runtime::new();

entry!(main);

#[inline(never)]
fn outer(depth: &str) {
    middle(depth);
    task::yield_now();
}

#[inline(never)]
fn middle(depth: &str) {
    inner(depth);
    task::yield_now();
}

#[inline(never)]
fn inner(depth: &str) {
    task::yield_now();
    println!("{depth}");
}

fn main(_env: Env) -> Result<(), Errno> {
    RUNTIME.run(|| {
        task::spawn(|| outer("in a task"))?.join()?;
        let mut coroutine = Coroutine::new(MappedStack::new(65_536)?, |yielder, ()| {
            outer("in a coroutine");
            yielder.suspend(());
        });
        coroutine.resume(());
        coroutine.resume(());
        Ok(())
    })?
}
