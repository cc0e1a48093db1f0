//! Nested R-hat: convergence of chains too short to have a variance of their own.

use super::moments::{mean, variance};
use super::series::Series;

/// Nested R-hat, no unit, 1 at convergence: Margossian, Hoffman, Sountsov, Riou-Durand, Vehtari and Gelman (2024),
/// *Nested R-hat: assessing the convergence of Markov chain Monte Carlo when running many short chains*, Bayesian
/// Analysis, [arXiv:2110.13017](https://arxiv.org/abs/2110.13017), equations 4 to 8:
///
/// ```text
/// sqrt(1 + B / W)
/// ```
///
/// where B is the variance of the superchains' means, and W the mean over superchains of the variance of their chains'
/// means plus the mean variance inside their chains. A superchain is `chains_per_superchain` consecutive chains that
/// started at one point, so that B still shows where each superchain began. Draws are neither rank-normalized nor
/// split, and the value is never below 1. One draw in each chain suffices; its variance counts as 0.
///
/// `NaN` for fewer than two superchains, for superchains of one chain of one draw, for constant draws, and if
/// `chains_per_superchain` does not divide the number of chains.
pub fn nested_rhat(series: Series, chains_per_superchain: usize) -> f64 {
    let superchains = series.chains().checked_div(chains_per_superchain).unwrap_or(0);
    if superchains < 2 || superchains * chains_per_superchain != series.chains() {
        return f64::NAN;
    }
    let superchain = chains_per_superchain * series.draws();
    if superchain < 2 || !series.is_finite() || series.is_constant() {
        return f64::NAN;
    }
    let (means, within): (Vec<f64>, Vec<f64>) = series
        .values()
        .chunks_exact(superchain)
        .map(|values| mean_and_variance(Series::new(values, chains_per_superchain)))
        .unzip();
    (1.0 + variance(&means, mean(&means)) / mean(&within)).sqrt()
}

/// Mean of a superchain, equation 4, and its variance between and within chains, equation 7.
fn mean_and_variance(superchain: Series) -> (f64, f64) {
    let means: Vec<f64> = superchain.iter().map(mean).collect();
    let centre = mean(&means);
    let between = if means.len() > 1 { variance(&means, centre) } else { 0.0 };
    let within = if superchain.draws() > 1 {
        let variances = superchain.iter().zip(&means).map(|(chain, &mean)| variance(chain, mean));
        variances.sum::<f64>() / means.len() as f64
    } else {
        0.0
    };
    (centre, between + within)
}
