//! The figures of an experiment; effective sample sizes by the same code for all programs.

use warpnuts::diagnostics::{Summary, summarize};

use crate::outcome::{CHAINS, Outcome};

/// The index of `sigma_b` among the named variables, and in theta.
const SIGMA_B: usize = 3;

pub struct Measured {
    /// Wall time in seconds.
    pub seconds: f64,
    /// CPU time of this process in seconds.
    pub cpu_seconds: f64,
    pub gradients: [f64; 2],
    pub leapfrogs_a_draw: f64,
    pub step_size: f64,
    pub acceptance: f64,
    pub divergences: f64,
    pub largest_rhat: f64,
    /// The smallest bulk effective sample size of all variables.
    pub ess: f64,
    /// The index of the variable with the smallest ESS.
    pub ess_of: usize,
    pub sigma_b: Summary,
}

impl Measured {
    pub fn of(outcome: &Outcome) -> Measured {
        let variables = outcome.values.len() / (CHAINS * outcome.draws);
        let summaries = summarize(&outcome.values, variables, CHAINS);
        let ess = |i: &usize| summaries[*i].ess_bulk;
        let ess_of = (0..variables).min_by(|i, j| ess(i).total_cmp(&ess(j))).unwrap_or(0);
        Measured {
            seconds: outcome.time.wall.as_secs_f64(),
            cpu_seconds: outcome.time.process.as_secs_f64(),
            gradients: outcome.gradients.map(|count| count as f64),
            leapfrogs_a_draw: outcome.leapfrogs as f64 / (CHAINS * outcome.draws) as f64,
            step_size: outcome.step_size,
            acceptance: outcome.acceptance,
            divergences: outcome.divergences as f64,
            largest_rhat: summaries.iter().map(|summary| summary.rhat).fold(0.0, f64::max),
            ess: ess(&ess_of),
            ess_of,
            sigma_b: summaries[SIGMA_B],
        }
    }

    pub fn gradients_a_second(&self) -> f64 {
        self.all_gradients() / self.seconds
    }

    pub fn gradients_a_cpu_second(&self) -> f64 {
        self.all_gradients() / self.cpu_seconds
    }

    pub fn ess_a_thousand_gradients(&self) -> f64 {
        1e3 * self.ess / self.all_gradients()
    }

    fn all_gradients(&self) -> f64 {
        self.gradients.iter().sum()
    }

    pub fn ess_a_second(&self) -> f64 {
        self.ess / self.seconds
    }

    pub fn ess_a_cpu_second(&self) -> f64 {
        self.ess / self.cpu_seconds
    }

    pub fn sigma_b_ess_a_cpu_second(&self) -> f64 {
        self.sigma_b.ess_bulk / self.cpu_seconds
    }
}
