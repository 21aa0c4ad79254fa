// error[E0277]: between threads safely
use barecoro::task::JoinHandle;

fn main() {}

fn send(handle: JoinHandle<u32>) {
    std::thread::spawn(move || handle.is_finished());
}
