//! The first process of a system that runs tests: the programs in `/tests` whose names are in the file
//! `/list`. Says how each has ended, and switches the machine off.
#![no_std]
#![no_main]

use barecoro::fs::{self, MountFlags};
use barecoro::process::{self, Command, Reboot};
use barecoro::start::{Env, ExitCode};
use barecoro::{Errno, Runtime, entry, println};

static RUNTIME: Runtime<1> = Runtime::new();

entry!(main);

fn main(_env: Env) -> Result<ExitCode, Errno> {
    let flags = MountFlags::NOSUID;
    fs::mount("devtmpfs", "/dev", "devtmpfs", flags, "")?;
    fs::open_stdio(c"/dev/console")?;
    fs::mount("proc", "/proc", "proc", flags, "")?;
    fs::mount("sysfs", "/sys", "sysfs", flags, "")?;
    fs::mount("tmpfs", "/tmp", "tmpfs", flags, "")?;
    RUNTIME.run(|| {
        // Tests of sockets want the loopback device, up and running.
        fs::write("/sys/class/net/lo/flags", b"0x9")?;
        let mut list = [0; 4096];
        let list = fs::read_to_string("/list", &mut list)?;
        list.split_whitespace().try_for_each(run)
    })??;
    println!("suite: all have run");
    process::reboot(Reboot::PowerOff)?;
    Ok(ExitCode::FAILURE)
}

fn run(name: &str) -> Result<(), Errno> {
    let path: heapless::String<256> = "/tests/".chars().chain(name.chars()).collect();
    let mut command = Command::new(&*path);
    command.args(["--quiet", "--test-threads=1"]);
    // These need a shell, or other programs.
    for name in [
        "limits::address_space",
        "limits::the_threads_own_stack",
        "limits::locked_memory",
        "another_process",
    ] {
        command.args(["--skip", name]);
    }
    command.env("PATH", "/bin:/usr/bin");
    command.env("RUST_BACKTRACE", "0").env("BARECORO_VIRTUAL_MACHINE", "1");
    // An emulated machine is slow.
    command.env("PROPTEST_CASES", "20");
    println!("suite: {name}: {}", command.status()?);
    Ok(())
}
