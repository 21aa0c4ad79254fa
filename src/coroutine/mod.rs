//! The primitive: a function with a stack of its own, resumed and suspended by hand. Floor 3.
#![expect(
    unsafe_code,
    reason = "builds the first frame of a stack and moves values between stacks"
)]

mod inside;
mod result;

pub use inside::Yielder;
pub use result::{CoroutineResult, StackTooSmall};

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit, offset_of};
use core::ptr::NonNull;

use inside::{Control, Exchange, drop_body, receive, run, send, tag};

use crate::arch::tools::Registration;
use crate::arch::{self, Arrival, Context, Message};
use crate::stack::{Extent, MappedStack, Stack};
use crate::unwind;

/// What a coroutine must have left of its stack when it starts, in bytes.
const SPARE: usize = 512;

/// A function with a stack of its own that can suspend itself in the middle, at any depth of calls.
///
/// [`resume`](Self::resume) hands it an `Input` and runs it until it suspends itself with a
/// `Yield` or returns a `Return`. A round trip costs 1 to 5 ns (`docs/performance.md`). Values of up to one word travel in
/// a register; larger ones are moved once, straight from one stack to the other.
///
/// The function owns all it uses (`'static`), and so does its input. A coroutine may be forgotten
/// while it is suspended, and what it had borrowed would then be gone while a thread that it has
/// started with `std::thread::scope` goes on using it.
///
/// # Threads
///
/// A coroutine stays on the thread that made it (it is neither [`Send`] nor [`Sync`]): its frames
/// may hold what must not move. Send the function instead and make the coroutine where it runs.
///
/// # Dropping
///
/// A coroutine that has not started or has returned is dropped with all it holds. One that is
/// *suspended* still has live values on its stack, which pinned data and borrows rely on:
/// - With the feature `std`, in a program that unwinds, dropping it unwinds its stack: `suspend`
///   does not return but raises a panic that drops each frame's values, without a message.
/// - Otherwise its stack is leaked, as by [`core::mem::forget`]: no destructor runs and the memory
///   stays as it is, so nothing that relies on it can break. To get the memory back, let the
///   function return, or use [`into_stack_unchecked`](Self::into_stack_unchecked).
///
/// # Thread-locals of std
///
/// std's `LocalKey` takes for granted that a thread's stack runs straight through, which this crate
/// cannot prevent or check. It is a use after free
/// - to suspend, or wait as a task, inside of a `thread_local!` initialiser, if the variable is
///   used again before the initialiser goes on;
/// - to keep a coroutine that is suspended inside of `LocalKey::with` until its thread's
///   thread-locals are destroyed, and to resume it then.
///
/// # Panics in the function
///
/// They end the process; with the feature `std` they go on in whoever called `resume`.
///
/// # Examples
///
/// ```
/// use barecoro::{Coroutine, CoroutineResult, stack::MappedStack};
///
/// let mut fibonacci = Coroutine::new(MappedStack::new(16 * 1024)?, |yielder, ()| {
///     let (mut a, mut b) = (0u64, 1);
///     loop {
///         yielder.suspend(a);
///         (a, b) = (b, a + b);
///     }
/// });
/// assert_eq!(fibonacci.resume(()), CoroutineResult::Yield(0));
/// let next: heapless::Vec<u64, 5> = fibonacci.iter().take(5).collect();
/// assert_eq!(next, [1, 1, 2, 3, 5]);
/// # Ok::<_, barecoro::stack::StackError>(())
/// ```
pub struct Coroutine<Input, Yield, Return, S: Stack = MappedStack> {
    control: NonNull<Control>,
    state: State,
    stack: ManuallyDrop<S>,
    registration: Registration,
    marker: PhantomData<Exchange<Input, (Yield, Return)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The function waits at the base of the stack to be called.
    Fresh,
    /// Its frames are on the stack.
    Suspended,
    /// It has returned.
    Done,
}

impl<Input: 'static, Yield, Return, S: Stack> Coroutine<Input, Yield, Return, S> {
    /// Puts `body` on `stack`, to be called by the first [`resume`](Self::resume) with its input.
    ///
    /// # Panics
    ///
    /// If `body` does not fit on the stack; [`try_new`](Self::try_new) returns an error instead.
    pub fn new<F>(stack: S, body: F) -> Self
    where
        F: FnOnce(&Yielder<Input, Yield>, Input) -> Return + 'static,
    {
        match Self::try_new(stack, body) {
            Ok(coroutine) => coroutine,
            Err(error) => does_not_fit(size_of::<F>(), Extent::of(&error.stack).size()),
        }
    }

    /// As [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// [`StackTooSmall`] if `body` does not fit on the stack and leave 512 bytes.
    pub fn try_new<F>(stack: S, body: F) -> Result<Self, StackTooSmall<S, F>>
    where
        F: FnOnce(&Yielder<Input, Yield>, Input) -> Return + 'static,
    {
        let whole = Extent::of(&stack);
        let places = whole.carve::<Control>(0).and_then(|(control, rest)| {
            let (body, rest) = rest.carve::<F>(SPARE)?;
            Some((control, body, rest))
        });
        let Some((control, place, rest)) = places else {
            return Err(StackTooSmall { stack, body });
        };
        // SAFETY: both places were carved out of the stack, which is this value's own, and `rest`
        // is the stack below them, aligned for a call. `run` is made for these types.
        unsafe {
            place.write(body);
            control.write(Control {
                own: Context::new(),
                parent: Context::new(),
                depth: control.addr().get() - whole.limit.addr().get(),
                drop_body: drop_body::<F>,
                unwinding: Cell::new(false),
            });
            control.as_ref().own.prepare(
                rest.base.as_ptr(),
                run::<F, Input, Yield, Return>,
                control.as_ptr().cast(),
            );
            #[cfg(feature = "asan")]
            control.as_ref().own.describe(whole.limit.as_ptr(), whole.base.as_ptr());
        }
        Ok(Self {
            control,
            state: State::Fresh,
            registration: Registration::new(whole.limit.as_ptr(), whole.base.as_ptr()),
            stack: ManuallyDrop::new(stack),
            marker: PhantomData,
        })
    }

    /// Hands over `input` and runs the function until it suspends itself or returns.
    ///
    /// The first `input` is the function's argument; later ones are what `suspend` returns.
    ///
    /// # Panics
    ///
    /// If the function has returned before.
    #[inline(always)]
    #[cfg_attr(
        not(all(feature = "std", panic = "unwind")),
        expect(unreachable_code, reason = "nothing is caught")
    )]
    pub fn resume(&mut self, input: Input) -> CoroutineResult<Yield, Return> {
        if self.state == State::Done {
            resumed_after_return();
        }
        self.state = State::Suspended;
        let mut input = ManuallyDrop::new(input);
        // SAFETY: the function waits for an `Input` in its first call or in `suspend`, and takes
        // it before this frame goes on.
        let reply = unsafe { self.switch_to(Message { word: send(&mut input), tag: tag::YIELD }) };
        if reply.tag == tag::YIELD {
            // SAFETY: `suspend` has sent a `Yield`, and its frame is whole.
            return CoroutineResult::Yield(unsafe { receive(reply.word) });
        }
        self.state = State::Done;
        if unwind::ENABLED && reply.tag == tag::PANIC {
            // SAFETY: `run` has sent the payload, and its frame is whole.
            unwind::resume(unsafe { receive(reply.word) });
        }
        // SAFETY: `run` has sent a `Return`, and its frame is whole.
        CoroutineResult::Return(unsafe { receive(reply.word) })
    }

    /// # Safety
    ///
    /// The function has not returned, and the message is one that it waits for.
    #[inline(always)]
    unsafe fn switch_to(&mut self, message: Message) -> Arrival {
        // SAFETY: the block lives on the stack that this value owns.
        let control = unsafe { self.control.as_ref() };
        // SAFETY: the caller says that `own` is prepared or suspended; the parent's context is in
        // use by nobody, as only a running coroutine uses it and `self` is borrowed meanwhile.
        let arrival = unsafe { arch::switch(&control.parent, &control.own, message) };
        // The same block as before, but by way of a register: otherwise the next `resume` would
        // wait for a load of what this one has stored (measured: 2.9 ns a round trip, now 2.6).
        // SAFETY: the context that goes on is `parent`, inside of a block on the stack.
        self.control = unsafe {
            let block = arrival.context.byte_sub(offset_of!(Control, parent));
            NonNull::new_unchecked(block.cast_mut().cast())
        };
        arrival
    }
}

impl<Input, Yield, Return, S: Stack> Coroutine<Input, Yield, Return, S> {
    /// Whether the function has returned.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the function has been called.
    pub fn is_started(&self) -> bool {
        self.state != State::Fresh
    }

    /// Takes the stack out, for another coroutine. A function that was not called is dropped.
    ///
    /// # Errors
    ///
    /// The coroutine itself while it is suspended.
    pub fn into_stack(self) -> Result<S, Self> {
        if self.state == State::Suspended {
            return Err(self);
        }
        // SAFETY: no frames are on the stack.
        Ok(unsafe { self.into_stack_unchecked() })
    }

    /// Takes the stack out, giving up the frames on it without running their destructors.
    ///
    /// # Safety
    ///
    /// Nothing on the stack is pinned or borrowed by anything that is still in use.
    pub unsafe fn into_stack_unchecked(self) -> S {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never used again.
        unsafe { this.end() }
    }

    /// Takes the stack, and drops a function that was not called.
    ///
    /// # Safety
    ///
    /// There are no frames on the stack that anybody needs, and nobody uses this value afterwards.
    unsafe fn end(&mut self) -> S {
        // SAFETY: the caller's promise; the function is dropped while there is the stack.
        let stack = unsafe { self.take_stack() };
        if self.state == State::Fresh {
            // If it panics, the stack goes with the frame.
            self.drop_body();
        }
        stack
    }

    /// Takes the stack, whose memory stays where it is.
    ///
    /// # Safety
    ///
    /// There are no frames on the stack that anybody needs, and nobody uses this value afterwards, but for
    /// [`drop_body`](Self::drop_body) while there is the stack.
    unsafe fn take_stack(&mut self) -> S {
        // SAFETY: the block lives on the stack that this value owns.
        #[cfg(feature = "asan")]
        unsafe { self.control.as_ref() }.own.release();
        self.registration.end();
        // SAFETY: the caller's promise.
        unsafe { ManuallyDrop::take(&mut self.stack) }
    }

    /// Unwinds the suspended function, dropping what its frames hold.
    #[cold]
    #[cfg_attr(
        not(all(feature = "std", panic = "unwind")),
        expect(unreachable_code, unused_variables, reason = "nothing is caught")
    )]
    fn unwind(&mut self) {
        // SAFETY: the block lives on the stack that this value owns.
        let control = unsafe { self.control.as_ref() };
        control.unwinding.set(true);
        let message = Message { word: MaybeUninit::uninit(), tag: tag::UNWIND };
        // SAFETY: the function is suspended in `suspend`, which knows this tag. It can not suspend
        // itself again, so the answer is its end.
        let reply = unsafe { arch::switch(&control.parent, &control.own, message) };
        self.state = State::Done;
        if reply.tag == tag::RETURN {
            // SAFETY: `run` has sent a `Return`, and its frame is whole.
            let _returned = unsafe { receive::<Return>(reply.word) };
            // SAFETY: no frames are on the stack, and `drop`, which called this, only returns.
            drop(unsafe { self.take_stack() });
            return;
        }
        // SAFETY: `run` has sent the payload, and its frame is whole.
        let payload = unsafe { receive(reply.word) };
        // SAFETY: as above.
        drop(unsafe { self.take_stack() });
        if !unwind::was_raised(&payload) {
            unwind::resume(payload);
        }
    }

    /// Drops the function, which has not been called.
    fn drop_body(&mut self) {
        debug_assert_eq!(self.state, State::Fresh);
        self.state = State::Done;
        // SAFETY: the block is on the stack that this value owns; the function is dropped once,
        // as the state says from now on that it is gone.
        unsafe { (self.control.as_ref().drop_body)(self.control) }
    }
}

impl<Yield, Return, S: Stack> Coroutine<(), Yield, Return, S> {
    /// Iterates over what the function yields, until it returns.
    pub fn iter(&mut self) -> Iter<'_, Yield, Return, S> {
        Iter { coroutine: self }
    }
}

/// The values that a coroutine yields; made by [`Coroutine::iter`]. What it returns is dropped.
#[derive(Debug)]
pub struct Iter<'a, Yield, Return, S: Stack> {
    coroutine: &'a mut Coroutine<(), Yield, Return, S>,
}

impl<Yield, Return, S: Stack> Iterator for Iter<'_, Yield, Return, S> {
    type Item = Yield;

    fn next(&mut self) -> Option<Yield> {
        if self.coroutine.is_done() {
            return None;
        }
        self.coroutine.resume(()).as_yield()
    }
}

impl<Yield, Return, S: Stack> core::iter::FusedIterator for Iter<'_, Yield, Return, S> {}

impl<Input, Yield, Return, S: Stack> Drop for Coroutine<Input, Yield, Return, S> {
    fn drop(&mut self) {
        match self.state {
            State::Suspended if unwind::ENABLED => return self.unwind(),
            State::Suspended => return, // the stack is leaked
            State::Fresh | State::Done => {}
        }
        // SAFETY: no frames are on the stack, and nobody uses this value after `drop`.
        drop(unsafe { self.end() });
    }
}

impl<Input, Yield, Return, S: Stack> fmt::Debug for Coroutine<Input, Yield, Return, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coroutine").field("state", &self.state).finish_non_exhaustive()
    }
}

#[cold]
#[track_caller]
#[expect(clippy::panic, reason = "a caller's bug, documented at `new`")]
fn does_not_fit(body: usize, stack: usize) -> ! {
    panic!(
        "a function of {body} bytes does not fit on a stack of {stack} bytes: \
         use a larger stack, or Coroutine::try_new"
    )
}

#[cold]
#[track_caller]
#[expect(clippy::panic, reason = "a caller's bug, documented at `resume`")]
fn resumed_after_return() -> ! {
    panic!("a coroutine was resumed after it had returned: ask is_done() first")
}
