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
    /// Whose value the bound is, if it is a measured one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// The interquartile range of the rounds' values over their median. There is none of too few
    /// rounds, and it is zero of what does not vary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<f64>,
}

impl Aim {
    /// About the ratio of subject and peer.
    pub fn of_ratio(value: f64, at_most: f64, spread: Option<f64>) -> Self {
        Self::about("ratio", value, at_most, "").with_spread(spread)
    }

    /// About anything, measured once.
    pub fn about(of: &str, value: f64, at_most: f64, unit: &str) -> Self {
        let (of, unit) = (of.to_owned(), unit.to_owned());
        Self { of, value, at_most, unit, beside: None, spread: None }
    }

    /// Says how far the rounds' values lie apart.
    pub fn with_spread(mut self, spread: Option<f64>) -> Self {
        self.spread = spread;
        self
    }

    /// Says that the value is the same each time.
    pub fn exact(self) -> Self {
        self.with_spread(Some(0.0))
    }

    /// Says whose value the bound is.
    pub fn beside(mut self, peer: &str) -> Self {
        self.beside = Some(peer.to_owned());
        self
    }

    pub fn is_met(&self) -> bool {
        self.value <= self.at_most
    }

    /// Whether half of the rounds lie in a range that is wider than the way from the value to the aim.
    pub fn is_noisy(&self) -> bool {
        self.spread.is_some_and(|spread| spread > (self.at_most - self.value).abs() / self.value)
    }

    /// What there is to say about how sure that is.
    pub fn doubt(&self) -> &'static str {
        match self.spread {
            None => ", too few runs",
            Some(_) if self.is_noisy() => ", within the spread",
            Some(_) => "",
        }
    }

    /// In words.
    pub fn verdict(&self) -> String {
        let met = if self.is_met() { "met" } else { "NOT MET" };
        format!("{met}{}", self.doubt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_close_to_the_aim_is_within_the_spread() {
        let verdict = |value, spread| Aim::of_ratio(value, 1.0, Some(spread)).verdict();
        assert_eq!(verdict(0.5, 0.1), "met");
        assert_eq!(verdict(0.99, 0.1), "met, within the spread");
        assert_eq!(verdict(1.01, 0.1), "NOT MET, within the spread");
        assert_eq!(verdict(2.0, 0.1), "NOT MET");
    }

    #[test]
    fn one_run_decides_nothing() {
        let verdict = Aim::of_ratio(0.5, 1.0, None).verdict();
        assert_eq!(verdict, "met, too few runs");
        assert_eq!(Aim::of_ratio(0.5, 1.0, None).exact().verdict(), "met");
    }
}
