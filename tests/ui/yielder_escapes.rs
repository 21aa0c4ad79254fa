// error[E0521]: borrowed data escapes
use std::cell::Cell;
use std::rc::Rc;

use barecoro::stack::MappedStack;
use barecoro::{Coroutine, Yielder};

fn main() {
    let escaped = Rc::new(Cell::new(None));
    let inside = escaped.clone();
    let stack = MappedStack::new(65536).unwrap();
    let mut coroutine = Coroutine::new(stack, move |yielder: &Yielder<(), ()>, ()| {
        inside.set(Some(yielder));
    });
    coroutine.resume(());
    escaped.get().unwrap().suspend(());
}
