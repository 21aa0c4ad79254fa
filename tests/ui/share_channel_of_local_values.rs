// error[E0277]: cannot be sent between threads safely
use std::rc::Rc;

use barecoro::sync::Channel;

static C: Channel<Rc<u32>, 1> = Channel::new();

fn main() {
    let _full = C.is_closed();
}
