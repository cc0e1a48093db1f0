//! The precision of means and centered effects given the scales, as a metric: exact for Gaussian outcomes, so that the
//! locations are standard normal in it whatever the scales are.
//!
//! With D for diag(sigma_k^2), A_j for R_j' R_j of a group's QR factor, T for the means' prior variances, mu for the
//! means and beta_j for a group's coefficients, the second derivatives of -log p are an arrow:
//!
//! ```text
//! G_j,j = D^-1 + A_j / eps^2,    G_j,mu = -D^-1,    G_mu,mu = T^-1 + J D^-1
//! ```
//!
//! Its factor has those of the groups, G_j,j = L_j L_j', and that of what they leave of the means' block,
//! S = T^-1 + sum_j D^-1 G_j,j^-1 A_j / eps^2, a sum without a difference. With u_j for G_j,j^-1 p_j,
//!
//! ```text
//! p_j = L_j w_j,                     p_mu = L_S w_mu - D^-1 sum_j u_j
//! v_mu = L_S'^-1 w_mu,               v_j = u_j + G_j,j^-1 D^-1 v_mu
//! ```
//!
//! Derivatives of v' G v are -2 sum_j (v_jk - v_mu,k)^2 / sigma_k^2 by log sigma_k and -2 sum_j v_j' A_j v_j / eps^2 by
//! log eps; those of log det G are their means for v ~ Normal(0, G^-1).

use std::ops::Range;

use super::dispatch::{ForCoefficients, dispatch};
use super::lane_matrix::{cholesky, lower, upper};
use super::metric::Metric;
use super::qr::QrTable;
use crate::lanes::{LANES, Lanes};
use crate::math::{exp, ln};
use crate::model::{Coordinates, Model, Refusal, Role};

/// Three times K numbers of eight groups.
type Triple = [Vec<Lanes>; 3];

/// The metric of a model's means and effects.
#[derive(Debug, Clone)]
pub struct LocationMetric {
    /// K and J.
    coefficients: usize,
    groups: usize,
    /// Indices in theta of the first mean and of the first effect; the range of log sigmas and log eps.
    means: usize,
    effects: usize,
    scales: Range<usize>,
    /// 1 for the lanes of groups, 0 for padding, eight groups at a time.
    is_group: Vec<Lanes>,
    /// A_j, `[bundle][row][column]`.
    information: Vec<Lanes>,
    /// T^-1, for each mean.
    prior_precision: Vec<f64>,
    /// The diagonal of D^-1, and 1 / eps^2, at the scales.
    precision: Vec<f64>,
    noise_precision: f64,
    /// L_j, its inverse and G_j,j^-1, `[bundle][row][column]`; what is above a diagonal is 0.
    factor: Vec<Lanes>,
    factor_inverse: Vec<Lanes>,
    inverse: Vec<Lanes>,
    /// L_S and its inverse, `[row][column]`, the same in all lanes.
    means_factor: Vec<Lanes>,
    means_inverse: Vec<Lanes>,
    log_determinant: f64,
    /// Scratch, and K x K numbers more.
    vectors: Triple,
    matrix: Vec<Lanes>,
}

/// Whether `model` has such a metric.
///
/// # Errors
/// If it is a formula's, if its outcomes are not Gaussian, or if one of its coefficients is not centered.
pub fn admits(model: &Model) -> Result<(), Refusal> {
    const WHAT: &str = "--sampler riemannian";
    const REMEDY: &str = "use --sampler walnuts or nuts";
    let term = Refusal::unless_shorthand(model, WHAT, REMEDY)?;
    Refusal::unless_gaussian(model, WHAT, REMEDY)?;
    let is_joint = matches!(model.coordinates(), Coordinates::Joint { .. });
    let is_centered = is_joint && (0..=term.columns.len()).all(|k| model.coordinates().is_centered(k));
    if is_centered { Ok(()) } else { Err(Refusal::Centered { parameterization: model.parameterization() }) }
}

impl LocationMetric {
    /// The metric of `model`, which is [admitted](admits), not factorized yet.
    pub fn new(model: &Model) -> LocationMetric {
        debug_assert_eq!(admits(model), Ok(()));
        let (layout, table) = (model.layout(), QrTable::new(model));
        let (k, groups) = (layout.coefficients, layout.groups);
        let mut information = Vec::new();
        for group in table.bundles() {
            for row in 0..k {
                for column in 0..k {
                    let (left, right) = (group.column(row), group.column(column));
                    let products = left.iter().zip(right).map(|(left, right)| *left * *right);
                    information.push(products.fold(Lanes::ZERO, |sum, product| sum + product));
                }
            }
        }
        let ones = vec![1.0; groups];
        let bundles = groups.div_ceil(LANES);
        LocationMetric {
            coefficients: k,
            groups,
            means: layout.mu(0),
            effects: layout.block(Role::Effects).theta.start,
            scales: layout.positive(),
            is_group: ones.chunks(LANES).map(|chunk| Lanes::load(chunk, 0.0)).collect(),
            information,
            prior_precision: model.scaled_priors().mu_sd.iter().map(|sd| (1.0 / sd).powi(2)).collect(),
            precision: vec![1.0; k],
            noise_precision: 1.0,
            factor: vec![Lanes::ZERO; bundles * k * k],
            factor_inverse: vec![Lanes::ZERO; bundles * k * k],
            inverse: vec![Lanes::ZERO; bundles * k * k],
            means_factor: vec![Lanes::ZERO; k * k],
            means_inverse: vec![Lanes::ZERO; k * k],
            log_determinant: 0.0,
            vectors: std::array::from_fn(|_| vec![Lanes::ZERO; k]),
            matrix: vec![Lanes::ZERO; k * k],
        }
    }

    fn run(&mut self, work: Work) {
        dispatch(self.coefficients, WorkOn { metric: self, work });
    }

    /// The effects of coefficient `k` in a bundle of groups, in theta.
    #[inline(always)]
    fn bundle(&self, k: usize, bundle: usize) -> Range<usize> {
        let first = self.effects + k * self.groups;
        first + bundle * LANES..first + self.groups.min((bundle + 1) * LANES)
    }

    /// K numbers of a bundle of groups, by coefficients.
    #[inline(always)]
    fn load(&self, bundle: usize, from: &[f64], to: &mut [Lanes]) {
        for (k, to) in to.iter_mut().enumerate() {
            *to = Lanes::load(&from[self.bundle(k, bundle)], 0.0);
        }
    }

    #[inline(always)]
    fn store(&self, bundle: usize, from: &[Lanes], to: &mut [f64]) {
        for (k, from) in from.iter().enumerate() {
            from.store(&mut to[self.bundle(k, bundle)]);
        }
    }

    /// The K numbers of means, the same in all lanes.
    #[inline(always)]
    fn load_means(&self, from: &[f64], to: &mut [Lanes]) {
        for (to, from) in to.iter_mut().zip(&from[self.means..]) {
            *to = Lanes([*from; LANES]);
        }
    }

    /// The numbers of a bundle in an array of K x K.
    #[inline(always)]
    fn square(&self, bundle: usize) -> Range<usize> {
        let size = self.coefficients * self.coefficients;
        bundle * size..(bundle + 1) * size
    }
}

impl Metric for LocationMetric {
    fn scales(&self) -> Range<usize> {
        self.scales.clone()
    }

    fn log_determinant(&self) -> f64 {
        self.log_determinant
    }

    fn factorize(&mut self, theta: &[f64]) {
        self.run(Work::Factorize(theta));
    }

    fn momentum(&mut self, whitened: &[f64], momentum: &mut [f64]) {
        self.run(Work::Momentum(whitened, momentum));
    }

    fn whiten(&mut self, momentum: &[f64], whitened: &mut [f64]) {
        self.run(Work::Whiten(momentum, whitened));
    }

    fn velocity(&mut self, whitened: &[f64], velocity: &mut [f64]) {
        self.run(Work::Velocity(whitened, velocity));
    }

    fn kinetic_force(&mut self, velocity: &[f64], force: &mut [f64]) {
        self.run(Work::KineticForce(velocity, force));
    }

    fn determinant_force(&mut self, force: &mut [f64]) {
        self.run(Work::DeterminantForce(force));
    }
}

/// What is computed of a metric; slices as in [`Metric`].
enum Work<'a> {
    Factorize(&'a [f64]),
    Momentum(&'a [f64], &'a mut [f64]),
    Whiten(&'a [f64], &'a mut [f64]),
    Velocity(&'a [f64], &'a mut [f64]),
    KineticForce(&'a [f64], &'a mut [f64]),
    DeterminantForce(&'a mut [f64]),
}

/// Work on a metric, to be compiled for its number of coefficients.
struct WorkOn<'a> {
    metric: &'a mut LocationMetric,
    work: Work<'a>,
}

impl ForCoefficients for WorkOn<'_> {
    type Out = ();

    #[inline(always)]
    fn run<const M: usize, const C: usize>(self, k: usize) {
        let metric = self.metric;
        let mut vectors = std::mem::take(&mut metric.vectors);
        let scratch = &mut vectors;
        match self.work {
            Work::Factorize(theta) => factorize(metric, k, theta),
            Work::Momentum(whitened, momentum) => to_momentum(metric, k, scratch, whitened, momentum),
            Work::Whiten(momentum, whitened) => whiten(metric, k, scratch, momentum, whitened),
            Work::Velocity(whitened, velocity) => to_velocity(metric, k, scratch, whitened, velocity),
            Work::KineticForce(velocity, force) => kinetic_force(metric, k, scratch, velocity, force),
            Work::DeterminantForce(force) => determinant_force(metric, k, scratch, force),
        }
        metric.vectors = vectors;
    }
}

#[inline(always)]
fn factorize(metric: &mut LocationMetric, k: usize, theta: &[f64]) {
    let logs = &theta[metric.scales.clone()];
    for (precision, log_sigma) in metric.precision.iter_mut().zip(logs) {
        *precision = exp(-2.0 * log_sigma);
    }
    metric.noise_precision = exp(-2.0 * logs[k]);
    let (precision, noise) = (&metric.precision, metric.noise_precision);
    let mut determinant = 0.0;
    metric.means_factor.fill(Lanes::ZERO);
    for (row, prior) in metric.prior_precision.iter().enumerate() {
        metric.means_factor[row * k + row] = Lanes([*prior; LANES]);
    }
    let bundles = metric.information.chunks_exact(k * k).zip(&metric.is_group);
    let factors = metric.factor.chunks_exact_mut(k * k).zip(metric.factor_inverse.chunks_exact_mut(k * k));
    let factors = factors.zip(metric.inverse.chunks_exact_mut(k * k));
    for ((information, is_group), ((factor, factor_inverse), inverse)) in bundles.zip(factors) {
        for row in 0..k {
            for column in 0..k {
                factor[row * k + column] = information[row * k + column] * noise;
            }
            factor[row * k + row] += Lanes([precision[row]; LANES]);
        }
        cholesky(k, factor, factor_inverse);
        for row in 0..k {
            determinant += (factor[row * k + row].map(ln) * *is_group).sum();
            for column in 0..k {
                let entry = |c: usize| factor_inverse[c * k + row] * factor_inverse[c * k + column];
                inverse[row * k + column] = (row.max(column)..k).fold(Lanes::ZERO, |sum, c| sum + entry(c));
            }
        }
        for row in 0..k {
            for column in 0..k {
                let entry = |c: usize| inverse[row * k + c] * information[c * k + column];
                let sum = (0..k).fold(Lanes::ZERO, |sum, c| sum + entry(c)).sum();
                metric.means_factor[row * k + column] += Lanes([precision[row] * noise * sum; LANES]);
            }
        }
    }
    cholesky(k, &mut metric.means_factor, &mut metric.means_inverse);
    for row in 0..k {
        determinant += ln(metric.means_factor[row * k + row].0[0]);
    }
    metric.log_determinant = 2.0 * determinant;
}

#[inline(always)]
fn to_momentum(metric: &mut LocationMetric, k: usize, scratch: &mut Triple, whitened: &[f64], momentum: &mut [f64]) {
    let [w, p, sums] = scratch;
    sums.fill(Lanes::ZERO);
    for bundle in 0..metric.is_group.len() {
        let here = metric.square(bundle);
        metric.load(bundle, whitened, w);
        lower(k, &metric.factor[here.clone()], w, p);
        metric.store(bundle, p, momentum);
        upper(k, &metric.factor_inverse[here], w, p);
        sums.iter_mut().zip(&*p).for_each(|(sum, u)| *sum += *u);
    }
    metric.load_means(whitened, w);
    lower(k, &metric.means_factor, w, p);
    for (i, (p, sum)) in p.iter().zip(&*sums).enumerate() {
        momentum[metric.means + i] = p.0[0] - metric.precision[i] * sum.sum();
    }
}

#[inline(always)]
fn whiten(metric: &mut LocationMetric, k: usize, scratch: &mut Triple, momentum: &[f64], whitened: &mut [f64]) {
    let [p, w, sums] = scratch;
    sums.fill(Lanes::ZERO);
    for bundle in 0..metric.is_group.len() {
        let inverse = &metric.factor_inverse[metric.square(bundle)];
        metric.load(bundle, momentum, p);
        lower(k, inverse, p, w);
        metric.store(bundle, w, whitened);
        upper(k, inverse, w, p);
        sums.iter_mut().zip(&*p).for_each(|(sum, u)| *sum += *u);
    }
    metric.load_means(momentum, p);
    for (i, (p, sum)) in p.iter_mut().zip(&*sums).enumerate() {
        *p += Lanes([metric.precision[i] * sum.sum(); LANES]);
    }
    lower(k, &metric.means_inverse, p, w);
    for (i, w) in w.iter().enumerate() {
        whitened[metric.means + i] = w.0[0];
    }
}

#[inline(always)]
fn to_velocity(metric: &mut LocationMetric, k: usize, scratch: &mut Triple, whitened: &[f64], velocity: &mut [f64]) {
    let [w, v, pulled] = scratch;
    metric.load_means(whitened, w);
    upper(k, &metric.means_inverse, w, v);
    for (i, (v, pulled)) in v.iter().zip(&mut *pulled).enumerate() {
        velocity[metric.means + i] = v.0[0];
        *pulled = *v * metric.precision[i];
    }
    for bundle in 0..metric.is_group.len() {
        let here = metric.square(bundle);
        metric.load(bundle, whitened, w);
        upper(k, &metric.factor_inverse[here.clone()], w, v);
        for (v, row) in v.iter_mut().zip(metric.inverse[here].chunks_exact(k)) {
            row.iter().zip(&*pulled).for_each(|(entry, pulled)| *v += *entry * *pulled);
        }
        metric.store(bundle, v, velocity);
    }
}

#[inline(always)]
fn kinetic_force(metric: &mut LocationMetric, k: usize, scratch: &mut Triple, velocity: &[f64], force: &mut [f64]) {
    let [v, sums, means] = scratch;
    metric.load_means(velocity, means);
    sums.fill(Lanes::ZERO);
    let mut noise = Lanes::ZERO;
    for (bundle, is_group) in metric.is_group.iter().enumerate() {
        metric.load(bundle, velocity, v);
        for (row, information) in metric.information[metric.square(bundle)].chunks_exact(k).enumerate() {
            let from_mean = (v[row] - means[row]) * *is_group;
            sums[row] += from_mean * from_mean;
            information.iter().zip(&*v).for_each(|(entry, other)| noise += v[row] * *entry * *other);
        }
    }
    let force = &mut force[metric.scales.clone()];
    for (force, (sum, precision)) in force.iter_mut().zip(sums.iter().zip(&metric.precision)) {
        *force = -precision * sum.sum();
    }
    force[k] = -metric.noise_precision * noise.sum();
}

#[inline(always)]
fn determinant_force(metric: &mut LocationMetric, k: usize, scratch: &mut Triple, force: &mut [f64]) {
    let [sums, ..] = scratch;
    sums.fill(Lanes::ZERO);
    let mut noise = Lanes::ZERO;
    let squares = metric.information.chunks_exact(k * k).zip(metric.inverse.chunks_exact(k * k));
    for ((information, inverse), is_group) in squares.zip(&metric.is_group) {
        // The covariance of the betas is G_jj^-1 + B B', with B = G_jj^-1 D^-1 L_S'^-1.
        for row in 0..k {
            for column in 0..k {
                let entry =
                    |c: usize| inverse[row * k + c] * metric.means_inverse[column * k + c] * metric.precision[c];
                metric.matrix[row * k + column] = (0..=column).fold(Lanes::ZERO, |sum, c| sum + entry(c));
            }
        }
        for row in 0..k {
            let mut variance = inverse[row * k + row];
            for column in 0..k {
                let from_mean = metric.matrix[row * k + column] - metric.means_inverse[column * k + row];
                variance += from_mean * from_mean;
                let product = |c: usize| metric.matrix[row * k + c] * metric.matrix[column * k + c];
                let covariance = (0..k).fold(inverse[row * k + column], |sum, c| sum + product(c));
                noise += information[row * k + column] * covariance;
            }
            sums[row] += variance * *is_group;
        }
    }
    let force = &mut force[metric.scales.clone()];
    for (force, (sum, precision)) in force.iter_mut().zip(sums.iter().zip(&metric.precision)) {
        *force = precision * sum.sum();
    }
    force[k] = metric.noise_precision * noise.sum();
}
