//! The conditional algebra against a textbook's: dense matrices, conditioned as they come, in twice the digits.

use std::f64::consts::TAU;
use std::ops::{Add, Div, Mul, Sub};
use std::sync::Arc;

use super::conditional::{Conditional, NormalMoments, Scales};
use crate::data::Dataset;
use crate::model::{Centering, Coordinates, Model, PriorScales, Scaling};

/// Groups of 1 to 5 rows, the third without any spread in its predictor, which runs from `from` to `to`.
fn model(slope: bool, from: f64, to: f64) -> Model {
    let labels: Vec<String> = [3, 1, 2, 5, 2].iter().enumerate().flat_map(|(j, n)| vec![format!("g{j}"); *n]).collect();
    let wave = |i: usize, factor: f64| (factor * (i as f64 + 0.3)).sin();
    let rows = 0..labels.len();
    let y: Vec<f64> = rows.clone().map(|i| 2.0 + wave(i, 1.7) + 0.5 * wave(i, 11.3)).collect();
    let x = |i: usize| from + (to - from) * (0.5 + 0.5 * wave(if i == 5 { 4 } else { i }, 5.1));
    let (names, x) = if slope { (vec!["x"], vec![rows.map(x).collect()]) } else { (vec![], vec![]) };
    let data = Arc::new(Dataset::from_columns("small", "g", "y", &names, &labels, y, x).unwrap());
    let parameterization = Coordinates::joint(Centering::Centered, data.n_coefficients());
    let scaling = Scaling::standardizing(&data);
    Model::builder(data).coordinates(parameterization).scaling(scaling).build()
}

/// A number of 32 digits, the sum of two; the textbook's matrices are too ill-conditioned for 16.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Double(pub(super) f64, f64);

impl Double {
    const ZERO: Double = Double(0.0, 0.0);

    fn sum(a: f64, b: f64) -> Double {
        let sum = a + b;
        let kept = sum - a;
        Double(sum, (a - (sum - kept)) + (b - kept))
    }

    pub(super) fn sqrt(self) -> Double {
        let root = Double(self.0.sqrt(), 0.0);
        root + (self - root * root) / Double(2.0 * root.0, 0.0)
    }
}

impl From<f64> for Double {
    fn from(value: f64) -> Double {
        Double(value, 0.0)
    }
}

impl Add for Double {
    type Output = Double;
    fn add(self, other: Double) -> Double {
        let (high, low) = (Double::sum(self.0, other.0), Double::sum(self.1, other.1));
        let high = Double::sum(high.0, high.1 + low.0);
        Double::sum(high.0, high.1 + low.1)
    }
}

impl Sub for Double {
    type Output = Double;
    fn sub(self, other: Double) -> Double {
        self + Double(-other.0, -other.1)
    }
}

impl Mul for Double {
    type Output = Double;
    fn mul(self, other: Double) -> Double {
        let product = self.0 * other.0;
        let error = self.0.mul_add(other.0, -product);
        Double::sum(product, error + self.0 * other.1 + self.1 * other.0)
    }
}

impl Div for Double {
    type Output = Double;
    fn div(self, other: Double) -> Double {
        let first = self.0 / other.0;
        let rest = self - other * first.into();
        let second = rest.0 / other.0;
        let rest = rest - other * second.into();
        Double::sum(first, second) + (rest.0 / other.0).into()
    }
}

pub(super) fn dot(u: &[Double], v: &[Double]) -> Double {
    u.iter().zip(v).fold(Double::ZERO, |sum, (u, v)| sum + *u * *v)
}

/// L of a symmetric matrix L L'.
pub(super) fn cholesky(matrix: &[Vec<Double>]) -> Vec<Vec<Double>> {
    let n = matrix.len();
    let mut l = vec![vec![Double::ZERO; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let left = matrix[i][j] - dot(&l[i][..j], &l[j][..j]);
            l[i][j] = if i == j { left.sqrt() } else { left / l[j][j] };
        }
    }
    l
}

/// x of L x = b.
pub(super) fn solve(l: &[Vec<Double>], b: &[Double]) -> Vec<Double> {
    let mut x = Vec::new();
    for (row, b) in l.iter().zip(b) {
        x.push((*b - dot(row, &x)) / row[x.len()]);
    }
    x
}

/// The textbook: y is normal with a dense N x N covariance, and every variable is conditioned on it. Log likelihood,
/// and moments of mu[0..K], beta[0, 0..J], ..., by no algebra that the module uses.
fn dense(model: &Model, scales: &Scales) -> (f64, Vec<NormalMoments>) {
    let (data, layout, priors) = (model.dataset(), model.layout(), model.scaled_priors());
    let (scaling, n) = (model.scaling(), data.n_observations());
    let square = |value: f64| Double::from(value) * value.into();
    let mut group_of = vec![0; n];
    for j in 0..layout.groups {
        data.group_range(j).for_each(|i| group_of[i] = j);
    }
    let x = |k: usize, i: usize| match k {
        0 => Double::from(1.0),
        _ => Double::from(data.predictor(k - 1)[i]) / scaling.predictors[k - 1].into(),
    };
    // Covariance of two effects of coefficient k.
    let prior = |k: usize, same_group: bool| {
        square(priors.mu_sd[k]) + if same_group { square(scales.sigma[k]) } else { Double::ZERO }
    };
    let coefficients = 0..layout.coefficients;
    let sum = |terms: &dyn Fn(usize) -> Double| coefficients.clone().fold(Double::ZERO, |sum, k| sum + terms(k));
    let row = |i: usize| -> Vec<Double> {
        let with = |l: usize| {
            let noise = if i == l { square(scales.eps) } else { Double::ZERO };
            sum(&|k| x(k, i) * x(k, l) * prior(k, group_of[i] == group_of[l])) + noise
        };
        (0..n).map(with).collect()
    };
    let l = cholesky(&(0..n).map(row).collect::<Vec<_>>());
    let deviation = |i: usize| {
        let y = (Double::from(data.outcome()[i]) - scaling.outcome_shift.into()) / scaling.outcome_scale.into();
        y - sum(&|k| x(k, i) * priors.mu_mean[k].into())
    };
    let deviation = solve(&l, &(0..n).map(deviation).collect::<Vec<_>>());

    let mut variables: Vec<(usize, Option<usize>)> = coefficients.clone().map(|k| (k, None)).collect();
    for k in coefficients.clone() {
        variables.extend((0..layout.groups).map(|j| (k, Some(j))));
    }
    let moments = variables.iter().map(|&(k, group)| {
        let with_y: Vec<Double> = (0..n).map(|i| x(k, i) * prior(k, group == Some(group_of[i]))).collect();
        let with_y = solve(&l, &with_y);
        let mean = Double::from(priors.mu_mean[k]) + dot(&with_y, &deviation);
        let variance = prior(k, group.is_some()) - dot(&with_y, &with_y);
        NormalMoments { mean: mean.0, variance: variance.0 }
    });
    let log_determinant: f64 = (0..n).map(|i| 2.0 * l[i][i].0.ln()).sum();
    let squares = dot(&deviation, &deviation).0;
    (-0.5 * (n as f64 * TAU.ln() + log_determinant + squares), moments.collect())
}

#[track_caller]
fn equals_the_textbook(model: &Model, scales: Scales, tolerance: f64) {
    let conditional = Conditional::new(model);
    let (log_likelihood, means) = conditional.at(&scales, &mut Vec::new());
    let (expected, moments) = dense(model, &scales);
    assert!((log_likelihood - expected).abs() < tolerance, "{scales:?}: {log_likelihood}, not {expected}");
    let layout = model.layout();
    let mut ours: Vec<NormalMoments> = (0..layout.coefficients).map(|k| means.mu(k)).collect();
    for k in 0..layout.coefficients {
        ours.extend((0..layout.groups).map(|j| conditional.effects(j, &scales, &means)[k]));
    }
    for (v, (ours, expected)) in ours.iter().zip(&moments).enumerate() {
        let sd = expected.variance.sqrt();
        assert!((ours.mean - expected.mean).abs() < tolerance * sd, "{scales:?} {v}: {ours:?}, not {expected:?}");
        let ratio = ours.variance.sqrt() / sd;
        assert!((ratio - 1.0).abs() < tolerance, "{scales:?} {v}: {ours:?}, not {expected:?}");
    }
}

const SCALES: [[f64; 3]; 6] =
    [[0.5, 0.3, 0.7], [1e-8, 1e-8, 0.7], [0.0, 0.0, 0.4], [1e-8, 2.0, 0.2], [3.0, 1e-8, 0.2], [20.0, 5.0, 0.05]];

#[test]
fn given_the_scales_everything_is_the_textbooks_normal() {
    for [a, b, eps] in SCALES {
        equals_the_textbook(&model(true, -1.0, 1.5), Scales { sigma: [a, b], eps }, 1e-8);
    }
}

#[test]
fn without_a_predictor_too() {
    for [a, _, eps] in SCALES {
        equals_the_textbook(&model(false, 0.0, 0.0), Scales { sigma: [a, 0.0], eps }, 1e-8);
    }
}

#[test]
fn calendar_years_are_ordinary_predictors() {
    for [a, b, eps] in SCALES {
        equals_the_textbook(&model(true, 1990.0, 2020.0), Scales { sigma: [a, b], eps }, 1e-8);
    }
}

#[test]
fn a_group_is_a_measurement_of_its_intercept_where_mu_is_known_and_nothing_else_counts() {
    // The conjugate rule for a normal mean: precision 1 / sigma^2 + n / eps^2.
    let (labels, y) = (["g0", "g0", "g0", "g1", "g1"], vec![1.0, 1.5, 2.0, 30.0, 40.0]);
    let data = Arc::new(Dataset::from_columns("small", "g", "y", &[""; 0], &labels, y, vec![]).unwrap());
    let (priors, scaling) =
        (PriorScales { mu_sd: vec![1e-12], sigma_scale: vec![1.0], eps_scale: 1.0 }, Scaling::identity(&data));
    let conditional = Conditional::new(&Model::builder(data).priors(priors).scaling(scaling).build());
    let scales = Scales { sigma: [0.4, 0.0], eps: 0.6 };
    let (_, means) = conditional.at(&scales, &mut Vec::new());
    let effect = conditional.effects(0, &scales, &means)[0];
    let (before, data) = (1.0 / 0.16, 3.0 / 0.36);
    assert!((effect.mean - 1.5 * data / (before + data)).abs() < 1e-12);
    assert!((effect.variance - 1.0 / (before + data)).abs() < 1e-12);
}
