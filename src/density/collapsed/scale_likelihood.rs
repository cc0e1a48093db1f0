//! The likelihood of the scales alone, effects and their means mu integrated out, at eight points at a time.
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
//! The last term is a difference, but of small numbers, because w is about a reference value of mu near its mean.

mod about;
mod closed;

use std::f64::consts::TAU;

use super::covariance::{Covariance, column, column_dot};
use crate::density::dispatch::{ForCoefficients, dispatch};
use crate::density::qr::QrTable;
use crate::lanes::Lanes;
use crate::math::{exp, ln};
use crate::model::Model;
use closed::{Closed, GroupSums, ONE, closed_sums};

/// Most coefficients: the intercept and four slopes.
pub const MAX_MEANS: usize = 5;

/// log p(y | scales) of a model with `A` scales, `sigma[0..K]` and eps, in the sampler's units. Arrays of `A` numbers
/// for K coefficients have one that is not used.
#[derive(Debug, Clone)]
pub struct ScaleLikelihood<const A: usize> {
    table: QrTable,
    /// The numbers of the closed form, for at most two coefficients, of groups with the same R together.
    closed: Vec<Closed>,
    /// The sum of log a over groups.
    log_squares: f64,
    observations: f64,
    constant: f64,
    /// The value of mu about which w is.
    reference: [f64; A],
    /// Mean of mu about the reference value, and precision.
    prior_mean: [f64; A],
    prior_precision: [f64; A],
}

/// mu given the scales, at eight points: normal, with mean P^-1 h, P = L L'.
#[derive(Debug, Clone, Copy)]
pub struct MeansGivenScales<const A: usize> {
    mean: [Lanes; A],
    root: [[Lanes; A]; A],
}

impl<const A: usize> ScaleLikelihood<A> {
    /// K.
    const K: usize = A - 1;

    /// The likelihood of the scales of `model`, in the units of its scaling, which has `A` scales.
    pub fn new(model: &Model) -> ScaleLikelihood<A> {
        let (mut table, priors) = (QrTable::new(model), model.scaled_priors());
        let padded = |values: &mut dyn Iterator<Item = f64>| {
            let mut padded = [0.0; A];
            padded.iter_mut().zip(values).for_each(|(to, from)| *to = from);
            padded
        };
        let observations = model.dataset().n_observations() as f64;
        let prior_precision = padded(&mut priors.mu_sd.iter().map(|sd| 1.0 / (sd * sd)));
        let prior_mean = padded(&mut priors.mu_mean.iter().copied());
        let log_precision: f64 = prior_precision[..Self::K].iter().map(|precision| precision.ln()).sum();
        let mut likelihood = ScaleLikelihood {
            closed: Vec::new(),
            log_squares: 0.0,
            observations,
            constant: 0.5 * (log_precision - observations * TAU.ln()),
            reference: [0.0; A],
            prior_mean,
            prior_precision,
            table: table.clone(),
        };
        likelihood.tabulate();
        let (_, means) = likelihood.at(&[Lanes::ZERO; A], 1);
        let reference = means.mean.map(|mean| mean.0[0]);
        table.subtract(&reference[..Self::K]);
        likelihood.reference = reference;
        likelihood.prior_mean = std::array::from_fn(|i| prior_mean[i] - reference[i]);
        likelihood.table = table;
        likelihood.tabulate();
        likelihood
    }

    /// Fills the table of the closed form.
    fn tabulate(&mut self) {
        if Self::K <= 2 {
            self.closed = Closed::alike(&self.table);
            // ln |V| = ln D + ln a.
            self.log_squares =
                self.closed.iter().map(|groups| -f64::from(groups.count) * ln(groups.determinant[0])).sum();
        }
    }

    /// log p(y | scales) at eight points' log scales, `sigma[0..K]` and eps, and mu given y and these; NaN where either
    /// overflows. Only the first `points` lanes are needed.
    #[inline(always)]
    pub fn at(&self, log_scales: &[Lanes; A], points: usize) -> (Lanes, MeansGivenScales<A>) {
        let log_eps = log_scales[Self::K];
        let precision = (log_eps * -2.0).map(exp);
        let mut ratio = [Lanes::ZERO; A];
        for k in 0..Self::K {
            ratio[k] = ((log_scales[k] - log_eps) * 2.0).map(exp);
        }
        let sums = if Self::K <= 2 { closed_sums(&self.closed, &ratio) } else { self.sums(&ratio, points) };

        let (mut root, mut mean) = (sums.information, [Lanes::ZERO; A]);
        let mut squares = precision * (sums.quadratic + self.table.rest);
        // P = L L'; then |L^-1 h|^2, and P^-1 h.
        let mut determinant = ONE;
        for i in 0..Self::K {
            for j in 0..=i {
                let mut left = root[i][j] * precision;
                if i == j {
                    left = left + self.prior_precision[i];
                }
                for (a, b) in root[i].iter().zip(&root[j]).take(j) {
                    left -= *a * *b;
                }
                root[i][j] = if i == j { left.map(f64::sqrt) } else { left / root[j][j] };
            }
            determinant = determinant * root[i][i];
            let mut left = precision * sums.linear[i] + self.prior_precision[i] * self.prior_mean[i];
            for j in 0..i {
                left -= root[i][j] * mean[j];
            }
            mean[i] = left / root[i][i];
            squares = squares - mean[i] * mean[i] + self.prior_precision[i] * self.prior_mean[i] * self.prior_mean[i];
        }
        let mut means = MeansGivenScales { mean, root };
        means.mean = means.back(mean);
        for i in 0..Self::K {
            means.mean[i] = means.mean[i] + self.reference[i];
        }
        let log_likelihood = log_eps * -self.observations + self.constant
            - (sums.log_determinant + self.log_squares + squares) * 0.5
            - determinant.map(ln);
        (log_likelihood, means)
    }

    /// The sums over groups of any number of coefficients, eight groups at a time, at one point after the other.
    fn sums(&self, ratio: &[Lanes; A], points: usize) -> GroupSums<A> {
        let mut sums = GroupSums {
            information: [[Lanes::ZERO; A]; A],
            linear: [Lanes::ZERO; A],
            quadratic: Lanes::ZERO,
            log_determinant: Lanes::ZERO,
        };
        for point in 0..points {
            let ratio = ratio.map(|ratio| ratio.0[point]);
            dispatch(Self::K, SumOver { table: &self.table, ratio: &ratio, point, sums: &mut sums });
        }
        sums
    }
}

impl<const A: usize> MeansGivenScales<A> {
    /// L'^-1 x.
    #[inline(always)]
    fn back(&self, x: [Lanes; A]) -> [Lanes; A] {
        let mut solved = x;
        for i in (0..A - 1).rev() {
            for j in i + 1..A - 1 {
                let known = self.root[j][i] * solved[j];
                solved[i] -= known;
            }
            solved[i] = solved[i] / self.root[i][i];
        }
        solved
    }

    /// mu at K standard normal `deviates`, and the log density there, without its constant - K/2 log 2 pi.
    #[inline(always)]
    pub fn draw(&self, deviates: [Lanes; A]) -> ([Lanes; A], Lanes) {
        let mut mu = self.back(deviates);
        let (mut determinant, mut square) = (ONE, Lanes::ZERO);
        for i in 0..A - 1 {
            mu[i] += self.mean[i];
            determinant = determinant * self.root[i][i];
            square += deviates[i] * deviates[i];
        }
        (mu, determinant.map(ln) - square * 0.5)
    }
}

/// The sums over groups of any number of coefficients, added to one lane of `sums`.
struct SumOver<'a, const A: usize> {
    table: &'a QrTable,
    ratio: &'a [f64; A],
    point: usize,
    sums: &'a mut GroupSums<A>,
}

impl<const A: usize> ForCoefficients for SumOver<'_, A> {
    type Out = ();

    #[inline(always)]
    fn run<const M: usize, const C: usize>(self, k: usize) {
        let SumOver { table, ratio: padded, point, sums } = self;
        let mut ratio = [0.0; M];
        ratio.iter_mut().zip(padded).for_each(|(to, from)| *to = *from);
        let mut h = [[Lanes::ZERO; M]; M];
        let mut g = [Lanes::ZERO; M];
        let (mut q, mut log_determinant) = (Lanes::ZERO, Lanes::ZERO);
        let mut covariance = Covariance::<M>::new();
        for groups in table.bundles() {
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
        sums.quadratic.0[point] = q.sum();
        sums.log_determinant.0[point] = log_determinant.sum();
        for i in 0..k {
            sums.linear[i].0[point] = g[i].sum();
            for (to, h) in sums.information[i].iter_mut().zip(&h[i]).take(i + 1) {
                to.0[point] = h.sum();
            }
        }
    }
}
