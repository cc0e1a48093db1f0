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
use super::coordinates::{Centering, Coordinates};
use super::design::Design;
use super::mixed::{Mixed, MixedTerm};
use super::mixed_map::TermMap;
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
        let fits = |(weights, term): (&Vec<f64>, &TermMap)| {
            let length = if term.partial.is_some() { term.columns * term.levels } else { 0 };
            weights.len() == length && weights.iter().all(|weight| (0.0..=1.0).contains(weight))
        };
        self.is_empty() || self.0.len() == terms.len() && self.0.iter().zip(terms).all(fits)
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

/// What a term with partially centered effects has beside [`TermMap`].
#[derive(Debug, Clone, PartialEq)]
pub struct PartialTerm {
    /// The weight of each effect, `[column][level]`.
    pub weights: Vec<f64>,
    /// The predictors of levels, which move the means of effects.
    pub predictors: Vec<LevelPredictor>,
}

impl PartialTerm {
    /// Writes the mean of each effect, `[column][level]`, given the hyperparameters' values.
    pub fn means(&self, map: &TermMap, values: &[f64], means: &mut [f64]) {
        for (column, row) in means.chunks_exact_mut(map.levels).enumerate() {
            row.fill(map.mean(column, values));
        }
        for LevelPredictor { column, coefficient, values: of_levels } in &self.predictors {
            let row = &mut means[column * map.levels..][..map.levels];
            row.iter_mut().zip(of_levels).for_each(|(mean, x)| *mean += values[*coefficient] * x);
        }
    }

    /// Writes s^-w of each effect, given Lambda.
    pub fn powers(&self, map: &TermMap, factor: &[f64], powers: &mut [f64]) {
        let rows = powers.chunks_exact_mut(map.levels).zip(self.weights.chunks_exact(map.levels));
        for (column, (row, weights)) in rows.enumerate() {
            let log = ln(factor[column * map.columns + column]);
            row.iter_mut().zip(weights).for_each(|(power, weight)| *power = exp(-weight * log));
        }
    }

    /// Replaces z by v, given the hyperparameters' values and Lambda.
    pub fn place(&self, map: &TermMap, values: &[f64], factor: &[f64], entries: &mut [f64]) {
        let (q, levels) = (map.columns, map.levels);
        let [mut means, mut powers] = [(); 2].map(|()| vec![0.0; q * levels]);
        self.means(map, values, &mut means);
        self.powers(map, factor, &mut powers);
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
    pub fn offsets(
        &self,
        map: &TermMap,
        factor: &[f64],
        powers: &[f64],
        theta: &[f64],
        means: &mut [f64],
        z: &mut [f64],
    ) {
        let (q, levels) = (map.columns, map.levels);
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

impl Mixed {
    /// For each column of a term, the population-level coefficient about which its centered effects are: that of the
    /// same column, in the first term, centered or partially centered, which has this column.
    pub(super) fn means(&self, term: usize, coordinates: &Coordinates) -> Vec<Option<usize>> {
        let has_mean = |t: &usize| !matches!(coordinates.centering(*t), None | Some(Centering::NonCentered));
        let earlier = self.terms.iter().enumerate().take(term).filter(|(t, _)| has_mean(t));
        let earlier: Vec<&MixedTerm> = earlier.map(|(_, term)| term).collect();
        let first = |column: &usize| !earlier.iter().any(|earlier| earlier.columns.contains(column));
        let mean = |column: &usize| self.population.iter().position(|other| other == column).filter(|_| first(column));
        self.terms[term].columns.iter().map(mean).collect()
    }

    /// Gives the terms with partially centered effects their weights, 0 where there are none, and the predictors of
    /// their levels; `centers` are those of the population-level columns.
    pub(super) fn partial_terms(
        &self,
        terms: &mut [TermMap],
        design: &Design,
        centers: &[f64],
        CenteringWeights(weights): &CenteringWeights,
    ) {
        let is_partial: Vec<bool> = terms.iter().map(|map| map.centering == Some(Centering::Partial)).collect();
        for (t, map) in terms.iter_mut().enumerate().filter(|(t, _)| is_partial[*t]) {
            let size = map.columns * map.levels;
            let given = weights.get(t).filter(|weights| weights.len() == size);
            let weights = given.cloned().unwrap_or_else(|| vec![0.0; size]);
            map.partial = Some(PartialTerm { weights, predictors: Vec::new() });
        }
        for (coefficient, k) in self.population.iter().enumerate().filter(|(_, k)| **k > 0) {
            let Some(OfLevels { term, column, mut values }) = self.of_levels(design, *k, |t| is_partial[t]) else {
                continue;
            };
            let (map, center) = (&mut terms[term], centers[coefficient]);
            let Some(PartialTerm { predictors, .. }) = &mut map.partial else { continue };
            if map.intercept == Some(column) {
                values.iter_mut().for_each(|x| *x -= center);
            } else if let Some(intercept) = map.intercept.filter(|intercept| map.means[*intercept].is_some()) {
                let values = vec![-center; map.levels];
                predictors.push(LevelPredictor { column: intercept, coefficient, values });
            }
            predictors.push(LevelPredictor { column, coefficient, values });
        }
    }

    /// Where the column `k` is, in all rows of each level, the same multiple of a column of a term: in the term with the
    /// fewest levels of those that `may` have it, unless that has the column itself.
    pub(crate) fn of_levels(&self, design: &Design, k: usize, may: impl Fn(usize) -> bool) -> Option<OfLevels> {
        let levels = |t: usize| design.dataset.levels(self.terms[t].factor).len();
        let mut all: Vec<usize> = (0..self.terms.len()).filter(|t| may(*t)).collect();
        all.sort_by_key(|t| levels(*t));
        let found = all.into_iter().find_map(|term| {
            let columns = self.terms[term].columns.iter().enumerate();
            let of_term = |column: usize| multiples(design, self.terms[term].factor, column, k);
            columns.filter_map(|(c, column)| Some((c, of_term(*column)?))).next().map(|(column, values)| OfLevels {
                term,
                column,
                values,
            })
        });
        found.filter(|OfLevels { term, .. }| k == 0 || !self.terms[*term].columns.contains(&k))
    }
}

/// A population-level column as a multiple of a term's column that differs by level alone.
#[derive(Debug, Clone, PartialEq)]
pub struct OfLevels {
    /// The term.
    pub term: usize,
    /// The number of the column among the term's.
    pub column: usize,
    /// The multiple of each level, in the sampler's units; 0 where the term's column is 0 in all rows.
    pub values: Vec<f64>,
}

/// The multiples of `column` that column `k` is in all rows of each level of `factor`, if it is.
fn multiples(design: &Design, factor: usize, column: usize, k: usize) -> Option<Vec<f64>> {
    let dataset = design.dataset;
    let mut values = vec![f64::NAN; dataset.levels(factor).len()];
    for (row, level) in dataset.level_of_rows(factor).iter().enumerate() {
        let (of_level, x, y) = (&mut values[*level as usize], design.column(column, row), design.column(k, row));
        if x != 0.0 && of_level.is_nan() {
            *of_level = y / x;
        }
        let expected = if x == 0.0 { 0.0 } else { *of_level * x };
        // The last bits of products may differ.
        if (y - expected).abs() > 1e-12 * y.abs() {
            return None;
        }
    }
    values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = 0.0);
    Some(values)
}
