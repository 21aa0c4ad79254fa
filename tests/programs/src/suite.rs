//! The first process of a system that runs tests: every other argument is the path of a program
//! below `/tests`, given without that. Says how each has ended, and switches the machine off.
#![no_std]
#![no_main]

use barecoro::fs::{self, MountFlags};
use barecoro::process::{self, Command, Reboot};
use barecoro::start::{Env, ExitCode};
use barecoro::time::{self, Duration};
use barecoro::{Errno, Runtime, entry, println};

static RUNTIME: Runtime<1> = Runtime::new();

entry!(main);

fn main(env: Env) -> Result<ExitCode, Errno> {
    let flags = MountFlags::NOSUID;
    fs::mount("devtmpfs", "/dev", "devtmpfs", flags, "")?;
    fs::open_stdio(c"/dev/console")?;
    fs::mount("proc", "/proc", "proc", flags, "")?;
    fs::mount("sysfs", "/sys", "sysfs", flags, "")?;
    fs::mount("tmpfs", "/tmp", "tmpfs", flags, "")?;
    RUNTIME.run(|| env.args().skip(1).try_for_each(run))??;
    println!("suite: all have run");
    process::reboot(Reboot::PowerOff)?;
    Ok(ExitCode::FAILURE)
}

fn run(name: &str) -> Result<(), Errno> {
    let mut path = heapless::Vec::<u8, 256>::new();
    let parts = [b"/tests/".as_slice(), name.as_bytes(), b"\0"];
    parts
        .iter()
        .try_for_each(|part| path.extend_from_slice(part))
        .map_err(|_| Errno::NAMETOOLONG)?;
    let path = core::ffi::CStr::from_bytes_with_nul(&path).map_err(|_| Errno::INVAL)?;
    let mut command = Command::new(path);
    command.arg(c"--quiet").arg(c"--test-threads=1");
    // These need a shell.
    for name in
        [c"limits::address_space", c"limits::the_threads_own_stack", c"limits::locked_memory", c"another_process"]
    {
        command.arg(c"--skip").arg(name);
    }
    command.env(c"RUST_BACKTRACE=0").env(c"BARECORO_VIRTUAL_MACHINE=1");
    // An emulated machine is slow.
    command.env(c"PROPTEST_CASES=20");
    let child = command.spawn()?;
    loop {
        match process::reap()? {
            Some((ended, status)) if ended.id() == child.id() => {
                println!("suite: {name}: {status}");
                return Ok(());
            }
            Some(_) => {}
            None => time::sleep(Duration::from_millis(10))?,
        }
    }
}
