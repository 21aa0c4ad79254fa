// error[E0277]: between threads safely
use barecoro::task;

fn main() {
    let _ended = task::scope(|s| {
        std::thread::scope(|threads| {
            threads.spawn(|| drop(s.spawn(|| Ok(()))));
        });
        Ok::<_, ()>(())
    });
}
