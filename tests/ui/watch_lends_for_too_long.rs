// error[E0597]: `channel` does not live long enough
use barecoro::sync::watch;

fn main() {
    let value = {
        let channel = watch::Channel::new(String::new());
        channel.borrow().unwrap()
    };
    println!("{}", *value);
}
