//! E-BFMI: does resampling the momentum carry a chain through all energies?

use super::moments::{mean, sum};
use super::series::Series;

/// Estimated Bayesian fraction of missing information of each chain, no unit: Betancourt (2016), *Diagnosing suboptimal
/// cotangent disintegrations in Hamiltonian Monte Carlo*, [arXiv:1604.00695](https://arxiv.org/abs/1604.00695),
///
/// ```text
/// sum_n (E_n - E_{n-1})^2 / sum_n (E_n - mean E)^2
/// ```
///
/// About 2 for independent energies; below 0.3 the chain moves through the energies too slowly to be trusted in the
/// tails. `energy` is the Hamiltonian of each draw. `NaN` if the energy never changes or is not finite.
pub fn ebfmi(energy: Series) -> Vec<f64> {
    energy
        .iter()
        .map(|chain| {
            let mean = mean(chain);
            let steps: f64 = chain.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
            let spread = sum(chain, |energy| (energy - mean).powi(2));
            // Rounding gives a constant chain a spread, but no steps.
            if steps > 0.0 { steps / spread } else { f64::NAN }
        })
        .collect()
}
