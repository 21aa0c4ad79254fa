// error[E0521]: borrowed data escapes
use barecoro::{Runtime, task};

static R: Runtime<4> = Runtime::new();

fn main() {}

fn spawn_with(borrowed: &str) {
    let _ended = R.run(|| drop(task::spawn(move || borrowed.len())));
}
