//! The path into the neck of the funnel, on which the centered density rises without end.

use super::Mode;
use super::lbfgs::{AIM, maximize};
use crate::data::Dataset;
use crate::density::conditional::ConditionalEffects;
use crate::density::cpu::CpuDensity;
use crate::model::{Centering, CoefficientPlace, Model};

/// Points of a path, and the factor by which sigma shrinks from one point to the next.
const POINTS: usize = 10;
const FACTOR: f64 = 10.0;

/// The path is unbounded if its last rise is within this share of the limit.
const STEADY: f64 = 0.02;

/// A point of the path.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct PathPoint {
    /// sigma of the coefficient, in the user's unit.
    pub sigma: f64,
    /// Centered log density, in the user's units.
    pub log_density: f64,
    /// The rise of the log density since the previous point, per unit by which log sigma fell.
    pub rise: f64,
    /// Mean of the coefficient's J effects, in the user's unit.
    pub centre: f64,
    /// Standard deviation of the coefficient's J effects, in the user's unit.
    pub spread: f64,
}

/// Centered densities as the sigma of one coefficient shrinks.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Path {
    /// The coefficient whose sigma shrinks, among all that vary.
    pub coefficient: usize,
    /// Its sigma's name.
    pub sigma: String,
    /// The limit of the rise per unit by which log sigma falls: J - 1.
    pub rise_without_end: f64,
    /// Whether the last rise of the path has reached this limit.
    pub is_unbounded: bool,
    /// Points from the marginal mode's sigma downwards.
    pub points: Vec<PathPoint>,
}

/// Follows the centered density of `model` from the `marginal` mode as one sigma shrinks: the sigma about which the
/// data say least. Given this sigma, mu and the other scales maximize the marginal density, and the effects are at
/// their conditional means, which maximize the centered density given all these.
pub fn path(model: &Model, marginal: &Mode) -> Path {
    let (without, centered) = (model.collapsed(), model.joint(Centering::Centered));
    let mut densities = [&without, &centered].map(CpuDensity::new);
    let (layout, coefficient) = (model.layout(), faintest(model, marginal));
    let CoefficientPlace { scale: fixed, effects } = layout.varying().swap_remove(coefficient);
    let mut conditional = ConditionalEffects::new(model);

    let mut theta = marginal.theta.clone();
    let mut position = vec![0.0; layout.dim()];
    let mut gradient = vec![0.0; layout.dim()];
    let mut points: Vec<PathPoint> = Vec::new();
    for _ in 0..POINTS {
        let held = |theta: &[f64], gradient: &mut [f64]| {
            let log_density = densities[0].log_density(theta, gradient);
            gradient[fixed] = 0.0;
            log_density
        };
        theta = maximize(held, theta, AIM).theta;
        let mut named = vec![0.0; layout.dim()];
        without.constrain(&theta, &mut named);
        conditional.mean(&mut named);
        centered.unconstrain(&named, &mut position);
        let log_density = densities[1].log_density(&position, &mut gradient) + centered.log_density_offset();
        let rise = points.last().map_or(f64::NAN, |before| (log_density - before.log_density) / FACTOR.ln());
        let effects = &named[effects.clone()];
        let centre = effects.iter().sum::<f64>() / effects.len() as f64;
        points.push(PathPoint { sigma: named[fixed], log_density, rise, centre, spread: spread(effects) });
        theta[fixed] -= FACTOR.ln();
    }
    let rise_without_end = effects.len() as f64 - 1.0;
    let rise = points.last().map_or(f64::NAN, |point| point.rise);
    Path {
        coefficient,
        sigma: model.names()[fixed].clone(),
        rise_without_end,
        is_unbounded: (rise / rise_without_end - 1.0).abs() < STEADY,
        points,
    }
}

/// The coefficient whose effects differ least from noise: the smallest sigma, at the `marginal` mode, relative to the
/// standard error of a group's own estimate.
fn faintest(model: &Model, marginal: &Mode) -> usize {
    let (layout, data) = (model.layout(), model.dataset());
    let columns: Vec<(usize, usize)> = match model.mixed() {
        None => (0..layout.coefficients).map(|k| (0, k)).collect(),
        Some(mixed) => mixed.terms.iter().flat_map(|term| term.columns.iter().map(|k| (term.factor, *k))).collect(),
    };
    let signal = |(coefficient, (factor, k)): (CoefficientPlace, (usize, usize))| {
        marginal.named[coefficient.scale].ln() + 0.5 * information(data, factor, k).ln()
    };
    let signals: Vec<f64> = layout.varying().into_iter().zip(columns).map(signal).collect();
    (0..signals.len()).min_by(|a, b| signals[*a].total_cmp(&signals[*b])).unwrap_or(0)
}

/// The sum over all rows of the squares of column `k` about its mean in the row's level of a factor; of the intercept's
/// column, the number of rows.
fn information(data: &Dataset, factor: usize, k: usize) -> f64 {
    if k == 0 {
        return data.n_observations() as f64;
    }
    let (levels, values) = (data.level_of_rows(factor), data.predictor(k - 1));
    let mut sums = vec![(0.0, 0.0); data.levels(factor).len()];
    for (level, value) in levels.iter().zip(values) {
        let (count, sum) = &mut sums[*level as usize];
        *count += 1.0;
        *sum += value;
    }
    let about = |(level, value): (&u32, &f64)| {
        let (count, sum) = sums[*level as usize];
        (value - sum / count).powi(2)
    };
    levels.iter().zip(values).map(about).sum()
}

/// Standard deviation of `values`, computed about the first value, so that it is exact however close the values are.
pub fn spread(values: &[f64]) -> f64 {
    let (n, first) = (values.len() as f64, values[0]);
    let mean = values.iter().map(|value| value - first).sum::<f64>() / n;
    (values.iter().map(|value| (value - first - mean).powi(2)).sum::<f64>() / n).sqrt()
}
