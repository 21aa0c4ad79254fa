// error[E0080]: a broadcast channel needs room for an item: its capacity is at least 1
use barecoro::sync::broadcast;

static C: broadcast::Channel<u32, 0> = broadcast::Channel::new();

fn main() {
    let _closed = C.is_closed();
}
