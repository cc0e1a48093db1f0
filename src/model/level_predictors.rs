//! The means of centered and of partially centered effects: which population-level columns are in them.

use super::coordinates::{Centering, Coordinates};
use super::design::Design;
use super::mixed::Mixed;
use super::mixed_map::TermMap;
use super::partial::{CenteringWeights, LevelPredictor, PartialTerm};
use crate::data::Dataset;

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

impl Mixed {
    /// For each column of a term, the population-level coefficient about which its effects are, that of the same
    /// column: in the first centered term which has this column, or else in the partially centered one with the fewest
    /// levels, whose mean is known least.
    pub(super) fn means(&self, dataset: &Dataset, term: usize, coordinates: &Coordinates) -> Vec<Option<usize>> {
        let place = |column: &usize| {
            let with = |centering| {
                let is_so = move |t: &usize| coordinates.centering(*t) == Some(centering);
                (0..self.terms.len()).filter(is_so).filter(|t| self.terms[*t].columns.contains(column))
            };
            let levels = |t: &usize| dataset.levels(self.terms[*t].factor).len();
            let of = with(Centering::Centered).next().or_else(|| with(Centering::Partial).min_by_key(levels));
            self.population.iter().position(|other| other == column).filter(|_| of == Some(term))
        };
        self.terms[term].columns.iter().map(place).collect()
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
            let (columns, levels) = (map.columns, map.levels);
            map.partial = Some(PartialTerm { columns, levels, weights, predictors: Vec::new() });
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

    /// Where the column `k` is, in all rows of each level, the same multiple of a column of a term: in the term with
    /// the fewest levels of those that `may` have it, unless that has the column itself.
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
