//! generator, whose way to suspend wants to change its scope, so that the bodies are written anew.

use ::generator::{Gn, LocalGenerator, Scope};

use super::{Depth, STACK_SIZE, serve};
use crate::contender::Turns;

type Resumer<'a, 'b> = Scope<'a, 'b, u64, u64>;

pub(super) fn run(turns: &Turns, depth: Depth) {
    let words = STACK_SIZE / size_of::<usize>();
    let mut generator: LocalGenerator<'static, u64, u64> = match depth {
        Depth::Flat => Gn::new_scoped_opt_local(words, |resumer| body(resumer, suspend)),
        Depth::Outlined => Gn::new_scoped_opt_local(words, |resumer| body(resumer, first)),
        Depth::Deep => Gn::new_scoped_opt_local(words, |resumer| body(resumer, third)),
    };
    serve(turns, |value| generator.send(value));
    std::mem::forget(generator); // suspended for ever
}

#[inline(always)]
fn body<'a, 'b>(
    mut resumer: Resumer<'a, 'b>,
    suspend: impl Fn(&mut Resumer<'a, 'b>, u64) -> u64,
) -> u64 {
    let mut value = resumer.get_yield().unwrap_or_default();
    loop {
        value = suspend(&mut resumer, value);
    }
}

#[inline(always)]
fn suspend(resumer: &mut Resumer<'_, '_>, value: u64) -> u64 {
    resumer.yield_with(value.wrapping_add(1));
    resumer.get_yield().unwrap_or_default()
}

#[inline(never)]
fn first(resumer: &mut Resumer<'_, '_>, value: u64) -> u64 {
    suspend(resumer, value)
}

/// Does something after the call, or it would become a jump.
#[inline(never)]
fn second(resumer: &mut Resumer<'_, '_>, value: u64) -> u64 {
    first(resumer, value).wrapping_add(1)
}

#[inline(never)]
fn third(resumer: &mut Resumer<'_, '_>, value: u64) -> u64 {
    second(resumer, value).wrapping_add(1)
}
