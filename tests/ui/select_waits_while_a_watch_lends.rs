// error[E0502]: cannot borrow `receiver` as mutable because it is also borrowed as immutable
use barecoro::select;
use barecoro::sync::watch;

static W: watch::Channel<u32> = watch::Channel::new(0);

fn main() {
    let mut receiver = W.subscribe();
    let value = receiver.borrow().unwrap();
    select! { changed(receiver) -> changed => changed.unwrap() }
    println!("{}", *value);
}
