//! The axis of a plot: its range, its ticks, and what is written at them.

use std::ops::Range;

/// How values are laid out.
#[derive(Clone, Copy, PartialEq)]
pub enum Scale {
    Linear,
    Logarithmic,
}

/// The pixels between two ticks at least, so that what is written there has room.
const APART: f64 = 50.0;
/// The pixels left of the least value.
const BEFORE: f64 = 12.0;
/// What is less, as zero, is at this on a logarithmic axis.
const LEAST: f64 = 0.1;
/// The pixels after the greatest value within which there is another tick.
const TICK_AFTER: f64 = 30.0;

/// An axis from left to right.
pub struct Axis {
    scale: Scale,
    /// The first value's place: itself or its logarithm.
    first: f64,
    /// What a pixel is of that.
    pixel: f64,
    /// The values that are written.
    pub ticks: Vec<f64>,
    /// Those that are only marked.
    pub small_ticks: Vec<f64>,
}

impl Axis {
    /// For some values, so many pixels wide, with room for so many after the greatest.
    pub fn new(scale: Scale, values: &[f64], width: i32, after: i32) -> Self {
        let (width, after) = (f64::from(width), f64::from(after));
        let places = values.iter().map(|value| scale.place(*value));
        let (least, most) = places
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), place| {
                (least.min(place), most.max(place))
            });
        // Equal values need some range as well.
        let pixel = (most - least).max(0.1) / (width - BEFORE - after);
        // What lies beyond is room for text.
        let range = least - BEFORE * pixel..most + after.min(TICK_AFTER) * pixel;
        let (ticks, small_ticks) = match scale {
            Scale::Linear => (linear_ticks(&range, APART * pixel), Vec::new()),
            Scale::Logarithmic => {
                let all = (1..10).map(f64::from).collect::<Vec<_>>();
                (logarithmic_ticks(&range, APART * pixel), multiples(&range, &all))
            }
        };
        Self { scale, first: range.start, pixel, ticks, small_ticks }
    }

    /// How many pixels from the left a value is.
    pub fn x(&self, value: f64) -> i32 {
        ((self.scale.place(value) - self.first) / self.pixel).round() as i32
    }
}

impl Scale {
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic => value.max(LEAST).log10(),
        }
    }
}

/// Multiples of the smallest round number that is enough.
fn linear_ticks(range: &Range<f64>, apart: f64) -> Vec<f64> {
    let decade = 10_f64.powf(apart.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * decade);
    let step = steps.into_iter().find(|step| *step >= apart).unwrap_or(steps[3]);
    let (first, last) = ((range.start / step).ceil() as i64, (range.end / step).floor() as i64);
    (first..=last).map(|tick| tick as f64 * step).collect()
}

/// The most round numbers of each power of ten that leave enough between them.
fn logarithmic_ticks(range: &Range<f64>, apart: f64) -> Vec<f64> {
    const CHOICES: [&[f64]; 4] =
        [&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
    let have_room =
        |ticks: &Vec<f64>| ticks.windows(2).all(|two| two[1].log10() - two[0].log10() >= apart);
    let mut all = CHOICES.iter().map(|digits| multiples(range, digits));
    all.find(have_room).unwrap_or_else(|| multiples(range, &[1.0]))
}

/// Of the powers of ten, within a range of logarithms.
fn multiples(range: &Range<f64>, of: &[f64]) -> Vec<f64> {
    let decades = range.start.floor() as i32..=range.end.ceil() as i32;
    let all = decades.flat_map(|decade| of.iter().map(move |digit| digit * 10_f64.powi(decade)));
    all.filter(|tick| range.contains(&tick.log10())).collect()
}

/// Nanoseconds, to three digits.
pub fn time(ns: f64) -> String {
    match ns {
        999.5e6.. => three_digits(ns / 1e9, "s"),
        999.5e3.. => three_digits(ns / 1e6, "ms"),
        999.5.. => three_digits(ns / 1e3, "µs"),
        _ => three_digits(ns, "ns"),
    }
}

/// Bytes, to three digits.
pub fn bytes(count: f64) -> String {
    match count {
        999.5e3.. => three_digits(count / 1e6, "MB"),
        999.5.. => three_digits(count / 1e3, "kB"),
        _ => three_digits(count, "B"),
    }
}

fn three_digits(value: f64, unit: &str) -> String {
    let digits = match value {
        99.95.. => return format!("{value:.0} {unit}"),
        9.995.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    format!("{} {unit}", digits.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_have_room() {
        let of = |scale, values: [f64; 2]| Axis::new(scale, &values, 230, 60).ticks;
        assert_eq!(of(Scale::Logarithmic, [19.0, 72.0]), [20.0, 50.0]);
        assert_eq!(of(Scale::Logarithmic, [5.0, 600.0]), [10.0, 100.0, 1_000.0]);
        assert_eq!(of(Scale::Linear, [8.3, 19.1]), [10.0, 15.0, 20.0]);
    }

    #[test]
    fn equal_values_have_a_place() {
        let axis = Axis::new(Scale::Logarithmic, &[100.0, 100.0], 230, 10);
        assert_eq!(axis.x(100.0), 12);
        assert!(!axis.ticks.is_empty());
    }

    #[test]
    fn nothing_has_a_place() {
        let axis = Axis::new(Scale::Logarithmic, &[0.0, 100.0], 230, 10);
        assert_eq!(axis.x(0.0), 12);
    }

    #[test]
    fn times_have_three_digits() {
        let said = [5.384, 20.0, 225.13, 999.7, 10_273.97, 200_000.0, 66.6e6].map(time);
        assert_eq!(said, ["5.38 ns", "20 ns", "225 ns", "1 µs", "10.3 µs", "200 µs", "66.6 ms"]);
    }
}
