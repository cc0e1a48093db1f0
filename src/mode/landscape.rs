//! The modes of a posterior's marginal density: searches from fixed, dispersed starting points, and the mass around
//! each mode by Laplace's approximation.

use rayon::prelude::*;

use crate::density::conditional::ConditionalEffects;
use crate::model::{Coordinates, Model};
use crate::random::{Purpose, StreamKey};

use super::lbfgs::{Maximum, maximize};
use super::profile::{Cholesky, Profile};
use super::starts::{admits, starts};

/// A search ends when no entry of the gradient is larger in size.
const AIM: f64 = 1e-6;

/// Maxima whose scales differ by less, relatively, are the same mode.
const SAME: f64 = 1e-2;

/// A log scale below this, in the sampler's units, runs away, as log eps does where effects can fit every observation.
pub const RUNAWAY: f64 = -30.0;

/// A mode with less than this share of the largest mode's mass is negligible.
pub const NEGLIGIBLE: f64 = 1e-2;

/// A mode of the marginal density.
#[derive(Debug, Clone, PartialEq)]
pub struct Peak {
    /// All hyperparameters at the mode: theta of the collapsed model, in the sampler's units.
    pub theta: Vec<f64>,
    /// Hyperparameters at the mode, in the user's units.
    pub named: Vec<f64>,
    /// Marginal log density at the mode, in the sampler's units.
    pub log_density: f64,
    /// Largest absolute entry of the gradient at the mode.
    pub gradient: f64,
    /// Log of the mass around the mode by Laplace's approximation, up to a constant that all modes share.
    pub log_mass: f64,
    curvature: Cholesky,
}

/// The modes of a posterior's marginal density, in descending order of mass.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Landscape {
    /// All modes found; empty if every search ran to a scale of 0.
    pub peaks: Vec<Peak>,
}

/// The modes that draws are in.
#[derive(Debug, Clone, PartialEq)]
pub struct Visits {
    /// The modes, including modes found only from the draws.
    pub landscape: Landscape,
    /// For each mode, the share of the draws in its basin of attraction.
    pub shares: Vec<f64>,
}

impl Landscape {
    /// Searches for the modes of `model`, whatever its parameterization. Empty if effects cannot be integrated out.
    pub fn of(model: &Model) -> Landscape {
        let mut landscape = Landscape::default();
        if admits(model).is_err() {
            return landscape;
        }
        let mut profile = Profile::new(model);
        for top in maxima(&profile, starts(model, profile.linear())) {
            landscape.peak_of(model, &mut profile, &top);
        }
        landscape.peaks.sort_by(|a, b| b.log_mass.total_cmp(&a.log_mass));
        landscape
    }

    /// The mode that a search has found; `None` if it has found none.
    fn peak_of(&mut self, model: &Model, profile: &mut Profile, top: &Maximum) -> Option<usize> {
        let linear = profile.linear();
        let mut positive = model.layout().positive_indices();
        if !top.log_density.is_finite() || positive.any(|scale| top.theta[scale - linear] < RUNAWAY) {
            return None;
        }
        let apart = |peak: &Peak| {
            let both = peak.theta[linear..].iter().zip(&top.theta);
            both.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        if let Some(known) = self.peaks.iter().position(|peak| apart(peak) < SAME) {
            return Some(known);
        }
        self.peaks.push(Peak::at(model, profile, &top.theta)?);
        Some(self.peaks.len() - 1)
    }

    /// Whether there are several modes.
    pub fn is_split(&self) -> bool {
        self.peaks.len() > 1
    }

    /// The share of the total mass that is around mode `i`.
    pub fn share(&self, i: usize) -> f64 {
        let relative = |peak: &Peak| (peak.log_mass - self.peaks[0].log_mass).exp();
        relative(&self.peaks[i]) / self.peaks.iter().map(relative).sum::<f64>()
    }

    /// Whether the mass around mode `i` is below 1 % of the largest mode's.
    pub fn is_negligible(&self, i: usize) -> bool {
        let largest = self.peaks.iter().map(|peak| peak.log_mass).fold(f64::NEG_INFINITY, f64::max);
        self.peaks[i].log_mass - largest < NEGLIGIBLE.ln()
    }

    /// The starting point of a chain of `model`. Modes that are not negligible get chains in proportion to their mass;
    /// the point is drawn from the normal approximation at the mode, and effects from their conditional distribution.
    pub fn start(&self, model: &Model, effects: &mut ConditionalEffects, key: &StreamKey, theta: &mut [f64]) {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let worth: Vec<usize> = (0..self.peaks.len()).filter(|i| !self.is_negligible(*i)).collect();
        let total: f64 = worth.iter().map(|i| self.share(*i)).sum();
        // A golden-ratio sequence in the chain's number, so that every range of chains is spread evenly over the modes.
        let mut left = (GOLDEN * (f64::from(key.chain) + 0.5)).fract() * total;
        let chosen = worth.iter().find(|i| {
            left -= self.share(**i);
            left < 0.0
        });
        let peak = &self.peaks[*chosen.unwrap_or(&0)];
        let mut normals = vec![0.0; peak.theta.len()];
        key.normals(Purpose::Start, &mut normals);
        let hyperparameters: Vec<f64> =
            peak.theta.iter().zip(peak.curvature.back(normals)).map(|(mode, step)| mode + step).collect();
        if *model.coordinates() == Coordinates::Collapsed {
            theta.copy_from_slice(&hyperparameters);
            return;
        }
        let mut named = vec![0.0; model.layout().dim()];
        hyperparameters_of(model, &hyperparameters, &mut named);
        effects.draw(key, &mut named);
        model.unconstrain(&named, theta);
    }

    /// The modes that searches from `draws` find. A draw is given by its hyperparameters in the user's units.
    pub fn visited(&self, model: &Model, draws: impl Iterator<Item = Vec<f64>>) -> Visits {
        let mut landscape = self.clone();
        if admits(model).is_err() {
            return Visits { landscape, shares: Vec::new() };
        }
        let (mut profile, collapsed) = (Profile::new(model), model.collapsed());
        let linear = profile.linear();
        let entries = |named: Vec<f64>| -> Vec<f64> {
            let mut theta = vec![0.0; collapsed.dim()];
            collapsed.unconstrain(&named, &mut theta);
            theta[linear..].iter().map(|entry| entry.clamp(RUNAWAY / 2.0, -RUNAWAY / 2.0)).collect()
        };
        let draws: Vec<Vec<f64>> = draws.map(entries).collect();
        let all = draws.len() as f64;
        let known = draws.into_iter().filter(|entries| !entries.iter().any(|entry| entry.is_nan())).collect();
        let mut counts = vec![0.0; self.peaks.len()];
        for top in maxima(&profile, known) {
            if let Some(peak) = landscape.peak_of(model, &mut profile, &top) {
                counts.resize(landscape.peaks.len(), 0.0);
                counts[peak] += 1.0;
            }
        }
        Visits { landscape, shares: counts.into_iter().map(|count: f64| count / f64::max(all, 1.0)).collect() }
    }
}

impl Peak {
    /// The mode at the maximum given these `entries`; `None` if the curvature there is not positive definite.
    fn at(model: &Model, profile: &mut Profile, entries: &[f64]) -> Option<Peak> {
        let mut unused = vec![0.0; entries.len()];
        profile.at(entries, &mut unused);
        let mut theta = profile.theta().to_vec();
        let curvature = profile.curvature(&theta)?;
        // Two last Newton steps, which are as exact as the gradient.
        let mut gradient = vec![0.0; theta.len()];
        for _ in 0..2 {
            profile.log_density(&theta, &mut gradient);
            theta.iter_mut().zip(curvature.solve(&gradient)).for_each(|(entry, step)| *entry += step);
        }
        let log_density = profile.log_density(&theta, &mut gradient);
        let mut named = vec![0.0; theta.len()];
        hyperparameters_of(model, &theta, &mut named);
        Some(Peak {
            named,
            log_density,
            gradient: gradient.iter().fold(0.0, |largest, entry| entry.abs().max(largest)),
            log_mass: log_density - 0.5 * curvature.log_determinant(),
            theta,
            curvature,
        })
    }
}

/// Writes the hyperparameters at `theta`, in the user's units, to the start of `named`.
fn hyperparameters_of(model: &Model, theta: &[f64], named: &mut [f64]) {
    let width = model.layout().hyperparameters();
    model.constrain(theta, &mut named[..width]);
}

/// The highest points that searches from `starts` (all entries but the linear ones) find, in order. Each search has a
/// profile of its own, so that nothing depends on the number of threads.
fn maxima(profile: &Profile, starts: Vec<Vec<f64>>) -> Vec<Maximum> {
    let search = |start| {
        let mut profile = profile.clone();
        maximize(|scales, gradient| profile.at(scales, gradient), start, AIM)
    };
    starts.into_par_iter().map(search).collect()
}
