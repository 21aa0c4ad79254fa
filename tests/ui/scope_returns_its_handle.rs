// error: lifetime may not live long enough
use barecoro::task;

fn main() {
    let _handle = task::scope(|s| Ok::<_, ()>(s.spawn(|| Ok(())).unwrap()));
}
