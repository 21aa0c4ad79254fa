//! What happens on a coroutine's own stack, and how values go to it and come from it.
#![expect(unsafe_code, reason = "moves values between stacks")]

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::NonNull;

use crate::arch::{self, Context, Message};
use crate::unwind;

/// Of something that takes `T` and gives `U`, and belongs to one thread.
pub(super) type Exchange<T, U> = (fn(T) -> U, *mut ());

/// What a coroutine and its resumer share, at the base of the coroutine's stack.
#[repr(C, align(64))]
pub(super) struct Control {
    /// Where the coroutine goes on.
    pub(super) own: Context,
    /// Where the one who resumed it goes on.
    pub(super) parent: Context,
    /// From the lowest address of the stack to this block, in bytes.
    pub(super) depth: usize,
    /// Drops the function while it has not been called.
    pub(super) drop_body: unsafe fn(NonNull<Control>),
    /// Whether the coroutine is being dropped, so that suspending it unwinds it.
    pub(super) unwinding: Cell<bool>,
}

/// What the tag of a message from the coroutine says about its word.
pub(super) mod tag {
    pub(in crate::coroutine) const YIELD: usize = 0;
    pub(in crate::coroutine) const RETURN: usize = 1;
    pub(in crate::coroutine) const PANIC: usize = 2;
    /// To the coroutine: unwind.
    pub(in crate::coroutine) const UNWIND: usize = 3;
}

/// How a coroutine's function suspends itself.
pub struct Yielder<Input, Yield> {
    control: NonNull<Control>,
    marker: PhantomData<Exchange<Yield, Input>>,
}

impl<Input: 'static, Yield> Yielder<Input, Yield> {
    /// Suspends the coroutine with `value`; returns the input it is next resumed with.
    ///
    /// # Panics
    ///
    /// If it is not called on the coroutine's own stack: from a task or a coroutine that was
    /// started inside it.
    #[inline(always)]
    pub fn suspend(&self, value: Yield) -> Input {
        // SAFETY: the block is at the base of the stack on which the function, which has this
        // reference, runs.
        let control = unsafe { self.control.as_ref() };
        if self.control.addr().get().wrapping_sub(arch::stack_pointer()) > control.depth {
            suspended_elsewhere();
        }
        if unwind::ENABLED && control.unwinding.get() {
            unwind::raise();
        }
        let mut value = ManuallyDrop::new(value);
        let message = Message { word: send(&mut value), tag: tag::YIELD };
        // SAFETY: this runs on the coroutine's own stack, as was just checked, so whoever resumed
        // it is suspended in `parent` and waits for this message.
        let reply = unsafe { arch::switch(&control.own, &control.parent, message) };
        if unwind::ENABLED && reply.tag == tag::UNWIND {
            unwind::raise();
        }
        // SAFETY: `resume` has sent an `Input`, and its frame is whole.
        unsafe { receive(reply.word) }
    }
}

impl<Input, Yield> fmt::Debug for Yielder<Input, Yield> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yielder").finish_non_exhaustive()
    }
}

/// The first Rust frame of a coroutine: calls the function with its first input, and sends back
/// what it returns.
///
/// # Safety
///
/// Reached only by the context that `try_new` has prepared for these types, once.
pub(super) unsafe extern "C" fn run<F, Input, Yield, Return>(
    control: *mut (),
    input: MaybeUninit<*mut ()>,
) -> !
where
    F: FnOnce(&Yielder<Input, Yield>, Input) -> Return,
{
    // SAFETY: `try_new` has passed the block's address, which is not null.
    let control = unsafe { NonNull::new_unchecked(control).cast::<Control>() };
    let yielder = Yielder { control, marker: PhantomData };
    // SAFETY: the function was put below the block, and `resume`'s state says that it is taken;
    // `resume` has sent an `Input`.
    let (body, input) = unsafe { (body_place::<F>(control).read(), receive(input)) };
    let mut outcome = unwind::catch(move || body(&yielder, input))
        .map(ManuallyDrop::new)
        .map_err(ManuallyDrop::new);
    let message = match &mut outcome {
        Ok(value) => Message { word: send(value), tag: tag::RETURN },
        Err(payload) => Message { word: send(payload), tag: tag::PANIC },
    };
    // SAFETY: as above.
    let control = unsafe { control.as_ref() };
    // SAFETY: whoever resumed the coroutine waits in `parent`. Nobody switches back, so the frame
    // stays whole until the stack is dropped.
    unsafe { arch::switch(&control.own, &control.parent, message) };
    unreachable_after_return()
}

/// Where the function of type `F` lies while it has not been called.
///
/// # Safety
///
/// `control` is the block of a coroutine that was made for an `F`.
unsafe fn body_place<F>(control: NonNull<Control>) -> NonNull<F> {
    let align = align_of::<F>().max(arch::STACK_ALIGN);
    let address = (control.addr().get() - size_of::<F>()) & !(align - 1);
    // SAFETY: `try_new` has carved this very place out of the same stack.
    unsafe { control.cast::<u8>().sub(control.addr().get() - address).cast() }
}

/// # Safety
///
/// As for [`body_place`], and the function has not been called or dropped.
pub(super) unsafe fn drop_body<F>(control: NonNull<Control>) {
    // SAFETY: the caller says that the function is there.
    unsafe { body_place::<F>(control).drop_in_place() }
}

/// Turns a value into the word of a message: its bytes if they fit, otherwise its address.
#[inline(always)]
pub(super) fn send<T>(value: &mut ManuallyDrop<T>) -> MaybeUninit<*mut ()> {
    if size_of::<T>() > size_of::<*mut ()>() {
        return MaybeUninit::new((&raw mut *value).cast());
    }
    let mut word = MaybeUninit::<*mut ()>::uninit();
    // SAFETY: the value is no larger than the word.
    unsafe {
        (&raw mut word)
            .cast::<u8>()
            .copy_from_nonoverlapping((&raw const *value).cast(), size_of::<T>());
    }
    word
}

/// Takes the value out of a message's word.
///
/// # Safety
///
/// The word was made by [`send`] of a value of this type that is still in its place, and it is
/// taken out once.
#[inline(always)]
pub(super) unsafe fn receive<T>(word: MaybeUninit<*mut ()>) -> T {
    if size_of::<T>() > size_of::<*mut ()>() {
        // SAFETY: the word is the address of a `T`, which the caller says is there.
        return unsafe { word.assume_init().cast::<T>().read() };
    }
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the word's first bytes are those of a `T`.
    unsafe {
        value
            .as_mut_ptr()
            .cast::<u8>()
            .copy_from_nonoverlapping((&raw const word).cast(), size_of::<T>());
        value.assume_init()
    }
}

#[cold]
#[track_caller]
#[expect(clippy::panic, reason = "a caller's bug, documented at `suspend`")]
fn suspended_elsewhere() -> ! {
    panic!(
        "a coroutine was suspended from another stack than its own: \
         call suspend in the coroutine itself, not in a task or a coroutine inside it"
    )
}

#[cold]
#[expect(clippy::panic, reason = "stands for a bug of this crate")]
fn unreachable_after_return() -> ! {
    panic!("a coroutine went on after it had returned")
}
