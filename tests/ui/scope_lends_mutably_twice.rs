// error[E0499]: cannot borrow `count` as mutable more than once at a time
use barecoro::task;

fn main() {
    let mut count = 0;
    let _ended = task::scope(|s| {
        let _one = s.spawn(|| Ok(count += 1));
        let _two = s.spawn(|| Ok(count += 1));
        Ok::<_, ()>(())
    });
}
