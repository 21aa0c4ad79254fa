//! Prints what the kernel has given: arguments, variables, a few entries of the auxiliary vector.
#![no_std]
#![no_main]

use barecoro::start::{Env, ExitCode};
use barecoro::{entry, println};

entry!(main);

fn main(env: Env) -> ExitCode {
    for argument in env.args_os().skip(1) {
        println!("argument {:?}", argument.to_str());
    }
    for (name, value) in env.vars() {
        println!("variable {name} is {value}");
    }
    println!("HOME: {:?}, NO_SUCH: {:?}", env.var("HOME"), env.var("NO_SUCH"));
    println!("page size {:?}", env.auxiliary_value(6));
    println!("entries {}", env.auxv().count() > 10);
    ExitCode::from(42)
}
