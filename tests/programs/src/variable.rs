//! One initialised thread-local variable of 8 bytes behind one of a byte, and nothing that is
//! aligned to more.
#![no_std]
#![no_main]

use core::arch::{asm, global_asm};

use barecoro::start::Env;
use barecoro::{entry, println};

global_asm!(
    ".pushsection .tdata.variable, \"awT\", @progbits",
    ".balign 8",
    "variable: .quad 0x1234",
    ".popsection",
);

entry!(main);

fn main(_env: Env) {
    let value: u64;
    // SAFETY: reads the thread's own variable, where the linker has put it.
    unsafe { asm!("mov {}, fs:[variable@tpoff]", out(reg) value) };
    println!("variable {value:#x}");
}
