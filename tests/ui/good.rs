// compiles
//! What the other files get wrong, done right: they fail for what they say, and not for a slip.

use barecoro::stack::MappedStack;
use barecoro::task::{self, Unparker};
use barecoro::{Coroutine, Runtime, Yielder};

static R: Runtime<4> = Runtime::new();

fn main() {
    let local = String::from("borrowed by run and by scopes");
    R.run(|| {
        let owned = local.clone();
        let handle = task::spawn(move || owned.len()).unwrap();
        let unparker: Unparker = handle.unparker();
        std::thread::spawn(move || unparker.unpark());
        handle.join().unwrap();
        task::scope(|s| {
            let handle = s.spawn(|| Ok(local.len())).unwrap();
            Ok::<_, ()>(handle.join().unwrap())
        })
    })
    .unwrap()
    .unwrap();
    let stack = MappedStack::new(65536).unwrap();
    std::thread::spawn(move || {
        let mut coroutine =
            Coroutine::new(stack, move |yielder: &Yielder<&'static str, usize>, text| {
                let text = yielder.suspend(text.len());
                text.len() + local.len()
            });
        coroutine.resume("lives for ever");
    });
}
