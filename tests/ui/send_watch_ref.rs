// error[E0277]: cannot be sent between threads safely
use barecoro::sync::watch;

static W: watch::Channel<u32> = watch::Channel::new(0);

fn main() {
    let value: watch::Ref<'static, u32> = W.borrow().unwrap();
    std::thread::spawn(move || drop(value));
}
