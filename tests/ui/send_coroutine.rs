// error[E0277]: between threads safely
use barecoro::Coroutine;

fn main() {}

fn send(mut coroutine: Coroutine<(), (), ()>) {
    std::thread::spawn(move || coroutine.resume(()));
}
