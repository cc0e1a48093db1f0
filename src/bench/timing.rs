//! One engine in one cell: its measurements, or why there are none.

use serde::Serialize;

use crate::experiment::Keep;
use crate::model::Likelihood;

/// A figure measured several times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// The median of the repeats.
    pub median: f64,
    /// The smallest repeat.
    pub smallest: f64,
    /// The largest repeat.
    pub largest: f64,
    /// The number of repeats.
    pub repeats: usize,
}

impl Rate {
    /// The rate over all repeats; `None` without any, or if one is not finite.
    pub fn of(repeats: &[f64]) -> Option<Rate> {
        let mut sorted = repeats.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (smallest, largest) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        let finite = sorted.iter().all(|rate| rate.is_finite());
        finite.then_some(Rate { median, smallest, largest, repeats: sorted.len() })
    }

    /// The fields of `bench.csv`: median, smallest and largest, or three that are empty.
    pub(super) fn fields(rate: Option<Rate>) -> [String; 3] {
        let numbers = rate.map(|rate| [rate.median, rate.smallest, rate.largest]);
        numbers.map_or([const { String::new() }; 3], |numbers| numbers.map(|number| number.to_string()))
    }

    /// Half the distance from the smallest to the largest, over the median.
    pub fn spread(&self) -> f64 {
        (self.largest - self.smallest) / 2.0 / self.median
    }
}

/// How the time of the workers that drive a device is spent: shares that add up to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TimeSplit {
    /// The host's work: trees, conversion, recording, and submission, which may wait for another worker's submission.
    pub host: f64,
    /// Waiting for transfers and for other workers' kernels, and for the worker's own if the device has no timestamps.
    pub transfer: f64,
    /// Kernels; `None` if the device has no timestamps.
    pub kernel: Option<f64>,
}

/// One engine in one cell.
#[derive(Debug, Clone, Serialize)]
pub struct Timing {
    /// How the likelihood is computed.
    pub likelihood: Likelihood,
    /// Number of groups.
    pub groups: usize,
    /// Number of predictors.
    pub predictors: usize,
    /// Number of chains.
    pub chains: u32,
    /// The engine.
    pub engine: &'static str,
    /// If whole transitions run on a device: the lanes that share a chain, and the numbers of a vector in each.
    pub team: Option<(u32, usize)>,
    /// Gradients a second, in batches of one gradient a chain, without trees; `None` for an engine that computes none
    /// alone.
    pub gradients_per_second: Option<Rate>,
    /// `gradients_per_second` over that of the engine `cpu`, repeat by repeat.
    pub gradients_ratio: Option<Rate>,
    /// The split of the gradients' time.
    pub gradients_split: Option<TimeSplit>,
    /// Leapfrogs a second of sampling transitions; `None` if only gradients fitted into the budget.
    pub leapfrogs_per_second: Option<Rate>,
    /// The leapfrogs a second that `auto` would expect.
    pub leapfrogs_expected: Option<f64>,
    /// `leapfrogs_per_second` over that of the engine `cpu`, repeat by repeat.
    pub leapfrogs_ratio: Option<Rate>,
    /// Nanoseconds a leapfrog, over the leapfrogs of all chains.
    pub leapfrog_nanoseconds: Option<f64>,
    /// Draws a second of all chains together.
    pub draws_per_second: Option<Rate>,
    /// Draws of each chain in a repeat.
    pub draws_per_chain: Option<u32>,
    /// Smallest ESS of the hyperparameters over the number of draws. From 64 chains on, all engines of a cell use the
    /// same number of draws.
    pub ess_per_draw: Option<f64>,
    /// `ess_per_draw` times the draws a second.
    pub ess_per_second: Option<Rate>,
    /// `ess_per_second` over that of the engine `cpu`, repeat by repeat.
    pub ess_ratio: Option<Rate>,
    /// The split of the transitions' time.
    pub sampling_split: Option<TimeSplit>,
}

/// One engine's independent draws of one model.
#[derive(Debug, Clone, Serialize)]
pub struct IndependentTiming {
    /// Number of groups.
    pub groups: usize,
    /// Number of predictors.
    pub predictors: usize,
    /// The engine: `cpu` or `gpu`.
    pub engine: &'static str,
    /// The variables of each draw: all, or the hyperparameters.
    pub keep: Keep,
    /// Draws a second; `None` if the engine makes none.
    pub draws_per_second: Option<Rate>,
    /// `draws_per_second` over that of the engine `cpu`, repeat by repeat.
    pub draws_ratio: Option<Rate>,
    /// Why there are none.
    pub left_out: Option<String>,
}

impl IndependentTiming {
    /// The row of `bench.csv`.
    pub(super) fn record(&self) -> Vec<String> {
        let repeats = self.draws_per_second.map_or(0, |rate| rate.repeats);
        let mut record = vec![self.engine.to_string(), self.keep.to_string()];
        record.extend([self.groups, self.predictors, repeats].map(|number| number.to_string()));
        record.extend([self.draws_per_second, self.draws_ratio].into_iter().flat_map(Rate::fields));
        record
    }
}

/// A measurement that was not made, and why.
#[derive(Debug, Clone, Serialize)]
pub struct NotMeasured {
    /// How the likelihood would have been computed.
    pub likelihood: Likelihood,
    /// Number of groups.
    pub groups: usize,
    /// Number of predictors.
    pub predictors: usize,
    /// Number of chains.
    pub chains: u32,
    /// The engine.
    pub engine: &'static str,
    /// `sampling`, or `all` measurements.
    pub what: &'static str,
    /// Why.
    pub reason: String,
}

/// The names of a timing's rates in `bench.csv`.
pub(super) const RATES: [&str; 7] = [
    "gradients_per_second",
    "gradients_ratio",
    "leapfrogs_per_second",
    "leapfrogs_ratio",
    "draws_per_second",
    "ess_per_second",
    "ess_ratio",
];

impl Timing {
    /// The row of `bench.csv`.
    pub(super) fn record(&self) -> Vec<String> {
        let rates = [
            self.gradients_per_second,
            self.gradients_ratio,
            self.leapfrogs_per_second,
            self.leapfrogs_ratio,
            self.draws_per_second,
            self.ess_per_second,
            self.ess_ratio,
        ];
        let repeats = self.draws_per_second.or(self.gradients_per_second).map_or(0, |rate| rate.repeats);
        let mut record = vec![self.engine.to_string(), self.likelihood.to_string()];
        record.extend([self.groups, self.predictors, self.chains as usize, repeats].map(|number| number.to_string()));
        record.extend(rates.into_iter().flat_map(Rate::fields));
        let or_empty = |number: Option<f64>| number.map_or(String::new(), |number| number.to_string());
        record.push(or_empty(self.leapfrog_nanoseconds));
        record.extend([or_empty(self.draws_per_chain.map(f64::from)), or_empty(self.ess_per_draw)]);
        for split in [self.gradients_split, self.sampling_split] {
            record.push(or_empty(split.map(|split| split.host)));
            record.push(or_empty(split.map(|split| split.transfer)));
            record.push(or_empty(split.and_then(|split| split.kernel)));
        }
        record.push(or_empty(self.leapfrogs_expected));
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_the_median_of_its_repeats() {
        let rate = Rate::of(&[3.0, 1.0, 2.0, 8.0]).unwrap();
        assert_eq!((rate.median, rate.smallest, rate.largest, rate.repeats), (2.5, 1.0, 8.0, 4));
        assert_eq!(rate.spread(), 1.4);
        assert_eq!(Rate::of(&[3.0, 1.0, 2.0]).unwrap().median, 2.0);
        assert_eq!(Rate::of(&[]), None);
        assert_eq!(Rate::of(&[1.0, f64::NAN]), None);
    }
}
