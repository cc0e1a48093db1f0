//! The posterior by quadrature, without Monte Carlo: means, standard deviations, quantiles and densities of every
//! variable, for models with an intercept and at most one slope.
//!
//! Given the K + 1 scales, outcome, mu and all effects are jointly normal and integrate out in closed form
//! (`exact/conditional.rs`). The integrand that remains, the posterior of the scales, has two or three dimensions
//! (`exact/scales.rs`). A grid of equal steps grows outwards from its mode until the integrand is negligible
//! (`exact/grid.rs`). Then
//!
//! - sigma and eps have marginals that are sums over the planes of the grid (`exact/marginal.rs`);
//! - mu and the effects are mixtures of normals over the grid's points (`exact/mixture.rs`).
//!
//! The grid is refined, each time with steps shorter by the square root of two, until no mean, standard deviation, 5 %,
//! 50 % or 95 % quantile of any variable changes by more than 1e-5 of its standard deviation. This change,
//! [`Exact::accuracy`], is the error of the coarser grid; the error of the finer grid, which is reported, is about its
//! square. Where such a grid would have too many points, the finest result is returned if it changes by less than 1e-3
//! (but is not [settled](Exact::is_settled)), and refused otherwise.
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

mod axis;
mod conditional;
#[cfg(test)]
#[path = "../tests/oracles/dense_formula.rs"]
mod dense_formula;
mod distribution;
mod formula;
mod given;
mod grid;
mod integration;
mod levels;
mod marginal;
mod mixture;
mod normal;
mod packed;
mod results;
mod scales;
#[cfg(test)]
#[path = "../tests/oracles/textbook.rs"]
mod textbook;

use std::sync::Arc;

use crate::density::collapsed;
use crate::model::{Layout, Model, Refusal, Structure};
pub use integration::Integration;

use given::{GivenAxes, MAX_AXES};
use grid::{Lattice, MAX_POINTS, NoGrid};
pub(crate) use mixture::normal_quantile;
use results::Results;
use scales::ScalePosterior;

/// Most coefficients of a model: the intercept and one slope.
pub const MAX_COEFFICIENTS: usize = 2;

/// Refinement ends when no result changes by more, in posterior standard deviations.
pub const TOLERANCE: f64 = 1e-5;

/// The same of a grid of four axes, whose points become four times as many with each refinement.
pub const TOLERANCE_OF_FOUR: f64 = 1e-4;

/// Results that still change by more, in posterior standard deviations, are refused.
pub const LOOSEST: f64 = 1e-3;

/// Most grids of a refinement.
const LEVELS: i32 = 8;

/// The posterior by quadrature, in the user's units.
#[derive(Debug)]
pub struct Exact {
    names: Vec<String>,
    results: Results,
    accuracy: f64,
    tolerance: f64,
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

/// Why there is no exact posterior.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExactError {
    /// The model is not admitted.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Refinement reached the largest grid, or the last level, with results that still changed.
    #[error(
        "the integral over the scales does not settle: {}; sample instead, for long: `warpnuts sample --chains 64 --draws 10000`",
        reached(*points, *accuracy)
    )]
    NotSettled {
        /// Points of the finest grid computed.
        points: usize,
        /// Largest change from the previous grid, in posterior standard deviations; infinite if there was none.
        accuracy: f64,
    },
    /// The posterior's second moment is infinite, as for a slope that only one group has information about.
    #[error(
        "the data say so little about `{name}` that its posterior has no standard deviation: its tail does not end, because \
         fewer than two groups know anything about it; leave its predictor out"
    )]
    Endless {
        /// The scale with the heavy tail.
        name: String,
    },
}

/// How far refinement came, for the error message.
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

/// Whether `model` has an exact posterior: its effects integrate out, and its scales fit a grid.
///
/// # Errors
/// If the family is not Gaussian, or the model has more than one predictor.
pub fn admits(model: &Model) -> Result<(), Refusal> {
    if let Structure::Formula(_) = model.structure() {
        return formula::admits(model);
    }
    collapsed::admits(model)?;
    let predictors = model.dataset().predictor_names().len();
    if predictors < MAX_COEFFICIENTS { Ok(()) } else { Err(Refusal::Predictors { predictors }) }
}

impl Exact {
    /// The posterior of `model`, whatever its parameterization and scaling.
    ///
    /// # Errors
    /// If the model has more than one predictor, the integral does not settle to [`LOOSEST`], or the posterior of a
    /// scale has no standard deviation.
    pub fn of(model: &Model) -> Result<Exact, ExactError> {
        Exact::watched(model, &Integration::default())
    }

    /// [`Exact::of`], with progress counted in `integration`.
    ///
    /// # Errors
    /// As [`Exact::of`].
    pub fn watched(model: &Model, integration: &Integration) -> Result<Exact, ExactError> {
        admits(model)?;
        let model = standardized(model);
        let names = model.names();
        let posterior: Arc<dyn GivenAxes> = match model.layout().mixed() {
            Some(map) => formula::posterior(&model, map),
            None => Arc::new(ScalePosterior::new(&model)),
        };
        let axes = posterior.axes().len();
        let tolerance = if axes == MAX_AXES { TOLERANCE_OF_FOUR } else { TOLERANCE };
        let lattice = Lattice::find(&*posterior);
        let mut before: Option<Results> = None;
        let mut accuracy = f64::INFINITY;
        for level in 0..LEVELS {
            // The next grid has 2^(axes / 2) times as many points.
            let points = before.as_ref().map_or(0, |before| before.grid_points << (axes / 2));
            if points > MAX_POINTS {
                break;
            }
            let grid = match lattice.grid(level, integration) {
                Ok(grid) => grid,
                Err(NoGrid::Unfit) => break,
                Err(NoGrid::Endless { axis }) => {
                    let name = names[model.layout().locations() + axis].clone();
                    return Err(ExactError::Endless { name });
                }
            };
            let results = Results::new(&model, posterior.clone(), &grid, before.as_ref());
            if let Some(before) = &before {
                accuracy = results.change(before);
            }
            if accuracy < tolerance {
                return Ok(Exact { names, results, accuracy, tolerance });
            }
            before = Some(results);
        }
        match before {
            Some(results) if accuracy < LOOSEST => Ok(Exact { names, results, accuracy, tolerance }),
            before => Err(ExactError::NotSettled { points: before.map_or(0, |results| results.grid_points), accuracy }),
        }
    }

    /// Names of the variables, as in [`Model::names`]; all other functions take an index into them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Posterior mean of variable `i`.
    ///
    /// # Panics
    ///
    /// If there is no variable `i`; this holds for all functions of a variable.
    pub fn mean(&self, i: usize) -> f64 {
        self.results.rows[i].mean
    }

    /// Posterior standard deviation of variable `i`.
    pub fn sd(&self, i: usize) -> f64 {
        self.results.rows[i].sd
    }

    /// The value below which variable `i` is with probability `p`; for p of 0 and 1, the end of its range.
    ///
    /// Values of p within 1e-8 of 0 or 1 are beyond the resolution of the computation.
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

    /// Layout of the variables.
    pub fn layout(&self) -> &Layout {
        &self.results.variables.layout
    }

    /// Tail index of the heavier tail of variable `i`, where the most extreme draws of a run are: with probability p
    /// between 1e-4 and 1e-6, the distance from the median exceeds a bound that grows as p^(-1 / index). Moments of a
    /// higher order do not exist, or do not settle in any run.
    ///
    /// If J groups have information about coefficient k, sigma\[k\] exceeds x with a probability that falls as x^-J.
    /// Each group's likelihood falls as 1/x; the integral over mu\[k\], the mean of J effects, known to x / sqrt(J)
    /// only, gives back one factor x; the half-Cauchy density falls as x^-2. mu\[k\] and effects of groups with little
    /// information are normals whose sd is proportional to sigma\[k\], and have the same tails.
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

    /// Largest change of any mean, standard deviation, 5 %, 50 % or 95 % quantile in the last refinement, in posterior
    /// standard deviations: below [`TOLERANCE`], or [`TOLERANCE_OF_FOUR`], if the integral
    /// [has settled](Exact::is_settled), below [`LOOSEST`] if not.
    pub fn accuracy(&self) -> f64 {
        self.accuracy
    }

    /// Whether refinement ended because results settled, and not because a finer grid would have too many points.
    pub fn is_settled(&self) -> bool {
        self.accuracy < self.tolerance
    }

    /// Whether the error of variable `i` is far below `error`, a Monte Carlo error in the variable's unit, so that a
    /// run can be compared with the exact value.
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

/// Whether `error` is at most a tenth of `other`, so that both together exceed `other` by half a per cent at most.
fn far_below(error: f64, other: f64) -> bool {
    error <= 0.1 * other
}

/// The model with standardized data; its posterior is unchanged.
fn standardized(model: &Model) -> Model {
    let (dataset, coordinates) = (Arc::new(model.dataset().clone()), model.coordinates().clone());
    match model.structure() {
        Structure::Shorthand(shorthand) => {
            Model::builder(dataset).priors(shorthand.priors.clone()).coordinates(coordinates).build()
        }
        Structure::Formula(mixed) => Model::of_formula(dataset, mixed.clone(), coordinates, None),
    }
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
