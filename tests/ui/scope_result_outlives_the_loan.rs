// error[E0505]: cannot move out of `text` because it is borrowed
use barecoro::task;

fn main() {
    let text = String::from("lent to the tasks");
    let lent = text.as_str();
    let _ended = task::scope(|s| {
        let _handle = s.spawn(move || Ok(lent));
        drop(text);
        Ok::<_, ()>(())
    });
}
