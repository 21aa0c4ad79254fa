// error[E0373]: closure may outlive the current function
use barecoro::task;

fn main() {
    let _ended = task::scope(|s| {
        let local = String::from("ends with the body, before the tasks");
        let _handle = s.spawn(|| Ok(local.len()));
        Ok::<_, ()>(())
    });
}
