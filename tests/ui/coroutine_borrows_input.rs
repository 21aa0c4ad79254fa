// error[E0597]: does not live long enough
use barecoro::stack::MappedStack;
use barecoro::{Coroutine, Yielder};

fn main() {
    let local = String::from("ends with main");
    let stack = MappedStack::new(65536).unwrap();
    let mut coroutine = Coroutine::new(stack, |_: &Yielder<&str, ()>, text: &str| text.len());
    coroutine.resume(&local);
}
