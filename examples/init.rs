//! The first process of a system: mounts what it needs, runs tasks side by side, reaps orphans,
//! and switches the machine off.
//!
//! `just boot` packs it as `/init` of an initramfs and starts it in QEMU. It plays its own children
//! too: `/init parent` starts `/init orphan` and ends before it, so that PID 1 inherits it.
#![no_std]
#![no_main]

use barecoro::fs::{self, MountFlags};
use barecoro::process::{self, Command, Reboot};
use barecoro::signal::{Signal, Signals};
use barecoro::start::{Env, ExitCode};
use barecoro::time::{self, Duration, Instant};
use barecoro::{Errno, Runtime, entry, println, task};

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

    let start = Instant::now();
    let parent = Command::new("/init").arg("parent").spawn()?;
    let reaper =
        task::Builder::new().name("reaper").spawn(move || reap_until_alone(parent.id()))?;
    task::scope(|s| {
        for name in ["network", "storage", "clock"] {
            s.spawn(move || prepare(name))?;
        }
        Ok::<_, Errno>(())
    })?;
    println!("init: everything is ready after {} ms", start.elapsed().as_millis());
    reaper.join()??;

    println!("init: switching off");
    process::reboot(Reboot::PowerOff)
}

/// Stands for a service that takes its time.
fn prepare(name: &str) -> Result<(), Errno> {
    for step in 1..=3 {
        println!("init: {name}: step {step}");
        time::sleep(Duration::from_millis(100))?;
    }
    Ok(())
}

/// Takes every process that has ended, our own child and orphans, until there is none left.
fn reap_until_alone(child: i32) -> Result<(), Errno> {
    let mut ended = Signals::new(&[Signal::CHLD])?;
    loop {
        match process::reap() {
            Ok(Some(ended)) if ended.id() == child => {
                println!("init: child {child} ended: {}", ended.status());
            }
            Ok(Some(ended)) => println!("init: orphan {} ended: {}", ended.id(), ended.status()),
            Ok(None) => {
                ended.recv()?;
            }
            Err(error) if error.errno() == Errno::CHILD => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
