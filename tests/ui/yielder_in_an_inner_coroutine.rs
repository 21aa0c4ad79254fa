// error[E0521]: borrowed data escapes
use barecoro::stack::MappedStack;
use barecoro::{Coroutine, Yielder};

fn main() {
    let stack = || MappedStack::new(65536).unwrap();
    let _outer = Coroutine::new(stack(), move |outer: &Yielder<(), ()>, ()| {
        let mut inner = Coroutine::new(stack(), move |_: &Yielder<(), ()>, ()| outer.suspend(()));
        inner.resume(());
    });
}
