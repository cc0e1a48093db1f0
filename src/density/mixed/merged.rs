//! The rows of a formula's likelihood: those of the data set or, where the family's log likelihood is that of sums, one
//! row for all that have the same columns and levels. Merging is exact.

use std::collections::HashMap;

use crate::family::{CountOf, Distribution, OutcomeRow, with_family};
use crate::model::Model;

/// The rows of a likelihood, in the order of the data set's groups.
#[derive(Debug, Clone)]
pub struct LikelihoodRows {
    /// The row of the data set from which each has its columns and levels.
    pub of: Vec<usize>,
    /// What the family knows of each.
    pub outcomes: Vec<OutcomeRow>,
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
        let constant = data.n_observations() as f64 * F::row_constant();
        let mut rows = LikelihoodRows { of: Vec::new(), outcomes: Vec::new(), counts: Vec::new(), constant };
        let factors: Vec<Vec<u32>> = (1..data.n_factors()).map(|factor| data.level_of_rows(factor)).collect();
        let mut places: HashMap<Vec<u64>, usize> = HashMap::new();
        for group in 0..data.n_groups() {
            places.clear();
            for i in data.group_range(group) {
                let (row, left_out) = F::with_offset_in_size(design.outcome_row(i));
                let trials = data.trials().map_or(1.0, |trials| trials[i]);
                rows.constant += F::constant(data.outcome()[i], trials) + left_out;
                if F::MERGES {
                    let columns = (1..data.n_coefficients()).map(|k| data.predictor(k - 1)[i].to_bits());
                    let levels = factors.iter().map(|levels| u64::from(levels[i]));
                    let key = columns.chain(levels).chain([row.offset.to_bits()]).collect();
                    let place = *places.entry(key).or_insert(rows.of.len());
                    if let Some(known) = rows.outcomes.get_mut(place) {
                        known.outcome += row.outcome;
                        known.size += row.size;
                        continue;
                    }
                }
                rows.of.push(i);
                rows.outcomes.push(row);
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
