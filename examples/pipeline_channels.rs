//! Fan-out and fan-in: one task makes jobs, three do them, and the first one stops all when it has enough.
#![no_std]
#![no_main]

use barecoro::start::Env;
use barecoro::sync::{Channel, Notify, Receiver, Sender};
use barecoro::time::{Duration, sleep};
use barecoro::{Errno, Runtime, entry, println, select, task};

static RUNTIME: Runtime<8> = Runtime::new();
static JOBS: Channel<u32, 4> = Channel::new();
static RESULTS: Channel<(u32, u32), 4> = Channel::new();
static ENOUGH: Notify = Notify::new();
entry!(main);

fn main(_env: Env) -> Result<(), Errno> {
    RUNTIME.run(|| {
        let (jobs, work) = JOBS.split();
        let (results, collected) = RESULTS.split();
        let producer = task::spawn(move || produce(&jobs))?;
        for _ in 0..3 {
            let (work, results) = (work.clone(), results.clone());
            task::spawn(move || work_on(&work, &results))?; // fan-out: each takes what is next
        }
        drop((work, results)); // the workers have their own
        let mut best = (0, 0);
        for result in &collected {
            best = if result.1 > best.1 { result } else { best }; // fan-in
            if best.1 > 110 {
                ENOUGH.notify_one(); // the producer ends, so the jobs do, so the workers do
            }
        }
        println!("{} takes {} steps; made {} jobs", best.0, best.1, producer.join()?);
        Ok(())
    })?
}

/// Sends numbers until it is told to stop; that drops the sender, which closes the channel.
fn produce(jobs: &Sender<'_, u32, 4>) -> u32 {
    let mut made = 0;
    loop {
        select! {
            send(jobs, made + 1) -> sent => if sent.is_err() { return made },
            wait(ENOUGH) => return made,
        }
        made += 1;
    }
}

/// Counts the steps from a number to 1 (Collatz).
fn work_on(jobs: &Receiver<'_, u32, 4>, results: &Sender<'_, (u32, u32), 4>) -> Result<(), Errno> {
    for job in jobs {
        let next = |n: &u64| (*n != 1).then(|| if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 });
        let steps = core::iter::successors(Some(u64::from(job)), next).skip(1).count();
        sleep(Duration::from_micros(10))?; // a cancelled worker leaves here
        results.send((job, u32::try_from(steps).unwrap_or(u32::MAX)))?;
    }
    Ok(())
}
