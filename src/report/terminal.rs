//! Sketches of densities in characters, for the terminal.

use super::figures::marginal::{Truth, grid};
use super::kde::{Curve, DensityGrid};
use super::run::ReportedRun;
use super::view::View;
use crate::summary::significant;

/// The width of a sketch in characters.
const WIDTH: usize = 60;

/// Characters for densities from zero to the highest.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A line for each run, and one for the exact density, with a common range and height.
pub fn sketches(view: &View, runs: &[ReportedRun], truth: Option<&Truth>) -> String {
    let Some(grid) = grid(view, runs) else { return String::new() };
    let of_runs = runs.iter().filter_map(|run| Some((run.name.as_str(), &run.hyper(&view.shown().sigma)?.density)));
    let curves: Vec<(&str, &Curve)> = of_runs.chain(truth.map(|truth| ("exact", &truth.density))).collect();
    let highest = curves.iter().flat_map(|(_, curve)| &curve.y).copied().fold(0.0, f64::max);
    if highest <= 0.0 {
        return String::new();
    }
    let width = curves.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut lines = vec![format!("Density of {}:", view.shown().sigma)];
    lines.extend(curves.iter().map(|(name, curve)| format!("{name:<width$}  {}", line(curve, grid, highest))));
    let (low, high) = (significant(grid.low), significant(grid.high));
    let between = WIDTH.saturating_sub(low.len() + high.len());
    lines.push(format!("{:width$}  {low}{:between$}{high}", "", ""));
    lines.join("\n")
}

fn line(curve: &Curve, grid: DensityGrid, highest: f64) -> String {
    let sketched = grid.points(WIDTH).map(|x| {
        let place = (x - curve.low) / curve.step;
        let y = if place >= -0.5 { curve.y.get(place.round() as usize).copied().unwrap_or(0.0) } else { 0.0 };
        BLOCKS[((y / highest * 8.0).round() as usize).min(8)]
    });
    sketched.collect::<String>().trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sketch_rises_and_falls() {
        let grid = DensityGrid { low: 0.0, high: 2.0, positive: true };
        let y = (0..=200).map(|i| 1.0 - (f64::from(i) / 100.0 - 1.0).abs()).collect();
        let sketch: Vec<char> = line(&Curve::new(grid, y), grid, 1.0).chars().collect();
        assert_eq!((sketch[0], sketch[29], sketch[30]), (' ', '█', '█'));
        assert!(sketch[10] < sketch[20] && sketch[50] < sketch[40]);
    }
}
