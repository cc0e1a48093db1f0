//! What is left out together, and what is predicted as one: single rows, whole groups, or rows in folds.

use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::LooError;
use super::refit::{Refit, Refits};
use crate::data::Dataset;
use crate::data::text::{closest, listed};
use crate::random::{Purpose, StreamKey};

/// Sets of rows that are left out, one after the other, and how what is left out is predicted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOutSets {
    /// The rows of each set; sets have no row in common.
    pub sets: Vec<Vec<usize>>,
    /// The factor whose levels the sets are, and are predicted together; without one, each row is predicted by itself.
    pub factor: Option<usize>,
}

impl LeftOutSets {
    /// Each of these rows by itself.
    pub fn rows(rows: impl IntoIterator<Item = usize>) -> LeftOutSets {
        LeftOutSets { sets: rows.into_iter().map(|row| vec![row]).collect(), factor: None }
    }

    /// The rows of each level of a factor, which are predicted together.
    ///
    /// # Errors
    /// If the model has no such factor.
    pub fn levels(data: &Dataset, factor: &str) -> Result<LeftOutSets, LooError> {
        let names: Vec<String> = (0..data.n_factors()).map(|factor| data.factor_name(factor).to_string()).collect();
        let Some(place) = names.iter().position(|name| name == factor.trim()) else {
            let cure = match closest(&names, factor) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("write one of: {}", listed(&names)),
            };
            return Err(LooError::NoFactor { factor: factor.to_string(), cure });
        };
        let mut sets = vec![Vec::new(); data.levels(place).len()];
        for (row, level) in data.level_of_rows(place).into_iter().enumerate() {
            sets[level as usize].push(row);
        }
        Ok(LeftOutSets { sets, factor: Some(place) })
    }

    /// All rows in `count` folds of about equal size, at random.
    ///
    /// # Errors
    /// If there are more folds than rows.
    pub fn folds(data: &Dataset, count: usize, seed: u64) -> Result<LeftOutSets, LooError> {
        let rows = data.n_observations();
        if count > rows {
            return Err(LooError::ManyFolds { folds: count, rows });
        }
        // In the order of the file, so that models of other groups have the same folds.
        let mut order: Vec<usize> = (0..rows).collect();
        order.sort_unstable_by_key(|row| data.row_of(*row));
        order.shuffle(&mut StreamKey { seed, chain: 0, transition: 0 }.stream(Purpose::Folds));
        let mut sets: Vec<Vec<usize>> =
            (0..count).map(|fold| order.iter().skip(fold).step_by(count).copied().collect()).collect();
        sets.iter_mut().for_each(|set| set.sort_unstable());
        Ok(LeftOutSets { sets, factor: None })
    }

    /// What is predicted, set after set: rows, or all of a set.
    pub fn units(&self) -> Vec<Vec<usize>> {
        self.sets.iter().flat_map(|set| self.units_of(set)).collect()
    }

    fn units_of(&self, set: &[usize]) -> Vec<Vec<usize>> {
        if self.factor.is_some() { vec![set.to_vec()] } else { set.iter().map(|row| vec![*row]).collect() }
    }

    /// What is predicted, in the order of [`units`](Self::units), each by the rows outside its set. `done` is called
    /// after each set.
    ///
    /// # Errors
    /// The first of the refits.
    pub fn refitted(&self, refits: &Refits, done: impl Fn() + Sync) -> Result<Vec<Refit>, LooError> {
        let of_set = |(number, set): (usize, &Vec<usize>)| {
            let mut leaves = vec![false; refits.rows()];
            set.iter().for_each(|row| leaves[*row] = true);
            let refits = refits.without(number, &leaves, &self.units_of(set))?;
            done();
            Ok(refits)
        };
        let all = self
            .sets
            .par_iter()
            .enumerate()
            .with_max_len(1)
            .map(of_set)
            .collect::<Result<Vec<Vec<Refit>>, LooError>>()?;
        Ok(all.into_iter().flatten().collect())
    }
}
