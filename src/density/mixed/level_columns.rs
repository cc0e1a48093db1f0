//! Population-level columns that differ by the levels of a factor alone, and so are added to effects, level by level,
//! instead of to eta, row by row.

use std::ops::Range;

use crate::model::{MixedMap, Model, OfLevels};

/// A population-level column that differs by level alone.
#[derive(Debug, Clone)]
pub struct LevelColumn {
    /// The index of its coefficient.
    pub coefficient: usize,
    /// The effects to which it is added.
    pub effects: Range<usize>,
    /// Its number of each level, about its center.
    pub values: Vec<f64>,
}

/// The population-level columns that differ by the levels of a term with an intercept, if the levels are at most half
/// as many as the `rows`.
pub fn level_columns(model: &Model, map: &MixedMap, rows: usize) -> Vec<LevelColumn> {
    let (Some(mixed), design, first) = (model.mixed(), model.design(), map.hyperparameters()) else {
        return Vec::new();
    };
    let has_intercept = |t: usize| map.terms[t].intercept.is_some() && map.terms[t].levels <= rows / 2;
    let of = |(coefficient, of): (usize, Option<OfLevels>)| {
        let OfLevels { term, column, values } = of?;
        let (term, center) = (&map.terms[term], map.population.centers[coefficient]);
        let effects = term.row(column).start - first..term.row(column).end - first;
        let values = values.into_iter().map(|value| value - center).collect();
        (term.intercept == Some(column)).then_some(LevelColumn { coefficient, effects, values })
    };
    mixed.of_levels(&design, has_intercept).into_iter().enumerate().filter_map(of).collect()
}
