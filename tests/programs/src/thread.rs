//! Looks at the first thread's block: variables with initial values and alignments, the canary.
#![no_std]
#![no_main]

use core::arch::{asm, global_asm};

use barecoro::start::Env;
use barecoro::{Errno, entry, println};

// A variable with an initial value, one that is aligned to 256, and one that is zero.
global_asm!(
    ".pushsection .tdata.initial, \"awT\", @progbits",
    ".balign 8",
    "initial: .quad 0x1122334455667788",
    ".popsection",
    ".pushsection .tbss.aligned, \"awT\", @nobits",
    ".balign 256",
    "aligned: .zero 64",
    ".popsection",
);

entry!(main);

macro_rules! variable {
    ($name:literal) => {{
        let address: *mut u64;
        // SAFETY: reads the thread's own address from its block and adds the linker's offset.
        unsafe {
            asm!(
                "mov {address}, fs:[0]",
                concat!("lea {address}, [{address} + ", $name, "@tpoff]"),
                address = out(reg) address,
            );
        }
        address
    }};
}

fn main(_env: Env) -> Result<(), Errno> {
    let (initial, aligned) = (variable!("initial"), variable!("aligned"));
    let canary: u64;
    // SAFETY: the place where compilers look for it.
    unsafe { asm!("mov {}, fs:[0x28]", out(reg) canary) };
    // SAFETY: the variables above.
    let (value, zero) = unsafe { (*initial, *aligned) };
    println!("initial {value:#x}, aligned {}, zero {zero}", aligned.addr() % 256);
    println!("canary {} {}", canary != 0, canary & 0xff);
    Ok(())
}
