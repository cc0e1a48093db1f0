//! The likelihood of the scales alone: effects and their means mu integrated out, eight groups at a time.
//!
//! With V, s_k and e = eps of [`Covariance`], and w about a reference value of mu, the groups add up to
//!
//! ```text
//! H = sum_j R' V^-1 R,   g = sum_j R' V^-1 w,   q = sum_j w' V^-1 w,   log |V| = sum_j sum_i log d_i
//! ```
//!
//! and with mu ~ Normal(m, 1 / p), independent, the posterior of mu given the scales is normal with precision
//! P = H / e^2 + diag(p) and mean P^-1 h, h = g / e^2 + p m, so that
//!
//! ```text
//! log p(y | scales) = - N/2 log 2 pi - N log e - log |V| / 2 + (log |diag(p)| - log |P|) / 2
//!                     - (q / e^2 + rest / e^2 + m' diag(p) m - h' P^-1 h) / 2
//! ```
//!
//! The last term is a difference, but of small numbers, because w is about a reference value of mu near its mean. With
//! two coefficients and D = |V| = (1 + s_0 R_00^2) (1 + s_1 R_11^2) + s_1 R_01^2, all sums are polynomials in s over D:
//!
//! ```text
//! H_00 = R_00^2 (1 + s_1 R_11^2) / D,   H_01 = R_00 R_01 / D,   H_11 = (R_01^2 + R_11^2 (1 + s_0 R_00^2)) / D
//! g_0  = R_00 (w_0 + s_1 R_11 c) / D,   g_1  = (R_01 w_0 + R_11 w_1 + s_0 R_00^2 R_11 w_1) / D
//! q    = (w_0^2 + w_1^2 (1 + s_0 R_00^2) + s_1 c^2) / D,   c = R_11 w_0 - R_01 w_1
//! ```

use std::f64::consts::TAU;

use super::covariance::{Covariance, column, column_dot};
use crate::density::dispatch::{ForCoefficients, dispatch};
use crate::density::qr::{GroupBundle, QrTable};
use crate::lanes::{LANES, Lanes};
use crate::math::{exp, ln};
use crate::model::Model;

/// Most coefficients: the intercept and four slopes.
pub const MAX_MEANS: usize = 5;

/// The size at which a running product is replaced by its logarithm, before it overflows.
const LARGE: f64 = 1e280;

/// A lower triangle of K rows.
type Triangle = [[f64; MAX_MEANS]; MAX_MEANS];

/// log p(y | scales) of a model, in the sampler's units.
#[derive(Debug, Clone)]
pub struct ScaleLikelihood {
    table: QrTable,
    /// The numbers of the closed form, for at most two coefficients.
    closed: Vec<Closed>,
    /// The largest d of a group is at most this times 1 + s_0, times 1 + s_1, and so on.
    largest: f64,
    observations: f64,
    constant: f64,
    /// The value of mu about which w is.
    reference: [f64; MAX_MEANS],
    /// Mean of mu about the reference value, and precision.
    prior_mean: [f64; MAX_MEANS],
    prior_precision: [f64; MAX_MEANS],
}

/// Products of the numbers of eight groups, for the closed form of two coefficients; zeros for a slope that is not
/// there.
#[derive(Debug, Clone, Copy)]
struct Closed {
    /// R_00^2, R_01^2, R_11^2, R_00 R_01.
    squares: [Lanes; 3],
    cross: Lanes,
    /// R_00 w_0, R_00 R_11 c, R_01 w_0 + R_11 w_1, R_00^2 R_11 w_1.
    linear: [Lanes; 4],
    /// w_0^2 + w_1^2, R_00^2 w_1^2, c^2.
    quadratic: [Lanes; 3],
}

/// mu given the scales: normal, with mean P^-1 h, P = L L'.
#[derive(Debug, Clone, Copy)]
pub struct MeansGivenScales {
    mean: [f64; MAX_MEANS],
    root: Triangle,
}

/// The sums over groups, in units of eps.
#[derive(Debug, Clone, Copy, Default)]
struct GroupSums {
    information: Triangle,
    linear: [f64; MAX_MEANS],
    quadratic: f64,
    log_determinant: f64,
}

impl ScaleLikelihood {
    /// The likelihood of the scales of `model`, in the units of its scaling; at most [`MAX_MEANS`] coefficients.
    pub fn new(model: &Model) -> ScaleLikelihood {
        let (mut table, priors) = (QrTable::new(model), model.scaled_priors());
        let k = table.coefficients;
        let padded = |values: &mut dyn Iterator<Item = f64>| {
            let mut padded = [0.0; MAX_MEANS];
            padded.iter_mut().zip(values).for_each(|(to, from)| *to = from);
            padded
        };
        let observations = model.dataset().n_observations() as f64;
        let prior_precision = padded(&mut priors.mu_sd.iter().map(|sd| 1.0 / (sd * sd)));
        let prior_mean = padded(&mut priors.mu_mean.iter().copied());
        let log_precision: f64 = prior_precision[..k].iter().map(|precision| precision.ln()).sum();
        let mut likelihood = ScaleLikelihood {
            closed: Vec::new(),
            largest: 1.0,
            observations,
            constant: 0.5 * (log_precision - observations * TAU.ln()),
            reference: [0.0; MAX_MEANS],
            prior_mean,
            prior_precision,
            table: table.clone(),
        };
        let (_, means) = likelihood.at(&vec![0.0; k + 1]);
        table.subtract(&means.mean[..k]);
        likelihood.reference = means.mean;
        likelihood.prior_mean = std::array::from_fn(|i| prior_mean[i] - means.mean[i]);
        likelihood.largest = table.bundles().flat_map(|groups| largest(k, groups).0).fold(1.0, f64::max);
        if k <= 2 {
            likelihood.closed = table.bundles().map(|groups| Closed::new(k, groups)).collect();
        }
        likelihood.table = table;
        likelihood
    }

    /// K.
    pub fn coefficients(&self) -> usize {
        self.table.coefficients
    }

    /// log p(y | scales) at log scales, `sigma[0..K]` and eps, and mu given y and these; NaN where either overflows.
    #[inline]
    pub fn at(&self, log_scales: &[f64]) -> (f64, MeansGivenScales) {
        let k = self.coefficients();
        let log_eps = log_scales[k];
        let precision = exp(-2.0 * log_eps);
        let mut ratio = [0.0; MAX_MEANS];
        ratio.iter_mut().zip(&log_scales[..k]).for_each(|(ratio, t)| *ratio = exp(2.0 * (t - log_eps)));
        let sums = if self.closed.is_empty() {
            dispatch(k, SumOver { likelihood: self, ratio: &ratio })
        } else {
            closed_sums(&self.closed, [ratio[0], ratio[1]], self.largest)
        };

        let mut posterior = sums.information;
        let (mut shift, mut squares) = ([0.0; MAX_MEANS], precision * (sums.quadratic + self.table.rest));
        for i in 0..k {
            posterior[i][..=i].iter_mut().for_each(|entry| *entry *= precision);
            posterior[i][i] += self.prior_precision[i];
            shift[i] = precision * sums.linear[i] + self.prior_precision[i] * self.prior_mean[i];
            squares += self.prior_precision[i] * self.prior_mean[i] * self.prior_mean[i];
        }
        // P = L L'; then |L^-1 h|^2, and P^-1 h.
        let mut determinant = 1.0;
        for i in 0..k {
            for j in 0..=i {
                let known: f64 = (0..j).map(|c| posterior[i][c] * posterior[j][c]).sum();
                let left = posterior[i][j] - known;
                posterior[i][j] = if i == j { left.sqrt() } else { left / posterior[j][j] };
            }
            determinant *= posterior[i][i];
            let known: f64 = (0..i).map(|j| posterior[i][j] * shift[j]).sum();
            shift[i] = (shift[i] - known) / posterior[i][i];
            squares -= shift[i] * shift[i];
        }
        let means = MeansGivenScales { mean: shift, root: posterior }.solved(k, &self.reference);
        let log_likelihood =
            self.constant - self.observations * log_eps - 0.5 * (sums.log_determinant + squares) - ln(determinant);
        (log_likelihood, means)
    }
}

impl MeansGivenScales {
    /// Solves for the mean, from L^-1 h in its place.
    #[inline]
    fn solved(mut self, k: usize, reference: &[f64; MAX_MEANS]) -> MeansGivenScales {
        self.back(k);
        self.mean.iter_mut().zip(reference).for_each(|(mean, reference)| *mean += reference);
        self
    }

    /// Replaces the mean, x, by L'^-1 x.
    #[inline]
    fn back(&mut self, k: usize) {
        for i in (0..k).rev() {
            let known: f64 = (i + 1..k).map(|j| self.root[j][i] * self.mean[j]).sum();
            self.mean[i] = (self.mean[i] - known) / self.root[i][i];
        }
    }

    /// Writes the mean plus `deviates`, standard normal, in units of the posterior's root to `mu`; returns the log
    /// density there, without its constant - K/2 log 2 pi.
    #[inline]
    pub fn draw(&self, deviates: &[f64], mu: &mut [f64]) -> f64 {
        let k = mu.len();
        let mut step = MeansGivenScales { mean: [0.0; MAX_MEANS], root: self.root };
        step.mean[..k].copy_from_slice(&deviates[..k]);
        step.back(k);
        mu.iter_mut().zip(self.mean.iter().zip(&step.mean)).for_each(|(mu, (mean, step))| *mu = mean + step);
        let determinant: f64 = (0..k).map(|i| self.root[i][i]).product();
        ln(determinant) - 0.5 * deviates[..k].iter().map(|deviate| deviate * deviate).sum::<f64>()
    }
}

/// The product of 1 + R_k' R_k over all columns: an upper bound of |V| where no s is above 1.
fn largest(k: usize, groups: GroupBundle) -> Lanes {
    let mut product = Lanes([1.0; LANES]);
    for c in 0..k {
        let square = groups.column(c).iter().fold(Lanes::ZERO, |sum, r| sum + *r * *r);
        product = product * (square + 1.0);
    }
    product
}

impl Closed {
    fn new(k: usize, groups: GroupBundle) -> Closed {
        let r00 = groups.column(0)[0];
        let [r01, r11, w1] =
            if k > 1 { [groups.column(1)[0], groups.column(1)[1], groups.outcome(k)[1]] } else { [Lanes::ZERO; 3] };
        let w0 = groups.outcome(k)[0];
        let c = r11 * w0 - r01 * w1;
        let a = r00 * r00;
        Closed {
            squares: [a, r01 * r01, r11 * r11],
            cross: r00 * r01,
            linear: [r00 * w0, r00 * r11 * c, r01 * w0 + r11 * w1, a * r11 * w1],
            quadratic: [w0 * w0 + w1 * w1, a * w1 * w1, c * c],
        }
    }
}

/// The sums over groups of at most two coefficients.
#[multiversion::multiversion(targets = "simd")]
fn closed_sums(bundles: &[Closed], [s0, s1]: [f64; 2], largest: f64) -> GroupSums {
    let mut h = [Lanes::ZERO; 3];
    let mut g = [Lanes::ZERO; 2];
    let mut q = Lanes::ZERO;
    let (mut product, mut log_determinant) = (Lanes([1.0; LANES]), 0.0);
    // The product of so many determinants does not overflow.
    let bound = largest * (1.0 + s0) * (1.0 + s1);
    let together = if bound < LARGE { (ln(LARGE) / ln(bound)).clamp(1.0, 1e6) as usize } else { 1 };
    for bundles in bundles.chunks(together) {
        for Closed { squares: [a, b, c], cross, linear, quadratic } in bundles {
            let (first, second) = (*a * s0 + 1.0, *c * s1 + 1.0);
            let determinant = first * second + *b * s1;
            product = product * determinant;
            let inverse = determinant.map(|d| 1.0 / d);
            h[0] += *a * second * inverse;
            h[1] += *cross * inverse;
            h[2] += (*b + *c * first) * inverse;
            g[0] += (linear[0] + linear[1] * s1) * inverse;
            g[1] += (linear[2] + linear[3] * s0) * inverse;
            q += (quadratic[0] + quadratic[1] * s0 + quadratic[2] * s1) * inverse;
        }
        log_determinant += product.map(ln).sum();
        product = Lanes([1.0; LANES]);
    }
    let mut sums = GroupSums { quadratic: q.sum(), log_determinant, ..GroupSums::default() };
    sums.information[0][0] = h[0].sum();
    sums.information[1][0] = h[1].sum();
    sums.information[1][1] = h[2].sum();
    sums.linear[..2].copy_from_slice(&[g[0].sum(), g[1].sum()]);
    sums
}

/// The sums over groups of any number of coefficients.
struct SumOver<'a> {
    likelihood: &'a ScaleLikelihood,
    ratio: &'a [f64; MAX_MEANS],
}

impl ForCoefficients for SumOver<'_> {
    type Out = GroupSums;

    #[inline(always)]
    fn run<const M: usize, const C: usize>(self, k: usize) -> GroupSums {
        let SumOver { likelihood, ratio: padded } = self;
        let mut ratio = [0.0; M];
        ratio.iter_mut().zip(padded).for_each(|(to, from)| *to = *from);
        let mut h = [[Lanes::ZERO; M]; M];
        let mut g = [Lanes::ZERO; M];
        let (mut q, mut log_determinant) = (Lanes::ZERO, Lanes::ZERO);
        let mut covariance = Covariance::<M>::new();
        for groups in likelihood.table.bundles() {
            covariance.factorize(k, groups, &ratio);
            for d in &covariance.diagonal[..k] {
                log_determinant += d.map(ln);
            }
            let mut outcome = [Lanes::ZERO; M];
            outcome[..k].copy_from_slice(groups.outcome(k));
            q += covariance.whiten(k, &mut outcome);
            let outcome = covariance.solve(k, outcome);
            for i in 0..k {
                g[i] += column_dot(groups, i, &outcome);
                let mut solved = column::<M>(groups, i);
                covariance.whiten(k, &mut solved);
                let solved = covariance.solve(k, solved);
                for (j, h) in h[i].iter_mut().enumerate().take(i + 1) {
                    *h += column_dot(groups, j, &solved);
                }
            }
        }
        let mut sums = GroupSums { quadratic: q.sum(), log_determinant: log_determinant.sum(), ..GroupSums::default() };
        for i in 0..k.min(MAX_MEANS) {
            sums.linear[i] = g[i].sum();
            sums.information[i].iter_mut().zip(&h[i][..=i]).for_each(|(to, from)| *to = from.sum());
        }
        sums
    }
}
