//! Medians and quartiles.

/// What a row reports of a subject and a peer.
pub struct Summary {
    /// The subject's median in nanoseconds.
    pub median: f64,
    /// The subject's quartiles.
    pub quartiles: [f64; 2],
    /// The subject's smallest.
    pub min: f64,
    /// The peer's median.
    pub peer_median: f64,
    /// The peer's quartiles.
    pub peer_quartiles: [f64; 2],
    /// The median over the rounds of subject / peer.
    pub ratio: f64,
    /// The interquartile range of subject / peer over its median.
    pub spread: Option<f64>,
    /// The same of the subject alone.
    pub subject_spread: Option<f64>,
}

impl Summary {
    /// Compares two contenders' times, given by round.
    pub fn of(subject: &[f64], peer: &[f64]) -> Self {
        let ratios: Vec<_> = subject.iter().zip(peer).map(|(ours, theirs)| ours / theirs).collect();
        Self {
            median: quantile(subject, 0.5),
            quartiles: quartiles(subject),
            min: quantile(subject, 0.0),
            peer_median: quantile(peer, 0.5),
            peer_quartiles: quartiles(peer),
            ratio: quantile(&ratios, 0.5),
            spread: spread(&ratios),
            subject_spread: spread(subject),
        }
    }
}

fn quartiles(values: &[f64]) -> [f64; 2] {
    [0.25, 0.75].map(|part| quantile(values, part))
}

/// From how few values no spread is made.
const TOO_FEW: usize = 2;

/// The interquartile range over the median, unless there are too few values.
pub fn spread(values: &[f64]) -> Option<f64> {
    let range = || quantile(values, 0.75) - quantile(values, 0.25);
    (values.len() > TOO_FEW).then(|| range() / quantile(values, 0.5))
}

/// What stands against saying that the one with the smaller median needs less.
pub fn doubts<'a>(
    ratio: f64,
    spread: Option<f64>,
    median: f64,
    peer_median: f64,
) -> impl Iterator<Item = &'a str> {
    // The spread is relative to the ratio: one of a tenth is not near 1, however wide it is spread.
    let is_even = spread.is_some_and(|spread| (ratio - 1.0).abs() < spread * ratio);
    let is_contradicted = (ratio - 1.0) * (median / peer_median - 1.0) < 0.0;
    let even = is_even.then_some("even, within the spread");
    even.into_iter().chain(is_contradicted.then_some("the medians say the reverse"))
}

/// The value below which lies the given part of all, between neighbours by linear interpolation.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = part * (sorted.len() - 1) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into the values"
    )]
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!([0.0, 0.5, 1.0].map(|part| quantile(&values, part)), [1.0, 2.5, 4.0]);
        assert_eq!([0.25, 0.75].map(|part| quantile(&values, part)), [1.75, 3.25]);
    }

    #[test]
    fn two_values_have_no_spread() {
        assert_eq!(spread(&[1.0, 2.0]), None);
        assert_eq!(spread(&[1.0, 2.0, 3.0]), Some(0.5));
    }

    #[test]
    fn a_ratio_is_doubted_within_the_spread_and_when_the_medians_contradict_it() {
        let doubts =
            |ratio, spread, median| -> Vec<_> { doubts(ratio, spread, median, 1.0).collect() };
        assert!(doubts(0.8, Some(0.1), 0.8).is_empty());
        assert!(doubts(0.1, Some(1.2), 0.1).is_empty());
        assert!(doubts(0.99, None, 0.99).is_empty());
        assert_eq!(doubts(0.95, Some(0.1), 0.95), ["even, within the spread"]);
        assert_eq!(doubts(0.8, Some(0.1), 1.1), ["the medians say the reverse"]);
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        // The machine was twice as slow in the second round, for both.
        let summary = Summary::of(&[1.0, 2.0, 1.0], &[2.0, 4.0, 2.0]);
        assert_eq!((summary.ratio, summary.spread), (0.5, Some(0.0)));
        assert_eq!((summary.median, summary.min, summary.peer_median), (1.0, 1.0, 2.0));
    }
}
