//! Where the mass of a posterior is: the marginal density climbed from dispersed starts, the same ones every time, and the mass
//! around each mode by Laplace's approximation.

use crate::density::collapsed::ConditionalEffects;
use crate::density::qr::QrGroups;
use crate::model::{Coordinates, Model};
use crate::random::{Purpose, StreamKey};

use super::lbfgs::maximize;
use super::profile::{Cholesky, Profile};

/// Where searches begin, in log sigmas of standardized data.
const STARTS: [f64; 4] = [1.0, -0.5, -2.0, -4.0];

/// With more coefficients than this, searches do not begin at every combination of these.
const MOST_COMBINED: usize = 2;

/// And with more than this, at two places only: a density takes long there.
const MANY: usize = 8;

/// Searches end where no entry of the gradient is larger.
const AIM: f64 = 1e-6;

/// Ends whose scales differ by less, relatively, are one mode.
const SAME: f64 = 1e-2;

/// A log scale below this, in the sampler's units, has run away: eps, say, where effects can meet every observation.
pub const RUNAWAY: f64 = -30.0;

/// A mode whose mass is below this share of the largest is negligible.
pub const NEGLIGIBLE: f64 = 1e-2;

/// A mode of the marginal density.
#[derive(Debug, Clone, PartialEq)]
pub struct Peak {
    /// mu, log sigma and log eps, in the sampler's units.
    pub theta: Vec<f64>,
    /// The hyperparameters there, in the user's units.
    pub named: Vec<f64>,
    /// Marginal log density there, in the sampler's units.
    pub log_density: f64,
    /// The largest entry of the gradient there, in size.
    pub gradient: f64,
    /// log of the mass around it, by Laplace's approximation, up to what all have in common.
    pub log_mass: f64,
    curvature: Cholesky,
}

/// The modes of a posterior's marginal density, the one with the largest mass first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Landscape {
    /// All that were found; none where every search ran away.
    pub peaks: Vec<Peak>,
}

/// Which modes draws are in.
#[derive(Debug, Clone, PartialEq)]
pub struct Visits {
    /// The modes, those too that only the draws have led to.
    pub landscape: Landscape,
    /// Of each, the share of the draws that lie on its slopes.
    pub shares: Vec<f64>,
}

impl Landscape {
    /// Searches for the modes of `model`, whatever its parameterization; no search is made where effects cannot be integrated
    /// out.
    pub fn of(model: &Model) -> Landscape {
        let mut landscape = Landscape::default();
        let Ok(mut profile) = Profile::new(model) else { return landscape };
        for start in starts(model) {
            landscape.ascend(model, &mut profile, start);
        }
        landscape.peaks.sort_by(|a, b| b.log_mass.total_cmp(&a.log_mass));
        landscape
    }

    /// The mode that a search from these scales, log sigma and log eps, comes to; `None` where it comes to none.
    fn ascend(&mut self, model: &Model, profile: &mut Profile, scales: Vec<f64>) -> Option<usize> {
        let top = maximize(|scales, gradient| profile.at(scales, gradient), scales, AIM);
        if !top.log_density.is_finite() || top.theta.iter().any(|scale| *scale < RUNAWAY) {
            return None;
        }
        let slopes = model.layout().coefficients;
        let apart = |peak: &Peak| {
            let both = peak.theta[slopes..].iter().zip(&top.theta);
            both.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        if let Some(known) = self.peaks.iter().position(|peak| apart(peak) < SAME) {
            return Some(known);
        }
        self.peaks.push(Peak::at(model, profile, &top.theta)?);
        Some(self.peaks.len() - 1)
    }

    /// Whether there is more than one mode.
    pub fn is_split(&self) -> bool {
        self.peaks.len() > 1
    }

    /// The share of the mass around mode `i`.
    pub fn share(&self, i: usize) -> f64 {
        let relative = |peak: &Peak| (peak.log_mass - self.peaks[0].log_mass).exp();
        relative(&self.peaks[i]) / self.peaks.iter().map(relative).sum::<f64>()
    }

    /// Whether the mass around mode `i` is below 1 % of the largest.
    pub fn is_negligible(&self, i: usize) -> bool {
        let largest = self.peaks.iter().map(|peak| peak.log_mass).fold(f64::NEG_INFINITY, f64::max);
        self.peaks[i].log_mass - largest < NEGLIGIBLE.ln()
    }

    /// Where a chain of `model` starts: modes that are not negligible have starting points in proportion to their mass, each drawn
    /// from the normal distribution around its mode; effects from their conditional distribution.
    pub fn start(&self, model: &Model, effects: &mut ConditionalEffects, key: &StreamKey, theta: &mut [f64]) {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let worth: Vec<usize> = (0..self.peaks.len()).filter(|i| !self.is_negligible(*i)).collect();
        let total: f64 = worth.iter().map(|i| self.share(*i)).sum();
        // Evenly spread over chains, whichever of them are in this run.
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

    /// Which modes draws lie at, given as their hyperparameters in the user's units: each is followed uphill.
    pub fn visited(&self, model: &Model, draws: impl Iterator<Item = Vec<f64>>) -> Visits {
        let layout = model.layout();
        let mut landscape = self.clone();
        let Ok(mut profile) = Profile::new(model) else { return Visits { landscape, shares: Vec::new() } };
        let mut counts = vec![0.0; self.peaks.len()];
        let mut all = 0.0;
        for named in draws {
            let scale = |i: usize| layout.units(i).invert(named[i]).ln().max(RUNAWAY / 2.0);
            let scales: Vec<f64> = layout.positive().map(scale).collect();
            all += 1.0;
            if scales.iter().any(|scale| scale.is_nan()) {
                continue;
            }
            if let Some(peak) = landscape.ascend(model, &mut profile, scales) {
                counts.resize(landscape.peaks.len(), 0.0);
                counts[peak] += 1.0;
            }
        }
        Visits { landscape, shares: counts.into_iter().map(|count: f64| count / f64::max(all, 1.0)).collect() }
    }
}

impl Peak {
    /// At the highest point over mu given `scales`, if that is a mode.
    fn at(model: &Model, profile: &mut Profile, scales: &[f64]) -> Option<Peak> {
        let mut unused = vec![0.0; scales.len()];
        profile.at(scales, &mut unused);
        let mut theta = profile.theta().to_vec();
        let curvature = profile.curvature(&theta)?;
        // Newton's last steps, which are as exact as the gradient.
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

/// Writes the hyperparameters at `theta`, in the user's units, into the beginning of `named`.
fn hyperparameters_of(model: &Model, theta: &[f64], named: &mut [f64]) {
    let width = model.layout().hyperparameters();
    model.constrain(theta, &mut named[..width]);
}

/// log sigma and log eps where searches begin.
fn starts(model: &Model) -> Vec<Vec<f64>> {
    let (k, data) = (model.layout().coefficients, model.dataset());
    let groups = QrGroups::new(model);
    let noise = 0.5 * groups.noise().ln();
    let mut sigmas: Vec<Vec<f64>> = vec![groups.spreads().iter().map(|spread| spread.ln().clamp(-4.0, 20.0)).collect()];
    sigmas.push(vec![STARTS[1]; k]);
    if k <= MOST_COMBINED {
        let combined = STARTS.iter().flat_map(|first| match k {
            1 => vec![vec![*first]],
            _ => STARTS.iter().map(|second| vec![*first, *second]).collect(),
        });
        sigmas.extend(combined);
    } else if k <= MANY {
        sigmas.extend(STARTS.iter().map(|start| vec![*start; k]));
        for one in 0..k {
            let alone = |sigma: f64, others: f64| (0..k).map(|c| if c == one { sigma } else { others }).collect();
            sigmas.extend([alone(STARTS[3], STARTS[1]), alone(STARTS[1], STARTS[3])]);
        }
    }
    // Where zero is far, intercepts may spread as the slopes do there.
    for far in data.far_predictors().into_iter().filter(|_| k <= MANY) {
        let Some(place) = data.predictor_names().iter().position(|name| *name == far.name) else { continue };
        let away = (far.mean / model.scaling().predictors[place]).abs();
        sigmas.extend(STARTS.iter().map(|start| {
            let mut sigma = vec![STARTS[1]; k];
            (sigma[0], sigma[place + 1]) = (start + away.ln(), *start);
            sigma
        }));
    }
    let with_eps = |eps: f64| sigmas.iter().map(move |sigma| sigma.iter().copied().chain([eps]).collect::<Vec<f64>>());
    let mut all: Vec<Vec<f64>> = with_eps(noise).collect();
    if k <= MOST_COMBINED {
        all.extend(with_eps(0.0));
    }
    all
}
