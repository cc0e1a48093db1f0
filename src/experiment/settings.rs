//! The settings of a run, and what follows from them: sizes, shards, the plan of its phases.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Goal;
use crate::density::{cpu, location_metric};
use crate::draws::{Completion, Precision};
use crate::driver::Plan;
use crate::engine::host::Chains;
use crate::engine::sums::{BINS, DrawSums};
use crate::engine::{Keep, SnapshotPlan};
use crate::model::{Likelihood, Model, Refusal};
use crate::nuts::LowRank;
use crate::nuts::eigenvectors::snapshots_wanted;

/// With at least this many chains, errors come from the spread over the chains, and short chains share starting points.
pub const MANY_CHAINS: u32 = 64;

/// Shorter chains have too few draws for R-hat, which compares their own variance with the variance between them: it is
/// above 1.01 even for chains that have long converged, if a draw is worth a fifth of an independent one.
const SHORT_CHAIN: u32 = 1000;

/// Eigenvectors of a low-rank metric that are always affordable, and the most of any.
const FEWEST_EIGENVECTORS: usize = 8;
const MOST_EIGENVECTORS: usize = 128;

/// With more coordinates, a metric has no more than the fewest.
const MANY_COORDINATES: usize = 4096;

/// How draws are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampler {
    /// By chains of the No-U-Turn Sampler.
    #[default]
    Nuts,
    /// By chains of the No-U-Turn Sampler, whose steps are refined where the energy does not hold.
    Walnuts,
    /// By chains of the No-U-Turn Sampler, under a metric that follows the scales.
    Riemannian,
    /// Independently, where few scales are left of a collapsed model.
    Independent,
}

impl Sampler {
    /// Whether draws are made by chains.
    pub fn has_chains(self) -> bool {
        self != Sampler::Independent
    }

    /// Whether chains adapt their steps to each place.
    pub fn is_local(self) -> bool {
        matches!(self, Sampler::Walnuts | Sampler::Riemannian)
    }

    /// Whether steps are refined.
    pub fn refines(self) -> bool {
        self == Sampler::Walnuts
    }

    /// The name of a run: `independent`, or the `parameterization` of its chains, and `@` and the sampler after it if
    /// they adapt their steps to each place.
    pub fn run_name(self, parameterization: &str) -> Cow<'_, str> {
        match self {
            Sampler::Nuts => Cow::Borrowed(parameterization),
            Sampler::Walnuts | Sampler::Riemannian => Cow::Owned(format!("{parameterization}@{self}")),
            Sampler::Independent => Cow::Borrowed("independent"),
        }
    }

    /// Whether this sampler can sample `model`.
    ///
    /// # Errors
    /// If it needs a metric that the model does not have.
    pub fn admits(self, model: &Model) -> Result<(), Refusal> {
        match self {
            Sampler::Riemannian => location_metric::admits(model),
            Sampler::Nuts | Sampler::Walnuts | Sampler::Independent => Ok(()),
        }
    }
}

impl fmt::Display for Sampler {
    /// `nuts`, `walnuts`, `riemannian` or `independent`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Sampler::Nuts => "nuts",
            Sampler::Walnuts => "walnuts",
            Sampler::Riemannian => "riemannian",
            Sampler::Independent => "independent",
        })
    }
}

/// The form of the metric that warm-up learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricShape {
    /// The sd of each coordinate.
    #[default]
    Diagonal,
    /// Beside these, eigenvectors of the correlations.
    LowRank,
}

impl MetricShape {
    /// The form of a metric with this low-rank part.
    pub fn of(low_rank: &LowRank) -> MetricShape {
        if low_rank.rank() > 0 { MetricShape::LowRank } else { MetricShape::Diagonal }
    }
}

impl fmt::Display for MetricShape {
    /// `diagonal` or `low-rank`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            MetricShape::Diagonal => "diagonal",
            MetricShape::LowRank => "low-rank",
        })
    }
}

/// The settings of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// How draws are made. Independent draws have no warm-up, and are not thinned.
    #[serde(default)]
    pub sampler: Sampler,
    /// Number of chains.
    pub chains: u32,
    /// Number of the first chain among those of the whole experiment; this run may be a shard.
    pub first_chain: u32,
    /// Warm-up transitions of each chain.
    pub warmup: u32,
    /// Draws of each chain; with a goal, the most.
    pub draws: u32,
    /// The goal at which the run ends before its last draw. Sums of draws are not judged while they are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Goal>,
    /// The seed of every random number.
    pub seed: u64,
    /// Target of the mean acceptance; of steps that are refined, of the share that needs no refinement.
    pub target_accept: f64,
    /// Most doublings of a trajectory.
    pub max_tree_depth: u32,
    /// The form of the metric.
    #[serde(default)]
    pub metric: MetricShape,
    /// How the likelihood is computed: a record of the model's choice, which alone counts.
    pub likelihood: Likelihood,
    /// The variables to keep.
    pub keep: Keep,
    /// Thinning interval: every `thin`-th transition after warm-up is kept as a draw.
    pub thin: u32,
    /// Number of chains of the whole experiment, if this run is a shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_of: Option<u32>,
    /// Whether the store records warm-up transitions, like draws.
    #[serde(default)]
    pub save_warmup: bool,
    /// Whether the store keeps each observation's log likelihood for each draw.
    pub log_likelihood: bool,
    /// Whether the store keeps a replicate of each observation for each draw.
    pub posterior_predictive: bool,
    /// Precision of the draws kept.
    pub draw_precision: Precision,
    /// Number of workers. No draw depends on it, and no store records it: it is the machine's, not the run's.
    #[serde(skip_deserializing, default = "crate::machine::threads")]
    pub threads: usize,
}

impl Default for Settings {
    /// 16 chains of 1000 warm-up transitions and 1000 draws of everything, on all cores.
    fn default() -> Settings {
        Settings {
            sampler: Sampler::Nuts,
            chains: 16,
            first_chain: 0,
            warmup: 1000,
            draws: 1000,
            until: None,
            seed: 1,
            target_accept: 0.8,
            max_tree_depth: 10,
            metric: MetricShape::Diagonal,
            likelihood: Likelihood::Groups,
            keep: Keep::All,
            thin: 1,
            shard_of: None,
            save_warmup: false,
            log_likelihood: false,
            posterior_predictive: false,
            draw_precision: Precision::F64,
            threads: crate::machine::threads(),
        }
    }
}

impl Settings {
    /// These settings for a run of `model`.
    pub(super) fn of(self, model: &Model) -> Settings {
        let settings = Settings { likelihood: model.likelihood(), ..self };
        match self.sampler {
            Sampler::Nuts | Sampler::Walnuts | Sampler::Riemannian => settings,
            Sampler::Independent => Settings { warmup: 0, thin: 1, save_warmup: false, ..settings },
        }
    }

    /// Number of `model`'s variables that are kept of each draw.
    pub fn variables(&self, model: &Model) -> usize {
        self.keep.variables(model)
    }

    /// The completion of draws on their way to the sink, if the engine makes only a part of each draw.
    pub(super) fn completion(&self, model: &Model) -> Option<Completion> {
        (self.keep.sampled(model) < self.variables(model))
            .then(|| Completion::new(model, self.seed, self.first_chain, self.thin))
    }

    /// A run's peak memory in bytes, its store aside: the states of its chains, and the work on one diagnosed variable.
    pub fn memory_beside_store(&self, model: &Model) -> u128 {
        // The draws of a variable, and at most four numbers of half their size for each draw.
        let variable = u128::from(self.chains) * u128::from(self.draws) * size_of::<f64>() as u128;
        self.memory_of_chains(model).max(3 * variable)
    }

    /// Peak memory of a run whose draws are summed, in bytes: its chains' states, and sums if made on the host.
    pub fn memory_of_sums(&self, model: &Model) -> u128 {
        let variables = model.layout().dim();
        let threads = rayon::current_num_threads() as u128;
        let histograms = (threads + 1) * (variables * BINS * size_of::<u64>()) as u128;
        self.memory_of_chains(model)
            + u128::from(self.chains) * (variables * size_of::<DrawSums>()) as u128
            + histograms
    }

    /// Position, gradient, and running means and squares of both, in bytes; and, where steps are refined, the ranges of
    /// energies in the trajectories of warm-up, and a copy.
    fn memory_of_chains(&self, model: &Model) -> u128 {
        let ranges = if self.sampler.refines() { 2 * u128::from(self.warmup) } else { 0 };
        let chains = u128::from(self.chains) * (6 * model.dim() as u128 + ranges);
        // Positions and gradients, twice, and a copy of one of them.
        let snapshots =
            if self.metric == MetricShape::LowRank { 5 * snapshots_wanted(model.dim()) * model.dim() } else { 0 };
        (chains + snapshots as u128) * size_of::<f64>() as u128
    }

    /// Size of a run's store on disk, in bytes, if nothing compresses.
    pub fn disk(&self, model: &Model) -> u128 {
        const STATISTICS: usize = 4 * 8 + 2 * 8 + 2;
        const REFINED: usize = 8 + 1;
        if self.keep == Keep::Summary {
            return 0;
        }
        let real = self.draw_precision.bytes();
        let observations = usize::from(self.log_likelihood) + usize::from(self.posterior_predictive);
        let observed = observations * model.dataset().n_observations() * real.max(size_of::<f32>());
        let statistics = STATISTICS + if self.sampler.refines() { REFINED } else { 0 };
        let named = self.variables(model) * real + statistics;
        let warmup = self.recorded_warmup() as usize * named;
        u128::from(self.chains) * (warmup as u128 + u128::from(self.draws) * (named + observed) as u128)
    }

    /// Upper bound of the size of draws as text, in bytes: about twenty a number, and sixty for each draw's statistics.
    pub fn text(&self, model: &Model) -> u128 {
        let line = self.variables(model) * 20 + 60;
        u128::from(self.chains) * u128::from(self.draws) * line as u128
    }

    /// Number of each chain's warm-up draws that are recorded.
    pub fn recorded_warmup(&self) -> u32 {
        if self.save_warmup { self.warmup / self.thin } else { 0 }
    }

    /// Number of consecutive chains that share a starting point, so that nested R-hat can show whether many short
    /// chains have forgotten it: 1 unless there are 64 chains or more of fewer than 1000 draws, and otherwise about the
    /// square root of their number, as a power of two that divides it (and the number of the first chain).
    pub fn chains_per_superchain(&self) -> u32 {
        let chains = self.shard_of.unwrap_or(self.chains);
        if chains < MANY_CHAINS || self.draws >= SHORT_CHAIN || self.sampler == Sampler::Independent {
            return 1;
        }
        let divides = |size: u32| {
            chains.is_multiple_of(size) && self.chains.is_multiple_of(size) && self.first_chain.is_multiple_of(size)
        };
        let sizes = (0..31).map(|power| 1u32 << power);
        sizes.take_while(|size| u64::from(*size).pow(2) <= u64::from(chains) && divides(*size)).last().unwrap_or(1)
    }

    /// The settings of shard `number` of `count`, counted from 1, of an experiment with these settings; chains that
    /// share a starting point stay together. `None` if there are too few chains.
    pub fn shard(self, number: u32, count: u32) -> Option<Settings> {
        let together = self.chains_per_superchain();
        let superchains = u64::from(self.chains / together);
        let bound = |shard: u32| (superchains * u64::from(shard) / u64::from(count.max(1))) as u32 * together;
        let (first, behind) = (bound(number.checked_sub(1)?), bound(number));
        (number <= count && behind > first).then_some(Settings {
            first_chain: self.first_chain + first,
            chains: behind - first,
            shard_of: Some(self.chains),
            ..self
        })
    }

    /// Number of transitions of all chains, including those between thinned draws.
    pub fn transitions(&self) -> f64 {
        let each = f64::from(self.warmup) + f64::from(self.draws) * f64::from(self.thin);
        f64::from(self.chains) * each
    }

    /// The draws of each chain at which the goal is judged next, or now, after so many `transitions` of all chains.
    pub fn next_place(&self, transitions: u64) -> u32 {
        let each = (transitions / u64::from(self.chains)).saturating_sub(u64::from(self.warmup));
        let before = (each / u64::from(self.thin)).saturating_sub(1).min(u64::from(self.draws)) as u32;
        self.until.map_or(self.draws, |goal| goal.place_after(self.chains, before).min(self.draws))
    }

    pub(super) fn chain_range(&self) -> Chains {
        Chains {
            seed: self.seed,
            first: self.first_chain,
            count: self.chains,
            per_superchain: self.chains_per_superchain(),
        }
    }

    /// The most eigenvectors of the metric of `model`: as many as cost about as much as a gradient, whose rows take ten
    /// times what an entry of an eigenvector takes.
    pub(super) fn rank(&self, model: &Model) -> usize {
        let affordable = FEWEST_EIGENVECTORS + 10 * cpu::likelihood_rows(model) / model.dim().max(1);
        match self.metric {
            MetricShape::Diagonal => 0,
            MetricShape::LowRank if model.dim() > MANY_COORDINATES => FEWEST_EIGENVECTORS,
            MetricShape::LowRank => affordable.min(MOST_EIGENVECTORS),
        }
    }

    pub(super) fn plan(&self, model: &Model) -> Plan {
        Plan {
            warmup: self.warmup,
            draws: self.draws * self.thin,
            thin: self.thin,
            target_accept: self.target_accept,
            max_depth: self.max_tree_depth,
            rank: self.rank(model),
            snapshots: SnapshotPlan::about(snapshots_wanted(model.dim()), self.chains),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_place_is_the_one_that_is_waited_for_or_judged() {
        let until = Some(Goal::Ess(10_000.0));
        let settings = Settings { until, thin: 2, draws: 1500, ..Settings::default() };
        let next = |draws: u64| settings.next_place(16 * (1000 + 2 * draws));
        assert_eq!([settings.next_place(0), next(0), next(625), next(626), next(938)], [625, 625, 625, 938, 938]);
        assert_eq!([next(1407), next(1408), next(1500)], [1407, 1500, 1500]);
        assert_eq!(Settings { until: None, ..settings }.next_place(16_000), 1500);
    }
}
