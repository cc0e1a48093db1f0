//! Limits of the data's design, whatever the sampler: spreads that only their priors determine, slopes that cannot
//! vary, outcomes that are not normal, groups that may be one.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use super::Dataset;

/// At most this many groups say next to nothing about the spread of groups.
const FEW_GROUPS: usize = 3;

/// Whole numbers from 0 with a mean up to this are taken for counts or ratings; larger counts have nearly normal noise.
const LARGEST_MEAN_COUNT: f64 = 30.0;

/// A predictor that varies by less than this within a group, relative to its values there, is constant there.
pub(super) const CONSTANT: f64 = 1e-12;

/// Warnings about the design of the data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DesignWarnings {
    /// Every group has one row: a group's deviation and its row's noise cannot be separated.
    pub one_row_a_group: bool,
    /// The number of groups, if it is two or three.
    pub few_groups: Option<usize>,
    /// Predictors that are constant within every group: their slopes cannot vary.
    pub constant_within_groups: Vec<String>,
    /// The kind of an outcome of few values, which is not normal.
    pub discrete: Option<Discrete>,
    /// Groups whose labels differ only in case, in blanks or in Unicode form.
    pub alike: Vec<[String; 2]>,
}

/// An outcome of few values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discrete {
    /// Two values.
    Two,
    /// Whole numbers from 0 up to this number.
    Whole(u64),
}

/// Warnings about one factor of a formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorWarnings {
    /// The name of the factor.
    pub factor: String,
    /// Every level has one row: a level's deviation and its row's noise cannot be separated.
    pub one_row_a_level: bool,
    /// The number of levels, if it is two or three.
    pub few_levels: Option<usize>,
    /// Levels whose labels differ only in case, in blanks or in Unicode form.
    pub alike: Vec<[String; 2]>,
}

impl Dataset {
    /// Warnings about each factor of a formula.
    pub fn factor_warnings(&self) -> Vec<FactorWarnings> {
        let of = |factor: usize| {
            let levels = self.levels(factor);
            FactorWarnings {
                factor: self.factor_name(factor).to_string(),
                one_row_a_level: levels.len() == self.n_observations(),
                few_levels: Some(levels.len()).filter(|levels| *levels <= FEW_GROUPS),
                alike: alike(levels),
            }
        };
        (0..self.n_factors()).map(of).collect()
    }

    /// The number of rows of the level that has most of them.
    pub fn most_rows_of_a_level(&self, factor: usize) -> usize {
        let mut rows = vec![0; self.levels(factor).len()];
        self.level_of_rows(factor).into_iter().for_each(|level| rows[level as usize] += 1);
        rows.into_iter().max().unwrap_or(0)
    }

    /// The kind of an outcome of few values, which is not normal.
    pub fn discrete_outcome(&self) -> Option<Discrete> {
        discrete(&self.outcome)
    }

    /// Whether predictor `k` is constant within every level of a factor of which some level has several rows.
    pub fn is_constant_within(&self, factor: usize, k: usize) -> bool {
        let mut first: Vec<Option<f64>> = vec![None; self.levels(factor).len()];
        let levels = self.level_of_rows(factor);
        let constant = levels.iter().zip(&self.predictors[k]).all(|(level, value)| {
            let first = *first[*level as usize].get_or_insert(*value);
            (value - first).abs() <= CONSTANT * first.abs()
        });
        constant && first.len() < levels.len()
    }

    /// Warnings about the design of the data.
    pub fn design(&self) -> DesignWarnings {
        DesignWarnings {
            one_row_a_group: self.n_observations() == self.n_groups(),
            few_groups: Some(self.n_groups()).filter(|groups| *groups <= FEW_GROUPS),
            constant_within_groups: self.constant_within_groups(),
            discrete: discrete(&self.outcome),
            alike: alike(&self.groups),
        }
    }

    fn constant_within_groups(&self) -> Vec<String> {
        if self.n_observations() == self.n_groups() {
            // Nothing varies within groups of one row.
            return Vec::new();
        }
        let named = self.columns.predictors.iter().zip(&self.predictors);
        let constant = named.filter(|(_, values)| {
            (0..self.n_groups()).all(|j| {
                let values = &values[self.group_range(j)];
                let limit = CONSTANT * values[0].abs();
                values.iter().all(|value| (value - values[0]).abs() <= limit)
            })
        });
        constant.map(|(name, _)| name.clone()).collect()
    }
}

fn discrete(outcome: &[f64]) -> Option<Discrete> {
    let first = outcome[0];
    let second = outcome.iter().find(|value| **value != first)?;
    if outcome.iter().all(|value| value == &first || value == second) {
        return Some(Discrete::Two);
    }
    let (min, max) = outcome.iter().fold((first, first), |(min, max), value| (value.min(min), value.max(max)));
    let mean = || outcome.iter().sum::<f64>() / outcome.len() as f64;
    let whole = || outcome.iter().all(|value| value.fract() == 0.0);
    (min >= 0.0 && whole() && mean() <= LARGEST_MEAN_COUNT).then_some(Discrete::Whole(max as u64))
}

fn alike(labels: &[String]) -> Vec<[String; 2]> {
    let mut seen: HashMap<String, &String> = HashMap::new();
    let mut pairs = Vec::new();
    for label in labels {
        let folded: String = label.nfkc().flat_map(char::to_lowercase).collect();
        let folded = folded.split_whitespace().collect::<Vec<_>>().join(" ");
        match seen.get(&folded) {
            Some(first) => pairs.push([(*first).clone(), label.clone()]),
            None => {
                seen.insert(folded, label);
            }
        }
    }
    pairs
}
