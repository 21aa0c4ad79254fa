//! The standard streams, in tasks; see tests/streams.rs.
#![no_std]
#![no_main]

use core::fmt::Write as _;

use barecoro::fs::File;
use barecoro::io::{self, BufReader, ReadLineError};
use barecoro::start::{Env, ExitCode};
use barecoro::time::{self, Duration};
use barecoro::{Errno, Runtime, entry, eprintln, println, task};

static RUNTIME: Runtime<8> = Runtime::new();

entry!(main);

fn main(env: Env) -> Result<ExitCode, Errno> {
    let way = env.args().nth(1).ok_or(Errno::INVAL)?;
    match way {
        "lines" => RUNTIME.run(lines)??,
        "copy" => RUNTIME.run(copy)??,
        "outside" => outside()?,
        "long" => RUNTIME.run(long)??,
        "cancelled" => RUNTIME.run(cancelled)??,
        "ready" => RUNTIME.run(|| println!("ready"))?,
        "broken" => return RUNTIME.run(broken)?,
        "print" => RUNTIME.run(print_for_ever)?,
        "late" => RUNTIME.run(late)??,
        "empty" => return RUNTIME.run(empty)?,
        "errors" => RUNTIME.run(errors)??,
        _ => return Ok(ExitCode::FAILURE),
    }
    Ok(ExitCode::SUCCESS)
}

/// Says how often another task ran while `body` did.
fn beside<T>(body: impl FnOnce() -> T) -> Result<T, Errno> {
    let ticker = task::spawn(|| {
        let mut ticks = 0;
        while time::sleep(Duration::from_millis(1)).is_ok() {
            ticks += 1;
        }
        ticks
    })?;
    let value = body();
    ticker.cancel();
    eprintln!("ticks {}", ticker.join()?);
    Ok(value)
}

/// Repeats the lines of standard input, in capitals.
fn lines() -> Result<(), Errno> {
    beside(|| {
        let mut input = BufReader::<_, 64>::new(io::stdin());
        let mut line = heapless::String::<32>::new();
        loop {
            line.clear();
            match input.read_line(&mut line) {
                Ok(0) => return Ok(()),
                Ok(_) => {
                    line.make_ascii_uppercase();
                    write!(io::stdout(), "{line}").map_err(|_| Errno::IO)?;
                }
                Err(ReadLineError::Read(error)) => return Err(error.into()),
                Err(error) => println!("{error}"),
            }
        }
    })?
}

/// Copies standard input to standard output.
fn copy() -> Result<(), Errno> {
    beside(|| {
        let mut buffer = [0; 1000];
        loop {
            match io::stdin().read(&mut buffer)? {
                0 => return Ok(()),
                count => io::stdout().write_all(&buffer[..count])?,
            }
        }
    })?
}

/// The same without tasks.
fn outside() -> Result<(), Errno> {
    let mut buffer = [0; 10];
    let count = io::stdin().read(&mut buffer)?;
    io::stdout().write_all(&buffer[..count])?;
    write!(io::stdout(), "{}\n", "written").map_err(|_| Errno::IO)?;
    println!("printed");
    Ok(())
}

/// Prints long lines in several tasks: more than a pipe holds, and longer than what is written at
/// once.
fn long() -> Result<(), Errno> {
    beside(|| {
        task::scope(|s| {
            for letter in ['a', 'b', 'c', 'd'] {
                s.spawn(move || {
                    for number in 0..50 {
                        println!("{letter}{}{number}", Repeated(letter, 900));
                    }
                    Ok::<_, Errno>(())
                })?;
            }
            Ok(())
        })
    })?
}

/// A character, so many times.
struct Repeated(char, usize);

impl core::fmt::Display for Repeated {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        (0..self.1).try_for_each(|_| f.write_char(self.0))
    }
}

/// Waits for input until its time is up, and then once more.
fn cancelled() -> Result<(), Errno> {
    let mut buffer = [0; 10];
    let limit = Duration::from_millis(20);
    let late = time::timeout(limit, || io::stdin().read(&mut buffer));
    let time::Elapsed(read) = late.err().ok_or(Errno::IO)?;
    println!("{}", read.err().ok_or(Errno::IO)?);
    let count = io::stdin().read(&mut buffer)?;
    io::stdout().write_all(&buffer[..count])?;
    Ok(())
}

/// Writes to a pipe that nobody reads.
fn broken() -> Result<ExitCode, Errno> {
    let mut errors = 0;
    let (reader, writer) = io::pipe()?;
    drop(reader);
    for error in [io::stdout().write_all(b"x").err(), writer.write_all(b"x").err()] {
        let error = error.ok_or(Errno::IO)?;
        errors += u8::from(error.errno() == Errno::PIPE);
        eprintln!("{error}");
    }
    errors += u8::from(write!(io::stdout(), "more").is_err());
    Ok(ExitCode::from(errors))
}

fn print_for_ever() {
    loop {
        println!("and on");
    }
}

/// Prints more than a pipe holds, in a task that has been cancelled: all of it arrives.
fn late() -> Result<(), Errno> {
    let printer = task::spawn(|| {
        let _cancelled = time::sleep(Duration::from_secs(100));
        for number in 0..100 {
            println!("{}{number}", Repeated('x', 997));
        }
    })?;
    task::yield_now();
    printer.cancel();
    printer.join()?;
    Ok(())
}

/// Reads into nothing, and writes nothing, which must not wait.
fn empty() -> Result<ExitCode, Errno> {
    let done = time::timeout(Duration::from_millis(100), || {
        io::stdin().read(&mut []).and_then(|read| Ok((read, io::stdout().write(&[])?)))
    });
    Ok(match done {
        Ok(Ok((0, 0))) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// Errors and their names.
fn errors() -> Result<(), Errno> {
    println!("{}", File::open("/no such file").err().ok_or(Errno::IO)?);
    println!("{:?}", io::stdin().read(&mut [0; 4]).err().ok_or(Errno::IO)?);
    Ok(())
}
