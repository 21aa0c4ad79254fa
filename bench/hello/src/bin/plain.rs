//! Says hello, and has no tasks.
#![no_std]
#![no_main]

use barecoro::start::Env;
use barecoro::{entry, println};

entry!(main);

fn main(_: Env) {
    println!("hello, world");
}
