//! Whether a proposal fits its posterior: from the weights, posterior over proposal, of points drawn from it.

/// A lower efficiency, or a larger k-hat, is refused.
const LOWEST_EFFICIENCY: f64 = 0.5;
const HIGHEST_K: f64 = 0.5;

/// A lower share of mass inside of the cells is refused.
const LOWEST_SHARE: f64 = 0.99;

/// Most proposals for a draw, on average.
const MOST_TRIES: f64 = 50.0;

/// How well a proposal fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certificate {
    /// (sum w)^2 / (n sum w^2): effective draws for each weighted one (Kong 1992).
    pub efficiency: f64,
    /// The largest weight, over the mean.
    pub largest: f64,
    /// Shape of the generalized Pareto distribution of the largest weights (Vehtari, Simpson, Gelman, Yao and Gabry
    /// 2024): w has 1 / k moments.
    pub k_hat: f64,
    /// The share of the posterior's mass that is inside of the proposal's cells.
    pub covered: f64,
    /// The share of the mass of the posterior's modes that the cells reach.
    pub modes: f64,
}

/// Why a proposal is not used.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Uncertified {
    /// The weights vary too much.
    #[error("their proposal fits with an efficiency of {0:.2} only")]
    Efficiency(f64),
    /// A few weights dominate.
    #[error("the largest weights of their proposal are too heavy, with a Pareto k of {0:.2}")]
    Tail(f64),
    /// Many proposals are rejected for each draw.
    #[error("their proposal's largest weight is {0:.0} times the mean")]
    Rejections(f64),
    /// Some mass is outside of the cells.
    #[error("their proposal reaches {:.1} % of the mass only", 100.0 * .0)]
    Uncovered(f64),
}

impl Certificate {
    /// The certificate from logs of weights, each with whether its point is inside of the cells, and the share of the
    /// modes' mass that the cells reach.
    pub fn of(log_weights: &[(f64, bool)], modes: f64) -> Certificate {
        let top = log_weights.iter().map(|(log_weight, _)| *log_weight).fold(f64::NEG_INFINITY, f64::max);
        let weight = |log_weight: f64| (log_weight - top).exp();
        let (mut sum, mut squares, mut inside) = (0.0, 0.0, 0.0);
        for (log_weight, is_inside) in log_weights {
            let weight = weight(*log_weight);
            sum += weight;
            squares += weight * weight;
            inside += if *is_inside { weight } else { 0.0 };
        }
        let count = log_weights.len() as f64;
        let mut sorted: Vec<f64> = log_weights.iter().map(|(log_weight, _)| weight(*log_weight)).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Certificate {
            efficiency: sum * sum / (count * squares),
            largest: count / sum,
            k_hat: k_hat(&sorted),
            covered: inside / sum,
            modes,
        }
    }

    /// Whether the proposal is to be used.
    ///
    /// # Errors
    /// If it is not.
    pub fn check(&self) -> Result<(), Uncertified> {
        let reached = self.covered.min(self.modes);
        // NaN is on neither side of a limit, and refused.
        let (is_above, is_below) = (|value: f64, limit: f64| value >= limit, |value: f64, limit: f64| value <= limit);
        match () {
            () if !is_above(reached, LOWEST_SHARE) => Err(Uncertified::Uncovered(reached)),
            () if !is_above(self.efficiency, LOWEST_EFFICIENCY) => Err(Uncertified::Efficiency(self.efficiency)),
            () if !is_below(self.k_hat, HIGHEST_K) => Err(Uncertified::Tail(self.k_hat)),
            () if !is_below(self.largest, MOST_TRIES) => Err(Uncertified::Rejections(self.largest)),
            () => Ok(()),
        }
    }
}

/// The shape of a generalized Pareto distribution fitted to the largest of `sorted` weights, by the estimator of Zhang
/// and Stephens (2009) with the prior of Vehtari and others; -inf if all of them are equal.
fn k_hat(sorted: &[f64]) -> f64 {
    let count = sorted.len();
    let tail = (0.2 * count as f64).min(3.0 * (count as f64).sqrt()).ceil() as usize;
    let (body, tail) = sorted.split_at(count - tail.min(count.saturating_sub(1)));
    let cut = body.last().copied().unwrap_or(0.0);
    let excess: Vec<f64> = tail.iter().map(|weight| weight - cut).filter(|excess| *excess > 0.0).collect();
    let n = excess.len() as f64;
    if excess.len() < 5 {
        return f64::NEG_INFINITY;
    }
    let (largest, quartile) = (excess[excess.len() - 1], excess[(n / 4.0 + 0.5) as usize - 1]);
    let shape = |theta: f64| excess.iter().map(|x| (-theta * x).ln_1p()).sum::<f64>() / n;
    let grid = 30 + n.sqrt() as usize;
    let thetas: Vec<f64> = (1..=grid)
        .map(|i| 1.0 / largest + (1.0 - (grid as f64 / (i as f64 - 0.5)).sqrt()) / (3.0 * quartile))
        .collect();
    let logs: Vec<f64> = thetas
        .iter()
        .map(|theta| {
            let k = shape(*theta);
            n * ((-theta / k).ln() - k - 1.0)
        })
        .collect();
    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logs.iter().map(|log| (log - top).exp()).collect();
    let theta =
        thetas.iter().zip(&weights).map(|(theta, weight)| theta * weight).sum::<f64>() / weights.iter().sum::<f64>();
    // Shrunk towards 1/2 as if by ten more weights.
    (shape(theta) * n + 5.0) / (n + 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, StreamKey};

    #[test]
    fn k_hat_is_the_shape_of_a_pareto_tail() {
        for k in [0.2, 0.5, 1.0] {
            let key = |chain| StreamKey { seed: 3, chain, transition: 0 };
            let mut weights: Vec<f64> =
                (0..20_000).map(|chain| key(chain).uniform(Purpose::Stream, 0).powf(-k)).collect();
            weights.sort_unstable_by(f64::total_cmp);
            assert!((k_hat(&weights) - k).abs() < 0.12, "{} for {k}", k_hat(&weights));
        }
    }

    #[test]
    fn one_heavy_weight_mass_outside_and_a_mode_out_of_reach_are_refused() {
        let fine: Vec<(f64, bool)> = (0..4096).map(|i| (0.1 * f64::from(i % 7), true)).collect();
        assert_eq!(Certificate::of(&fine, 1.0).check(), Ok(()));
        assert!(matches!(Certificate::of(&fine, 0.9).check(), Err(Uncertified::Uncovered(_))));
        let mut heavy = fine.clone();
        heavy[17] = (9.0, true);
        let certificate = Certificate::of(&heavy, 1.0);
        assert!(matches!(certificate.check(), Err(Uncertified::Efficiency(_))), "{certificate:?}");
        let mut outside = fine.clone();
        outside.iter_mut().take(100).for_each(|(_, is_inside)| *is_inside = false);
        assert!(matches!(Certificate::of(&outside, 1.0).check(), Err(Uncertified::Uncovered(_))));
        let nothing = [(f64::NEG_INFINITY, true); 100];
        assert!(Certificate::of(&nothing, 1.0).check().is_err());
    }
}
