//! What follows from the summary of a run: its name, its rates, and whether to trust it.

use std::borrow::Cow;

use super::RunSummary;

impl RunSummary {
    /// The name of the run, as [`Sampler::run_name`](crate::experiment::Sampler::run_name) has it.
    pub fn name(&self) -> Cow<'_, str> {
        self.settings.sampler.run_name(&self.parameterization)
    }

    /// Whether the draws are those of chains, rather than independent.
    pub fn has_chains(&self) -> bool {
        self.settings.sampler.has_chains()
    }

    /// Whether no warning says that the draws should not be trusted.
    pub fn is_trustworthy(&self) -> bool {
        self.warnings.iter().all(|advice| !advice.distrust)
    }

    /// Gradients per second, warm-up included.
    pub fn gradients_per_second(&self) -> f64 {
        self.gradient_evaluations.total as f64 / self.wall_seconds.total
    }

    /// Whether every draw counts for one, so that ESS is the number of draws: independent draws, none of them repeated.
    pub fn every_draw_counts(&self) -> bool {
        self.repeated == Some(0)
    }

    /// Smallest bulk ESS per second, warm-up included.
    pub fn ess_per_second(&self) -> f64 {
        self.min_ess_bulk.as_ref().map_or(f64::NAN, |ess| ess.value) / self.wall_seconds.total
    }

    /// Number of draws of all chains.
    pub fn total_draws(&self) -> usize {
        self.draws * self.settings.chains as usize
    }
}
