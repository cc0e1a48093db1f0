//! A statistic of the data beside that of replicates, with its posterior predictive p-value.

use serde::Serialize;

use crate::diagnostics;

/// A p-value as small as this, or as near to 1, is not chance: with a run's few hundred draws, at most one replicate is
/// beyond the data.
const ALARM: f64 = 0.0025;

/// A statistic of the data beside that of replicates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckedStatistic {
    /// What it is of.
    pub name: String,
    /// Of the data: the median over draws, where it depends on these.
    pub observed: f64,
    /// Of replicates: the quantiles at 5, 50 and 95 %.
    pub replicated: [f64; 3],
    /// The share of draws in which the replicate's is as large as that of the data, or larger; NaN where one is
    /// undefined.
    pub p: f64,
}

impl CheckedStatistic {
    /// From the statistic of the data and of a replicate in every draw.
    pub fn of(name: impl Into<String>, observed: &[f64], replicated: &[f64]) -> CheckedStatistic {
        let larger = observed.iter().zip(replicated).filter(|(observed, replicated)| replicated >= observed).count();
        let is_defined = observed.iter().chain(replicated).all(|value| !value.is_nan());
        let sorted = |values: &[f64]| {
            let mut sorted = values.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            sorted
        };
        let replicates = sorted(replicated);
        CheckedStatistic {
            name: name.into(),
            observed: diagnostics::quantile(&sorted(observed), 0.5),
            replicated: [0.05, 0.5, 0.95].map(|p| diagnostics::quantile(&replicates, p)),
            p: if is_defined { larger as f64 / observed.len() as f64 } else { f64::NAN },
        }
    }

    /// Whether the data have more of it than the model makes.
    pub fn is_above(&self) -> bool {
        self.p <= ALARM
    }

    /// Whether the data have less of it than the model makes.
    pub fn is_below(&self) -> bool {
        self.p >= 1.0 - ALARM
    }

    /// How far the data are from the replicates' median, in units of half the range of 90 % of replicates.
    pub fn distance(&self) -> f64 {
        let [low, middle, high] = self.replicated;
        let half = 0.5 * (high - low);
        if half > 0.0 { (self.observed - middle).abs() / half } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_p_value_counts_replicates_that_are_as_large() {
        let replicated: Vec<f64> = (0..1000).map(f64::from).collect();
        let checked = |observed: f64| CheckedStatistic::of("x", &[observed; 1000], &replicated);
        assert_eq!(checked(990.0).p, 0.01);
        assert_eq!([checked(998.0).p, checked(-1.0).p], [0.002, 1.0]);
        assert!(checked(998.0).is_above() && checked(1.0).is_below());
        assert!(!checked(990.0).is_above() && !checked(500.0).is_below());
        assert_eq!(checked(3.0).observed, 3.0);
        assert!((checked(499.5).distance()).abs() < 1e-12 && (checked(949.05).distance() - 1.0).abs() < 1e-9);
        let undefined = CheckedStatistic::of("x", &[f64::NAN, 1.0], &[0.0, 0.0]);
        assert!(!undefined.is_above() && !undefined.is_below());
        let [low, middle, high] = checked(0.0).replicated;
        assert!((low - 49.95).abs() < 1e-9 && middle == 499.5 && (high - 949.05).abs() < 1e-9);
    }
}
