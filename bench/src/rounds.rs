//! Rounds: every contender once, by turns, so that what disturbs the machine disturbs all alike.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::contender::Contender;
use crate::cpu::Cpus;

/// How much work goes into a comparison.
pub struct Effort {
    rounds: usize,
    /// How long a contender's turn takes at least.
    turn: Duration,
    /// Rounds of subjects that are processes of their own.
    pub process_rounds: usize,
    /// How long the turn of such a subject takes.
    pub process_turn: Duration,
    /// Where things run.
    pub cpus: Cpus,
}

impl Effort {
    /// For numbers to be quoted.
    pub const fn full(cpus: Cpus) -> Self {
        Self {
            rounds: 31,
            turn: Duration::from_millis(15),
            process_rounds: 31,
            process_turn: Duration::from_millis(200),
            cpus,
        }
    }

    /// For a look.
    pub const fn quick(cpus: Cpus) -> Self {
        Self {
            rounds: 15,
            turn: Duration::from_millis(3),
            process_rounds: 3,
            process_turn: Duration::from_millis(100),
            cpus,
        }
    }

    /// Whether this is only a look.
    pub const fn is_quick(&self) -> bool {
        self.process_rounds < 15
    }
}

/// Times the contenders by turns. Returns nanoseconds an operation for each, by round.
pub fn run(effort: &Effort, title: &str, contenders: &[Contender]) -> Vec<Vec<f64>> {
    let progress = progress(title, effort.rounds);
    let laps: Vec<_> =
        contenders.iter().map(|contender| laps_for(contender, effort.turn)).collect();
    let mut times = vec![Vec::with_capacity(effort.rounds); contenders.len()];
    for round in 0..effort.rounds {
        for index in order(round, contenders.len()) {
            times[index].push(contenders[index].time(laps[index]).ns());
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    times
}

/// In which order so many subjects have their turns: each round begins with another one, so that what
/// comes at the start of a round does not always hit the same.
pub fn order(round: usize, subjects: usize) -> impl Iterator<Item = usize> {
    (0..subjects).map(move |place| (round + place) % subjects)
}

/// How many laps take so long. Looking for it warms the contender up.
fn laps_for(contender: &Contender, turn: Duration) -> u64 {
    let mut laps = 1;
    loop {
        let time = contender.time(laps).time;
        if time >= turn / 2 {
            let lap = time.as_secs_f64() / laps as f64;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a small positive number"
            )]
            return (turn.as_secs_f64() / lap).ceil() as u64;
        }
        laps *= 2;
    }
}

/// A bar if standard error is a terminal, otherwise a line.
pub fn progress(title: &str, rounds: usize) -> ProgressBar {
    let bar = ProgressBar::new(rounds as u64);
    if bar.is_hidden() {
        eprintln!("{title}: {rounds} rounds");
    }
    if let Ok(style) = ProgressStyle::with_template("{msg:28} {wide_bar} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.set_message(title.to_owned());
    bar.tick();
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_begins_with_another() {
        let orders: Vec<Vec<_>> = (2..5).map(|round| order(round, 3).collect()).collect();
        assert_eq!(orders, [[2, 0, 1], [0, 1, 2], [1, 2, 0]]);
    }
}
