//! The first thread's block: its thread-local variables, and what the thread register points at.
//!
//! ```text
//!   area → thread-local variables: the program's initial values, then zeros
//!   fs →   a pointer to itself (System V ABI, AMD64 supplement, 3.4.6)
//!   …
//!   0x28   the canary that C code with stack protection compares
//! ```
#![expect(unsafe_code, reason = "fills the block that `_start` has made room for")]

use linux_raw_sys::auxvec::AT_RANDOM;
use linux_raw_sys::elf::Elf_Phdr;

use crate::sys::{self, thread};

use super::entry::give_up;
use super::relocate::Image;

/// How much room the block needs. Comes back from a call in two registers.
#[repr(C)]
#[derive(Debug)]
pub struct Area {
    size: usize,
    align: usize,
}

/// The part of the block from the thread register on.
#[repr(C)]
struct Control {
    own_address: *mut Control,
    reserved: [usize; 4],
    canary: usize,
    reserved_too: [usize; 2],
}

const _: () = assert!(core::mem::offset_of!(Control, canary) == 0x28, "where compilers look");

/// The least alignment of a block: a cache line.
const ALIGN: usize = 64;

/// The room that a program's first thread needs.
pub(super) fn area(image: &Image) -> Area {
    let (size, align) = variables(image);
    Area { size: size.wrapping_add(size_of::<Control>()), align }
}

/// Size and alignment of the thread-local variables.
fn variables(image: &Image) -> (usize, usize) {
    match image.thread_local() {
        Some((segment, _)) => {
            let align = segment.p_align.max(ALIGN);
            (taken(segment).wrapping_add(align - 1) & align.wrapping_neg(), align)
        }
        None => (0, ALIGN),
    }
}

/// How far below the thread register the variables begin. The linker counts them down from there, so that
/// they are as aligned as in the segment: not to the alignment of the block, nor to that of the segment if it begins
/// in between, as lld has it where a script says where things go.
fn taken(segment: &Elf_Phdr) -> usize {
    let end = segment.p_vaddr.wrapping_add(segment.p_memsz);
    segment.p_memsz.wrapping_add(end.wrapping_neg() & (segment.p_align.max(1) - 1))
}

/// Fills the block and points the thread register at it.
///
/// # Safety
///
/// `block` has the room that [`area`] asks for and is never used for anything else.
pub(super) unsafe fn set_up(block: *mut u8, image: &Image) {
    let (size, _) = variables(image);
    // SAFETY: the variables end where the thread register points (the ABI's variant II), and there
    // is room for the initial values and zeros before it. `block` is as aligned as any of them.
    let control = unsafe {
        block.write_bytes(0, size);
        if let Some((segment, values)) = image.thread_local() {
            let place = block.add(size - taken(segment));
            place.copy_from_nonoverlapping(values, segment.p_filesz);
        }
        #[expect(clippy::cast_ptr_alignment, reason = "block and size are multiples of 64")]
        block.add(size).cast::<Control>()
    };
    // SAFETY: the rest of the block.
    unsafe {
        control.write(Control {
            own_address: control,
            reserved: [0; 4],
            canary: canary(),
            reserved_too: [0; 2],
        });
        if thread::set_thread_register(control.cast()).is_err() {
            give_up("arch_prctl failed");
        }
    }
}

/// Seven random bytes of the kernel's and a zero, at which string functions stop.
fn canary() -> usize {
    match sys::auxiliary_value(AT_RANDOM) {
        Some(address) => {
            let random = core::ptr::with_exposed_provenance::<usize>(address);
            // SAFETY: the kernel says that 16 random bytes are there.
            unsafe { random.read_unaligned() & !0xff }
        }
        None => 0,
    }
}
