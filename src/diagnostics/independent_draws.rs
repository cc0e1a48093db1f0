//! Summaries of independent draws: each counts for one, so that errors are known without autocorrelations.

use rayon::prelude::*;

use super::rank::NormalScores;
use super::series::Series;
use super::summary::Summary;

impl Summary {
    /// The summary of one variable's draws that are independent of each other, within chains too: n draws have an ESS
    /// of n, and
    ///
    /// ```text
    /// MCSE(mean) = sd / sqrt(n),    MCSE(sd) = sqrt((m4 - m2^2) / n) / (2 sqrt(m2))
    /// ```
    ///
    /// where m2 and m4 are the central moments. R-hat is that of chains.
    pub fn of_independent(series: Series) -> Summary {
        Self::of_independent_with(series, &NormalScores::of_halves(series.chains(), series.draws()))
    }

    fn of_independent_with(series: Series, normal: &NormalScores) -> Summary {
        let Some((located, order, moments)) = Summary::located(series) else { return Summary::NAN };
        let size = series.values().len() as f64;
        let rhat = if series.has_rhat() {
            let (order, halves) = (order.split(series), 2 * series.chains());
            let (bulk, folded) =
                rayon::join(|| order.variances(halves, normal), || order.folded_variances(halves, normal));
            bulk.rhat().max(folded.rhat())
        } else {
            f64::NAN
        };
        Summary {
            mcse_mean: moments.mcse_mean(size),
            mcse_sd: moments.mcse_sd(size),
            ess_bulk: size,
            ess_tail: size,
            rhat,
            ..located
        }
    }
}

/// Summaries of many variables as [`of_independent`](Summary::of_independent) has them, in parallel. `values` is
/// variable-major, `[variable][chain][draw]`.
///
/// Precondition: `variables * chains` divides `values.len()`. In release builds a remainder is ignored.
pub fn summarize_independent(values: &[f64], variables: usize, chains: usize) -> Vec<Summary> {
    let Some(size) = values.len().checked_div(variables).filter(|size| *size > 0) else {
        return vec![Summary::NAN; variables];
    };
    let normal = NormalScores::of_halves(chains, size.checked_div(chains).unwrap_or(0));
    let of = |draws| Summary::of_independent_with(Series::new(draws, chains), &normal);
    values.par_chunks_exact(size).take(variables).map(of).collect()
}
