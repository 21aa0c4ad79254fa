//! What is shared with other threads, in every order of events that they can come to, tried by loom:
//! `just loom`. The files `remote.rs` and `presence.rs` are compiled a second time here, on what `shim`
//! has instead of the kernel and the processor, with schedulers and slots that are nothing else.
#![allow(dead_code, reason = "of the two files the models use what is about threads")]

#[path = "../presence.rs"]
mod presence;
#[path = "../remote.rs"]
mod remote;
mod scheduler;
mod shim;
mod slot;

mod calls;
mod owners;

/// With so many preemptions nearly every mistake shows, and it ends.
fn check(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        // What is made by whoever comes first would order its other doings before those of all others.
        shim::prepare();
        f();
    });
}

/// Plain memory, of which loom says if two threads use it at a time.
struct Plain(loom::cell::UnsafeCell<u32>);

#[expect(unsafe_code, reason = "who uses it is what is to be found out")]
// SAFETY: loom checks each access.
unsafe impl Sync for Plain {}
#[expect(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Send for Plain {}

impl Plain {
    fn new() -> Self {
        Self(loom::cell::UnsafeCell::new(0))
    }

    /// Adds one, and returns what was there.
    #[expect(unsafe_code, reason = "writes where loom has found nobody else")]
    fn add(&self) -> u32 {
        self.0.with_mut(|number| {
            // SAFETY: loom would have panicked if somebody else used it.
            let number = unsafe { &mut *number };
            *number += 1;
            *number - 1
        })
    }

    #[expect(unsafe_code, reason = "reads where loom has found nobody who writes")]
    fn get(&self) -> u32 {
        // SAFETY: as above.
        self.0.with(|number| unsafe { *number })
    }
}
