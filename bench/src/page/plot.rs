//! A plot with lines.

use std::io;
use std::path::Path;

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

/// A line of a plot.
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// What is drawn.
pub struct Plot<'a> {
    pub title: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub series: Vec<Series>,
}

const SIZE: (u32, u32) = (900, 520);
/// Where the names of the lines are.
const LEGEND: i32 = 690;

impl Plot<'_> {
    /// Draws with logarithmic axes.
    pub fn draw(&self, path: &Path) -> io::Result<()> {
        let all = || self.series.iter().flat_map(|series| &series.points);
        let range = |of: fn(&(f64, f64)) -> f64| {
            let least = all().map(of).fold(f64::INFINITY, f64::min);
            let most = all().map(of).fold(0.0, f64::max);
            (least * 0.8..most * 1.25).log_scale()
        };
        self.draw_on(path, range(|point| point.0), range(|point| point.1)).map_err(io::Error::other)
    }

    fn draw_on<R>(&self, path: &Path, x: R, y: R) -> Result<(), String>
    where
        R: AsRangedCoord<Value = f64>,
        R::CoordDescType: ValueFormatter<f64>,
    {
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        let said = |error: &dyn std::fmt::Display| error.to_string();
        root.fill(&WHITE).map_err(|error| said(&error))?;
        let (left, right) = root.split_horizontally(LEGEND);
        let mut chart = ChartBuilder::on(&left)
            .caption(self.title, ("sans-serif", 18))
            .margin(10)
            .x_label_area_size(40)
            .y_label_area_size(70)
            .build_cartesian_2d(x, y)
            .map_err(|error| said(&error))?;
        let mut mesh = chart.configure_mesh();
        mesh.x_desc(self.x).y_desc(self.y).light_line_style(WHITE);
        mesh.x_label_formatter(&|value| number(*value)).y_label_formatter(&|value| number(*value));
        mesh.draw().map_err(|error| said(&error))?;
        for (index, series) in self.series.iter().enumerate() {
            let style = self.style(index);
            let line = LineSeries::new(series.points.iter().copied(), style).point_size(3);
            chart.draw_series(line).map_err(|error| said(&error))?;
            let height = 50 + 26 * i32::try_from(index).unwrap_or_default();
            let sample = PathElement::new(vec![(0, height), (24, height)], style);
            right.draw(&sample).map_err(|error| said(&error))?;
            let name = Text::new(series.name.clone(), (32, height - 7), ("sans-serif", 14));
            right.draw(&name).map_err(|error| said(&error))?;
        }
        root.present().map_err(|error| said(&error))
    }

    /// Ours are thick, the others of all colours.
    fn style(&self, index: usize) -> ShapeStyle {
        let hue = index as f64 / self.series.len() as f64;
        let is_ours = self.series[index].name.starts_with("barecoro");
        let colour = HSLColor(hue, 0.75, 0.42);
        colour.stroke_width(if is_ours { 4 } else { 1 }).filled()
    }
}

/// As short as it can be read.
fn number(value: f64) -> String {
    match value {
        1_000_000.0.. => format!("{}M", value / 1e6),
        1_000.0.. => format!("{}k", value / 1e3),
        _ => format!("{value}"),
    }
}
