//! Split R-hat without ranks: Gelman et al., *Bayesian Data Analysis*, 3rd edition (2013), section 11.4.

use warpnuts::diagnostics::{mean, sd};

/// Split R-hat of draws `[chain][draw]` that vary, with two halves of each chain.
pub fn split_rhat(values: &[f64], chains: usize) -> f64 {
    let (draws, half) = (values.len() / chains, values.len() / chains / 2);
    let chains = values.chunks_exact(draws);
    let halves: Vec<&[f64]> = chains.flat_map(|chain| [&chain[..half], &chain[draws - half..]]).collect();
    let means: Vec<f64> = halves.iter().map(|half| mean(half)).collect();
    let within = halves.iter().map(|half| sd(half).powi(2)).sum::<f64>() / halves.len() as f64;
    (1.0 - 1.0 / half as f64 + sd(&means).powi(2) / within).sqrt()
}
