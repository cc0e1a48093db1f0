//! Rows that have known errors beside the noise of all: row i has the variance sigma^2 + se_i^2.

use multiversion::multiversion;

use super::rows::{AboutEta, row_weights};
use crate::family::{CountOf, GaussianWithErrors, MOST_DISPERSIONS, MOST_NUMBERS, ScaledResiduals};
use crate::lanes::{LANES, Lanes};
use crate::model::Model;

/// The known variance of each row, in the sampler's units.
#[derive(Debug, Clone)]
pub struct RowErrors {
    variances: Vec<Lanes>,
}

/// Rows at a sigma.
pub struct WithErrors<'a> {
    gaussian: GaussianWithErrors,
    variances: &'a [Lanes],
}

impl RowErrors {
    /// The errors of the rows of `model`; `None` if it has none beside sigma.
    pub fn new(model: &Model) -> Option<RowErrors> {
        let (design, rows) = (model.design(), model.dataset().n_observations());
        model.dataset().errors()?;
        let known = |i: usize| if i < rows { design.known_variance(i) } else { 0.0 };
        let of = |first: usize| Lanes(std::array::from_fn(|i| known(first + i)));
        Some(RowErrors { variances: (0..rows).step_by(LANES).map(of).collect() })
    }

    /// The rows at this sigma.
    pub fn at(&self, sigma: f64) -> WithErrors<'_> {
        WithErrors { gaussian: GaussianWithErrors::at(sigma), variances: &self.variances }
    }
}

impl AboutEta for WithErrors<'_> {
    type Sums = ScaledResiduals;

    fn residuals(
        &mut self,
        [outcome, ..]: [&[Lanes]; MOST_NUMBERS],
        first: usize,
        full: usize,
        eta: &mut [Lanes],
        sums: &mut ScaledResiduals,
    ) {
        residuals(&self.gaussian, outcome, &self.variances[first..], full, eta, sums);
    }

    fn unit(&self) -> f64 {
        1.0
    }

    fn finish(&mut self, sums: &ScaledResiduals, _counts: &[CountOf]) -> (f64, [f64; MOST_DISPERSIONS]) {
        let (log_likelihood, by_log_sigma) = self.gaussian.finish(sums);
        (log_likelihood, [by_log_sigma, 0.0])
    }
}

/// Replaces eta by the log likelihood's derivatives by it; rows from `full` on are padding.
#[multiversion(targets = "simd")]
fn residuals(
    gaussian: &GaussianWithErrors,
    outcome: &[Lanes],
    variances: &[Lanes],
    full: usize,
    eta: &mut [Lanes],
    sums: &mut ScaledResiduals,
) {
    let rows = eta.iter_mut().zip(outcome).zip(variances).enumerate();
    for (i, ((eta, outcome), known)) in rows {
        *eta = gaussian.row(*outcome, *eta, *known, row_weights(full, i), sums);
    }
}
