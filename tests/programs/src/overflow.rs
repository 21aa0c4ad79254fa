//! Overflows the stack of a task, in the way that its argument names, or faults otherwise.
#![no_std]
#![no_main]

use core::hint::black_box;

use barecoro::start::Env;
use barecoro::{Errno, Runtime, entry, task};

static RUNTIME: Runtime<4> = Runtime::new();

entry!(main);

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if depth == u64::MAX { 0 } else { recurse(depth + 1) + black_box(frame)[7] }
}

/// Touches the far end of a frame of a mebibyte first.
#[inline(never)]
fn mebibyte() -> u64 {
    let mut frame = core::mem::MaybeUninit::<[u8; 1 << 20]>::uninit();
    // SAFETY: the first byte of the frame, if there is one.
    unsafe {
        let first = black_box(&mut frame).as_mut_ptr().cast::<u8>();
        first.write_volatile(1);
        first.read_volatile().into()
    }
}

fn dereference_null() -> u64 {
    // SAFETY: it is not: the process ends here.
    unsafe { black_box(core::ptr::null::<u64>()).read_volatile() }
}

fn main(env: Env) -> Result<(), Errno> {
    let body = match env.args().nth(1) {
        Some("recursion") => || recurse(0),
        Some("mebibyte") => mebibyte,
        Some("null") => dereference_null,
        _ => return Err(Errno::INVAL),
    };
    RUNTIME.run(|| {
        let parser = task::Builder::new().name("parser");
        parser.spawn(body)?.join()?;
        Ok(())
    })?
}
