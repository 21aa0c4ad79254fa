// error[E0716]: temporary value dropped while borrowed
use barecoro::Runtime;

const R: Runtime<4> = Runtime::new();

fn main() {
    let _ended = R.run(|| ());
}
