// error[E0277]: between threads safely
use barecoro::task;

fn main() {
    let _ended = task::scope(|s| {
        let handle = s.spawn(|| Ok(())).unwrap();
        std::thread::scope(|threads| {
            threads.spawn(move || handle.is_finished());
        });
        Ok::<_, ()>(())
    });
}
