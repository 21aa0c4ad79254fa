// error[E0080]: a runtime needs at least one slot
use barecoro::Runtime;

static R: Runtime<0> = Runtime::new();

fn main() {
    let _ended = R.run(|| ());
}
