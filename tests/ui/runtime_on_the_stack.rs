// error[E0597]: does not live long enough
use barecoro::Runtime;

fn main() {
    let runtime: Runtime<4> = Runtime::new();
    let _ended = runtime.run(|| ());
}
