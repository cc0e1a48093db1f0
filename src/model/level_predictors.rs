//! The means of centered and of partially centered effects: which population-level columns are in them.

use super::coordinates::{Centering, Coordinates};
use super::design::Design;
use super::mixed::{Mixed, MixedTerm};
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
        for (coefficient, of) in self.of_levels(design, |t| is_partial[t]).into_iter().enumerate() {
            let varies = |term: &MixedTerm| term.columns.contains(&self.population[coefficient]);
            let Some(OfLevels { term, column, mut values }) = of.filter(|of| !varies(&self.terms[of.term])) else {
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

    /// Where each population-level column is, in all rows of each level, the same multiple of a column of a term: in
    /// the term with the fewest levels, of those that `may` have it.
    pub(crate) fn of_levels(&self, design: &Design, may: impl Fn(usize) -> bool) -> Vec<Option<OfLevels>> {
        let levels = |t: &usize| design.dataset.levels(self.terms[*t].factor).len();
        let mut coarsest_first: Vec<usize> = (0..self.terms.len()).filter(|t| may(*t)).collect();
        coarsest_first.sort_by_key(levels);
        let mut found = vec![None; self.population.len()];
        for term in coarsest_first {
            let MixedTerm { factor, columns, .. } = &self.terms[term];
            let level_of = (design.dataset.level_of_rows(*factor), levels(&term));
            for (k, found) in self.population.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
                let mut each = columns.iter().enumerate();
                let of = each.find_map(|(c, column)| Some((c, multiples(design, &level_of, *column, *k)?)));
                *found = of.map(|(column, values)| OfLevels { term, column, values });
            }
        }
        found
    }
}

/// The multiples of `column` that column `k` is in all rows of each level, if it is, given the levels of all rows and
/// their number.
fn multiples(design: &Design, (level_of, levels): &(Vec<u32>, usize), column: usize, k: usize) -> Option<Vec<f64>> {
    let mut values = vec![f64::NAN; *levels];
    for (row, level) in level_of.iter().enumerate() {
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
