//! The marginal of one axis, a scale or a correlation: its cdf by Fourier series, its density between grid points, its
//! mean.
//!
//! The planes of the grid sample the density g(u) at equal steps. Its logarithm, which is much smoother than g, is
//! interpolated between them by polynomials, which gives [`FINER`] times as many samples of g. The trigonometric
//! polynomial through these samples is g, because g has no frequencies above half the sampling rate and vanishes at
//! both ends. Its integral, term by term, is the cdf.

use std::f64::consts::TAU;

use super::axis::GridAxis;
use super::conditional::NormalMoments;
use super::grid::Planes;
use super::mixture::{self, Local, solve};

/// Points of the interpolating polynomial.
const STENCIL: usize = 10;

/// Samples of the density for each plane.
const FINER: usize = 4;

/// The marginal of a scale or a partial correlation, in the sampler's units.
#[derive(Debug, Clone)]
pub struct Marginal {
    axis: GridAxis,
    first: f64,
    step: f64,
    /// log p(variable) at each plane.
    log_density: Vec<f64>,
    /// g(u) = sum_m cosine[m] cos(m w) + sine[m] sin(m w), with w = 2 pi (u - first) / (length of all samples).
    cosine: Vec<f64>,
    sine: Vec<f64>,
    moments: NormalMoments,
}

impl Marginal {
    pub fn new(planes: &Planes) -> Marginal {
        let Planes { axis, first, step, weights, whole } = planes;
        let place = |i: usize| first + i as f64 * step;
        let log_density = weights.iter().enumerate().map(|(i, weight)| {
            let u = place(i);
            (weight / step).max(f64::MIN_POSITIVE).ln() - axis.log_jacobian(u)
        });
        let mut log_density: Vec<f64> = log_density.collect();
        flatten_neck(&mut log_density, weights, *whole);
        let values = weights
            .iter()
            .enumerate()
            .map(|(i, &weight)| (weight, NormalMoments { mean: axis.value(place(i)), variance: 0.0 }));
        let moments = mixture::moments(values);

        let last = FINER * (weights.len() - 1);
        let mut samples: Vec<f64> = (0..=last)
            .map(|i| {
                let place = i as f64 / FINER as f64;
                let u = first + place * step;
                (interpolate(&log_density, place) + axis.log_jacobian(u)).exp()
            })
            .collect();
        let total: f64 = samples.iter().sum();
        // The number of samples is odd, because last is a multiple of four: there is no Nyquist frequency.
        samples.iter_mut().for_each(|sample| *sample /= total);
        let (cosine, sine) = fourier(&samples, step / FINER as f64);
        Marginal { axis: *axis, first: *first, step: *step, log_density, cosine, sine, moments }
    }

    /// Mean and variance of the variable.
    pub fn moments(&self) -> NormalMoments {
        self.moments
    }

    /// Probability that the variable is at most `value`.
    pub fn cdf(&self, value: f64) -> f64 {
        let [low, high] = self.axis.range();
        match value {
            value if value <= low => 0.0,
            value if value >= high => 1.0,
            _ => self.at(self.axis.of_value(value)).cdf.clamp(0.0, 1.0),
        }
    }

    /// Density at `value`; at a scale of 0 its limit from above, and 0 beyond the variable's range.
    pub fn density(&self, value: f64) -> f64 {
        let [low, high] = self.axis.range();
        if !(low..=high).contains(&value) {
            return 0.0;
        }
        let end = self.log_density.len() - 1;
        let place = (self.axis.of_value(value) - self.first) / self.step;
        let has_neck = matches!(self.axis, GridAxis::Scale(_));
        if place > end as f64 || place < 0.0 && !has_neck {
            return 0.0;
        }
        // Constant below the first plane of a scale, where the likelihood has reached its limit.
        interpolate(&self.log_density, place.max(0.0)).exp()
    }

    /// The value at which the cdf is `p`: the ends of the variable's range for 0 and 1.
    pub fn quantile(&self, p: f64) -> f64 {
        if p <= 0.0 || p >= 1.0 {
            return self.axis.range()[usize::from(p >= 1.0)];
        }
        let (low, high) = (self.first - self.step, self.first + self.step * self.log_density.len() as f64);
        let u = solve(|u| self.at(u), p, 0.5 * (low + high), low, high, 0.1 * self.step);
        self.axis.value(u)
    }

    /// Cdf, density and the density's derivative in u.
    fn at(&self, u: f64) -> Local {
        let (samples, step) = (2 * self.cosine.len() - 1, self.step / FINER as f64);
        let length = step * samples as f64;
        // One period, from half a step before the first sample, where the density is negligible.
        let start = self.first - 0.5 * step;
        if u <= start {
            return Local::default();
        }
        if u >= start + length {
            return Local { cdf: 1.0, ..Local::default() };
        }
        let base = TAU / length;
        let (here, there) = (base * (u - self.first), base * (start - self.first));
        let (mut cdf, mut density, mut bend) = (self.cosine[0] * (u - start), self.cosine[0], 0.0);
        for (m, (a, b)) in self.cosine.iter().zip(&self.sine).enumerate().skip(1) {
            let m = m as f64;
            let ((sin, cos), (sin_0, cos_0)) = ((m * here).sin_cos(), (m * there).sin_cos());
            density += a * cos + b * sin;
            bend += (b * cos - a * sin) * (m * base);
            cdf += (a * (sin - sin_0) - b * (cos - cos_0)) / (m * base);
        }
        Local { cdf, density, bend }
    }
}

/// In a neck the density of the scale reaches its limit before planes become incomplete, and keeps this limit.
fn flatten_neck(log_density: &mut [f64], weights: &[f64], whole: f64) {
    /// Largest change between neighboring planes in a neck; in any other tail the log density falls by whole units.
    const FLAT: f64 = 1e-4;
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let first = weights.iter().take_while(|weight| **weight < whole * largest).count();
    let limit = log_density[first];
    if log_density.get(first + 1).is_some_and(|next| (next - limit).abs() < FLAT) {
        log_density[..first].fill(limit);
    }
}

/// The trigonometric polynomial through an odd number of `weights` at distance `step`, as densities: cosines and sines.
fn fourier(weights: &[f64], step: f64) -> (Vec<f64>, Vec<f64>) {
    let count = weights.len();
    let circle: Vec<(f64, f64)> = (0..count).map(|i| (TAU * i as f64 / count as f64).sin_cos()).collect();
    let term = |m: usize| {
        let scale = if m == 0 { 1.0 } else { 2.0 } / (count as f64 * step);
        let add = |(cosine, sine): (f64, f64), (i, weight): (usize, &f64)| {
            let (sin, cos) = circle[i * m % count];
            (cosine + scale * weight * cos, sine + scale * weight * sin)
        };
        weights.iter().enumerate().fold((0.0, 0.0), add)
    };
    (0..=count / 2).map(term).unzip()
}

/// The value of a function `place` steps after the first of `nodes`, by the polynomial through the nearest nodes.
fn interpolate(nodes: &[f64], place: f64) -> f64 {
    let count = nodes.len().min(STENCIL);
    let first = (place as usize + 1).saturating_sub(count / 2).min(nodes.len() - count);
    let x = place - first as f64;
    // Neville's scheme.
    let mut values = [0.0; STENCIL];
    values[..count].copy_from_slice(&nodes[first..first + count]);
    for width in 1..count {
        for i in 0..count - width {
            let (left, right) = (i as f64, (i + width) as f64);
            values[i] = ((x - left) * values[i + 1] + (right - x) * values[i]) / (right - left);
        }
    }
    values[0]
}
