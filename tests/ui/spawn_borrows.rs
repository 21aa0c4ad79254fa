// error[E0373]: closure may outlive the current function
use barecoro::task;

fn main() {
    let local = String::from("ends with main");
    let _handle = task::spawn(|| local.len());
}
