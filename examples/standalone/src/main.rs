//! Counts the letters of each argument in a task of its own, all at once.
#![no_std]
#![no_main]

use barecoro::start::Env;
use barecoro::time::{self, Duration};
use barecoro::{Errno, Runtime, entry, println, task};

static RUNTIME: Runtime<64> = Runtime::new();

entry!(main);

fn main(env: Env) -> Result<(), Errno> {
    let total = RUNTIME.run(|| {
        let mut total = 0;
        let mut counts = heapless::Vec::<_, 63>::new();
        for word in env.args().skip(1) {
            let handle = task::spawn(move || count(word))?;
            counts.push(handle).map_err(|_| Errno::TOOBIG)?;
        }
        for count in counts {
            total += count.join()??;
        }
        Ok::<_, Errno>(total)
    })??;
    println!("{total} letters");
    Ok(())
}

fn count(word: &'static str) -> Result<usize, Errno> {
    time::sleep(Duration::from_millis(10))?; // stands for work that waits
    let letters = word.chars().count();
    println!("{word}: {letters}");
    Ok(letters)
}
