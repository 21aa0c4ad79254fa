//! A program without std and without libc: two tasks that wait at the same time.
#![no_std]
#![no_main]

use barecoro::start::Env;
use barecoro::time::{self, Duration};
use barecoro::{Errno, Runtime, entry, println, task};

static RUNTIME: Runtime<8> = Runtime::new();

entry!(main);

fn main(env: Env) -> Result<(), Errno> {
    let name = env.args().nth(1).unwrap_or("world");
    RUNTIME.run(|| {
        let greeting = task::spawn(|| time::sleep(Duration::from_millis(20)))?;
        let answer = task::spawn(|| 42)?;
        greeting.join()??;
        println!("hello, {name}: {}", answer.join()?);
        Ok(())
    })?
}
