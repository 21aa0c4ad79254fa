// error[E0277]: cannot be sent between threads safely
use std::rc::Rc;

use barecoro::sync::LazyCell;

fn main() {
    let local = Rc::new(1);
    let lazy = LazyCell::new(move || *local);
    std::thread::scope(|s| {
        s.spawn(|| LazyCell::force(&lazy).is_ok());
    });
}
