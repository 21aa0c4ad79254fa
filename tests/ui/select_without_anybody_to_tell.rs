// error: select! could not say that the task was cancelled
use barecoro::select;
use barecoro::sync::Notify;

static N: Notify = Notify::new();

fn main() {
    select! { wait(N) => {} }
}
