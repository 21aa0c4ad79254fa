//! Tables in the terminal.

/// Prints lines whose columns are aligned: text to the left, numbers to the right.
pub fn print<const COLUMNS: usize>(lines: &[[String; COLUMNS]], is_text: [bool; COLUMNS]) {
    aligned(lines, is_text).for_each(|line| println!("{line}"));
}

/// The lines that [`print`] prints.
pub fn aligned<const COLUMNS: usize>(
    lines: &[[String; COLUMNS]],
    is_text: [bool; COLUMNS],
) -> impl Iterator<Item = String> {
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
    });
    lines.iter().map(move |line| {
        let cells = line.iter().zip(widths).zip(is_text).map(|((cell, width), is_text)| {
            if is_text { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    })
}

/// A value with its unit, as precise as it can be read. Ratios and counts have no unit.
pub fn quantity(value: f64, unit: &str) -> String {
    match value {
        _ if unit == "ns" && value >= 10_000_000.0 => format!("{:.0} ms", value / 1e6),
        _ if unit == "ns" && value >= 100_000.0 => format!("{:.0} µs", value / 1e3),
        _ if unit == "ns" && value >= 1_000.0 => format!("{:.2} µs", value / 1e3),
        _ if unit == "bytes" => format!("{} bytes", thousands(value)),
        _ if unit.is_empty() => {
            format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => format!("{value:.2} {unit}"),
    }
}

/// A spread in per cent, or a dash if there is none.
pub fn percent(spread: Option<f64>) -> String {
    spread.map_or_else(|| "–".to_owned(), |spread| format!("{:.1} %", spread * 100.0))
}

/// A number without decimals, its thousands apart.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_units() {
        assert_eq!(quantity(594_192.309_999, "ns"), "594 µs");
        assert_eq!(quantity(17.777, "ns"), "17.78 ns");
        assert_eq!(quantity(4_505.6, "bytes"), "4,506 bytes");
        assert_eq!(quantity(0.350, ""), "0.35");
    }

    #[test]
    fn thousands_are_apart() {
        let texts = [0.0, 999.4, 1_000.0, 12_345_678.0].map(thousands);
        assert_eq!(texts, ["0", "999", "1,000", "12,345,678"]);
    }
}
