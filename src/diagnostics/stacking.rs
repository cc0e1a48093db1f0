//! Stacking: the weights at which a mixture of models predicts best, each observation from all the others.
//!
//! Yao, Vehtari, Simpson and Gelman (2018), *Using stacking to average Bayesian predictive distributions*, Bayesian
//! Analysis 13(3), [doi:10.1214/17-BA1091](https://doi.org/10.1214/17-BA1091). They maximize the log score
//!
//! ```text
//! f(w) = sum over observations i of ln(sum over models k of w_k p_ik),   p_ik = exp(elpd_i of model k)
//! ```
//!
//! over weights w >= 0 that add up to 1. f is concave, so no other weights score more than f(w) + N (max_k g_k - 1),
//! where g_k is the mean over the N observations of p_ik / (sum over models l of w_l p_il): a gap that proves the
//! maximum.

use crate::mode::Cholesky;

/// The gap for each observation at which weights are good enough: rounding allows little less.
const GOOD_GAP: f64 = 1e-13;

/// Steps at most; a dozen or two are usual.
const STEPS: usize = 200;

/// Weights of models, and the proof that they are the best ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Stacking {
    /// The weight of each model, at least 0; together 1.
    pub weights: Vec<f64>,
    /// The log score f at these weights, in the unit of elpd.
    pub log_score: f64,
    /// No weights have a log score above `log_score` + `gap`.
    pub gap: f64,
}

/// The stacking weights of models, from the `elpd_loo` of each observation, `[model][observation]`. Equal models have
/// equal weights.
///
/// All `NaN` without observations, if models have different numbers of them, if a value is `NaN` or plus infinity, or
/// if no model can predict an observation at all.
pub fn stack(elpd_i: &[&[f64]]) -> Stacking {
    let models = elpd_i.len();
    let undefined = Stacking { weights: vec![f64::NAN; models], log_score: f64::NAN, gap: f64::NAN };
    let Some(scores) = PointwiseScores::of(elpd_i) else { return undefined };
    let mut point = Point { weights: vec![1.0 / models as f64; models], slack: vec![1.0; models] };
    let mut best = undefined;
    for _ in 0..STEPS {
        let found = scores.stacking(&point.weights);
        if best.gap.is_nan() || found.gap < best.gap {
            best = found;
        }
        if best.gap <= GOOD_GAP * scores.observations() || scores.step(&mut point).is_none() {
            break;
        }
    }
    best
}

/// p_ik up to a factor for each observation, `[observation][model]`.
struct PointwiseScores {
    models: usize,
    scores: Vec<f64>,
    /// The sum of the logarithms of these factors.
    log_factor: f64,
}

/// Weights, which need not add up to 1, and the slack of each constraint w_k >= 0.
struct Point {
    weights: Vec<f64>,
    slack: Vec<f64>,
}

impl PointwiseScores {
    fn of(elpd_i: &[&[f64]]) -> Option<Self> {
        let observations = elpd_i.first().map(|model| model.len()).filter(|count| *count > 0)?;
        if elpd_i.iter().any(|model| model.len() != observations || model.iter().any(|elpd| elpd.is_nan())) {
            return None;
        }
        let largest: Vec<f64> =
            (0..observations).map(|i| elpd_i.iter().map(|model| model[i]).fold(f64::NEG_INFINITY, f64::max)).collect();
        let scores =
            largest.iter().zip(0..).flat_map(|(largest, i)| elpd_i.iter().map(move |m| (m[i] - largest).exp()));
        let log_factor = largest.iter().sum::<f64>();
        log_factor.is_finite().then(|| Self { models: elpd_i.len(), scores: scores.collect(), log_factor })
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.scores.chunks_exact(self.models)
    }

    fn observations(&self) -> f64 {
        (self.scores.len() / self.models) as f64
    }

    /// Of weights that need not add up to 1.
    fn stacking(&self, weights: &[f64]) -> Stacking {
        let total: f64 = weights.iter().sum();
        let weights: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        let log_score = self.rows().map(|row| product(row, &weights).ln()).sum::<f64>() + self.log_factor;
        let steepest = self.gradient(&weights).into_iter().fold(f64::NEG_INFINITY, f64::max);
        // Rounding may make a gap negative. It proves nothing where the score is no number.
        let gap = if log_score.is_finite() { (self.observations() * (steepest - 1.0)).max(0.0) } else { f64::INFINITY };
        Stacking { weights, log_score, gap }
    }

    /// g: the gradient of f / N.
    fn gradient(&self, weights: &[f64]) -> Vec<f64> {
        let mut gradient = vec![0.0; self.models];
        for row in self.rows() {
            let share = self.observations() * product(row, weights);
            gradient.iter_mut().zip(row).for_each(|(gradient, score)| *gradient += score / share);
        }
        gradient
    }

    /// Minus the Hessian of f / N.
    fn curvature(&self, weights: &[f64]) -> Vec<Vec<f64>> {
        let mut curvature = vec![vec![0.0; self.models]; self.models];
        for row in self.rows() {
            let share = self.observations() * product(row, weights).powi(2);
            for (line, a) in curvature.iter_mut().zip(row) {
                line.iter_mut().zip(row).for_each(|(entry, b)| *entry += a * b / share);
            }
        }
        curvature
    }

    /// One step of a primal-dual interior-point method for min sum_k w_k - f(w) / N over w >= 0, whose solution adds up
    /// to 1: Newton's method for 1 - g = slack and w slack = barrier, where the barrier falls with each step. `None`
    /// where rounding makes a step impossible.
    fn step(&self, point: &mut Point) -> Option<()> {
        let Point { weights, slack } = point;
        let barrier = 0.1 * product(weights, slack) / self.models as f64;
        let mut curvature = self.curvature(weights);
        for k in 0..self.models {
            curvature[k][k] += slack[k] / weights[k];
        }
        let gradient = self.gradient(weights);
        let uphill: Vec<f64> = gradient.iter().zip(&*weights).map(|(g, weight)| g - 1.0 + barrier / weight).collect();
        let direction = Cholesky::of(&curvature)?.solve(&uphill);
        let slack_direction: Vec<f64> =
            (0..self.models).map(|k| barrier / weights[k] - slack[k] - slack[k] / weights[k] * direction[k]).collect();

        // Uphill of f / N - sum_k w_k + barrier sum_k ln(w_k), halved until that is higher.
        let height = |weights: &[f64]| {
            let score = self.rows().map(|row| product(row, weights).ln()).sum::<f64>() / self.observations();
            score - weights.iter().map(|weight| weight - barrier * weight.ln()).sum::<f64>()
        };
        let expected = product(&uphill, &direction);
        let (start, mut length) = (height(weights), longest(weights, &direction));
        let moved = |length: f64| -> Vec<f64> { weights.iter().zip(&direction).map(|(w, d)| w + length * d).collect() };
        while height(&moved(length)) < start + 1e-4 * length * expected - 1e-14 * start.abs().max(1.0) {
            length *= 0.5;
        }
        *weights = moved(length);
        let length = longest(slack, &slack_direction);
        slack.iter_mut().zip(&slack_direction).for_each(|(slack, direction)| *slack += length * direction);
        Some(())
    }
}

/// The longest step, at most 1, after which every value keeps a hundredth of itself.
fn longest(values: &[f64], direction: &[f64]) -> f64 {
    values.iter().zip(direction).filter(|(_, d)| **d < 0.0).map(|(value, d)| -0.99 * value / d).fold(1.0, f64::min)
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
