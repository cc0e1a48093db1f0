//! An experiment of nuts-rs with its default settings (diagonal metric), chain after chain on this thread.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use anyhow::Result;
use nuts_rs::rand::rngs::StdRng;
use nuts_rs::rand::{Rng, RngExt, SeedableRng};
use nuts_rs::{Chain, CpuLogpFunc, CpuMath, CpuMathError, DiagNutsSettings, HasDims, LogpError, Settings};

use crate::outcome::{CHAINS, Clock, DRAWS, MAX_DEPTH, Outcome, TARGET_ACCEPT, WARMUP};
use crate::posterior::Posterior;

/// Starting points are uniform within this distance of 0, as in warpnuts.
const START_RADIUS: f64 = 2.0;

type DiagChain<P> = <DiagNutsSettings as Settings>::Chain<CpuMath<Counted<P>>>;

pub fn sample<P: Posterior>(posterior: &P, seed: u64) -> Result<Outcome> {
    let dim = posterior.dim();
    let evaluations = Rc::new(Cell::new(0));
    let mut gradients = [0; 2];
    let (mut leapfrogs, mut divergences, mut step_sizes) = (0, 0, 0.0);

    let start = Clock::start();
    let mut rows = vec![0.0; CHAINS * DRAWS * dim];
    for (chain, rows) in rows.chunks_exact_mut(DRAWS * dim).enumerate() {
        let before = evaluations.get();
        let mut chain = start_chain(posterior, &evaluations, seed, chain)?;
        for _ in 0..WARMUP {
            chain.draw()?;
        }
        let warm = evaluations.get();
        for row in rows.chunks_exact_mut(dim) {
            let (theta, progress) = chain.draw()?;
            posterior.constrain(&theta, row);
            leapfrogs += progress.num_steps;
            divergences += u64::from(progress.diverging);
            step_sizes += progress.step_size;
        }
        gradients[0] += warm - before;
        gradients[1] += evaluations.get() - warm;
    }
    let time = start.elapsed();

    Ok(Outcome {
        time,
        gradients,
        leapfrogs,
        step_size: step_sizes / (CHAINS * DRAWS) as f64,
        acceptance: acceptance(posterior, seed)?,
        divergences,
        draws: DRAWS,
        values: by_variable(&rows, dim),
    })
}

/// A chain at its starting point.
fn start_chain<P: Posterior>(
    posterior: &P,
    evaluations: &Rc<Cell<u64>>,
    seed: u64,
    chain: usize,
) -> Result<DiagChain<P>> {
    let mut settings = DiagNutsSettings {
        num_tune: WARMUP as u64,
        num_draws: DRAWS as u64,
        maxdepth: u64::from(MAX_DEPTH),
        num_chains: CHAINS,
        seed,
        ..DiagNutsSettings::default()
    };
    settings.adapt_options.step_size_settings.target_accept = TARGET_ACCEPT;
    let mut rng = StdRng::seed_from_u64(seed * CHAINS as u64 + chain as u64);
    let math = CpuMath::new(Counted { posterior: posterior.clone(), evaluations: evaluations.clone() });
    let mut started = settings.new_chain(chain as u64, math, &mut rng)?;
    let theta: Vec<f64> = (0..posterior.dim()).map(|_| rng.random_range(-START_RADIUS..START_RADIUS)).collect();
    started.set_position(&theta)?;
    Ok(started)
}

/// Mean acceptance over the draws, from a second, untimed run of the experiment, as recording it costs time.
fn acceptance<P: Posterior>(posterior: &P, seed: u64) -> Result<f64> {
    let mut sum = 0.0;
    for chain in 0..CHAINS {
        let mut chain = start_chain(posterior, &Rc::default(), seed, chain)?;
        for draw in 0..WARMUP + DRAWS {
            let (_, _, statistics, _) = chain.expanded_draw()?;
            if draw >= WARMUP {
                sum += statistics.adapt.step_size.mean_tree_accept;
            }
        }
    }
    Ok(sum / (CHAINS * DRAWS) as f64)
}

/// Reorders `[chain][draw][variable]` to `[variable][chain][draw]`.
fn by_variable(rows: &[f64], variables: usize) -> Vec<f64> {
    (0..variables).flat_map(|variable| rows.iter().skip(variable).step_by(variables).copied()).collect()
}

/// A posterior whose evaluations are counted.
struct Counted<P> {
    posterior: P,
    evaluations: Rc<Cell<u64>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the log density is not finite")]
struct NotFinite;

impl LogpError for NotFinite {
    fn is_recoverable(&self) -> bool {
        true
    }
}

impl<P: Posterior> HasDims for Counted<P> {
    fn dim_sizes(&self) -> HashMap<String, u64> {
        HashMap::from([("unconstrained_parameter".to_string(), self.posterior.dim() as u64)])
    }
}

impl<P: Posterior> CpuLogpFunc for Counted<P> {
    type LogpError = NotFinite;
    type FlowParameters = ();
    type ExpandedVector = Vec<f64>;

    fn dim(&self) -> usize {
        self.posterior.dim()
    }

    fn logp(&mut self, position: &[f64], gradient: &mut [f64]) -> Result<f64, NotFinite> {
        self.evaluations.set(self.evaluations.get() + 1);
        let log_density = self.posterior.log_density(position, gradient);
        if log_density.is_finite() { Ok(log_density) } else { Err(NotFinite) }
    }

    fn expand_vector<R: Rng + ?Sized>(&mut self, _: &mut R, position: &[f64]) -> Result<Vec<f64>, CpuMathError> {
        Ok(position.to_vec())
    }
}
