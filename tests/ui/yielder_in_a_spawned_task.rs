// error[E0521]: borrowed data escapes
use barecoro::stack::MappedStack;
use barecoro::{Coroutine, Yielder, task};

fn main() {
    let stack = MappedStack::new(65536).unwrap();
    let _outer = Coroutine::new(stack, move |outer: &Yielder<(), ()>, ()| {
        drop(task::spawn(move || outer.suspend(())));
    });
}
