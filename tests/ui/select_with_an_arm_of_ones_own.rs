// error[E0603]: struct `Waiter` is private
use barecoro::sync::select::{self, Arm};

struct Own;

impl Arm for Own {
    fn try_now(&self) -> bool {
        false
    }

    unsafe fn link(&self, _waiter: &select::Waiter, _index: u32) {}

    unsafe fn unlink(&self) {}
}

fn main() {}
