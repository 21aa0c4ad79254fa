//! How something is spread that is measured very often, as latencies are.

use serde::{Deserialize, Serialize};

/// The parts of all of which is kept what they do not exceed.
pub const PARTS: [f64; 12] =
    [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999];

/// A subject's distribution.
#[derive(Serialize, Deserialize)]
pub struct Distribution {
    pub subject: String,
    pub n: usize,
    /// Which part of all took at most so many nanoseconds.
    points: Vec<(f64, f64)>,
}

impl Distribution {
    /// Where the latencies of `echo` are kept.
    pub const ECHO: &str = "echo_latencies";
    /// Where it is kept how late the sleepers of `timers` wake.
    pub const TIMERS: &str = "timers_lateness";

    /// By what each part does not exceed.
    pub fn new(subject: &str, n: usize, at: impl Fn(f64) -> f64) -> Self {
        let points = PARTS.iter().map(|part| (*part, at(*part))).collect();
        Self { subject: subject.to_owned(), n, points }
    }

    /// What one of the [`PARTS`] does not exceed.
    pub fn at(&self, part: f64) -> Option<f64> {
        self.points.iter().find(|(of, _)| *of == part).map(|(_, ns)| *ns)
    }
}
