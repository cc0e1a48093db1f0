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
//! The last term is a difference, but of small numbers, because w is about a reference value of mu near its mean. With
//! two coefficients, a = R_00^2, b = R_01^2, c = R_11^2, u = R_11 w_0 - R_01 w_1 and D = |V| / a, all sums are
//! polynomials in s over D:
//!
//! ```text
//! D    = 1 / a + s_0 + (b + c) / a s_1 + c s_0 s_1
//! H_00 = (1 + c s_1) / D,   H_01 = R_01 / R_00 / D,   H_11 = ((b + c) / a + c s_0) / D
//! g_0  = (w_0 + R_11 u s_1) / R_00 / D,   g_1  = ((R_01 w_0 + R_11 w_1) / a + R_11 w_1 s_0) / D
//! q    = ((w_0^2 + w_1^2) / a + w_1^2 s_0 + u^2 / a s_1) / D
//! ```
//!
//! and so sums, over groups, of fixed numbers over D: three for each group, or eleven with a slope.

mod about;

use std::f64::consts::{LN_2, TAU};

use multiversion::multiversion;

use super::covariance::{Covariance, column, column_dot};
use crate::density::dispatch::{ForCoefficients, dispatch};
use crate::density::qr::{GroupBundle, QrTable};
use crate::lanes::{LANES, Lanes};
use crate::math::{exp, ln, split};
use crate::model::Model;

/// Most coefficients: the intercept and four slopes.
pub const MAX_MEANS: usize = 5;

/// The number of groups whose D are multiplied before their product is scaled: with up to 1e70 each it is finite.
const TOGETHER: usize = 4;

/// log p(y | scales) of a model with `A` scales, `sigma[0..K]` and eps, in the sampler's units. Arrays of `A` numbers
/// for K coefficients have one that is not used.
#[derive(Debug, Clone)]
pub struct ScaleLikelihood<const A: usize> {
    table: QrTable,
    /// The numbers of the closed form, for at most two coefficients.
    closed: Vec<Closed>,
    /// The sum of log a.
    log_squares: f64,
    observations: f64,
    constant: f64,
    /// The value of mu about which w is.
    reference: [f64; A],
    /// Mean of mu about the reference value, and precision.
    prior_mean: [f64; A],
    prior_precision: [f64; A],
}

/// The numbers of one group; zeros for a slope that is not there.
#[derive(Debug, Clone, Copy)]
struct Closed {
    /// Of D: 1 / a, (b + c) / a, c.
    determinant: [f64; 3],
    /// Of H_01.
    cross: f64,
    /// Of g_0 and g_1: the constant, and the factor of s.
    linear: [[f64; 2]; 2],
    /// Of q: the constant, and the factors of s_0 and s_1.
    quadratic: [f64; 3],
}

/// mu given the scales, at eight points: normal, with mean P^-1 h, P = L L'.
#[derive(Debug, Clone, Copy)]
pub struct MeansGivenScales<const A: usize> {
    mean: [Lanes; A],
    root: [[Lanes; A]; A],
}

/// The sums over groups, in units of eps, at eight points.
struct GroupSums<const A: usize> {
    /// The lower triangle of H.
    information: [[Lanes; A]; A],
    linear: [Lanes; A],
    quadratic: Lanes,
    log_determinant: Lanes,
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
            self.closed = Closed::of_each(&self.table).collect();
            // ln |V| = ln D + ln a.
            self.log_squares = self.closed.iter().map(|group| -ln(group.determinant[0])).sum();
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
        let sums = if Self::K <= 2 { closed_sums(self, &ratio) } else { self.sums(&ratio, points) };

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
        let log_likelihood =
            log_eps * -self.observations + self.constant - (sums.log_determinant + squares) * 0.5 - determinant.map(ln);
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

/// The sums over groups of at most two coefficients. Not inlined, so that the sums stay vectors in registers.
#[multiversion(targets = "simd")]
#[inline(never)]
fn closed_sums<const A: usize>(likelihood: &ScaleLikelihood<A>, ratio: &[Lanes; A]) -> GroupSums<A> {
    let [s0, s1] = [ratio[0], if A - 1 > 1 { ratio[1] } else { Lanes::ZERO }];
    let both = s0 * s1;
    let [mut one, mut second, mut cross, mut slope] = [Lanes::ZERO; 4];
    let [mut g00, mut g01, mut g10, mut g11] = [Lanes::ZERO; 4];
    let [mut q0, mut q1, mut q2] = [Lanes::ZERO; 3];
    // The product of all D, scaled by a power of two.
    let (mut product, mut exponent) = (ONE, Lanes::ZERO);
    for groups in likelihood.closed.chunks(TOGETHER) {
        for Closed { determinant: [d0, d1, d2], cross: r, linear, quadratic } in groups {
            let mut determinant = s0 + *d0;
            if A - 1 > 1 {
                determinant = determinant + s1 * *d1 + both * *d2;
            }
            product = product * determinant;
            let inverse = determinant.map(|d| 1.0 / d);
            one += inverse;
            g00 += inverse * linear[0][0];
            q0 += inverse * quadratic[0];
            if A - 1 > 1 {
                second += inverse * *d2;
                cross += inverse * *r;
                slope += inverse * *d1;
                g01 += inverse * linear[0][1];
                g10 += inverse * linear[1][0];
                g11 += inverse * linear[1][1];
                q1 += inverse * quadratic[1];
                q2 += inverse * quadratic[2];
            }
        }
        exponent += product.map(|product| split(product).0);
        product = product.map(|product| split(product).1);
    }
    let log_determinant = product.map(ln) + exponent * LN_2 + likelihood.log_squares;
    let (mut information, mut linear) = ([[Lanes::ZERO; A]; A], [Lanes::ZERO; A]);
    information[0][0] = one + second * s1;
    linear[0] = g00 + g01 * s1;
    if A - 1 > 1 {
        information[1][0] = cross;
        information[1][1] = slope + second * s0;
        linear[1] = g10 + g11 * s0;
    }
    GroupSums { information, linear, quadratic: q0 + q1 * s0 + q2 * s1, log_determinant }
}

const ONE: Lanes = Lanes([1.0; LANES]);

impl Closed {
    /// The numbers of each group of a table, for at most two coefficients.
    fn of_each(table: &QrTable) -> impl Iterator<Item = Closed> {
        let places = table.bundles().flat_map(|groups| (0..LANES).map(move |lane| (groups, lane)));
        places.take(table.groups).map(|(groups, lane)| Closed::new(table.coefficients, groups, lane))
    }

    fn new(k: usize, groups: GroupBundle, lane: usize) -> Closed {
        let column = |k: usize, i: usize| groups.column(k)[i].0[lane];
        let w = |i: usize| groups.outcome(k)[i].0[lane];
        let [r01, r11, w1] = if k > 1 { [column(1, 0), column(1, 1), w(1)] } else { [0.0; 3] };
        let (r00, w0) = (column(0, 0), w(0));
        let (a, u) = (r00 * r00, r11 * w0 - r01 * w1);
        Closed {
            determinant: [1.0 / a, (r01 * r01 + r11 * r11) / a, r11 * r11],
            cross: r01 / r00,
            linear: [[w0 / r00, r11 * u / r00], [(r01 * w0 + r11 * w1) / a, r11 * w1]],
            quadratic: [(w0 * w0 + w1 * w1) / a, w1 * w1, u * u / a],
        }
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
