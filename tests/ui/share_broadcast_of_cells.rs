// error[E0277]: `Cell<u32>` cannot be shared between threads safely
use std::cell::Cell;

use barecoro::sync::broadcast;

static C: broadcast::Channel<Cell<u32>, 1> = broadcast::Channel::new();

fn main() {
    let _closed = C.is_closed();
}
