//! Sufficient statistics of each group for a normal likelihood, taken about the group's own means, so that nothing
//! cancels however far a predictor is from zero.

use crate::data::Dataset;

use super::Scaling;

/// For each of J groups: its size, means, and within-group sums of squares and products, in the units of a [`Scaling`].
///
/// With b = (beta_1, ..., beta_{K-1}) the slopes and r = mean(y) - beta_0 - mean(x)' b, a group's residual sum of squares
/// is n r^2 + Syy - 2 b' Sxy + b' Sxx b.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupStatistics {
    /// N, the observations of all groups together.
    pub observations: usize,
    /// `n[j]`.
    pub size: Vec<f64>,
    /// Mean outcome, `[j]`.
    pub outcome_mean: Vec<f64>,
    /// Mean of each predictor, `[k - 1][j]`.
    pub predictor_mean: Vec<Vec<f64>>,
    /// Sxy, `[k - 1][j]`.
    pub cross: Vec<Vec<f64>>,
    /// Sxx, `[k - 1][l - 1][j]`, symmetric.
    pub gram: Vec<Vec<Vec<f64>>>,
    /// Syy, `[j]`.
    pub outcome_square: Vec<f64>,
}

impl GroupStatistics {
    /// Statistics of `dataset` in the units of `scaling`.
    pub fn new(dataset: &Dataset, scaling: &Scaling) -> GroupStatistics {
        let (groups, slopes) = (dataset.n_groups(), dataset.n_coefficients() - 1);
        let mut statistics = GroupStatistics {
            observations: dataset.n_observations(),
            size: vec![0.0; groups],
            outcome_mean: vec![0.0; groups],
            predictor_mean: vec![vec![0.0; groups]; slopes],
            cross: vec![vec![0.0; groups]; slopes],
            gram: vec![vec![vec![0.0; groups]; slopes]; slopes],
            outcome_square: vec![0.0; groups],
        };
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let product = |u: &[f64], u_mean: f64, v: &[f64], v_mean: f64| {
            u.iter().zip(v).map(|(u, v)| (u - u_mean) * (v - v_mean)).sum::<f64>()
        };
        for j in 0..groups {
            let rows = dataset.group_range(j);
            let y = &dataset.outcome()[rows.clone()];
            let y_mean = mean(y);
            let s = scaling.outcome_scale;
            statistics.size[j] = rows.len() as f64;
            statistics.outcome_mean[j] = (y_mean - scaling.outcome_shift) / s;
            statistics.outcome_square[j] = product(y, y_mean, y, y_mean) / (s * s);
            for k in 0..slopes {
                let (x, s_k) = (&dataset.predictor(k)[rows.clone()], scaling.predictors[k]);
                let x_mean = mean(x);
                statistics.predictor_mean[k][j] = x_mean / s_k;
                statistics.cross[k][j] = product(x, x_mean, y, y_mean) / (s_k * s);
                for l in 0..=k {
                    let (z, s_l) = (&dataset.predictor(l)[rows.clone()], scaling.predictors[l]);
                    let gram = product(x, x_mean, z, mean(z)) / (s_k * s_l);
                    statistics.gram[k][l][j] = gram;
                    statistics.gram[l][k][j] = gram;
                }
            }
        }
        statistics
    }
}
