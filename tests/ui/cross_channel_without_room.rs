// error[E0080]: a channel between threads needs room for an item: its capacity is at least 1
use barecoro::sync::cross;

static C: cross::Channel<u32, 0> = cross::Channel::new();

fn main() {
    let _closed = C.is_closed();
}
