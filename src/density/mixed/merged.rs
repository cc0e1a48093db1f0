//! The rows of a formula's likelihood: those of the data set or, where the family's log likelihood is that of sums, or
//! outcomes are normal, one row for all that have the same columns and levels. Merging is exact.
//!
//! ```text
//! sum_i w_i (y_i - eta)^2 = W (m - eta)^2 + sum_i w_i (y_i - m)^2,    W = sum_i w_i,    m = sum_i w_i y_i / W
//! ```

use std::collections::HashMap;

use crate::family::{CountOf, Distribution, OutcomeRow, with_family};
use crate::model::{Coordinates, Model};

/// Normal outcomes are merged if so many of a hundred rows remain, or fewer: of these first rows, then of all.
const MOST_REMAIN: usize = 80;
const FIRST_ROWS: usize = 1000;

/// The rows of a likelihood, in the order of the data set's groups.
#[derive(Debug, Clone)]
pub struct LikelihoodRows {
    /// The row of the data set from which each has its columns and levels.
    pub of: Vec<usize>,
    /// What the family knows of each.
    pub outcomes: Vec<OutcomeRow>,
    /// The root of the weight of each.
    pub roots: Vec<f64>,
    /// The weighted sum of squares of normal outcomes about the mean of those that are merged with them.
    pub within: f64,
    /// The different outcomes of the data set, if the family wants them.
    pub counts: Vec<CountOf>,
    /// The log likelihood that the family leaves out of rows.
    pub constant: f64,
}

impl LikelihoodRows {
    /// The rows of `model`.
    pub fn of(model: &Model) -> LikelihoodRows {
        with_family!(model.family(), F => LikelihoodRows::of_family::<F>(model))
    }

    fn of_family<F: Distribution>(model: &Model) -> LikelihoodRows {
        let (design, data) = (model.design(), model.dataset());
        let count = data.n_observations();
        let constant = count as f64 * F::row_constant();
        let (of, outcomes, roots, counts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut rows = LikelihoodRows { of, outcomes, roots, within: 0.0, counts, constant };
        let places = match (F::MERGES, has_means(model)) {
            (true, _) => places(model, 100),
            (false, true) => places(model, MOST_REMAIN),
            (false, false) => None,
        };
        for i in 0..count {
            let (row, left_out) = F::with_offset_in_size(design.outcome_row(i));
            let trials = data.trials().map_or(1.0, |trials| trials[i]);
            rows.constant += F::constant(data.outcome()[i], trials) + left_out;
            let (place, root) = (places.as_ref().map_or(i, |places| places[i]), design.root_weight(i));
            match (rows.outcomes.get_mut(place), rows.roots.get_mut(place)) {
                (Some(known), _) if F::MERGES => {
                    known.outcome += row.outcome;
                    known.size += row.size;
                }
                (Some(known), Some(root_of_all)) => {
                    let (weight, before) = (root * root, *root_of_all * *root_of_all);
                    let (all, difference) = (before + weight, row.outcome - known.outcome);
                    known.outcome += difference * weight / all;
                    rows.within += difference * difference * before * weight / all;
                    *root_of_all = all.sqrt();
                }
                _ => {
                    rows.of.push(i);
                    rows.outcomes.push(row);
                    rows.roots.push(root);
                }
            }
        }
        rows.constant += rows.outcomes.iter().map(F::saturated).sum::<f64>();
        if F::COUNTS {
            let mut all = data.outcome().to_vec();
            all.sort_by(f64::total_cmp);
            let of_one = all.chunk_by(|a, b| a == b);
            rows.counts.extend(of_one.map(|same| CountOf { outcome: same[0], rows: same.len() as f64 }));
        }
        rows
    }
}

/// Whether rows of equal eta are one row of their mean: outcomes are normal with one sigma, and stay in the likelihood.
fn has_means(model: &Model) -> bool {
    let has_one_sigma = model.mixed().is_some_and(|mixed| mixed.sigma.is_none());
    let is_joint = *model.coordinates() != Coordinates::Collapsed;
    is_joint && model.family().is_normal() && has_one_sigma && model.dataset().errors().is_none()
}

/// The place of each row of the data set among those that have the same columns and levels, in their order; `None` if
/// more than `most` of a hundred remain.
fn places(model: &Model, most: usize) -> Option<Vec<usize>> {
    let (design, data) = (model.design(), model.dataset());
    let factors: Vec<Vec<u32>> = (1..data.n_factors()).map(|factor| data.level_of_rows(factor)).collect();
    let mut known: HashMap<Vec<u64>, usize> = HashMap::new();
    let (mut places, mut remain) = (Vec::with_capacity(data.n_observations()), 0);
    for group in 0..data.n_groups() {
        known.clear();
        for i in data.group_range(group) {
            let columns = (1..data.n_coefficients()).map(|k| data.predictor(k - 1)[i].to_bits());
            let levels = factors.iter().map(|levels| u64::from(levels[i]));
            let key = columns.chain(levels).chain([design.outcome_row(i).offset.to_bits()]).collect();
            let place = *known.entry(key).or_insert(remain);
            remain = remain.max(place + 1);
            places.push(place);
        }
        let is_seen = places.len() >= FIRST_ROWS || group + 1 == data.n_groups();
        if is_seen && 100 * remain > most * places.len() {
            return None;
        }
    }
    Some(places)
}

impl LikelihoodRows {
    /// For each j from 0 on the number of rows whose outcome is larger; none, if the family does not want counts.
    pub fn tail_counts(&self) -> Vec<f64> {
        let most = self.counts.last().map_or(0.0, |largest| largest.outcome) as usize;
        let mut tail = vec![0.0; most];
        let mut above: f64 = self.counts.iter().map(|count| count.rows).sum();
        let mut counts = self.counts.iter().peekable();
        for (j, tail) in tail.iter_mut().enumerate() {
            while let Some(count) = counts.next_if(|count| count.outcome <= j as f64) {
                above -= count.rows;
            }
            *tail = above;
        }
        tail
    }
}
