//! The partially centered effects of a term at a position, and the pullback of derivatives.

use super::sums::{add_multiple, dot, sum};
use crate::math::ln;
use crate::model::{LevelPredictor, PartialTerm, TermMap};

/// Scratch for a term, all `[column][level]`.
#[derive(Debug, Clone)]
pub struct PartialScratch {
    /// z.
    pub offsets: Vec<f64>,
    /// s^-w.
    powers: Vec<f64>,
    /// m + c, and then the derivatives by m and by c.
    means: Vec<f64>,
}

impl PartialScratch {
    /// Scratch for so many effects.
    pub fn new(effects: usize) -> PartialScratch {
        let zeros = vec![0.0; effects];
        PartialScratch { offsets: zeros.clone(), powers: zeros.clone(), means: zeros }
    }

    /// Sets z, where `theta` has v, given the hyperparameters' values and Lambda.
    pub fn set(&mut self, map: &TermMap, partial: &PartialTerm, values: &[f64], factor: &[f64], theta: &[f64]) {
        partial.means(|column| map.mean(column, values), values, &mut self.means);
        partial.powers(factor, &mut self.powers);
        partial.offsets(factor, &self.powers, theta, &mut self.means, &mut self.offsets);
    }

    /// The log density of v, without constants. Writes the derivatives of the whole log density by v to `gradient`, and
    /// adds those by Lambda to `by_factor` and by the means to `by_values`, given the derivatives of the log likelihood
    /// by r.
    pub fn pull(
        &mut self,
        map: &TermMap,
        (partial, factor): (&PartialTerm, &[f64]),
        by_r: &[f64],
        gradient: &mut [f64],
        by_factor: &mut [f64],
        by_values: &mut [f64],
    ) -> f64 {
        let (q, levels) = (map.columns, map.levels);
        let PartialScratch { offsets, powers, means: by_means } = self;
        let mut log_density = -0.5 * dot(offsets, offsets);
        for k in (0..q).rev() {
            let here = k * levels..(k + 1) * levels;
            let (z, weights, scale) = (&offsets[here.clone()], &partial.weights[here.clone()], factor[k * q + k]);
            let entries = &mut gradient[here.clone()];
            // Derivatives by z, which moves r and the means of the columns after this one.
            let by_own = &by_r[here.clone()];
            entries.iter_mut().zip(z).zip(by_own).for_each(|((by_z, z), by_r)| *by_z = scale * by_r - z);
            for c in k + 1..q {
                let by_known = &by_means[c * levels..(c + 1) * levels];
                add_multiple(factor[c * q + k], by_known, entries);
                by_factor[c * q + k] += dot(by_known, z);
            }
            let by_scale = dot_of_three(weights, z, entries) + sum(weights);
            by_factor[k * q + k] += dot(by_own, z) - by_scale / scale;
            log_density -= sum(weights) * ln(scale);
            let rows = entries.iter_mut().zip(&powers[here.clone()]).zip(weights).zip(&mut by_means[here.clone()]);
            for (((entry, power), weight), by_mean) in rows {
                *entry *= power;
                *by_mean = -weight * *entry;
            }
            map.pull_mean(k, sum(&by_means[here.clone()]), by_values);
            for LevelPredictor { column, coefficient, values } in &partial.predictors {
                if *column == k {
                    by_values[*coefficient] += dot(values, &by_means[here.clone()]);
                }
            }
            // Derivatives by c, which moves r, too.
            by_means[here].iter_mut().zip(by_own).for_each(|(by_known, by_r)| *by_known += by_r);
        }
        log_density
    }
}

/// sum_j a_j b_j c_j.
fn dot_of_three(a: &[f64], b: &[f64], c: &[f64]) -> f64 {
    a.iter().zip(b).zip(c).map(|((a, b), c)| a * b * c).sum()
}
