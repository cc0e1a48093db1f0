//! The posterior of the sds, correlations and sigma of a formula's model of one factor, with all else integrated out.
//!
//! In a level the columns that vary are Z = Q R, and the population-level columns and the outcome are reduced to Q'X
//! and Q'y (`density/mixed/groups.rs`). With B = R Lambda / sigma, where Lambda Lambda' is the covariance of a level's
//! coefficients r, and with V = I + B B' and M = I + B'B,
//!
//! ```text
//! Q'y ~ Normal(Q'X b, sigma^2 V)
//! b | y        precision P = sum_j X'Q V^-1 Q'X / sigma^2 + X'(I - QQ')X / sigma^2 + the prior's
//! r | y, b  ~ Normal(Lambda M^-1 B' (Q'y - Q'X b) / sigma,  Lambda M^-1 Lambda')
//! ```
//!
//! so that b and r are normal given the axes, and log p(y | axes) is that of the residuals at the mean of b, with
//! log |V|, log |P| and the determinant of b's prior.

use std::f64::consts::TAU;
use std::sync::Arc;

use super::conditional::NormalMoments;
use super::given::{AxisPoint, AxisVariable, GivenAxes, KnownAtPoint, MAX_AXES, Workspace};
use super::levels::{Reduced, Square, decompose, dot, identity, solve_lower, squares, whiten};
use super::packed::{backward, factorize, forward, packed};
use crate::density::{HyperPriors, reduced_groups};
use crate::family::Family;
use crate::lanes::{LANES, Lanes};
use crate::model::{Layout, MixedMap, Model, Refusal, Role, Shape};

/// The posterior of a `model` that is [admitted](admits) and whose layout has the map `map`.
pub fn posterior(model: &Model, map: &Arc<MixedMap>) -> Arc<dyn GivenAxes> {
    match map.terms.iter().map(|term| term.columns).sum() {
        1 => Arc::new(FormulaPosterior::<1>::new(model, map)),
        2 => Arc::new(FormulaPosterior::<2>::new(model, map)),
        3 => Arc::new(FormulaPosterior::<3>::new(model, map)),
        _ => Arc::new(FormulaPosterior::<MAX_AXES>::new(model, map)),
    }
}

/// log p(t | y) + log p(y), in the sampler's units.
#[derive(Debug)]
struct FormulaPosterior<const Q: usize> {
    map: Arc<MixedMap>,
    priors: HyperPriors,
    axes: Vec<AxisVariable>,
    /// The number of population-level coefficients.
    population: usize,
    groups: Vec<Reduced<f64, Q>>,
    /// The same, eight levels at a time; the last are padded with levels without rows.
    bundles: Vec<Reduced<Lanes, Q>>,
    /// The sum over levels of (X, y)' (I - QQ') (X, y), `[row][column]`, the outcome last.
    rest: Vec<f64>,
    /// Means and precisions of the priors of the population-level coefficients.
    means: Vec<f64>,
    precisions: Vec<f64>,
    /// For each coefficient, the largest sum of squares of its column in a level.
    information: Vec<f64>,
    observations: f64,
    constant: f64,
}

/// Whether a formula's model has an exact posterior.
///
/// # Errors
/// If it has several factors, too many sds and correlations, a prior that is not normal where it would have to be, or a
/// prior with bounds.
pub fn admits(model: &Model) -> Result<(), Refusal> {
    let Some(mixed) = model.mixed() else { return Ok(()) };
    let refuse = |why: String| Err(Refusal::Exact { why });
    if mixed.factors() > 1 {
        return refuse(format!("this one has {} factors", mixed.factors()));
    }
    if mixed.rows.has_errors() {
        return refuse("rows of this one have known errors beside sigma".to_string());
    }
    if mixed.sigma.is_some() {
        return refuse("sigma of this one has a formula".to_string());
    }
    if mixed.family != Family::Gaussian {
        return refuse(format!("outcomes of this one are {}", mixed.family.name()));
    }
    let axes = axes_of(model.layout());
    if axes.len() > MAX_AXES {
        return refuse(format!("this one has {}", axes.len()));
    }
    let (priors, names) = (&mixed.priors, model.names());
    let not_normal = priors.population.iter().position(|prior| prior.shape != Shape::Normal || prior.half);
    if let Some(k) = not_normal {
        return refuse(format!("the prior of {} is {}", names[k], priors.population[k]));
    }
    let scales = priors.scales.iter().flatten().chain(mixed.free_dispersions().map(|d| &priors.dispersions[d]));
    match scales.filter(|prior| prior.bounds().is_some()).collect::<Vec<_>>()[..] {
        [] => Ok(()),
        [prior, ..] => refuse(format!("an sd has the prior {prior}")),
    }
}

/// The variable of each axis.
fn axes_of(layout: &Layout) -> Vec<AxisVariable> {
    let variables = layout.blocks().iter().flat_map(|block| {
        let variable = match block.role {
            Role::Scale => Some(AxisVariable::Spread),
            Role::Correlation => Some(AxisVariable::Correlation),
            Role::Dispersion => Some(AxisVariable::Noise),
            Role::Mean | Role::Population | Role::LogSigma | Role::Effects => None,
        };
        std::iter::repeat_n(variable, block.named.len())
    });
    variables.flatten().collect()
}

impl<const Q: usize> FormulaPosterior<Q> {
    fn new(model: &Model, map: &Arc<MixedMap>) -> FormulaPosterior<Q> {
        let groups = reduced_groups(model, map);
        let population = map.population.centers.len();
        let mut rest = vec![0.0; (population + 1) * (population + 1)];
        let mut information = vec![0.0; Q];
        for group in &groups {
            rest.iter_mut().zip(&group.rest).for_each(|(sum, part)| *sum += part);
            for (c, largest) in information.iter_mut().enumerate() {
                *largest = f64::max(*largest, (0..=c).map(|i| group.r(i, c).powi(2)).sum());
            }
        }
        let groups: Vec<Reduced<f64, Q>> = groups.iter().map(|group| Reduced::of(group, population)).collect();
        let normals = model.mixed().map_or_else(Vec::new, |mixed| mixed.scaled_priors(model.scaling(), None).0);
        let data = model.dataset();
        let weights: f64 = data.weights().map_or(0.0, |weights| weights.iter().map(|weight| weight.ln()).sum());
        FormulaPosterior {
            map: map.clone(),
            priors: HyperPriors::new(model, map),
            axes: axes_of(model.layout()),
            population,
            bundles: groups.chunks(LANES).map(Reduced::side_by_side).collect(),
            groups,
            rest,
            means: normals.iter().map(|prior| prior.location).collect(),
            precisions: normals.iter().map(|prior| prior.scale.powi(-2)).collect(),
            information,
            observations: data.n_observations() as f64,
            constant: 0.5 * (weights - data.n_observations() as f64 * TAU.ln()),
        }
    }

    /// The values of all hyperparameters but the population-level coefficients, which are 0, at `t`; and the log
    /// density of `t` a priori.
    fn values(&self, t: &AxisPoint, values: &mut [f64]) -> f64 {
        let first = self.population;
        values[..first].fill(0.0);
        let mut log_prior = 0.0;
        for (i, t) in t.iter().enumerate().take(self.axes.len()) {
            values[first + i] = self.map.scalars[first + i].at(*t).value;
            log_prior += self.priors.of_entry(first + i, *t);
        }
        log_prior
    }

    /// Lambda of all terms, block by block.
    fn factor(&self, values: &[f64]) -> Square<Q> {
        let (mut factor, mut from) = ([[0.0; Q]; Q], 0);
        for term in &self.map.terms {
            let q = term.columns;
            let mut of_term = [0.0; MAX_AXES * MAX_AXES];
            term.factor(values, &mut of_term[..q * q]);
            for i in 0..q {
                factor[from + i][from..=from + i].copy_from_slice(&of_term[i * q..=i * q + i]);
            }
            from += q;
        }
        factor
    }

    /// What is known at a point: sigma, Lambda, the mean of b, and the Cholesky factor of its precision, row by row.
    fn given<'a>(&self, known: &'a [f64]) -> (f64, &'a Square<Q>, &'a [f64], &'a [f64]) {
        let (first, rest) = known.split_at(1 + Q * Q);
        let (factor, _) = first[1..].as_chunks::<Q>();
        let (mean, precision) = rest.split_at(self.population);
        match factor.first_chunk::<Q>() {
            Some(factor) => (first[0], factor, mean, precision),
            None => (f64::NAN, &[[f64::NAN; Q]; Q], mean, precision),
        }
    }
}

impl<const Q: usize> GivenAxes for FormulaPosterior<Q> {
    fn axes(&self) -> &[AxisVariable] {
        &self.axes
    }

    fn width(&self) -> usize {
        let p = self.population;
        1 + Q * Q + p + p * (p + 1) / 2
    }

    fn at(&self, t: &AxisPoint, workspace: &mut Workspace) -> (f64, KnownAtPoint) {
        let (p, width) = (self.population, self.population + 1);
        let Workspace { values, lanes, .. } = workspace;
        values.clear();
        values.resize(self.map.hyperparameters(), 0.0);
        lanes.clear();
        lanes.resize(width * width + self.bundles.len() * width * Q, Lanes::ZERO);
        let (sums, whitened) = lanes.split_at_mut(width * width);
        let (whitened, _) = whitened.as_chunks_mut::<Q>();

        let log_prior = self.values(t, values);
        let (sigma, factor) = (self.map.sigma(values), self.factor(values));
        let noise = sigma * sigma;
        let log_determinant = whiten(&self.bundles, factor.map(|row| row.map(|entry| entry / sigma)), sums, whitened);
        let products = |k: usize, l: usize| sums[k * width + l].sum() + self.rest[k * width + l];

        // The precision of b, and its mean.
        let mut known = vec![0.0; self.width()].into_boxed_slice();
        known[0] = sigma;
        known[1..].iter_mut().zip(factor.as_flattened()).for_each(|(known, entry)| *known = *entry);
        let (b, precision) = known[1 + Q * Q..].split_at_mut(p);
        for k in 0..p {
            for l in 0..=k {
                let prior = if k == l { self.precisions[k] } else { 0.0 };
                precision[packed(k, l)] = products(k, l) / noise + prior;
            }
            b[k] = products(p, k) / noise + self.precisions[k] * self.means[k];
        }
        let log_precision = factorize(p, precision);
        forward(precision, b);
        backward(precision, b);

        // Residuals, not differences of squares.
        let of_groups = squares(whitened, b);
        let left = |row: &[f64]| row[p] - row[..p].iter().zip(&*b).map(|(x, b)| x * b).sum::<f64>();
        let rest: Vec<f64> = self.rest.chunks_exact(width).map(left).collect();
        let of_rest = rest[p] - b.iter().zip(&rest).map(|(b, rest)| b * rest).sum::<f64>();
        let priors = b.iter().zip(&self.means).zip(&self.precisions);
        let of_prior: f64 = priors.map(|((b, mean), precision)| precision * (b - mean).powi(2)).sum();
        let squares = (of_groups + of_rest) / noise + of_prior;
        let log_prior_of_b: f64 = self.precisions.iter().map(|precision| precision.ln()).sum();

        let half = log_determinant + log_precision - log_prior_of_b + squares;
        let log_density = self.constant + log_prior - self.observations * sigma.ln() - 0.5 * half;
        (if log_density.is_nan() { f64::NEG_INFINITY } else { log_density }, known)
    }

    fn neck(&self, axis: usize, t: &AxisPoint) -> f64 {
        let noise = self.axes.iter().position(|variable| *variable == AxisVariable::Noise);
        let log_sigma = noise.map_or_else(|| self.map.sigma(&[]).ln(), |axis| t[axis]);
        log_sigma - 0.5 * self.information[axis].ln()
    }

    fn location(&self, k: usize, known: &[f64]) -> NormalMoments {
        let (_, _, mean, precision) = self.given(known);
        let mut a = vec![0.0; self.population];
        if k == 0 && self.map.population.has_intercept {
            a.iter_mut().zip(&self.map.population.centers).for_each(|(a, center)| *a = -center);
        }
        a[k] = 1.0;
        let mean = a.iter().zip(mean).map(|(a, mean)| a * mean).sum();
        forward(precision, &mut a);
        NormalMoments { mean, variance: a.iter().map(|x| x * x).sum() }
    }

    fn effects(&self, j: usize, known: &[f64], effects: &mut [NormalMoments; MAX_AXES]) {
        let group = &self.groups[j];
        let (sigma, factor, mean, precision) = self.given(known);
        let b = group.design(factor, sigma);
        let mut m = identity();
        for (c, m) in m.iter_mut().enumerate() {
            for (d, m) in m.iter_mut().enumerate().take(c + 1) {
                for row in &b {
                    *m += row[c] * row[d];
                }
            }
        }
        decompose(&mut m);
        let mut by_b = vec![0.0; self.population];
        for (effect, row) in effects.iter_mut().zip(factor) {
            // M^-1 Lambda' e_c, through the half of it whose square is the variance given b.
            let mut x = *row;
            solve_lower(&m, &mut x);
            let variance = dot(&x, &x);
            for i in (0..Q).rev() {
                for k in i + 1..Q {
                    x[i] -= m[k][i] * x[k];
                }
                x[i] /= m[i][i];
            }
            let gain: [f64; Q] = std::array::from_fn(|i| dot(&b[i], &x) / sigma);
            by_b.iter_mut().zip(&group.w).for_each(|(by_b, w)| *by_b = dot(&gain, w));
            let fitted = dot(&gain, &group.w[self.population])
                - by_b.iter().zip(mean).map(|(by_b, mean)| by_b * mean).sum::<f64>();
            forward(precision, &mut by_b);
            *effect = NormalMoments { mean: fitted, variance: variance + by_b.iter().map(|x| x * x).sum::<f64>() };
        }
    }
}
