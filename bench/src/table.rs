//! Tables in the terminal.

/// Prints lines whose columns are aligned: text to the left, numbers to the right.
pub fn print<const COLUMNS: usize>(lines: &[[String; COLUMNS]], is_text: [bool; COLUMNS]) {
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
    });
    for line in lines {
        let cells = line.iter().zip(widths).zip(is_text).map(|((cell, width), is_text)| {
            if is_text { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
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
    fn thousands_are_apart() {
        let texts = [0.0, 999.4, 1_000.0, 12_345_678.0].map(thousands);
        assert_eq!(texts, ["0", "999", "1,000", "12,345,678"]);
    }
}
