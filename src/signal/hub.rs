//! What handles signals, and whom it tells of them.
//!
//! A handler is installed for a signal as long as somebody waits for it. It may interrupt anything, on
//! any thread, so it takes no lock: it goes through a list of listeners, sets a bit in each that
//! wants to know, and makes a descriptor readable.
//!
//! ```text
//!   FIRST ──► listener ──► listener ──► null       links change under the lock of `COUNTS`,
//!               pending      pending               by one store each, so that a handler always
//!               event        event                 finds a whole list
//! ```
//!
//! A listener that goes is taken out of the list, and then waits until no handler runs that could
//! still have found it. That is a matter of microseconds: handlers wait for nothing.
#![expect(unsafe_code, reason = "handles signals, and lists listeners in mappings of their own")]

use core::ptr::{self, NonNull};
use core::sync::atomic::{
    AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};
use core::time::Duration;

use linux_raw_sys::general as linux;
use spin::Mutex;

use crate::arch;
use crate::error::Errno;
use crate::sys::epoll;
use crate::sys::fd::Fd;
use crate::sys::mem::Mapping;
use crate::sys::signal::{self, Action, Context, Info, Kind};
use crate::sys::thread;

/// How many signals there are, and a place for the number that is none.
const PLACES: usize = linux::_NSIG as usize + 1;

/// Signals that the processor raises for an instruction. Nobody could wait for them: the instruction
/// would be tried again and again.
const FAULTS: u64 = signal::set_of(linux::SIGSEGV)
    | signal::set_of(linux::SIGBUS)
    | signal::set_of(linux::SIGILL)
    | signal::set_of(linux::SIGFPE)
    | signal::set_of(linux::SIGTRAP)
    | signal::set_of(linux::SIGSYS);

/// How many listeners each signal has. Its lock is for all that changes here; handlers do not take it.
static COUNTS: Mutex<[u32; PLACES]> = Mutex::new([0; PLACES]);
/// What was done with each signal before.
static PREVIOUS: [[AtomicU64; 4]; PLACES] = [const { [const { AtomicU64::new(0) }; 4] }; PLACES];
static FIRST: AtomicPtr<Listener> = AtomicPtr::new(ptr::null_mut());
/// How many handlers run, on all threads.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Whom to tell of signals. All zero is one that wants none.
pub(super) struct Listener {
    wanted: u64,
    event: Fd,
    /// What has come and was not taken, a bit for each signal.
    pending: AtomicU64,
    next: AtomicPtr<Self>,
    details: [Detail; PLACES],
}

/// What came with the last signal of a number.
#[derive(Debug)]
struct Detail {
    /// Odd while a handler writes. Whoever reads looks whether it has changed meanwhile.
    sequence: AtomicU32,
    code: AtomicI32,
    process: AtomicI32,
    user: AtomicU32,
    status: AtomicI32,
}

/// See [`Detail`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) code: i32,
    pub(super) process: i32,
    pub(super) user: u32,
    pub(super) status: i32,
}

/// A listener in a mapping of its own, in the list until this is dropped.
#[derive(Debug)]
pub(super) struct Listening {
    listener: NonNull<Listener>,
    _memory: Mapping,
}

// SAFETY: what the mapping has is atomic or does not change, and it stays until this is dropped.
unsafe impl Send for Listening {}
// SAFETY: as above.
unsafe impl Sync for Listening {}

impl Listening {
    /// Begins to listen. Whenever a signal comes, `event` is made readable, which is open until this
    /// is dropped.
    pub(super) fn begin(wanted: u64, event: Fd) -> Result<Self, Errno> {
        if wanted & FAULTS != 0 {
            return Err(Errno::INVAL);
        }
        let memory = Mapping::zeroed(size_of::<Listener>())?;
        let listener = memory.at::<Listener>(0);
        let mut counts = COUNTS.lock();
        // SAFETY: zeros are a listener, in a mapping that nobody else has yet.
        unsafe {
            (*listener.as_ptr()).wanted = wanted;
            (*listener.as_ptr()).event = event;
            // SeqCst: as all that a handler and whoever goes must see in one order; see `Drop`.
            listener.as_ref().next.store(FIRST.load(Ordering::SeqCst), Ordering::SeqCst);
        }
        // First the listener, then the handlers: no signal finds a handler and nobody to tell.
        FIRST.store(listener.as_ptr(), Ordering::SeqCst);
        if let Err(errno) = install_all(&mut counts, wanted) {
            unlink(&mut counts, listener.as_ptr());
            drop(counts);
            wait_for_handlers();
            return Err(errno);
        }
        Ok(Self { listener, _memory: memory })
    }

    fn get(&self) -> &Listener {
        // SAFETY: it is in this value's mapping.
        unsafe { self.listener.as_ref() }
    }

    /// Takes a signal that has come, the one with the smallest number first.
    pub(super) fn take(&self) -> Option<(u32, Seen)> {
        let listener = self.get();
        let place = loop {
            // Acquire: pairs with the addition in `Listener::note`.
            let pending = listener.pending.load(Ordering::Acquire);
            if pending == 0 {
                return None;
            }
            let place = pending.trailing_zeros();
            // First the bit, then the details: those of a signal that comes now are newer, and come
            // again. AcqRel: as above.
            let before = listener.pending.fetch_and(!(1 << place), Ordering::AcqRel);
            // Else another thread has taken it meanwhile.
            if before & (1 << place) != 0 {
                break place;
            }
        };
        let signal = place + 1;
        let detail = listener.details.get(signal as usize);
        Some((signal, detail.map_or(Seen::default(), Detail::read)))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut counts = COUNTS.lock();
        remove_all(&mut counts, self.get().wanted);
        unlink(&mut counts, self.listener.as_ptr());
        drop(counts);
        wait_for_handlers();
    }
}

/// Takes a listener out of the list. Handlers that run may still have found it.
fn unlink(_locked: &mut [u32; PLACES], listener: *const Listener) {
    let mut link = &FIRST;
    // SAFETY: all in the list are in mappings that stay until they are taken out, under the lock.
    while let Some(found) = unsafe { link.load(Ordering::SeqCst).as_ref() } {
        if ptr::eq(found, listener) {
            link.store(found.next.load(Ordering::SeqCst), Ordering::SeqCst);
            return;
        }
        link = &found.next;
    }
}

/// Waits until no handler runs.
fn wait_for_handlers() {
    // SeqCst: pairs with the addition in `on_signal`. A handler that is not counted yet finds the list
    // as it is now.
    while RUNNING.load(Ordering::SeqCst) != 0 {
        thread::pause(Duration::from_micros(10));
    }
}

impl Listener {
    /// Notes a signal.
    fn note(&self, signal: u32, info: &Info) {
        if self.wanted & signal::set_of(signal) == 0 {
            return;
        }
        if let Some(detail) = self.details.get(signal as usize) {
            detail.write(info);
        }
        // Release: pairs with the loads in `take`.
        self.pending.fetch_or(signal::set_of(signal), Ordering::Release);
        epoll::signal(self.event);
    }
}

impl Detail {
    fn write(&self, info: &Info) {
        let before = self.sequence.load(Ordering::Relaxed);
        // Acquire: pairs with the store below, of whoever has written before.
        let is_free = before.is_multiple_of(2)
            && self
                .sequence
                .compare_exchange(before, before | 1, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        if !is_free {
            // Another thread has got the same signal. The two become one, as the kernel would do it.
            return;
        }
        // Release: pairs with the loads in `read`, which are followed by one that finds the mark.
        fence(Ordering::Release);
        let (process, user) = info.sender();
        self.code.store(info.code(), Ordering::Relaxed);
        self.process.store(process, Ordering::Relaxed);
        self.user.store(user, Ordering::Relaxed);
        self.status.store(info.status(), Ordering::Relaxed);
        // Release: pairs with the first load in `read`.
        self.sequence.store(before.wrapping_add(2), Ordering::Release);
    }

    fn read(&self) -> Seen {
        loop {
            // Acquire: pairs with the store at the end of `write`.
            let before = self.sequence.load(Ordering::Acquire);
            let seen = Seen {
                code: self.code.load(Ordering::Acquire),
                process: self.process.load(Ordering::Acquire),
                user: self.user.load(Ordering::Acquire),
                status: self.status.load(Ordering::Acquire),
            };
            // The loads above come first, as they acquire.
            if before.is_multiple_of(2) && self.sequence.load(Ordering::Relaxed) == before {
                return seen;
            }
            core::hint::spin_loop();
        }
    }
}

/// Handles all signals of a set, or none of them that was not handled before.
fn install_all(counts: &mut [u32; PLACES], wanted: u64) -> Result<(), Errno> {
    let mut done = 0;
    for signal in signal::each(wanted) {
        if let Err(errno) = install(counts, signal) {
            remove_all(counts, done);
            return Err(errno);
        }
        done |= signal::set_of(signal);
    }
    Ok(())
}

fn install(counts: &mut [u32; PLACES], signal: u32) -> Result<(), Errno> {
    let place = signal as usize;
    let Some((count, previous)) = counts.get_mut(place).zip(PREVIOUS.get(place)) else {
        return Err(Errno::INVAL);
    };
    // Somebody else may have set an action since it was installed.
    let found = signal::action(signal)?;
    if !found.calls(on_signal) {
        // No handler reads the words meanwhile: a new one begins only if the other action calls this.
        wait_for_handlers();
        for (kept, word) in previous.iter().zip(found.to_words()) {
            kept.store(word, Ordering::Relaxed);
        }
        let action = Action::call(on_signal, linux::SA_RESTART, !FAULTS);
        // SAFETY: `on_signal` keeps to what a handler may do, see above.
        unsafe { signal::set_action(signal, &action) }?;
    }
    *count += 1;
    Ok(())
}

/// Handles the signals of a set once less. Puts back what was before, if nobody else has set anything.
fn remove_all(counts: &mut [u32; PLACES], wanted: u64) {
    for signal in signal::each(wanted) {
        let Some(count) = counts.get_mut(signal as usize) else { continue };
        *count -= 1;
        if *count == 0 && signal::action(signal).is_ok_and(|found| found.calls(on_signal)) {
            // SAFETY: it was the process's own choice.
            let _never_fails = unsafe { signal::set_action(signal, &previous(signal)) };
        }
    }
}

/// The signals that are handled here, and would be ignored otherwise.
#[cfg(feature = "process")]
pub(crate) fn ignored_before() -> u64 {
    let counts = COUNTS.lock();
    let is_ignored = |signal: u32| {
        counts.get(signal as usize).is_some_and(|count| *count > 0)
            && previous(signal).kind() == Kind::Ignored
            && signal::action(signal).is_ok_and(|found| found.calls(on_signal))
    };
    let ignored = (1..=linux::_NSIG).filter(|signal| is_ignored(*signal));
    ignored.fold(0, |set, signal| set | signal::set_of(signal))
}

fn previous(signal: u32) -> Action {
    let words = PREVIOUS.get(signal as usize);
    let word = |place: usize| {
        let word = words.and_then(|words| words.get(place));
        word.map_or(0, |word| word.load(Ordering::Relaxed))
    };
    Action::of_words([word(0), word(1), word(2), word(3)])
}

/// # Safety
///
/// Called by the kernel.
unsafe extern "C" fn on_signal(number: i32, info: *mut Info, context: *mut Context) {
    let signal = number.cast_unsigned();
    // Who has installed a handler on top of this one calls this one; and if this one is on top again,
    // this one calls that. Once around is enough.
    let Some(turn) = Turn::begin(signal, context, arch::stack_pointer()) else { return };
    // SeqCst: pairs with the load in `wait_for_handlers`.
    RUNNING.fetch_add(1, Ordering::SeqCst);
    let mut next = FIRST.load(Ordering::SeqCst);
    // SAFETY: whoever goes waits for this handler, so all that it finds is there.
    while let Some(listener) = unsafe { next.as_ref() } {
        // SAFETY: the kernel's argument.
        listener.note(signal, unsafe { &*info });
        next = listener.next.load(Ordering::SeqCst);
    }
    let previous = previous(signal);
    RUNNING.fetch_sub(1, Ordering::SeqCst);
    if previous.kind() == Kind::Function {
        if previous.has(linux::SA_RESETHAND) {
            forget_previous(signal);
        }
        let own = if previous.has(linux::SA_NODEFER) { 0 } else { signal::set_of(signal) };
        // As the kernel would call it. When the handler returns, that puts the mask back.
        // SAFETY: the kernel's argument.
        signal::set_mask(unsafe { (*context).mask() } | previous.mask() | own);
        // SAFETY: these are the handler's own arguments, for a signal whose action this was.
        unsafe { previous.invoke(number, info, context) }
    }
    drop(turn);
}

/// The handler before was to be called once, and is.
fn forget_previous(signal: u32) {
    if let Some(words) = PREVIOUS.get(signal as usize) {
        for (word, default) in words.iter().zip(Action::DEFAULT.to_words()) {
            word.store(default, Ordering::Relaxed);
        }
    }
}

/// The interruptions that handlers are in the middle of, on all threads.
static TURNS: [Interruption; 32] = [const { Interruption::none() }; 32];

/// An interruption, or none.
struct Interruption {
    /// Where the kernel has put the interrupted registers, which is different for each.
    context: AtomicUsize,
    signal: AtomicU32,
    /// The stack pointer of the handler that has begun. One that it calls lies deeper. Otherwise it is the
    /// next interruption at the same place, and the one before has not returned, but jumped (longjmp(3)).
    depth: AtomicUsize,
}

impl Interruption {
    const fn none() -> Self {
        Self { context: AtomicUsize::new(0), signal: AtomicU32::new(0), depth: AtomicUsize::new(0) }
    }
}

/// A handler that is in the middle of an interruption.
struct Turn(Option<&'static AtomicUsize>);

impl Turn {
    /// `None` if the interruption is being handled: the handler calls itself, by another. With more
    /// threads in handlers than there are places nobody looks.
    fn begin(signal: u32, context: *const Context, depth: usize) -> Option<Self> {
        let context = context.addr();
        // Relaxed: only this thread's own stores concern it.
        let begun = TURNS.iter().find(|turn| turn.context.load(Ordering::Relaxed) == context);
        if let Some(turn) = begun
            && turn.signal.load(Ordering::Relaxed) == signal
            && depth < turn.depth.load(Ordering::Relaxed)
        {
            return None;
        }
        let turn = begun.or_else(|| {
            TURNS.iter().find(|turn| {
                let place = &turn.context;
                place.compare_exchange(0, context, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            })
        });
        if let Some(turn) = turn {
            turn.signal.store(signal, Ordering::Relaxed);
            turn.depth.store(depth, Ordering::Relaxed);
        }
        Some(Self(turn.map(|turn| &turn.context)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(place) = self.0 {
            place.store(0, Ordering::Relaxed);
        }
    }
}
