// error[E0277]: cannot be sent between threads safely
use barecoro::sync::{Mutex, MutexGuard};

static M: Mutex<u32> = Mutex::new(0);

fn main() {
    let guard: MutexGuard<'static, u32> = M.try_lock().unwrap();
    std::thread::spawn(move || drop(guard));
}
