//! Tasks that work together: values that hop through channels, wake-ups, locks.
//!
//! For the first two, tasks stand in a ring and hand on what comes from the one before; the first
//! one measures and does the same. As with the yields there are sixteen bodies, each with a call of
//! its own. With one value under way nobody has anything to do before it comes: each hop is a switch
//! in all libraries, whatever they run next when a task wakes another. But then one task at a time
//! is ready, and who looks at the kernel whenever nobody else is ready, as monoio and compio do, pays
//! for it at each hop. So there is a ring with four values as well, some tasks apart: each hop is a
//! switch for those that run tasks in the order in which they were woken, others may handle
//! two values in a turn. Through channels of capacity 64 go 64 values together: one in 64 hops is a
//! switch.
//!
//! Which channel goes with which library: tokio's mpsc; async-channel on async-executor; local-sync
//! on monoio and on compio, which have none; glommio's local channel; embassy-sync's with
//! `NoopRawMutex`; may's mpsc, which has no bound; Go's. tokio's, async-channel's, may's and Go's
//! can connect threads and pay for that.
//!
//! A wake-up: barecoro's `park` and `Notify`, tokio's `Notify`, embassy-sync's `Signal`, may's
//! `park`, Go's channel of capacity 1. Of the libraries with futures also the bare minimum: a flag,
//! and the task's waker beside it.
//!
//! embassy is there twice: as its executor for std works, which sleeps when nobody is ready and makes a
//! system call for each wake-up from that, and polled in a loop, which a program on Linux would not
//! do: it never sleeps, and could not wait for the kernel.
//!
//! It does not show many tasks that wait for one channel or lock, nor several threads.

mod futures;
mod lock;
mod stackful;

use crate::comparison::{Comparison, NEVER_SLEEPS, aim_at_best};
use crate::foreign;
use crate::report::{self, Row};
use crate::rounds::Effort;

pub use lock::run as lock;

/// How many tasks there are in a ring, and what is under way among them.
#[derive(Clone, Copy)]
struct Shape {
    tasks: usize,
    /// Of the channels.
    capacity: usize,
    values: usize,
}

/// A capacity that spares switches.
const MANY: usize = 64;

/// A value that hops from task to task.
const ONE: Shape = Shape { tasks: 16, capacity: 1, values: 1 };
/// Some, apart from each other.
const FOUR: Shape = Shape { values: 4, ..ONE };
/// As many as the channels hold, together.
const BATCH: Shape = Shape { capacity: MANY, values: MANY, ..ONE };
/// A thousand tasks that wake each other.
const WAKING: Shape = Shape { tasks: 1_000, ..ONE };

impl Shape {
    /// Hops of a lap: each value once round.
    fn hops(self) -> u64 {
        (self.tasks * self.values) as u64
    }

    /// How often to let all others run after putting a value into the ring, so that they are apart.
    fn gap(self) -> usize {
        if self.values > 1 && self.capacity == 1 { self.tasks / self.values } else { 0 }
    }

    /// For a program in another language.
    fn arguments(self) -> [String; 3] {
        [self.tasks, self.capacity, self.values].map(|number| number.to_string())
    }
}

/// Values that hop from task to task through channels.
pub fn channel_hop(effort: &Effort) -> Vec<Row> {
    let mut one = hop(effort, ONE, |name| name);
    aim_at_best(&mut one, 0.35);
    one[0].aim_at_median(25.0);
    let mut four = hop(effort, FOUR, with_four);
    aim_at_best(&mut four, 0.35);
    one.extend(four);
    one.extend(hop(effort, BATCH, |name| name));
    one
}

/// What a subject is called where it has four values.
fn with_four(name: &'static str) -> &'static str {
    match name {
        "barecoro" => "barecoro, 4 values",
        "tokio" => "tokio, 4 values",
        "smol" => "smol, 4 values",
        "monoio" => "monoio, 4 values",
        "compio" => "compio, 4 values",
        "glommio" => "glommio, 4 values",
        "embassy" => "embassy, 4 values",
        POLLED => "embassy, polled, 4 values",
        "may" => "may, 4 values",
        _ => "Go, 4 values",
    }
}

fn hop(effort: &Effort, shape: Shape, called: fn(&'static str) -> &'static str) -> Vec<Row> {
    let all = Comparison::new("channel_hop", shape.capacity)
        .subject(called("barecoro"), move |turns| match shape.capacity {
            1 => stackful::barecoro::<stackful::Channel<1>>(shape, &turns),
            _ => stackful::barecoro::<stackful::Channel<MANY>>(shape, &turns),
        })
        .peer(called("tokio"), move |turns| futures::tokio_mpsc(shape, turns))
        .peer(called("smol"), move |turns| futures::smol_channel(shape, turns))
        .peer(called("monoio"), move |turns| futures::monoio_local_sync(shape, turns))
        .peer(called("compio"), move |turns| futures::compio_local_sync(shape, turns))
        .peer(called("glommio"), move |turns| futures::glommio_channel(shape, turns))
        .peer(called("embassy"), move |turns| match shape.capacity {
            1 => futures::embassy_channel_of_one(shape, turns),
            _ => futures::embassy_channel_of_many(shape, turns),
        })
        .peer(called(POLLED), move |turns| match shape.capacity {
            1 => futures::embassy_polled_channel_of_one(shape, turns),
            _ => futures::embassy_polled_channel_of_many(shape, turns),
        })
        .foreign(called("Go"), foreign::GO, &ring(&shape.arguments()));
    let all = if shape.gap() > 0 {
        report::skip("channel_hop", called("may"), "its yield does not let the others run");
        all
    } else {
        all.peer(called("may"), move |turns| stackful::may::<stackful::Mpsc>(shape, turns))
    };
    note_polled(all.run(effort))
}

/// What embassy is called where it is polled in a loop.
const POLLED: &str = "embassy, polled";

fn note_polled(rows: Vec<Row>) -> Vec<Row> {
    let is_polled = |row: &Row| row.peer_name().starts_with(POLLED);
    let note = |row| if is_polled(&row) { row.note(NEVER_SLEEPS) } else { row };
    rows.into_iter().map(note).collect()
}

/// The workload of the program in Go.
fn ring(shape: &[String; 3]) -> [&str; 4] {
    let [tasks, capacity, values] = shape;
    ["ring", tasks, capacity, values]
}

/// A thousand tasks, each woken by the one before.
pub fn wake_ring(effort: &Effort) -> Vec<Row> {
    let rows = Comparison::new("wake_ring", WAKING.tasks)
        .subject("barecoro", |turns| stackful::barecoro::<stackful::Park>(WAKING, &turns))
        .subject("barecoro, Notify", |turns| {
            stackful::barecoro::<stackful::Notify>(WAKING, &turns);
        })
        .peer("tokio", |turns| futures::tokio_notify(WAKING, turns))
        .peer("tokio, waker", |turns| futures::tokio_waker(WAKING, turns))
        .peer("smol, waker", |turns| futures::smol_waker(WAKING, turns))
        .peer("monoio, waker", |turns| futures::monoio_waker(WAKING, turns))
        .peer("compio, waker", |turns| futures::compio_waker(WAKING, turns))
        .peer("glommio, waker", |turns| futures::glommio_waker(WAKING, turns))
        .peer("embassy", |turns| futures::embassy_signal(WAKING, turns))
        .peer(POLLED, |turns| futures::embassy_polled_signal(WAKING, turns))
        .peer("embassy, polled, waker", |turns| futures::embassy_polled_waker(WAKING, turns))
        .peer("may", |turns| stackful::may::<stackful::MayPark>(WAKING, turns))
        .foreign("Go", foreign::GO, &ring(&WAKING.arguments()))
        .run(effort);
    let mut rows = note_polled(rows);
    aim_at_best(&mut rows, 0.5);
    rows
}
