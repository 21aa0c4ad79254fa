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
    pub spread: f64,
    /// The same of the subject alone.
    pub subject_spread: f64,
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

/// The interquartile range over the median.
pub fn spread(values: &[f64]) -> f64 {
    (quantile(values, 0.75) - quantile(values, 0.25)) / quantile(values, 0.5)
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
    fn a_ratio_is_taken_round_by_round() {
        // The machine was twice as slow in the second round, for both.
        let summary = Summary::of(&[1.0, 2.0, 1.0], &[2.0, 4.0, 2.0]);
        assert_eq!((summary.ratio, summary.spread), (0.5, 0.0));
        assert_eq!((summary.median, summary.min, summary.peer_median), (1.0, 1.0, 2.0));
    }
}
