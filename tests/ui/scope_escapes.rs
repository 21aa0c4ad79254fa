// error[E0521]: borrowed data escapes
use barecoro::task;

fn main() {
    let mut escaped = None;
    let _ended = task::scope(|s| {
        escaped = Some(s);
        Ok::<_, ()>(())
    });
}
