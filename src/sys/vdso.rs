//! The vDSO: a small shared library that the kernel maps into every process (vdso(7)).
//!
//! Only one function of it is wanted, found by its name in the dynamic symbol table. Whatever is
//! not as expected means `None`, and the caller makes a system call instead.
#![expect(unsafe_code, reason = "reads the ELF image that the kernel has mapped and vouches for")]

use core::ffi::CStr;

use linux_raw_sys::elf::{
    DT_GNU_HASH, DT_NULL, DT_STRTAB, DT_SYMTAB, Elf_Dyn, Elf_Ehdr, Elf_Phdr, Elf_Sym, PT_DYNAMIC,
    PT_LOAD, SHN_UNDEF,
};

/// The parts of the image that a look-up by name needs.
struct Image {
    symbols: *const Elf_Sym,
    strings: *const core::ffi::c_char,
    count: usize,
    /// What to add to an address in the file to get one in memory.
    offset: usize,
}

/// The address of the function `name` in the image whose ELF header is at `header`.
///
/// # Safety
///
/// `header` is the `AT_SYSINFO_EHDR` that the kernel gave this process.
pub(super) unsafe fn find(header: usize, name: &CStr) -> Option<usize> {
    // SAFETY: the caller says that this is the kernel's image.
    let image = unsafe { Image::open(header) }?;
    // SAFETY: the symbol table has `count` entries, and each name ends in a zero byte.
    let symbols = (0..image.count).map(|index| unsafe { &*image.symbols.add(index) });
    symbols
        .filter(|symbol| symbol.st_shndx != SHN_UNDEF)
        .find(|symbol| {
            let place = usize::try_from(symbol.st_name).unwrap_or(0);
            // SAFETY: as above.
            unsafe { CStr::from_ptr(image.strings.add(place)) == name }
        })
        .map(|symbol| symbol.st_value.wrapping_add(image.offset))
}

impl Image {
    /// # Safety
    ///
    /// As for [`find`].
    unsafe fn open(address: usize) -> Option<Self> {
        // SAFETY: the kernel's image starts with an ELF header, whose program headers lie in it.
        let segments = unsafe {
            let header = &*at::<Elf_Ehdr>(address);
            let first = at::<Elf_Phdr>(address.wrapping_add(header.e_phoff));
            core::slice::from_raw_parts(first, usize::from(header.e_phnum))
        };
        let load = segments.iter().find(|segment| segment.p_type == PT_LOAD)?;
        let dynamic = segments.iter().find(|segment| segment.p_type == PT_DYNAMIC)?;
        let offset = address.wrapping_add(load.p_offset).wrapping_sub(load.p_vaddr);

        let first = at::<Elf_Dyn>(dynamic.p_vaddr.wrapping_add(offset));
        // SAFETY: the dynamic section ends with a DT_NULL, and nothing is read beyond it.
        let entries =
            (0..dynamic.p_memsz / size_of::<Elf_Dyn>()).map(|n| unsafe { &*first.add(n) });
        let entries = entries.take_while(|entry| entry.d_tag != DT_NULL);
        let value = |tag: usize| {
            let found = entries.clone().find(|entry| entry.d_tag == tag);
            // SAFETY: both members of the union are one address-sized number.
            found.map(|entry| unsafe { entry.d_un.d_ptr }.wrapping_add(offset))
        };
        // Linux has given it one since 4.3.
        let table = at(value(DT_GNU_HASH)?);
        // SAFETY: the kernel's table is such a one.
        let count = unsafe { symbol_count(table) };
        let symbols = at(value(DT_SYMTAB)?);
        let strings = at(value(DT_STRTAB)?);
        Some(Self { symbols, strings, count, offset })
    }
}

fn at<T>(address: usize) -> *const T {
    core::ptr::with_exposed_provenance(address)
}

/// How many symbols a `DT_GNU_HASH` table covers: one more than the end of the last chain.
///
/// # Safety
///
/// `table` is such a table.
unsafe fn symbol_count(table: *const u32) -> usize {
    // SAFETY: four counts, the filter (two words each), the buckets, then the chains, of which
    // each ends with a word whose lowest bit is set.
    unsafe {
        let word = |index: usize| usize::try_from(*table.add(index)).unwrap_or(0);
        let (buckets, first_hashed, filters) = (word(0), word(1), word(2));
        let first_bucket = 4 + 2 * filters;
        let Some(mut last) = (0..buckets).map(|index| word(first_bucket + index)).max() else {
            return first_hashed;
        };
        if last < first_hashed {
            return first_hashed;
        }
        let chains = first_bucket + buckets;
        while word(chains + last - first_hashed) & 1 == 0 {
            last += 1;
        }
        last + 1
    }
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::sys::auxiliary_value;

    #[test]
    fn an_unknown_name_is_not_found() {
        let Some(header) = auxiliary_value(linux_raw_sys::auxvec::AT_SYSINFO_EHDR) else {
            return; // valgrind hides the vDSO
        };
        // SAFETY: the kernel's own value.
        let found = unsafe { (find(header, c"__vdso_clock_gettime"), find(header, c"no_such")) };
        assert!(found.0.is_some());
        assert_eq!(found.1, None);
    }
}
