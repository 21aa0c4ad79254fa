//! Ends badly, in the way that its argument names.
#![no_std]
#![no_main]

use barecoro::start::Env;
use barecoro::{Errno, Runtime, entry, println, task};

static RUNTIME: Runtime<4> = Runtime::new();

entry!(main);

fn main(env: Env) -> Result<(), Errno> {
    match env.args().nth(1) {
        Some("task") => RUNTIME.run(|| {
            let parser = task::Builder::new().name("parser");
            parser.spawn(|| panic!("at {} of {}", 3, 7))?.join()?;
            Ok(())
        })?,
        Some("main") => panic!("outside"),
        Some("outside") => {
            task::yield_now();
            Ok(())
        }
        Some("deadlock") => {
            let ended = RUNTIME.run(|| {
                let named = task::Builder::new().name("waiter").spawn(|| task::park().is_err());
                let cancelled = named?.join()?;
                println!("cancelled {cancelled}");
                Ok::<_, Errno>(())
            });
            ended?
        }
        Some("error") => Err(Errno::NOENT),
        _ => Err(Errno::INVAL),
    }
}
