// error[E0594]: cannot assign to data in dereference of
use barecoro::sync::watch;

static W: watch::Channel<u32> = watch::Channel::new(0);

fn main() {
    let mut value = W.borrow().unwrap();
    *value = 1;
}
