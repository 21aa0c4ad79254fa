//! A plot: a row for each library, a panel for each size, and a mark where they meet.
//!
//! ```text
//!             10 tasks        1,000 tasks
//! barecoro  | ●  5 ns       | ●  7 ns
//! tokio     |       ▲ 49 ns |       ▲ 49 ns
//!           +---+-----+---- +---+-----+----
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::{Axis, Scale};
use super::kind::Kind;

/// What is drawn.
pub struct Plot {
    pub title: &'static str,
    pub panels: Vec<Panel>,
    pub scale: Scale,
    /// Whether all panels have the same axis.
    pub is_shared: bool,
    /// Whether values are written beside their marks.
    pub is_labelled: bool,
    /// How values are written.
    pub format: fn(f64) -> String,
    /// What bars and strokes are.
    pub key: &'static str,
}

/// A part of it.
pub struct Panel {
    pub title: String,
    /// By the name of the row.
    pub marks: BTreeMap<String, Mark>,
}

/// What was measured of one.
#[derive(Default)]
pub struct Mark {
    /// The median.
    pub value: f64,
    /// The quartiles.
    pub middle: Option<[f64; 2]>,
    /// Values beyond, each marked with a taller stroke than the one before.
    pub beyond: Vec<f64>,
    /// Whether it has not done the same work as the others.
    pub is_apart: bool,
}

impl Mark {
    fn values(&self) -> impl Iterator<Item = f64> {
        let middle = self.middle.into_iter().flatten();
        middle.chain(self.beyond.iter().copied()).chain([self.value])
    }

    fn most(&self) -> f64 {
        self.values().fold(0.0, f64::max)
    }
}

const WIDTH: i32 = 900;
/// The left edge of the first panel, after the names of the rows.
const NAMES: i32 = 212;
/// Between panels.
const GAP: i32 = 14;
/// The upper edge of the panels, below the titles.
const TOP: i32 = 68;
const ROW: i32 = 21;
/// Below the panels: the axes, the key, and where it was measured.
const BELOW: i32 = 100;

const BACKGROUND: RGBColor = WHITE;
const TEXT: RGBColor = RGBColor(0x24, 0x29, 0x2F);
const FAINT: RGBColor = RGBColor(0x59, 0x63, 0x6E);
const GRID: RGBColor = RGBColor(0xD8, 0xDE, 0xE4);
/// Behind our rows.
const BAND: RGBColor = RGBColor(0xFD, 0xEE, 0xE0);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

impl Plot {
    pub fn is_empty(&self) -> bool {
        self.panels.iter().all(|panel| panel.marks.is_empty())
    }

    /// Draws it, and says where it was measured.
    pub fn draw(&self, path: &Path, machine: &str) -> io::Result<()> {
        self.draw_all(path, machine).map_err(|error| io::Error::other(error.to_string()))
    }

    fn draw_all(&self, path: &Path, machine: &str) -> Drawn {
        let rows = self.rows();
        let bottom = TOP + ROW * number(rows.len());
        let size = (WIDTH.unsigned_abs(), (bottom + BELOW).unsigned_abs());
        let root = SVGBackend::new(path, size).into_drawing_area();
        // GitHub shows pages on black as well.
        root.fill(&BACKGROUND)?;
        write(&root, self.title, (16, 24), &Font::bold(16.0, TEXT))?;
        for (row, name) in (0..).zip(&rows) {
            let (top, middle) = (TOP + ROW * row, middle_of(row));
            let is_ours = Kind::of(name) == Kind::Ours;
            if is_ours {
                root.draw(&Rectangle::new([(8, top), (WIDTH - 8, top + ROW)], BAND.filled()))?;
            }
            let font = Font { is_bold: is_ours, ..Font::new(13.0, TEXT) }.right();
            write(&root, name, (NAMES - 12, middle), &font)?;
        }
        let count = number(self.panels.len());
        let width = (WIDTH - NAMES - 16 - GAP * (count - 1)) / count;
        for (index, panel) in (0..).zip(&self.panels) {
            let left = NAMES + (width + GAP) * index;
            let axis = self.axis(panel, width);
            write(&root, &panel.title, (left, TOP - 14), &Font::bold(13.0, TEXT))?;
            self.draw_panel(&root, panel, &rows, &axis, (left, width))?;
        }
        self.draw_key(&root, bottom + 44)?;
        let order = if count > 1 { " Rows: by mean over the panels." } else { "" };
        write(&root, &format!("{}{order}", self.key), (16, bottom + 66), &Font::new(12.0, FAINT))?;
        write(&root, machine, (16, bottom + 84), &Font::new(12.0, FAINT))?;
        root.present()
    }

    /// The names of the rows: first who needs least, by the geometric mean over the panels.
    fn rows(&self) -> Vec<&str> {
        let names: BTreeSet<&str> =
            self.panels.iter().flat_map(|panel| panel.marks.keys()).map(String::as_str).collect();
        // Beside the least of a panel, as not everyone is in every panel.
        let place = |name: &str| {
            let of_panel = |panel: &Panel| {
                let least = panel.marks.values().map(|mark| mark.value).fold(f64::MAX, f64::min);
                Some((panel.marks.get(name)?.value / least).ln())
            };
            let all: Vec<_> = self.panels.iter().filter_map(of_panel).collect();
            all.iter().sum::<f64>() / all.len() as f64
        };
        let mut rows: Vec<_> = names.into_iter().map(|name| (place(name), name)).collect();
        rows.sort_by(|one, other| one.0.total_cmp(&other.0));
        rows.into_iter().map(|(_, name)| name).collect()
    }

    fn axis(&self, panel: &Panel, width: i32) -> Axis {
        let of = |panel: &Panel| panel.marks.values().flat_map(Mark::values).collect::<Vec<_>>();
        let values =
            if self.is_shared { self.panels.iter().flat_map(of).collect() } else { of(panel) };
        Axis::new(self.scale, &values, width, if self.is_labelled { 62 } else { 14 })
    }

    fn draw_panel(
        &self,
        root: &Area<'_>,
        panel: &Panel,
        rows: &[&str],
        axis: &Axis,
        (left, width): (i32, i32),
    ) -> Drawn {
        let bottom = TOP + ROW * number(rows.len());
        for tick in &axis.small_ticks {
            let x = left + axis.x(*tick);
            root.draw(&PathElement::new(vec![(x, bottom), (x, bottom + 3)], FAINT))?;
        }
        for tick in &axis.ticks {
            let x = left + axis.x(*tick);
            root.draw(&PathElement::new(vec![(x, TOP), (x, bottom)], GRID))?;
            root.draw(&PathElement::new(vec![(x, bottom), (x, bottom + 5)], FAINT))?;
            let font = Font { from: HPos::Center, ..Font::new(12.0, TEXT) };
            write(root, &(self.format)(*tick), (x, bottom + 15), &font)?;
        }
        let edge = vec![(left, TOP), (left, bottom), (left + width, bottom)];
        root.draw(&PathElement::new(edge, FAINT))?;
        let place = |value| left + axis.x(value);
        for (row, name) in (0..).zip(rows) {
            let y = middle_of(row);
            match panel.marks.get(*name) {
                Some(mark) => self.draw_mark(root, mark, Kind::of(name), y, place)?,
                None => write(root, "not measured", (left + 8, y), &Font::new(11.0, FAINT))?,
            }
        }
        Ok(())
    }

    fn draw_mark(
        &self,
        root: &Area<'_>,
        mark: &Mark,
        kind: Kind,
        y: i32,
        place: impl Fn(f64) -> i32,
    ) -> Drawn {
        let colour = kind.colour();
        let x = place(mark.value);
        let most = place(mark.most());
        if !mark.beyond.is_empty() {
            let from = mark.middle.map_or(x, |[_, to]| place(to));
            root.draw(&PathElement::new(vec![(from, y), (most, y)], colour.stroke_width(1)))?;
        }
        for (index, value) in (0..).zip(&mark.beyond) {
            let (x, reach) = (place(*value), 3 + 2 * index);
            let stroke = vec![(x, y - reach), (x, y + reach)];
            root.draw(&PathElement::new(stroke, colour.stroke_width(2)))?;
        }
        if let Some([from, to]) = mark.middle {
            let bar = [(place(from), y - 3), (place(to), y + 3)];
            root.draw(&Rectangle::new(bar, colour.mix(0.45).filled()))?;
        }
        draw_shape(root, kind, (x, y), mark.is_apart)?;
        if self.is_labelled {
            let is_bold = kind == Kind::Ours;
            let font = Font { is_bold, ..Font::new(12.0, if is_bold { TEXT } else { FAINT }) };
            write(root, &(self.format)(mark.value), (most.max(x + 5) + 5, y), &font)?;
        }
        Ok(())
    }

    /// The shapes that occur.
    fn draw_key(&self, root: &Area<'_>, y: i32) -> Drawn {
        let marks = || self.panels.iter().flat_map(|panel| &panel.marks);
        let mut x = 22;
        let mut entry = |kind, is_apart, text: &str| {
            draw_shape(root, kind, (x, y), is_apart)?;
            write(root, text, (x + 11, y), &Font::new(12.0, TEXT))?;
            x += 36 + 7 * number(text.len());
            Ok(())
        };
        for kind in Kind::ALL {
            if marks().any(|(name, _)| Kind::of(name) == kind) {
                entry(kind, false, kind.name())?;
            }
        }
        match marks().find(|(_, mark)| mark.is_apart) {
            Some((name, _)) => {
                entry(Kind::of(name), true, "hollow: has not done the same work, see the table")
            }
            None => Ok(()),
        }
    }
}

/// For sums with coordinates.
fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn middle_of(row: i32) -> i32 {
    TOP + ROW * row + ROW / 2
}

fn draw_shape(root: &Area<'_>, kind: Kind, (x, y): (i32, i32), is_hollow: bool) -> Drawn {
    let colour = kind.colour();
    let fill = if is_hollow { BACKGROUND } else { colour };
    if kind.corners().is_empty() {
        root.draw(&Circle::new((x, y), 5, fill.filled()))?;
        return root.draw(&Circle::new((x, y), 5, colour.stroke_width(1)));
    }
    let mut corners: Vec<_> = kind.corners().iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
    root.draw(&Polygon::new(corners.clone(), fill.filled()))?;
    corners.push(corners[0]);
    root.draw(&PathElement::new(corners, colour.stroke_width(1)))
}

/// What text looks like.
struct Font {
    pixels: f64,
    colour: RGBColor,
    is_bold: bool,
    from: HPos,
}

impl Font {
    fn new(pixels: f64, colour: RGBColor) -> Self {
        Self { pixels, colour, is_bold: false, from: HPos::Left }
    }

    fn bold(pixels: f64, colour: RGBColor) -> Self {
        Self { is_bold: true, ..Self::new(pixels, colour) }
    }

    /// It ends at its place.
    fn right(self) -> Self {
        Self { from: HPos::Right, ..self }
    }

    fn style(&self) -> TextStyle<'_> {
        let style = if self.is_bold { FontStyle::Bold } else { FontStyle::Normal };
        // The backend divides by this.
        let font = FontDesc::new(FontFamily::SansSerif, self.pixels * 1.24, style);
        TextStyle::from(font).color(&self.colour)
    }
}

/// Writes at a height that is the middle of the text's.
fn write(root: &Area<'_>, text: &str, at: (i32, i32), font: &Font) -> Drawn {
    let style = font.style().pos(Pos::new(font.from, VPos::Center));
    root.draw(&Text::new(text, at, style))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_the_order_of_what_they_need() {
        let panel = |marks: &[(&str, f64)]| Panel {
            title: String::new(),
            marks: marks
                .iter()
                .map(|(name, value)| {
                    ((*name).to_owned(), Mark { value: *value, ..Mark::default() })
                })
                .collect(),
        };
        let plot = Plot {
            title: "",
            panels: vec![
                panel(&[("a", 30.0), ("b", 20.0), ("c", 10.0)]),
                // Of these "a" needs three times the least, and "b" is not there.
                panel(&[("a", 3_000.0), ("c", 1_000.0)]),
            ],
            scale: Scale::Logarithmic,
            is_shared: true,
            is_labelled: true,
            format: |_| String::new(),
            key: "",
        };
        assert_eq!(plot.rows(), ["c", "b", "a"]);
    }
}
