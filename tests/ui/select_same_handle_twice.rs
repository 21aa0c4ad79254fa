// error[E0499]: cannot borrow `task` as mutable more than once at a time
use barecoro::{select, task};

fn main() {
    let mut task = task::spawn(|| 1).unwrap();
    select! {
        join(task) -> one => drop(one),
        join(task) -> other => drop(other),
    }
}
