//! The diagnosis of a run's draws, variable by variable: the numbers of its summary, and the limits within which they
//! can be relied on. A run that ends once it is precise is judged by the same numbers.

use std::ops::Range;

use rayon::prelude::*;

use super::goal::ESS_LIMIT;
use super::{Sampler, Settings};
use crate::diagnostics::{self, Series, Summary};
use crate::draws::Draws;
use crate::nuts::Statistic;

/// A larger R-hat means that chains disagree (Vehtari et al. 2021).
pub const RHAT_LIMIT: f64 = 1.01;

/// Nested R-hat squared may exceed its value for independent chains by this much.
const NESTED_TOLERANCE: f64 = 0.02;

/// Limit of nested R-hat: for K superchains of M chains that have forgotten their start it is sqrt(1 + 1/M) on average,
/// with a relative spread of sqrt(2/(K-1)) in the 1/M. Four spreads are allowed, for the largest of many variables.
pub fn nested_limit(chains: u32, per_superchain: u32) -> f64 {
    let size = f64::from(per_superchain);
    let superchains = f64::from(chains) / size;
    (1.0 + (1.0 + 4.0 * (2.0 / (superchains - 1.0)).sqrt()) / size + NESTED_TOLERANCE).sqrt()
}

/// The diagnosis of a run's draws.
#[derive(Debug)]
pub struct Diagnosis<'a> {
    settings: &'a Settings,
    draws: &'a Draws,
    /// Independent draws that repeat the one before; `None` for chains.
    pub repeated: Option<u64>,
}

impl<'a> Diagnosis<'a> {
    /// The diagnosis of the draws of a run with these settings.
    pub fn of(settings: &'a Settings, draws: &'a Draws) -> Diagnosis<'a> {
        let repeated = (settings.sampler == Sampler::Independent).then(|| {
            let tries = draws.statistic(Statistic::NSteps);
            tries.iter().filter(|tries| **tries == 0.0).count() as u64
        });
        Diagnosis { settings, draws, repeated }
    }

    /// The rows of consecutive variables with these draws, `[variable][chain][draw]`, and their nested R-hats where
    /// chains share starting points.
    pub fn rows(&self, values: &[f64], variables: usize) -> Vec<(Summary, Option<f64>)> {
        let (chains, together) = (self.draws.chains(), self.settings.chains_per_superchain());
        if self.repeated == Some(0) {
            let rows = diagnostics::summarize_independent(values, variables, chains);
            return rows.into_iter().map(|row| (row, None)).collect();
        }
        let size = (chains * self.draws.draws()).max(1);
        let rows = diagnostics::summarize(values, variables, chains);
        if together == 1 {
            return rows.into_iter().map(|row| (row, None)).collect();
        }
        let both = rows.into_par_iter().zip(values.par_chunks_exact(size));
        both.map(|(row, values)| {
            let series = Series::new(values, chains);
            (row.from_independent_chains(series), Some(diagnostics::nested_rhat(series, together as usize)))
        })
        .collect()
    }

    /// Whether the goal of the run is reached, by numbers that can be relied on. Reads no more variables than it takes
    /// to see that it is not, and none where every draw counts: their number says how precise they are.
    pub fn is_enough(&self) -> bool {
        if self.repeated == Some(0) {
            let (chains, draws) = (self.draws.chains() as u32, self.draws.draws() as u32);
            return self.settings.until.is_some_and(|goal| goal.is_within(chains, draws));
        }
        let is_enough = |variables: Range<usize>| {
            let rows = self.rows(&self.draws.read(variables.clone()), variables.len());
            rows.iter().all(|(row, nested)| reaches_goal(self.settings, row, *nested))
        };
        self.draws.variable_ranges().into_iter().all(is_enough)
    }
}

/// Whether a variable with this row has reached the goal of a run: its ESS is large enough to be known, the chains
/// agree (one chain has nobody to disagree with), and the goal holds.
pub fn reaches_goal(settings: &Settings, row: &Summary, nested: Option<f64>) -> bool {
    let is_known = row.ess_bulk >= ESS_LIMIT && row.ess_tail >= ESS_LIMIT;
    let agree = match nested {
        Some(nested) => nested <= nested_limit(settings.chains, settings.chains_per_superchain()),
        None => settings.sampler == Sampler::Independent || row.rhat.is_nan() || row.rhat <= RHAT_LIMIT,
    };
    is_known && agree && settings.until.is_some_and(|goal| goal.share(row) >= 1.0)
}
