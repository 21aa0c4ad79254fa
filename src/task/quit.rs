//! The table of tasks, on SIGQUIT.
//!
//! The handler only counts, and wakes the runtimes that listen. Each looks at the count when it
//! visits its root, and writes its table there, where everything is whole.
#![expect(unsafe_code, reason = "handles a signal")]

use core::fmt::Write as _;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use linux_raw_sys::general as linux;

use crate::sys::signal::{Context, Info};
use crate::sys::{Lines, fd::STDERR};
use crate::text::Decimal;

use super::handler::Handler;
use super::scheduler::Scheduler;
use super::snapshot::Tasks;

static QUIT: Handler = Handler::new(linux::SIGQUIT);
/// How many signals have come.
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// The first of the runtimes that have ever listened.
static FIRST: AtomicPtr<Scheduler> = AtomicPtr::new(core::ptr::null_mut());

/// A runtime's part in this.
pub(super) struct Listener {
    /// Whether the runtime is in the list, where it stays.
    listed: AtomicBool,
    next: AtomicPtr<Scheduler>,
    /// The count when it last wrote its table.
    seen: AtomicUsize,
}

impl Listener {
    pub(super) const fn new() -> Self {
        Self {
            listed: AtomicBool::new(false),
            next: AtomicPtr::new(core::ptr::null_mut()),
            seen: AtomicUsize::new(0),
        }
    }

    /// Whether a signal has come since the last table.
    pub(super) fn is_asked(&self) -> bool {
        // SeqCst: pairs with the addition in `on_quit`. Whoever announces sleep before this load
        // either sees the count here or is woken there.
        COUNT.load(Ordering::SeqCst) != self.seen.load(Ordering::Relaxed)
    }
}

/// Lets a runtime that begins to run listen.
pub(crate) fn listen(scheduler: &'static Scheduler) {
    // SAFETY: `on_quit` uses atomics only.
    unsafe { QUIT.install(on_quit, linux::SA_RESTART, 0) }
    let listener = &scheduler.listener;
    listener.seen.store(COUNT.load(Ordering::Relaxed), Ordering::Relaxed);
    if listener.listed.swap(true, Ordering::Relaxed) {
        return;
    }
    let own = (&raw const *scheduler).cast_mut();
    let mut first = FIRST.load(Ordering::Relaxed);
    loop {
        listener.next.store(first, Ordering::Relaxed);
        // Release: pairs with the load in `on_quit`, and publishes `next`.
        match FIRST.compare_exchange_weak(first, own, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(found) => first = found,
        }
    }
}

/// Writes the table if a signal has come since the last.
pub(crate) fn answer(scheduler: &'static Scheduler) {
    if !scheduler.listener.is_asked() {
        return;
    }
    scheduler.listener.seen.store(COUNT.load(Ordering::Relaxed), Ordering::Relaxed);
    let mut out = Lines::new(STDERR);
    let count = Tasks::at_root(scheduler).count() as u64;
    // Nobody can be told that standard error does not work.
    let _written = writeln!(out, "barecoro: tasks of a runtime: {}", Decimal(count));
    for task in Tasks::at_root(scheduler) {
        let _written = writeln!(out, "  {task}");
    }
}

/// # Safety
///
/// Called by the kernel.
unsafe extern "C" fn on_quit(_signal: i32, info: *mut Info, context: *mut Context) {
    // SeqCst: pairs with the load in `is_asked`.
    COUNT.fetch_add(1, Ordering::SeqCst);
    // Acquire: pairs with the exchange in `listen`.
    let mut next = FIRST.load(Ordering::Acquire);
    // SAFETY: only schedulers are in the list, and they live for ever.
    while let Some(scheduler) = unsafe { next.as_ref() } {
        scheduler.inbox.call();
        next = scheduler.listener.next.load(Ordering::Relaxed);
    }
    if QUIT.previous_kind() == crate::sys::signal::Kind::Function {
        // SAFETY: these are the handler's own arguments, and nothing is left to do.
        unsafe { QUIT.pass_on(info, context) }
    }
}
