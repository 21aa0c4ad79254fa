//! The first process of a system: mounts what it needs, starts services side by side, reaps orphans,
//! and switches the machine off when it is told to.
//!
//! `just boot` packs it as `/init` of an initramfs and starts it in QEMU. It plays its own children
//! too: `/init parent` starts `/init orphan` and ends before it, so that PID 1 inherits it. The orphan
//! tells PID 1 to stop.
#![no_std]
#![no_main]

use barecoro::fs::{self, MountFlags};
use barecoro::process::{self, Child, Command, Reboot};
use barecoro::signal::{self, Signal, Signals};
use barecoro::start::{Env, ExitCode};
use barecoro::time::{self, Duration, Instant};
use barecoro::{Errno, Runtime, entry, println, select, task};

static RUNTIME: Runtime<8> = Runtime::new();

entry!(main);

fn main(env: Env) -> Result<ExitCode, Errno> {
    match env.args().nth(1) {
        Some("parent") => {
            Command::new("/init").arg("orphan").spawn()?;
            Ok(ExitCode::SUCCESS)
        }
        Some("orphan") => {
            RUNTIME.run(|| time::sleep(Duration::from_millis(300)))??;
            signal::send(1, Signal::TERM)?;
            Ok(ExitCode::from(7))
        }
        _ if process::id() == 1 => {
            RUNTIME.run(first_process)??;
            Ok(ExitCode::FAILURE) // the machine should be off
        }
        _ => {
            barecoro::eprintln!("init: to be started as the first process; see `just boot`");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn first_process() -> Result<(), Errno> {
    let safe = MountFlags::NOSUID | MountFlags::NOEXEC;
    fs::mount("devtmpfs", "/dev", "devtmpfs", MountFlags::NOSUID, "")?;
    fs::open_stdio(c"/dev/console")?;
    fs::mount("proc", "/proc", "proc", safe | MountFlags::NODEV, "")?;
    fs::mount("sysfs", "/sys", "sysfs", safe | MountFlags::NODEV, "")?;
    println!("init: mounted /dev, /proc and /sys");

    // Ctrl-Alt-Del on the console is an INT.
    let stop = Signals::new(&[Signal::TERM, Signal::INT])?;
    let ended = Signals::new(&[Signal::CHLD])?;
    let child = Command::new("/init").arg("parent").spawn()?;
    let id = child.id();
    let watching = task::Builder::new().name("child").spawn(move || watch(child))?;
    let services = task::Builder::new().name("services").spawn(start_services)?;
    let signal = loop {
        reap_orphans(id)?;
        select! {
            recv(stop) -> signal => break signal?,
            recv(ended) -> ended => drop(ended?),
        }
    };
    println!("init: stopping on {signal}");
    services.join()??;
    watching.join()??;
    // Whoever is left has time to end.
    let limit = Instant::now() + Duration::from_secs(10);
    while reap_orphans(id)? {
        select! {
            recv(ended) -> ended => drop(ended?),
            sleep_until(limit) => break,
        }
    }
    println!("init: switching off");
    process::reboot(Reboot::PowerOff)
}

fn watch(mut child: Child) -> Result<(), Errno> {
    select! {
        wait(child) -> status => println!("init: child {} ended: {}", child.id(), status?),
        sleep(Duration::from_secs(20)) => child.kill()?,
    }
    Ok(())
}

fn start_services() -> Result<(), Errno> {
    let start = Instant::now();
    task::scope(|s| {
        for name in ["network", "storage", "clock"] {
            s.spawn(move || prepare(name))?;
        }
        Ok::<_, Errno>(())
    })?;
    println!("init: everything is ready after {} ms", start.elapsed().as_millis());
    Ok(())
}

/// Stands for a service that takes its time.
fn prepare(name: &str) -> Result<(), Errno> {
    for step in 1..=3 {
        println!("init: {name}: step {step}");
        time::sleep(Duration::from_millis(100))?;
    }
    Ok(())
}

/// Takes every process that has ended, our own child and orphans. Whether there are others.
fn reap_orphans(child: i32) -> Result<bool, Errno> {
    loop {
        match process::reap() {
            // That is told to the one who waits for it.
            Ok(Some(ended)) if ended.id() == child => {}
            Ok(Some(ended)) => println!("init: orphan {} ended: {}", ended.id(), ended.status()),
            Ok(None) => return Ok(true),
            Err(error) if error.errno() == Errno::CHILD => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
}
