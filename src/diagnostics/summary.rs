//! One row of a summary table.

/// The numbers of a summary row. All `NaN` if any draw is not finite.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Mean of all draws, in the variable's unit.
    pub mean: f64,
    /// Standard deviation of all draws, in the variable's unit.
    pub sd: f64,
    /// 5% quantile, in the variable's unit.
    pub q05: f64,
    /// Median, in the variable's unit.
    pub q50: f64,
    /// 95% quantile, in the variable's unit.
    pub q95: f64,
    /// Monte Carlo standard error of `mean`, in the variable's unit: `sd` / sqrt(ESS of the mean).
    pub mcse_mean: f64,
    /// Monte Carlo standard error of `sd`, in the variable's unit.
    pub mcse_sd: f64,
    /// Bulk effective sample size, in draws: of the mean of the rank-normalized half chains. Vehtari et al., section 4.
    pub ess_bulk: f64,
    /// Tail effective sample size, in draws: the smaller one for the 5% and the 95% quantile, as means of indicators.
    pub ess_tail: f64,
    /// Rank-normalized split R-hat, 1 at convergence: the larger of *bulk* (do chains agree in location?) and *folded*
    /// (do they agree in scale?). Vehtari et al., sections 3.1 and 4.
    pub rhat: f64,
    /// 25 % and 75 % quantiles for figures, in the variable's unit: the nearest draws.
    #[serde(skip)]
    pub quartiles: [f64; 2],
}

/// The probabilities of the quartiles.
pub(super) const QUARTILES: [f64; 2] = [0.25, 0.75];

impl Summary {
    pub(crate) const NAN: Self = Self {
        mean: f64::NAN,
        sd: f64::NAN,
        q05: f64::NAN,
        q50: f64::NAN,
        q95: f64::NAN,
        mcse_mean: f64::NAN,
        mcse_sd: f64::NAN,
        ess_bulk: f64::NAN,
        ess_tail: f64::NAN,
        rhat: f64::NAN,
        quartiles: [f64::NAN; 2],
    };
}
