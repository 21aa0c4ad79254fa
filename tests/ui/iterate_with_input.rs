// error[E0599]: iter
use barecoro::Coroutine;

fn main() {}

fn iterate(mut coroutine: Coroutine<u8, u8, ()>) {
    // There would be nothing to resume it with.
    coroutine.iter().for_each(drop);
}
