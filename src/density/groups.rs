//! The likelihood over groups: eight groups at a time, from their sufficient statistics.

use super::sums::{At, Sums};
use crate::lanes::{LANES, Lanes};
use crate::model::{GroupStatistics, Layout};

/// Sufficient statistics of eight groups after eight groups, in the order in which they are read: for each eight, size,
/// mean outcome, and for each slope its mean, its cross product with the outcome and its row of the Gram matrix.
#[derive(Debug, Clone)]
pub struct GroupTable {
    groups: usize,
    rows: Vec<Lanes>,
    /// Syy of all groups together, which no position changes.
    outcome_square: f64,
}

impl GroupTable {
    pub fn new(statistics: &GroupStatistics) -> GroupTable {
        let (groups, slopes) = (statistics.size.len(), statistics.predictor_mean.len());
        let mut rows = Vec::new();
        for start in (0..groups).step_by(LANES) {
            let mut row = |values: &[f64]| rows.push(Lanes::load(&values[start..groups.min(start + LANES)], 0.0));
            row(&statistics.size);
            row(&statistics.outcome_mean);
            for k in 0..slopes {
                row(&statistics.predictor_mean[k]);
                row(&statistics.cross[k]);
                statistics.gram[k].iter().for_each(|gram| row(gram));
            }
        }
        GroupTable { groups, rows, outcome_square: statistics.outcome_square.iter().sum() }
    }
}

/// Adds up over all groups, and writes the gradient by their effects.
///
/// With r and t_k = Sxy_k - (Sxx b)_k: SS = sum_j n r^2 + Syy - b' (Sxy + t), and d log likelihood / d beta_0 =
/// n r / eps^2, d / d beta_k = (n r mean(x_k) + t_k) / eps^2.
#[inline(always)]
pub fn sums<const M: usize>(table: &GroupTable, k: usize, at: &At<M>, theta: &[f64], gradient: &mut [f64]) -> Sums<M> {
    let layout = Layout { coefficients: k, groups: table.groups };
    let mut sums = Sums::<M>::zero();
    let stride = 2 + (k - 1) * (k + 1);
    for (chunk, rows) in table.rows.chunks_exact(stride).enumerate() {
        let start = chunk * LANES;
        let end = table.groups.min(start + LANES);
        let mut effects = [Lanes::ZERO; M];
        let mut betas = [Lanes::ZERO; M];
        for i in 0..k {
            let first = layout.effects(i).start;
            effects[i] = Lanes::load(&theta[first + start..first + end], at.coefficients[i].padding());
            betas[i] = at.coefficients[i].beta(effects[i]);
        }
        let (size, mean) = (rows[0], rows[1]);
        let slope = |i: usize| 2 + (i - 1) * (k + 1);
        let mut residual = mean - betas[0];
        for i in 1..k {
            residual -= rows[slope(i)] * betas[i];
        }
        let weighted = size * residual;
        sums.residual_squares += weighted * residual;
        let mut by_beta = [weighted; M];
        for i in 1..k {
            let cross = rows[slope(i) + 1];
            let mut rest = cross;
            for l in 1..k {
                rest -= rows[slope(i) + 1 + l] * betas[l];
            }
            sums.residual_squares -= betas[i] * (cross + rest);
            by_beta[i] = weighted * rows[slope(i)] + rest;
        }
        for i in 0..k {
            let first = layout.effects(i).start;
            sums.add(i, &at.coefficients[i], effects[i], by_beta[i] * at.precision)
                .store(&mut gradient[first + start..first + end]);
        }
    }
    sums.residual_squares.0[0] += table.outcome_square;
    sums
}
