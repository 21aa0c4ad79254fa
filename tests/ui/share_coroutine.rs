// error[E0277]: between threads safely
use barecoro::Coroutine;

fn main() {}

fn share(coroutine: &'static Coroutine<(), (), ()>) {
    std::thread::spawn(move || coroutine.is_done());
}
