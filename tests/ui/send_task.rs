// error[E0277]: between threads safely
use barecoro::task::Task;

fn main() {}

fn send(task: Task) {
    std::thread::spawn(move || task.unpark());
}
