//! What the measured values are meant to be.

use serde::{Deserialize, Serialize};

/// That a value shall be small enough.
#[derive(Clone, Serialize, Deserialize)]
pub struct Aim {
    /// What of a row it is about, as `ratio`.
    pub of: String,
    pub value: f64,
    pub at_most: f64,
    /// Empty for ratios.
    pub unit: String,
    /// The interquartile range of the rounds' values over their median, where there are rounds.
    pub spread: f64,
}

impl Aim {
    /// About the ratio of subject and peer.
    pub fn of_ratio(value: f64, at_most: f64, spread: f64) -> Self {
        Self { of: "ratio".to_owned(), value, at_most, unit: String::new(), spread }
    }

    pub fn is_met(&self) -> bool {
        self.value <= self.at_most
    }

    /// Whether half of the rounds lie in a range that is wider than the way from the value to the aim.
    pub fn is_noisy(&self) -> bool {
        self.spread > (self.at_most - self.value).abs() / self.value
    }

    /// In words.
    pub fn verdict(&self) -> String {
        let met = if self.is_met() { "met" } else { "NOT MET" };
        if self.is_noisy() { format!("{met} (noisy)") } else { met.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_close_to_the_aim_is_noisy() {
        let verdict = |value, spread| Aim::of_ratio(value, 1.0, spread).verdict();
        assert_eq!(verdict(0.5, 0.1), "met");
        assert_eq!(verdict(0.99, 0.1), "met (noisy)");
        assert_eq!(verdict(1.01, 0.1), "NOT MET (noisy)");
        assert_eq!(verdict(2.0, 0.1), "NOT MET");
    }
}
