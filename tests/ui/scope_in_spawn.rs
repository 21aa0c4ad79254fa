// error[E0521]: borrowed data escapes
use barecoro::task;

fn main() {
    let _ended = task::scope(|s| {
        // A task that is not of the scope could outlive it.
        let _handle = task::spawn(move || drop(s.spawn(|| Ok(()))));
        Ok::<_, ()>(())
    });
}
