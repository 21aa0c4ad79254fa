// error[E0521]: borrowed data escapes outside of closure
use barecoro::sync::watch;

static W: watch::Channel<String> = watch::Channel::new(String::new());

fn main() {
    let mut kept: Option<&'static mut String> = None;
    W.send_modify(|value| kept = Some(value)).unwrap();
    drop(kept);
}
