// error[E0277]: between threads safely
use barecoro::Yielder;

fn main() {}

fn share(yielder: &Yielder<(), ()>) {
    std::thread::scope(|s| {
        s.spawn(|| yielder.suspend(()));
    });
}
