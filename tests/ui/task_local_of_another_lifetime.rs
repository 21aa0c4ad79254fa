// error[E0308]: one type is more general than the other
use barecoro::sync::Notify;
use barecoro::task::LocalKey;
use barecoro::task_local;

task_local! {
    static KEY: for<'a> fn(&'a str);
}

fn main() {
    let key: &'static LocalKey<fn(&'static str)> = &KEY;
    let _ = (key, Notify::new());
}
