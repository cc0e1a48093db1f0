//! Effects that are partially centered, each with a weight between 0, non-centered, and 1, centered (Papaspiliopoulos,
//! Roberts and Sköld 2007; Gorinova, Moore and Hoffman 2020).
//!
//! With Lambda = diag(sd) L, its diagonal s, the mean m of a level's coefficient, and c what is known of that
//! coefficient from those before it, level by level and column by column
//!
//! ```text
//! z_k = (v_k - w_k (m_k + c_k)) / s_k^w_k        c_k = sum_{l<k} Lambda_kl z_l        r = Lambda z
//! ```
//!
//! where v is in theta. An effect with the information I of its own rows is as narrow whatever its sd if its weight is
//! s^2 I / (1 + s^2 I).

use serde::{Deserialize, Serialize};

use super::Model;
use crate::math::{exp, ln};

/// The weights of all effects, term by term, `[column][level]`; none for terms that are not partially centered, and no
/// terms if nothing has been learnt.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CenteringWeights(pub Vec<Vec<f64>>);

impl CenteringWeights {
    /// Whether nothing has been learnt.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether these may be weights of `model`.
    pub fn are_of(&self, model: &Model) -> bool {
        let terms = model.layout().mixed().map_or(&[][..], |map| &map.terms);
        let mut each = self.0.iter().zip(terms);
        let fits = each.all(|(weights, term)| {
            let length = if term.partial.is_some() { term.columns * term.levels } else { 0 };
            weights.len() == length && weights.iter().all(|weight| (0.0..=1.0).contains(weight))
        });
        self.is_empty() || self.0.len() == terms.len() && fits
    }
}

/// A population-level column that is, in all rows of a level, a column of the term times one number.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelPredictor {
    /// The column of the term.
    pub column: usize,
    /// The index of the population-level coefficient.
    pub coefficient: usize,
    /// The number of each level, in the sampler's units.
    pub values: Vec<f64>,
}

/// What a term with partially centered effects has beside its map.
#[derive(Debug, Clone, PartialEq)]
pub struct PartialTerm {
    /// Numbers of columns and of levels.
    pub columns: usize,
    pub levels: usize,
    /// The weight of each effect, `[column][level]`.
    pub weights: Vec<f64>,
    /// The predictors of levels, which move the means of effects.
    pub predictors: Vec<LevelPredictor>,
}

impl PartialTerm {
    /// Writes the mean of each effect, `[column][level]`, given the hyperparameters' values and the means of columns
    /// without predictors.
    pub fn means(&self, of_column: impl Fn(usize) -> f64, values: &[f64], means: &mut [f64]) {
        for (column, row) in means.chunks_exact_mut(self.levels).enumerate() {
            row.fill(of_column(column));
        }
        for LevelPredictor { column, coefficient, values: of_levels } in &self.predictors {
            let row = &mut means[column * self.levels..][..self.levels];
            row.iter_mut().zip(of_levels).for_each(|(mean, x)| *mean += values[*coefficient] * x);
        }
    }

    /// Writes s^-w of each effect, given Lambda.
    pub fn powers(&self, factor: &[f64], powers: &mut [f64]) {
        let rows = powers.chunks_exact_mut(self.levels).zip(self.weights.chunks_exact(self.levels));
        for (column, (row, weights)) in rows.enumerate() {
            let log = ln(factor[column * self.columns + column]);
            row.iter_mut().zip(weights).for_each(|(power, weight)| *power = exp(-weight * log));
        }
    }

    /// Replaces z by v, given Lambda and the [`means`](Self::means).
    pub fn place(&self, means: &[f64], factor: &[f64], entries: &mut [f64]) {
        let (q, levels) = (self.columns, self.levels);
        let mut powers = vec![0.0; q * levels];
        self.powers(factor, &mut powers);
        // The last column first: it needs the offsets of the others.
        for column in (0..q).rev() {
            for at in column * levels..(column + 1) * levels {
                let offset = |k: usize| entries[k * levels + at % levels];
                let known: f64 = (0..column).map(|k| factor[column * q + k] * offset(k)).sum();
                entries[at] = entries[at] / powers[at] + self.weights[at] * (means[at] + known);
            }
        }
    }

    /// Writes z, where `theta` has v; `means` are those of [`means`](Self::means), and become m + c.
    pub fn offsets(&self, factor: &[f64], powers: &[f64], theta: &[f64], means: &mut [f64], z: &mut [f64]) {
        let (q, levels) = (self.columns, self.levels);
        for column in 0..q {
            let here = column * levels..(column + 1) * levels;
            let (done, rest) = z.split_at_mut(here.start);
            let (mean, weights) = (&mut means[here.clone()], &self.weights[here.clone()]);
            for (known, factor) in done.chunks_exact(levels).zip(&factor[column * q..]) {
                mean.iter_mut().zip(known).for_each(|(mean, z)| *mean += factor * z);
            }
            let given = theta[here.clone()].iter().zip(weights).zip(&*mean).zip(&powers[here]);
            for (z, (((v, weight), mean), power)) in rest.iter_mut().zip(given) {
                *z = (v - weight * mean) * power;
            }
        }
    }
}
