//! Three tasks that sleep, print and yield in turn, twice over, in a program without libc.
//!
//! Each sleeps while the others do, so a round takes 0.1 s and the whole 1.0 s.
#![no_std]
#![no_main]

use barecoro::start::Env;
use barecoro::time::{self, Duration};
use barecoro::{Errno, Runtime, entry, println, task};

/// Room for the first task and the three.
static RUNTIME: Runtime<4> = Runtime::new();

entry!(main);

fn main(_env: Env) -> Result<(), Errno> {
    for _ in 0..2 {
        RUNTIME.run(|| {
            for function in [func_a, func_b, func_c] {
                task::spawn(move || five_times(function))?;
            }
            Ok::<_, Errno>(())
        })??;
    }
    Ok(())
}

fn five_times(function: fn()) -> Result<(), Errno> {
    for _ in 0..5 {
        time::sleep(Duration::from_millis(100))?;
        function();
        task::yield_now();
    }
    Ok(())
}

fn func_a() {
    println!("func_a");
}

fn func_b() {
    println!("func_b");
}

fn func_c() {
    println!("func_c");
}
