// error[E0373]: closure may outlive the current function
use barecoro::stack::MappedStack;
use barecoro::{Coroutine, Yielder};

fn main() {
    let local = String::from("ends with main");
    let stack = MappedStack::new(65536).unwrap();
    let _coroutine = Coroutine::new(stack, |_: &Yielder<(), ()>, ()| local.len());
}
