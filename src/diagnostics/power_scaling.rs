//! Power-scaling sensitivity: how much does the posterior change if the prior, or the likelihood, counts a little more?
//!
//! Kallioinen, Paananen, Bürkner and Vehtari (2024), *Detecting and diagnosing prior and likelihood sensitivity with
//! power-scaling*, Statistics and Computing 34(57),
//! [doi:10.1007/s11222-023-10366-5](https://doi.org/10.1007/s11222-023-10366-5). Equal to arviz-stats' `psense`, but
//! that equal draws at the end of the tail, as repeated draws may be, are left out of it, as in [`Psis::smooth`].

use std::fmt;

use super::ess::ess_bulk_and_tail;
use super::moments::sum;
use super::psis::Psis;
use super::series::Series;
use super::sort::sorted;

/// The powers to which the component is raised.
const ALPHAS: [f64; 2] = [0.99, 1.01];

/// Sensitivities from here on deserve a look.
const THRESHOLD: f64 = 0.05;

/// Weights that turn posterior draws into draws from the posterior whose prior, or likelihood, is raised to the power
/// 0.99, and to 1.01.
#[derive(Debug, Clone)]
pub struct PowerScaling {
    weights: [Vec<f64>; 2],
    pareto_k: [f64; 2],
}

impl PowerScaling {
    /// From the log density, up to a constant, of the component that is scaled, at each draw, chain after chain: the
    /// joint log prior of the parameters, or the log likelihood of all observations.
    pub fn of(log_component: &[f64]) -> Self {
        let tail = tail_length(log_component);
        let mut psis = Psis::default();
        let mut scaled = |alpha: f64| {
            let mut weights: Vec<f64> = log_component.iter().map(|log| (alpha - 1.0) * log).collect();
            let pareto_k = psis.smooth_tail(&mut weights, Some(tail));
            weights.iter_mut().for_each(|weight| *weight = weight.exp());
            (weights, pareto_k)
        };
        let [(lower, k_of_lower), (upper, k_of_upper)] = ALPHAS.map(&mut scaled);
        Self { weights: [lower, upper], pareto_k: [k_of_lower, k_of_upper] }
    }

    /// The k-hat of both sets of weights, without unit; see [`Psis::smooth`].
    pub fn pareto_k(&self) -> [f64; 2] {
        self.pareto_k
    }

    /// How much the distribution of a quantity changes with the power, without unit: its cumulative Jensen-Shannon
    /// distance from the posterior for each doubling of the power, the mean of the rates at 0.99 and at 1.01. `draws`
    /// are the quantity's, as many as of the component, and in the same order.
    ///
    /// `NaN` if draws of the quantity or of the component are not finite, if draws of the quantity are all equal, or if
    /// there are not as many as of the component.
    pub fn sensitivity(&self, draws: &[f64]) -> f64 {
        let [lower, upper] = &self.weights;
        if draws.len() != lower.len() || draws.iter().any(|draw| !draw.is_finite()) {
            return f64::NAN;
        }
        let (values, places) = sorted(draws);
        let rate = |weights: &[f64], alpha: f64| {
            let ascending = || values.iter().zip(&places).map(|(value, place)| (*value, weights[*place as usize]));
            let total = sum(weights, |weight| weight);
            let mirrored = ascending().rev().map(|(value, weight)| (-value, weight));
            distance(ascending(), total).max(distance(mirrored, total)) / alpha.log2().abs()
        };
        f64::midpoint(rate(lower, ALPHAS[0]), rate(upper, ALPHAS[1]))
    }
}

/// The number of largest ratios that are smoothed: 3 sqrt(S / reff), rounded down, or S / 5 if at most 225 of S draws
/// are effective; at least 5. `reff` is the relative tail ESS of the draws as one chain.
fn tail_length(log_component: &[f64]) -> usize {
    let count = log_component.len();
    let tail_ess = ess_bulk_and_tail(&[Series::new(log_component, 1)]).first().map_or(f64::NAN, |[_, tail]| *tail);
    let draws = count as f64;
    let tail = if tail_ess > 225.0 { (3.0 * draws / tail_ess.sqrt()) as usize } else { count / 5 };
    tail.max(5)
}

/// The cumulative Jensen-Shannon distance of weighted draws from the same draws without weights, `(draw, weight)` in
/// ascending order: sqrt((d(P, Q) + d(Q, P)) / (integral of P + Q)), where P is the distribution function of the draws,
/// Q that of the weighted draws, and
///
/// ```text
/// d(P, Q) = integral of P (log2 P - log2 M) + (integral of Q - P) / (2 ln 2),   M = (P + Q) / 2
/// ```
fn distance(ascending: impl ExactSizeIterator<Item = (f64, f64)>, total: f64) -> f64 {
    let count = ascending.len() as f64;
    let [mut of_p, mut of_q, mut p_to_q, mut q_to_p] = [0.0; 4];
    let (mut before, mut weight_before) = (f64::NAN, 0.0);
    for (rank, (draw, weight)) in ascending.enumerate() {
        if rank > 0 {
            let (width, p, q) = (draw - before, rank as f64 / count, weight_before / total);
            let log_middle = f64::midpoint(p, q).log2();
            of_p += width * p;
            of_q += width * q;
            p_to_q += width * p * (p.log2() - log_middle);
            q_to_p += if q > 0.0 { width * q * (q.log2() - log_middle) } else { 0.0 };
        }
        before = draw;
        weight_before += weight;
    }
    let apart = (of_q - of_p) / (2.0 * std::f64::consts::LN_2);
    (((p_to_q + apart).max(0.0) + (q_to_p - apart).max(0.0)) / (of_p + of_q)).sqrt()
}

/// What sensitivities of one quantity to the prior and to the likelihood suggest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SensitivityDiagnosis {
    /// Both matter: prior and data may disagree.
    PriorDataConflict,
    /// Only the prior matters: it may be strong, or the likelihood weak.
    StrongPriorOrWeakLikelihood,
}

impl SensitivityDiagnosis {
    /// The diagnosis of R's priorsense: at 0.05 a sensitivity begins to matter. `None` if the prior does not matter, or
    /// a sensitivity is unknown.
    pub fn of(prior: f64, likelihood: f64) -> Option<Self> {
        match (prior >= THRESHOLD, likelihood >= THRESHOLD, likelihood < THRESHOLD) {
            (true, true, _) => Some(Self::PriorDataConflict),
            (true, _, true) => Some(Self::StrongPriorOrWeakLikelihood),
            _ => None,
        }
    }
}

impl fmt::Display for SensitivityDiagnosis {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::PriorDataConflict => "potential prior-data conflict",
            Self::StrongPriorOrWeakLikelihood => "potential strong prior / weak likelihood",
        })
    }
}
