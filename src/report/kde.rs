//! Densities of draws: fine histograms, smoothed with a normal kernel, and mirrored at zero for scales.

use serde::Serialize;

use super::thin::Rounding;
use crate::diagnostics::{quantile, sd, sorted};

/// The most cells of the histogram, approximately.
const CELLS: usize = 4096;

/// Kernel widths at which the kernel is cut off.
const REACH: f64 = 4.0;

/// The points of a density: equal steps over the visible range of a variable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DensityGrid {
    /// The first point.
    pub low: f64,
    /// The last point.
    pub high: f64,
    /// Whether values cannot be negative.
    pub positive: bool,
}

/// A density at equal steps.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Curve {
    /// The first point.
    pub low: f64,
    /// The distance between points.
    pub step: f64,
    /// Density at each point, per unit of the variable.
    pub y: Vec<f64>,
}

/// Sorted draws, for quantiles and densities.
#[derive(Debug, Clone)]
pub struct Sorted(Vec<f64>);

impl Sorted {
    /// Sorts the finite draws; others are left out.
    pub fn new(values: &[f64]) -> Sorted {
        let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        Sorted(sorted(&finite).0)
    }

    /// The draws, ascending.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The quantile for the probability `p`.
    pub fn quantile(&self, p: f64) -> f64 {
        quantile(&self.0, p)
    }

    /// Silverman's rule of thumb, robust against heavy tails.
    pub fn bandwidth(&self) -> f64 {
        let (sd, quartiles) = (sd(&self.0), (self.quantile(0.75) - self.quantile(0.25)) / 1.34);
        let spread = if quartiles > 0.0 { sd.min(quartiles) } else { sd };
        0.9 * spread * (self.0.len() as f64).powf(-0.2)
    }

    /// The visible range: nearly all draws, without the ends of long tails.
    pub fn grid(&self, positive: bool) -> DensityGrid {
        let (first, third) = (self.quantile(0.25), self.quantile(0.75));
        let reach = 6.0 * (third - first);
        let low = self.quantile(0.0005).max(first - reach) - 2.0 * self.bandwidth();
        let high = self.quantile(0.9995).min(third + reach) + 2.0 * self.bandwidth();
        DensityGrid { low: if positive { low.max(0.0) } else { low }, high, positive }
    }

    /// The fraction of the draws outside of a grid.
    pub fn beyond(&self, grid: &DensityGrid) -> f64 {
        let outside = self.0.partition_point(|value| *value < grid.low) + self.0.len()
            - self.0.partition_point(|value| *value <= grid.high);
        outside as f64 / self.0.len().max(1) as f64
    }

    /// The density at `points` points of `grid`.
    pub fn density(&self, grid: DensityGrid, points: usize) -> Curve {
        smoothed(self.0.iter().copied(), self.bandwidth(), grid, points)
    }
}

impl DensityGrid {
    /// A grid that covers both.
    pub fn union(self, other: DensityGrid) -> DensityGrid {
        DensityGrid { low: self.low.min(other.low), high: self.high.max(other.high), positive: self.positive }
    }

    /// `points` points, from one end to the other.
    pub fn points(&self, points: usize) -> impl Iterator<Item = f64> + use<> {
        let (low, step) = (self.low, (self.high - self.low) / (points.max(2) - 1) as f64);
        (0..points).map(move |i| low + step * i as f64)
    }
}

impl Curve {
    /// A density with these values at the points of `grid`, rounded to the visible precision.
    pub fn new(grid: DensityGrid, y: Vec<f64>) -> Curve {
        let highest = y.iter().copied().fold(0.0, f64::max);
        let rounding = Rounding::within(0.0, highest / 10.0);
        Curve { low: grid.low, step: (grid.high - grid.low) / (y.len().max(2) - 1) as f64, y: rounding.all(y) }
    }
}

/// The density of `values` at `points` points of `grid`, smoothed by a normal kernel of sd `bandwidth`; no points if
/// all values are equal.
pub fn smoothed(values: impl Iterator<Item = f64>, bandwidth: f64, grid: DensityGrid, points: usize) -> Curve {
    let range = grid.high - grid.low;
    if !(bandwidth > 0.0 && range > 0.0 && range.is_finite()) || points < 2 {
        return Curve::default();
    }
    // A cell is at most a third of the kernel's sd wide, so that cells do not blur the density. Every point is the end
    // of a cell.
    let each = ((3.0 * range / bandwidth).min(CELLS as f64) / (points - 1) as f64).ceil().max(1.0) as usize;
    let cells = each * (points - 1);
    let cell = range / cells as f64;
    let reach = (REACH * bandwidth / cell).ceil() as usize;
    // Extra cells on both sides, for values outside the grid within the kernel's reach.
    let mut counts = vec![0.0; cells + 1 + 2 * reach];
    let mut count = 0u64;
    let mut add = |value: f64| {
        // Linear binning: a draw is shared between the two nearest points.
        let place = (value - grid.low) / cell + reach as f64;
        if place >= 0.0 && place < (counts.len() - 1) as f64 {
            let (below, weight) = (place as usize, place.fract());
            counts[below] += 1.0 - weight;
            counts[below + 1] += weight;
        }
    };
    for value in values {
        add(value);
        if grid.positive {
            add(-value);
        }
        count += 1;
    }
    let kernel: Vec<f64> = (0..=reach).map(|i| (-0.5 * (i as f64 * cell / bandwidth).powi(2)).exp()).collect();
    let whole = kernel[0] + 2.0 * kernel[1..].iter().sum::<f64>();
    let scale = 1.0 / (count.max(1) as f64 * whole * cell);
    let at = |i: usize| {
        let centre = i + reach;
        let sides = kernel[1..].iter().enumerate().map(|(d, k)| k * (counts[centre - d - 1] + counts[centre + d + 1]));
        (kernel[0] * counts[centre] + sides.sum::<f64>()) * scale
    };
    let y = (0..points).map(|i| at(i * each)).collect();
    Curve::new(grid, y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, StreamKey};

    fn normals(count: usize) -> Vec<f64> {
        let mut values = vec![0.0; count];
        StreamKey { seed: 1, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut values);
        values
    }

    fn integral(curve: &Curve) -> f64 {
        curve.step * (curve.y.iter().sum::<f64>() - 0.5 * (curve.y[0] + curve.y[curve.y.len() - 1]))
    }

    #[test]
    fn a_density_integrates_to_one() {
        let sorted = Sorted::new(&normals(4000));
        let curve = sorted.density(sorted.grid(false), 200);
        assert!((integral(&curve) - 1.0).abs() < 0.002, "{}", integral(&curve));
        let peak = curve.y.iter().copied().fold(0.0, f64::max);
        assert!((peak - 0.3989).abs() < 0.02, "{peak}");
    }

    #[test]
    fn a_scale_keeps_its_density_at_zero() {
        let halves: Vec<f64> = normals(20_000).into_iter().map(f64::abs).collect();
        let sorted = Sorted::new(&halves);
        let grid = sorted.grid(true);
        assert_eq!(grid.low, 0.0);
        let curve = sorted.density(grid, 200);
        assert!((integral(&curve) - 1.0).abs() < 0.005, "{}", integral(&curve));
        assert!((curve.y[0] - 0.7979).abs() < 0.04, "{}", curve.y[0]);
    }

    #[test]
    fn endless_tails_are_cut_and_counted() {
        let ratios: Vec<f64> = normals(4000).chunks(2).map(|pair| pair[0] / pair[1]).collect();
        let sorted = Sorted::new(&ratios);
        let grid = sorted.grid(false);
        assert!(grid.high < 20.0);
        assert!((0.01..0.1).contains(&sorted.beyond(&grid)));
        let covered = integral(&sorted.density(grid, 400));
        assert!((covered + sorted.beyond(&grid) - 1.0).abs() < 0.02, "{covered}");
    }

    #[test]
    fn constant_draws_have_no_density() {
        let sorted = Sorted::new(&[2.0; 50]);
        assert!(sorted.density(sorted.grid(false), 100).y.is_empty());
        assert!(Sorted::new(&[]).density(DensityGrid { low: 0.0, high: 1.0, positive: false }, 100).y.is_empty());
    }
}
