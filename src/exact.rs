//! The same posterior without Monte Carlo: means, standard deviations, quantiles and densities of every variable, by
//! quadrature, for models with an intercept and at most one slope.
//!
//! Given the K + 1 scales, outcome, mu and all effects are jointly normal, and integrate out in closed form
//! (`exact/conditional.rs`). What is left is the posterior of the scales, an integrand in two or three dimensions
//! (`exact/scales.rs`): its mode is found, and a grid of equal steps grows outwards from there until nothing is left
//! (`exact/grid.rs`). Then
//!
//! - sigma and eps have the marginal that the grid's planes add up to (`exact/marginal.rs`);
//! - mu and the effects are mixtures of normals over the grid's points (`exact/mixture.rs`).
//!
//! The grid is refined, each time with steps shorter by the square root of two, until no mean, standard deviation, 5 %, 50 % or 95 % quantile of any variable
//! changes by more than 1e-5 of its standard deviation. That change, [`Exact::accuracy`], is how far the coarser grid was
//! off; the error of the finer one, which is what is reported, is about its square. Where there is no room for a grid so fine,
//! what there is is given if it changes by less than 1e-3 ([`Exact::is_settled`]), and refused if by more.
//!
//! ```
//! use std::sync::Arc;
//!
//! use warpnuts::data::Dataset;
//! use warpnuts::exact::Exact;
//! use warpnuts::model::Model;
//!
//! let dataset = Arc::new(Dataset::radon()?);
//! let exact = Exact::of(&Model::builder(dataset).build())?;
//! let sigma_b = exact.names().iter().position(|name| name == "sigma_b").ok_or("radon has a slope")?;
//! assert!((exact.mean(sigma_b) - 0.26).abs() < 0.01);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod conditional;
mod distribution;
mod grid;
mod integration;
mod marginal;
mod mixture;
mod normal;
mod results;
mod scales;
#[cfg(test)]
#[path = "../tests/oracles/textbook.rs"]
mod textbook;

use std::sync::Arc;

use crate::density::collapsed;
use crate::model::{GroupMean, Layout, Model, Refusal, Spread, Term};
pub use integration::Integration;

use grid::{Lattice, MAX_POINTS, NoGrid};
use mixture::normal_quantile;
use results::Results;
use scales::ScalePosterior;

/// The most coefficients that the grid is made for: the intercept and one slope.
pub const MAX_COEFFICIENTS: usize = 2;

/// Refinement ends when nothing changes by more, in posterior standard deviations.
pub const TOLERANCE: f64 = 1e-5;

/// Results that still change by more, in posterior standard deviations, are no answer.
pub const LOOSEST: f64 = 1e-3;

/// Grids before refinement is given up.
const LEVELS: i32 = 8;

/// The posterior without Monte Carlo. Everything it says is in the user's units.
#[derive(Debug)]
pub struct Exact {
    names: Vec<String>,
    results: Results,
    accuracy: f64,
}

/// One variable's row, in the user's units.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ExactRow {
    /// Posterior mean.
    pub mean: f64,
    /// Posterior standard deviation.
    pub sd: f64,
    /// 5 % quantile.
    pub q05: f64,
    /// Median.
    pub q50: f64,
    /// 95 % quantile.
    pub q95: f64,
}

/// Why there is no exact answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExactError {
    /// There is none for such a model.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Refinement came to the largest grid, or to the last level, with results that still changed.
    #[error(
        "the integral over the scales does not settle: {}; sample instead, for long: `warpnuts sample --chains 64 --draws 10000`",
        reached(*points, *accuracy)
    )]
    NotSettled {
        /// Points of the finest grid that was computed.
        points: usize,
        /// The largest change from the grid before it, in posterior standard deviations; infinite if there was none.
        accuracy: f64,
    },
    /// A posterior whose second moment is infinite, as of a slope that only one group knows anything about.
    #[error(
        "the data say so little about `{name}` that its posterior has no standard deviation: its tail does not end, because \
         fewer than two groups know anything about it; leave its predictor out"
    )]
    Endless {
        /// The scale whose tail it is.
        name: String,
    },
}

/// How far refinement came.
fn reached(points: usize, accuracy: f64) -> String {
    match points {
        0 => format!("not even the coarsest grid can be made of {MAX_POINTS} points"),
        _ if accuracy.is_finite() => {
            format!(
                "the finest grid has {points} points, and results still change by {accuracy:.1e} posterior standard deviations"
            )
        }
        _ => format!("there is room for one grid only, of {points} points, and none to tell how far it is off"),
    }
}

/// Whether there is an exact answer for `model`: it needs what integrates the effects out, and a grid over its scales.
///
/// # Errors
/// A family that is not Gaussian; more than one predictor.
pub fn admits(model: &Model) -> Result<(), Refusal> {
    let Term { factor: _, columns, mean: GroupMean::Free, spread: Spread::Independent, coordinates: _ } = model.term();
    collapsed::admits(model)?;
    if columns.len() < MAX_COEFFICIENTS { Ok(()) } else { Err(Refusal::Predictors { predictors: columns.len() }) }
}

impl Exact {
    /// The posterior of `model`. Neither its parameterization nor its scaling change anything.
    ///
    /// # Errors
    /// More than one predictor; an integral that does not settle to [`LOOSEST`], which is said with the accuracy that was
    /// reached; a scale whose posterior has no standard deviation.
    pub fn of(model: &Model) -> Result<Exact, ExactError> {
        Exact::watched(model, &Integration::default())
    }

    /// The same, while `integration` tells how far it has come.
    ///
    /// # Errors
    /// As [`Exact::of`].
    pub fn watched(model: &Model, integration: &Integration) -> Result<Exact, ExactError> {
        admits(model)?;
        let model = standardized(model);
        let names = model.names();
        let posterior = Arc::new(ScalePosterior::new(&model));
        let lattice = Lattice::find(&posterior);
        let mut before: Option<Results> = None;
        let mut accuracy = f64::INFINITY;
        for level in 0..LEVELS {
            let grid = match lattice.grid(level, integration) {
                Ok(grid) => grid,
                Err(NoGrid::Unfit) => break,
                Err(NoGrid::Endless { axis }) => {
                    let name = names[model.layout().sigma(axis)].clone();
                    return Err(ExactError::Endless { name });
                }
            };
            let results = Results::new(&model, posterior.clone(), &grid, before.as_ref());
            if let Some(before) = &before {
                accuracy = results.change(before);
            }
            if accuracy < TOLERANCE {
                return Ok(Exact { names, results, accuracy });
            }
            before = Some(results);
        }
        match before {
            Some(results) if accuracy < LOOSEST => Ok(Exact { names, results, accuracy }),
            before => Err(ExactError::NotSettled { points: before.map_or(0, |results| results.grid_points), accuracy }),
        }
    }

    /// The variables' names, as [`Model::names`] has them; an index into them is what all other functions take.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Posterior mean of variable `i`.
    ///
    /// # Panics
    ///
    /// Like a slice, if there is no such variable; so do all functions of a variable.
    pub fn mean(&self, i: usize) -> f64 {
        self.results.rows[i].mean
    }

    /// Posterior standard deviation of variable `i`.
    pub fn sd(&self, i: usize) -> f64 {
        self.results.rows[i].sd
    }

    /// The value below which variable `i` is with probability `p`: for p of 0 and 1, the end of its range.
    ///
    /// Values of p within 1e-8 of 0 or 1 are beyond what the computation resolves.
    pub fn quantile(&self, i: usize, p: f64) -> f64 {
        let start = self.results.rows[i].mean + self.results.rows[i].sd * normal_quantile(p.clamp(1e-9, 1.0 - 1e-9));
        self.results.variables.distribution(i).quantile(p, start)
    }

    /// Probability that variable `i` is at most `x`.
    pub fn cdf(&self, i: usize, x: f64) -> f64 {
        self.results.variables.distribution(i).cdf(x)
    }

    /// Marginal density of variable `i` at `x`, per unit of the variable.
    pub fn density(&self, i: usize, x: f64) -> f64 {
        self.results.variables.distribution(i).density(x)
    }

    /// Where each variable stands.
    pub fn layout(&self) -> &Layout {
        &self.results.variables.layout
    }

    /// How heavy the heavier tail of variable `i` is, where the most extreme of a run's draws are: with probability p
    /// between 1e-4 and 1e-6 it is beyond a distance from its median that grows as p^(-1 / index). Moments of an order
    /// above that do not exist, or do not settle in any run.
    ///
    /// Where J groups know something about coefficient k, sigma\[k\] is beyond x with a probability that falls as x^-J: each
    /// group's likelihood falls as 1/x, of which the mean mu\[k\] of J effects, known to x / sqrt(J) only, gives one back;
    /// the half-Cauchy density falls as x^-2. mu\[k\] and the effects of groups that know little are normals whose sd is in
    /// proportion to sigma\[k\], and have the same tails.
    pub fn tail_index(&self, i: usize) -> f64 {
        const FAR: f64 = 1e-6;
        const NEAR: f64 = 1e-4;
        let median = self.results.rows[i].q50;
        let index = |far: f64, near: f64| {
            let distance = |p| (self.quantile(i, p) - median).abs();
            (NEAR / FAR).ln() / (distance(far) / distance(near)).ln()
        };
        index(1.0 - FAR, 1.0 - NEAR).min(index(FAR, NEAR))
    }

    /// Mean, standard deviation and quantiles of every variable, in order.
    pub fn summary(&self) -> &[ExactRow] {
        &self.results.rows
    }

    /// How much, at most, a mean, standard deviation, 5 %, 50 % or 95 % quantile of any variable changed in the last
    /// refinement, in posterior standard deviations: below [`TOLERANCE`] where it [has settled](Exact::is_settled), below
    /// [`LOOSEST`] where it has not.
    pub fn accuracy(&self) -> f64 {
        self.accuracy
    }

    /// Whether refinement ended because nothing changed any more, and not because there was no room for a finer grid.
    pub fn is_settled(&self) -> bool {
        self.accuracy < TOLERANCE
    }

    /// Whether the error of variable `i` is far below `error`, a Monte Carlo error in its unit, so that a run can be held
    /// against it.
    pub fn is_far_below(&self, error: f64, i: usize) -> bool {
        self.is_settled() || far_below(self.accuracy * self.sd(i), error)
    }

    /// Points of the finest grid.
    pub fn grid_points(&self) -> usize {
        self.results.grid_points
    }

    /// log p(y): the log density of the outcome, in the user's units, with mu, scales and effects integrated out.
    pub fn log_evidence(&self) -> f64 {
        self.results.log_evidence
    }
}

/// Whether an error is so far below another one that together they are larger than that by half a per cent at most.
fn far_below(error: f64, other: f64) -> bool {
    error <= 0.1 * other
}

/// The same posterior with standardized data.
fn standardized(model: &Model) -> Model {
    let builder = Model::builder(Arc::new(model.dataset().clone())).priors(model.priors().clone());
    builder.coordinates(model.coordinates().clone()).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_far_below_ten_times_as_large_a_one_and_no_number_is() {
        assert!(far_below(2e-4, 2.1e-3) && !far_below(2e-4, 1.9e-3) && !far_below(2e-4, f64::NAN));
    }

    #[test]
    fn an_integral_that_does_not_settle_says_how_far_it_came() {
        let says = |points, accuracy| ExactError::NotSettled { points, accuracy }.to_string();
        let some = says(12_345, 3.2e-4);
        assert!(
            some.contains("the finest grid has 12345 points, and results still change by 3.2e-4 posterior"),
            "{some}"
        );
        let one = says(1_900_000, f64::INFINITY);
        assert!(one.contains("there is room for one grid only, of 1900000 points") && !one.contains("inf"), "{one}");
        let none = says(0, f64::INFINITY);
        assert!(none.contains("not even the coarsest grid can be made of 2000000 points"), "{none}");
        assert!(!none.contains("inf") && !none.contains(" 0 points"), "{none}");
        for text in [some, one, none] {
            assert!(
                text.contains("does not settle: ") && text.ends_with("`warpnuts sample --chains 64 --draws 10000`")
            );
        }
    }
}
