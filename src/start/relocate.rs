//! Self-relocation of a static, position-independent program.
//!
//! The kernel loads such a program anywhere. Its own addresses are then too low by the same amount,
//! the *bias*, in all the places that the linker has listed: a plain list (`DT_RELA`), a compact one
//! (`DT_RELR`), or both. Until they are corrected even a call of another function may go through
//! one of them, so that is done in assembly.
#![expect(unsafe_code, reason = "corrects the program's own image, as the linker's lists say")]
#![expect(clippy::too_many_lines, reason = "one algorithm, an instruction a line")]

use core::arch::naked_asm;
use core::mem::{offset_of, size_of};

use linux_raw_sys::auxvec::{AT_PHDR, AT_PHNUM};
use linux_raw_sys::elf::{
    DT_RELA, DT_RELASZ, Elf_Dyn, Elf_Phdr, Elf_Rela, PT_DYNAMIC, PT_GNU_RELRO, PT_TLS, R_RELATIVE,
};

use crate::sys::mem::{self, PAGE};

use super::entry::give_up;
use super::env::Env;

/// Compact lists of relative relocations (generic ABI, chapter Relocation).
const DT_RELR: usize = 36;
const DT_RELRSZ: usize = 35;

/// What [`relocate`] has found; comes back from a call in two registers.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Relocated {
    /// What to add to a link-time address.
    bias: usize,
    /// How many relocations need more than adding the bias; not done.
    unknown: usize,
}

/// Corrects the program's addresses.
///
/// # Safety
///
/// Called once, first, with the stack pointer that the kernel has set.
#[unsafe(naked)]
pub unsafe extern "C" fn relocate(block: *const usize) -> Relocated {
    naked_asm!(
        ".cfi_startproc",
        ".weak _DYNAMIC",
        ".hidden _DYNAMIC",
        "push rbx",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_rel_offset rbx, 0",
        // rsi = the auxiliary vector: behind the arguments, the environment and their nulls.
        "mov rax, [rdi]",
        "lea rsi, [rdi + 8 * rax + 16]",
        "2:",
        "add rsi, 8",
        "cmp qword ptr [rsi - 8], 0",
        "jne 2b",
        // r8 = the program headers, r9 = how many.
        "xor r8d, r8d",
        "xor r9d, r9d",
        "2:",
        "mov rax, [rsi]",
        "mov rcx, [rsi + 8]",
        "add rsi, 16",
        "cmp rax, {at_phdr}",
        "cmove r8, rcx",
        "cmp rax, {at_phnum}",
        "cmove r9, rcx",
        "test rax, rax",
        "jnz 2b",
        // r8 = the header of the dynamic section. A program without one is not relocated.
        "xor edi, edi", // the bias
        "xor ebx, ebx", // unknown relocations
        "2:",
        "sub r9, 1",
        "jb 9f",
        "cmp dword ptr [r8], {pt_dynamic}",
        "je 3f",
        "add r8, {header_size}",
        "jmp 2b",
        // rdi = the bias: where the section is, less where the linker has put it.
        "3:",
        "lea rsi, [rip + _DYNAMIC]",
        "mov rdi, rsi",
        "sub rdi, [r8 + {vaddr}]",
        // r8, r9 = the plain list and its size; r10, r11 = the compact one.
        "xor r8d, r8d",
        "xor r9d, r9d",
        "xor r10d, r10d",
        "xor r11d, r11d",
        "2:",
        "mov rax, [rsi]",
        "mov rcx, [rsi + 8]",
        "add rsi, {entry_size}",
        "cmp rax, {dt_rela}",
        "cmove r8, rcx",
        "cmp rax, {dt_relasz}",
        "cmove r9, rcx",
        "cmp rax, {dt_relr}",
        "cmove r10, rcx",
        "cmp rax, {dt_relrsz}",
        "cmove r11, rcx",
        "test rax, rax",
        "jnz 2b",
        // The plain list: at `offset`, write `addend` and the bias.
        "add r8, rdi",
        "add r9, r8", // its end
        "2:",
        "cmp r8, r9",
        "jae 4f",
        "cmp dword ptr [r8 + {info}], {relative}",
        "jne 3f",
        "mov rax, [r8 + {offset}]",
        "mov rcx, [r8 + {addend}]",
        "add rcx, rdi",
        "mov [rdi + rax], rcx",
        "add r8, {rela_size}",
        "jmp 2b",
        "3:",
        "inc rbx",
        "add r8, {rela_size}",
        "jmp 2b",
        // The compact list: an even word is an address; an odd one is a map of which of the next
        // 63 words are meant too. To each, add the bias.
        "4:",
        "add r10, rdi",
        "add r11, r10", // its end
        "2:",
        "cmp r10, r11",
        "jae 9f",
        "mov rax, [r10]",
        "add r10, 8",
        "test al, 1",
        "jnz 3f",
        "lea rcx, [rdi + rax + 8]", // rcx = the next word
        "add [rcx - 8], rdi",
        "jmp 2b",
        "3:",
        "mov rdx, rcx",
        "add rcx, 63 * 8",
        "5:",
        "shr rax",
        "jz 2b",
        "test al, 1",
        "jz 6f",
        "add [rdx], rdi",
        "6:",
        "add rdx, 8",
        "jmp 5b",
        "9:",
        "mov rax, rdi",
        "mov rdx, rbx",
        "pop rbx",
        ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_endproc",
        at_phdr = const AT_PHDR,
        at_phnum = const AT_PHNUM,
        pt_dynamic = const PT_DYNAMIC,
        header_size = const size_of::<Elf_Phdr>(),
        vaddr = const offset_of!(Elf_Phdr, p_vaddr),
        entry_size = const size_of::<Elf_Dyn>(),
        dt_rela = const DT_RELA,
        dt_relasz = const DT_RELASZ,
        dt_relr = const DT_RELR,
        dt_relrsz = const DT_RELRSZ,
        info = const offset_of!(Elf_Rela, r_info),
        relative = const R_RELATIVE,
        offset = const offset_of!(Elf_Rela, r_offset),
        addend = const offset_of!(Elf_Rela, r_addend),
        rela_size = const size_of::<Elf_Rela>(),
    )
}

/// The program in memory.
pub(super) struct Image {
    /// What to add to a link-time address.
    bias: usize,
    segments: &'static [Elf_Phdr],
}

impl Image {
    pub(super) fn thread_local(&self) -> Option<(&Elf_Phdr, *const u8)> {
        let segment = self.segment(PT_TLS)?;
        Some((segment, self.at(segment.p_vaddr)))
    }

    fn segment(&self, kind: u32) -> Option<&Elf_Phdr> {
        self.segments.iter().find(|segment| segment.p_type == kind)
    }

    fn at<T>(&self, address: usize) -> *const T {
        core::ptr::with_exposed_provenance(address.wrapping_add(self.bias))
    }
}

/// The program's image, which [`relocate`] has dealt with.
pub(super) fn image(env: Env, relocated: Relocated) -> Image {
    let headers = env.auxiliary_value(AT_PHDR as usize).unwrap_or(0);
    let count = env.auxiliary_value(AT_PHNUM as usize).unwrap_or(0);
    if headers == 0 {
        give_up("there are no program headers");
    }
    if relocated.unknown != 0 {
        give_up("it needs a dynamic linker");
    }
    let first = core::ptr::with_exposed_provenance::<Elf_Phdr>(headers);
    // SAFETY: the kernel says that the headers are there.
    let segments = unsafe { core::slice::from_raw_parts(first, count) };
    Image { bias: relocated.bias, segments }
}

/// Makes what only relocation writes read-only.
pub(super) fn protect(image: &Image) {
    let Some(constant) = image.segment(PT_GNU_RELRO) else { return };
    let start = constant.p_vaddr & !(PAGE - 1);
    let end = constant.p_vaddr.wrapping_add(constant.p_memsz) & !(PAGE - 1);
    // SAFETY: the linker says that nobody writes there after relocation.
    let done = unsafe { mem::make_constant(image.at(start), end.wrapping_sub(start)) };
    if done.is_err() {
        give_up("mprotect failed");
    }
}
