//! Many tasks that all yield: what a switch from one task to the next costs.
//!
//! N tasks of sixteen kinds (see `bodies`) take turns. In the libraries with a scheduler the N-th is
//! the loop that measures, which does what body 0 does. In corosensei, generator and Boost.Context,
//! which have none, a loop resumes N coroutines in an array one after the other: a switch there is
//! a resume and a suspend, and finding the next coroutine costs nothing but going on in the array.
//!
//! The original's scheme is what barecoro started from: each yield goes back to the main context,
//! and by a return that no processor predicts.
//!
//! A yield in monoio and in may (with one worker) lets the same task run again: their figures are
//! those of a task that yields to itself, and the rows say so.
//!
//! It shows the cost of switching among tasks that do next to nothing, in the order in which they
//! and their stacks lie in memory; with 100,000 this is mostly the cost of cache misses, which a
//! processor's prefetchers soften in that order. It does not show tasks with deep stacks, or woken
//! in random order.

mod barecoro;
mod corosensei;
mod futures;
mod generator;
mod may;

use crate::comparison::{Comparison, NEVER_SLEEPS};
use crate::contender::{Contender, Turns};
use crate::foreign;
use crate::report::Row;
use crate::rounds::Effort;

const FEW: usize = 10;
const SOME: usize = 1_000;
const MANY: usize = 100_000;

const STACK_SIZE: usize = 64 * 1024;
/// For a hundred thousand.
const SMALL_STACK_SIZE: usize = 16 * 1024;

/// Of whom there is a row.
struct Peer {
    name: &'static str,
    /// The most tasks that it can have, and why there cannot be more.
    most: (usize, &'static str),
    /// What the ratio is meant to be at most, for the three numbers of tasks.
    aims: [Option<f64>; 3],
    /// Why it has not done the same work.
    note: Option<&'static str>,
    start: fn(usize) -> Result<Contender, String>,
}

const PEERS: &[Peer] = &[
    Peer {
        aims: [None, Some(1.0), Some(1.0)],
        ..peer("corosensei", |n| start(move |turns| corosensei::run(n, &turns)))
    },
    Peer { most: MAPPINGS, ..peer("generator", |n| start(move |turns| generator::run(n, &turns))) },
    peer("Boost.Context", |n| foreign::contender(foreign::BOOST, &["yield", &n.to_string()])),
    Peer {
        aims: [Some(0.15), Some(0.15), Some(0.5)],
        ..peer("tokio", |n| start(move |turns| futures::tokio(n, turns)))
    },
    peer("smol", |n| start(move |turns| futures::smol(n, turns))),
    peer("compio", |n| start(move |turns| futures::compio(n, turns))),
    peer("glommio", |n| start(move |turns| futures::glommio(n, turns))),
    Peer {
        note: Some(TO_ITSELF),
        ..peer("monoio", |n| start(move |turns| futures::monoio(n, turns)))
    },
    peer("embassy", |n| start(move |turns| futures::embassy(n, turns))),
    Peer {
        note: Some(NEVER_SLEEPS),
        ..peer("embassy, polled", |n| start(move |turns| futures::embassy_polled(n, turns)))
    },
    Peer {
        most: MAPPINGS,
        note: Some(TO_ITSELF),
        ..peer("may", |n| start(move |turns| may::run(n, turns)))
    },
    peer("Go", |n| foreign::contender(foreign::GO, &["yield", &n.to_string()])),
    Peer {
        most: MAPPINGS,
        ..peer(foreign::THE_ORIGINAL, |n| {
            foreign::contender(foreign::ORIGINAL, &["yield", &n.to_string()])
        })
    },
];

const MAPPINGS: (usize, &str) =
    (SOME, "each of its stacks is a mapping or two, and the kernel allows a process 65,530");

/// The task that yields runs again at once.
const TO_ITSELF: &str = "yields to itself";

const fn peer(name: &'static str, start: fn(usize) -> Result<Contender, String>) -> Peer {
    Peer { name, most: (MANY, ""), aims: [None; 3], note: None, start }
}

/// A contender that can always take part.
#[expect(clippy::unnecessary_wraps, reason = "others may lack their compiler")]
fn start(workload: impl FnOnce(Turns) + Send + 'static) -> Result<Contender, String> {
    Ok(Contender::start(workload))
}

/// All numbers of tasks, against all peers.
pub fn run(effort: &Effort) -> Vec<Row> {
    let sizes = [FEW, SOME, MANY].into_iter().enumerate();
    sizes.flat_map(|(size, n)| compare(effort, size, n)).collect()
}

fn compare(effort: &Effort, size: usize, n: usize) -> Vec<Row> {
    let ours =
        Comparison::new("yield", n).subject("barecoro", move |turns| barecoro::run(n, &turns));
    let all = PEERS.iter().fold(ours, |all, peer| match peer.most {
        (most, why) if n > most => all.able_peer(peer.name, Err(why.to_owned())),
        _ => all.able_peer(peer.name, (peer.start)(n)),
    });
    let rows = all.run(effort);
    let finish = |row: Row| {
        let peer = PEERS.iter().find(|peer| peer.name == row.peer_name()).expect("a peer");
        let mut row = match peer.note {
            Some(note) => row.note(note),
            None => row,
        };
        if let Some(aim) = peer.aims[size] {
            row.aim(aim);
        }
        row
    };
    rows.into_iter().map(finish).collect()
}
