//! Comparisons whose sides take turns on one CPU, each on a thread of its own or as a process.

use crate::contender::{Contender, Turns};
use crate::foreign::{self, Foreign};
use crate::report::{self, Row};
use crate::rounds::{self, Effort};
use crate::table::thousands;

/// barecoro's variants and their peers in one benchmark.
pub struct Comparison {
    name: &'static str,
    n: usize,
    subjects: Vec<&'static str>,
    peers: Vec<&'static str>,
    /// Those of the subjects, then those of the peers.
    contenders: Vec<Contender>,
}

impl Comparison {
    /// One with nobody yet.
    pub fn new(name: &'static str, n: usize) -> Self {
        Self { name, n, subjects: Vec::new(), peers: Vec::new(), contenders: Vec::new() }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// With barecoro, or a variant of it. All come before the peers.
    pub fn subject(
        mut self,
        name: &'static str,
        workload: impl FnOnce(Turns) + Send + 'static,
    ) -> Self {
        self.subjects.push(name);
        self.contenders.push(Contender::start(workload));
        self
    }

    /// With a peer that can always take part.
    pub fn peer(self, name: &'static str, workload: impl FnOnce(Turns) + Send + 'static) -> Self {
        self.able_peer(name, Ok(Contender::start(workload)))
    }

    /// With a peer that is a program in another language.
    pub fn foreign(self, name: &'static str, program: Foreign, arguments: &[&str]) -> Self {
        self.able_peer(name, foreign::contender(program, arguments))
    }

    /// With a peer unless it cannot take part, which is reported.
    pub fn able_peer(mut self, name: &'static str, peer: Result<Contender, String>) -> Self {
        match peer {
            Ok(contender) => {
                self.peers.push(name);
                self.contenders.push(contender);
            }
            Err(why) => {
                let who = format!("{name}, n = {}", thousands(self.n as f64));
                report::skip(self.name, &who, &why);
            }
        }
        self
    }

    /// Lets them take turns. Returns a row for each subject and peer.
    pub fn run(self, effort: &Effort) -> Vec<Row> {
        let title = format!("{}, n = {}", self.name, self.n);
        let mut times = rounds::run(effort, &title, &self.contenders);
        for (contender, times) in self.contenders.into_iter().zip(&mut times) {
            let operations = contender.end();
            for time in times {
                *time /= operations;
            }
        }
        let (ours, theirs) = times.split_at(self.subjects.len());
        let mut rows = Vec::new();
        for (subject, ours) in self.subjects.iter().zip(ours) {
            rows.extend(self.peers.iter().zip(theirs).map(|(peer, theirs)| {
                Row::new(self.name, peer, self.n, ours, theirs).subject(subject)
            }));
        }
        rows
    }
}

/// Why a peer that is polled in a loop has not done the same work: it could not wait for the kernel.
pub const NEVER_SLEEPS: &str = "never sleeps";

/// Gives the row of barecoro's first variant and the peer that needs least an aim. A peer with a note
/// has not done the same work.
pub fn aim_at_best(rows: &mut [Row], at_most: f64) {
    let subject = rows.first().map(Row::subject_name).unwrap_or_default();
    let of_it = rows.iter_mut().filter(|row| row.subject_name() == subject && !row.has_note());
    let best = of_it.min_by(|one, other| one.peer_median().total_cmp(&other.peer_median()));
    if let Some(best) = best {
        best.aim(at_most);
    }
}
