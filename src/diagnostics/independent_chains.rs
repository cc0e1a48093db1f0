//! Monte Carlo errors of many short chains: the chains are independent, so the spread of their means gives the errors,
//! where autocorrelations within chains of a few draws cannot be estimated.

use super::moments::{mean, sum, variance};
use super::series::Series;
use super::summary::Summary;

impl Summary {
    /// This summary of `series`, with effective sample sizes and Monte Carlo errors from the spread of the chains'
    /// means over C independent chains rather than from autocorrelations:
    ///
    /// ```text
    /// MCSE(f)^2 = var_c(mean of f in chain c) / C,    ESS(f) = var(f) / MCSE(f)^2
    /// ```
    ///
    /// with f = x for the bulk and the mean, f = (x - mean)^2 for the sd, and f = [x <= 5 % or 95 % quantile] for the
    /// tails. The relative error of an ESS is sqrt(2 / (C - 1)); all are `NaN` with one chain. R-hat is unchanged.
    pub fn from_independent_chains(self, series: Series) -> Summary {
        let (ess_bulk, mcse_mean) = of(series, |x| x);
        let (_, mcse_square) = of(series, |x| (x - self.mean).powi(2));
        let (below_q05, _) = of(series, |x| f64::from(u8::from(x <= self.q05)));
        let (below_q95, _) = of(series, |x| f64::from(u8::from(x <= self.q95)));
        // d sd = d (sd^2) / (2 sd).
        let mcse_sd = mcse_square / (2.0 * self.sd);
        Summary { mcse_mean, mcse_sd, ess_bulk, ess_tail: below_q05.min(below_q95), ..self }
    }
}

/// ESS and MCSE of the mean of `f`.
fn of(series: Series, f: impl Fn(f64) -> f64) -> (f64, f64) {
    if series.chains() < 2 {
        return (f64::NAN, f64::NAN);
    }
    let means: Vec<f64> = series.iter().map(|chain| sum(chain, &f) / chain.len() as f64).collect();
    let square = variance(&means, mean(&means)) / means.len() as f64;
    let (values, size) = (series.values(), series.values().len());
    let all = sum(values, &f) / size as f64;
    (sum(values, |x| (f(x) - all).powi(2)) / (size - 1) as f64 / square, square.sqrt())
}
