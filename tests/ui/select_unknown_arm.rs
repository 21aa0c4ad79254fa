// error: select! has no arm `receive(N)`
use barecoro::select;
use barecoro::sync::Notify;

static N: Notify = Notify::new();

fn main() {
    select! { receive(N) -> item => drop(item) }
}
