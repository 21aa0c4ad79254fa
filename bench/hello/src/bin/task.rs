//! Says hello from a task.
#![no_std]
#![no_main]

use barecoro::start::Env;
use barecoro::{Errno, Runtime, entry, println, task};

static RUNTIME: Runtime<4> = Runtime::new();

entry!(main);

fn main(_: Env) -> Result<(), Errno> {
    RUNTIME.run(|| {
        task::spawn(|| println!("hello, world"))?.join()?;
        Ok(())
    })?
}
