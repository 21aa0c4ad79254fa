//! Where on a stack a task has its record and its closure.
#![expect(unsafe_code, reason = "computes places on stacks")]

use core::num::NonZeroUsize;
use core::ptr::NonNull;

use crate::arch::STACK_ALIGN;
use crate::stack::{Extent, MappedStack, StackError};

use super::life::{Kind, record};
use super::scheduler::{Scheduler, impossible};
use super::slot::{OwnStack, Record, Slot, State};
use super::spawn::{Builder, Options};

/// Why there is no slot.
pub(super) enum NoSlot {
    Full,
    TooSmall,
    Stack(StackError),
}

/// Where a task's record and its closure go, and the stack if it is not the slot's own.
pub(super) type Places = (NonNull<Record>, NonNull<u8>, Option<OwnStack>);

/// The places at the base of the slot's own stack. Below them there is nothing but frames.
#[inline(always)]
pub(super) fn places_of_slot(
    scheduler: &Scheduler,
    slot: &'static Slot,
    kind: &'static Kind,
) -> Result<Places, NoSlot> {
    let layout = scheduler.pool.layout();
    let align = kind.align.max(STACK_ALIGN);
    // Neither a size nor an alignment is more than half the address space.
    let needed = kind.size + align + size_of::<Record>() + STACK_ALIGN + layout.spare;
    if needed > layout.size {
        return Err(NoSlot::TooSmall);
    }
    let Some(place) = slot.record.get() else { impossible() };
    let top = place.addr().get();
    let distance = top - ((top - kind.size) & !(align - 1));
    // SAFETY: the stack has `needed` bytes, of which this is a part.
    let payload = unsafe { place.cast::<u8>().sub(distance) };
    Ok((place, payload, None))
}

/// Where a record goes on the stack of a slot, which may be too small for it.
pub(super) fn place_of_record(stack: Extent) -> NonNull<Record> {
    const { assert!(size_of::<Record>().is_multiple_of(STACK_ALIGN)) };
    let address = stack.base.addr().get().wrapping_sub(size_of::<Record>());
    stack.base.with_addr(NonZeroUsize::new(address).unwrap_or(NonZeroUsize::MIN)).cast()
}

/// The places for a task that someone has wishes for.
pub(super) fn places_for(
    scheduler: &Scheduler,
    slot: &'static Slot,
    kind: &'static Kind,
    options: &Options<'_>,
) -> Result<Places, NoSlot> {
    let Builder { stack_size, guard_size, .. } = *options.builder;
    let layout = scheduler.pool.layout();
    if let Some(place) = options.stack
        && let Some(stack) = place.take()
    {
        let Some((record, payload)) = places_on(Extent::of(&stack), kind) else {
            place.set(Some(stack));
            return Err(NoSlot::TooSmall);
        };
        let guard = stack.guard_size();
        return Ok((record, payload, Some(OwnStack::new(stack, guard, slot))));
    }
    let is_guarded = guard_size <= if layout.packed { 0 } else { layout.below };
    if stack_size <= layout.size && is_guarded {
        return places_of_slot(scheduler, slot, kind);
    }
    let stack = MappedStack::with_guard(stack_size.max(layout.size), guard_size.max(layout.below));
    let stack = stack.map_err(NoSlot::Stack)?;
    let (record, payload) = places_on(Extent::of(&stack), kind).ok_or(NoSlot::TooSmall)?;
    let guard = stack.guard_size();
    Ok((record, payload, Some(OwnStack::new(stack, guard, slot))))
}

/// What a task must have left of a stack of its own when it starts, in bytes.
const SPARE: usize = 1024;

fn places_on(stack: Extent, kind: &'static Kind) -> Option<(NonNull<Record>, NonNull<u8>)> {
    let (record, rest) = stack.carve(0)?;
    let (payload, _) = rest.carve_layout(kind.size, kind.align, SPARE)?;
    Some((record, payload))
}

/// The stack of a task that is not its slot's.
pub(super) fn own_stack(slot: &'static Slot) -> Option<&'static OwnStack> {
    if slot.state.get() == State::Free { None } else { record(slot).own_stack.as_ref() }
}

/// The stack of a slot that has a task, or had one.
pub(super) fn stack_of(scheduler: &Scheduler, slot: &'static Slot) -> Extent {
    if let Some(stack) = own_stack(slot) {
        return stack.extent;
    }
    let Some(place) = slot.record.get() else { impossible() };
    // SAFETY: the record is the first thing on the stack, so the base is where it ends.
    let base = unsafe { place.add(1) }.cast();
    scheduler.pool.stack_at(base, scheduler.index_of(slot))
}
