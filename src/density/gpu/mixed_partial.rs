//! The numbers of partially centered effects for mixed/partial.wgsl.

use super::mixed_shape::MixedShape;
use crate::gpu::shared_struct;
use crate::model::{LevelPredictor, MixedMap, PartialTerm, TermMap};

shared_struct! {
    /// A predictor of levels.
    pub struct PredictorRow {
        /// The column whose means it moves.
        pub column: u32,
        /// The population-level coefficient.
        pub coefficient: u32,
        /// Where its numbers are, level by level.
        pub values: u32,
    }
}

/// The words of `Fixed` where the numbers of each term's partially centered effects begin.
pub fn places_of_partial(map: &MixedMap, partial_at: usize) -> Vec<usize> {
    let mut end = partial_at;
    let place = |term: &TermMap| {
        let length = |partial: &PartialTerm| partial.weights.len() + partial.predictors.len() * term.levels;
        end += term.partial.as_ref().map_or(0, length);
        end - term.partial.as_ref().map_or(0, length)
    };
    map.terms.iter().map(place).collect()
}

/// Term by term, the weights of partially centered effects, and the numbers of the predictors of levels.
pub fn numbers_of_partial(map: &MixedMap) -> Vec<f64> {
    let of = |partial: &PartialTerm| {
        let values = partial.predictors.iter().flat_map(|predictor| predictor.values.clone());
        partial.weights.iter().copied().chain(values).collect::<Vec<f64>>()
    };
    map.terms.iter().filter_map(|term| term.partial.as_ref()).flat_map(of).collect()
}

/// The predictors of the levels of all terms.
pub fn predictor_rows(map: &MixedMap, shape: &MixedShape, partial_at: usize) -> Vec<PredictorRow> {
    let mut all = Vec::new();
    for ((term, shaped), place) in map.terms.iter().zip(&shape.terms).zip(places_of_partial(map, partial_at)) {
        let Some(PartialTerm { weights, predictors, .. }) = &term.partial else { continue };
        let row = |(p, LevelPredictor { column, coefficient, .. }): (usize, &LevelPredictor)| PredictorRow {
            column: (shaped.first_column + column) as u32,
            coefficient: *coefficient as u32,
            values: (place + weights.len() + p * term.levels) as u32,
        };
        all.extend(predictors.iter().enumerate().map(row));
    }
    all
}
