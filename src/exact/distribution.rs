//! Which variable is which, and its distribution in the user's units: the marginal of a scale, or a mixture of normals.

use std::sync::Arc;

use super::conditional::Moments;
use super::grid::{Grid, Point};
use super::marginal::Marginal;
use super::mixture::{self, Component, Mixture};
use super::scales::ScalePosterior;
use crate::model::{Layout, Model};

/// Probability that the mixtures' smallest components may have together, to be left out of quantiles and densities.
const NEGLIGIBLE: f64 = 1e-9;

/// All named variables, as one grid has them.
#[derive(Debug)]
pub struct Variables {
    units: Units,
    posterior: Arc<ScalePosterior>,
    /// Of sigma[0..K] and eps.
    marginals: Vec<Marginal>,
    /// The points that matter for quantiles; their weights add up to one.
    points: Vec<Point>,
}

impl Variables {
    pub fn new(model: &Model, posterior: Arc<ScalePosterior>, grid: &Grid) -> Variables {
        let marginals = grid.planes.iter().map(Marginal::new).collect();
        Variables { units: Units::new(model), posterior, marginals, points: without_negligible(&grid.points) }
    }

    /// Of mu or an effect at a point of the grid, in the sampler's units.
    fn normal(&self, variable: Variable, point: &Point) -> Moments {
        match variable {
            Variable::Mu(k) => point.means.mu(k),
            Variable::Effect(k, j) => self.posterior.conditional.effect(k, j, &point.scales, &point.means),
            Variable::Scale(_) => Moments { mean: f64::NAN, variance: f64::NAN },
        }
    }

    /// Mean and standard deviation of variable `i`, in the user's units; of mu and effects over `all` points.
    pub fn mean_and_sd(&self, i: usize, all: &[Point]) -> (f64, f64) {
        let (unit, shift) = self.units.of(i);
        let moments = match self.units.variable(i) {
            Variable::Scale(axis) => self.marginals[axis].moments(),
            variable => mixture::moments(all.iter().map(|point| (point.weight, self.normal(variable, point)))),
        };
        (moments.mean * unit + shift, moments.variance.sqrt() * unit)
    }

    /// The distribution of variable `i`.
    pub fn distribution(&self, i: usize) -> Distribution<'_> {
        let (unit, shift) = self.units.of(i);
        let shape = match self.units.variable(i) {
            Variable::Scale(axis) => Shape::Scale(&self.marginals[axis]),
            variable => {
                let component = |point: &Point| {
                    let normal = self.normal(variable, point);
                    Component { weight: point.weight, mean: normal.mean, sd: normal.variance.sqrt() }
                };
                Shape::Mixture(Mixture(self.points.iter().map(component).collect()))
            }
        };
        Distribution { shape, unit, shift }
    }
}

/// The points with the largest weights, until what is left out is negligible; their weights add up to one again.
fn without_negligible(points: &[Point]) -> Vec<Point> {
    let mut weights: Vec<f64> = points.iter().map(|point| point.weight).collect();
    weights.sort_unstable_by(f64::total_cmp);
    let mut left_out = 0.0;
    let smallest = weights.into_iter().find(|weight| {
        left_out += weight;
        left_out > NEGLIGIBLE
    });
    let smallest = smallest.unwrap_or(0.0);
    let kept = points.iter().filter(|point| point.weight >= smallest);
    let total: f64 = kept.clone().map(|point| point.weight).sum();
    kept.map(|point| Point { weight: point.weight / total, ..*point }).collect()
}

/// The distribution of one variable, in the user's units.
#[derive(Debug)]
pub struct Distribution<'a> {
    shape: Shape<'a>,
    unit: f64,
    shift: f64,
}

/// In the sampler's units.
#[derive(Debug)]
enum Shape<'a> {
    Scale(&'a Marginal),
    Mixture(Mixture),
}

impl Distribution<'_> {
    /// The quantile at `p`, sought from `start`.
    pub fn quantile(&self, p: f64, start: f64) -> f64 {
        let quantile = match &self.shape {
            Shape::Scale(marginal) => marginal.quantile(p),
            Shape::Mixture(mixture) => mixture.quantile(p, (start - self.shift) / self.unit),
        };
        quantile * self.unit + self.shift
    }

    pub fn cdf(&self, x: f64) -> f64 {
        let x = (x - self.shift) / self.unit;
        match &self.shape {
            Shape::Scale(marginal) => marginal.cdf(x),
            Shape::Mixture(mixture) => mixture.cdf(x),
        }
    }

    pub fn density(&self, x: f64) -> f64 {
        let x = (x - self.shift) / self.unit;
        let density = match &self.shape {
            Shape::Scale(marginal) => marginal.density(x),
            Shape::Mixture(mixture) => mixture.density(x),
        };
        density / self.unit
    }
}

/// Linear maps from the sampler's units to the user's: `value * unit + shift`, one a variable.
#[derive(Debug)]
struct Units {
    layout: Layout,
    coefficient: Vec<(f64, f64)>,
    eps: f64,
}

/// Which variable an index means.
#[derive(Debug, Clone, Copy)]
enum Variable {
    Mu(usize),
    /// An axis of the grid: sigma[k], or eps.
    Scale(usize),
    Effect(usize, usize),
}

impl Units {
    fn new(model: &Model) -> Units {
        let (scaling, layout) = (model.scaling(), model.layout());
        let of = |k| (scaling.coefficient_unit(k), scaling.coefficient_shift(k));
        Units { layout, coefficient: (0..layout.coefficients).map(of).collect(), eps: scaling.outcome_scale }
    }

    fn variable(&self, i: usize) -> Variable {
        let Layout { coefficients, groups } = self.layout;
        match i.checked_sub(self.layout.hyperparameters()) {
            Some(effect) => Variable::Effect(effect / groups, effect % groups),
            None if i < coefficients => Variable::Mu(i),
            None => Variable::Scale(i - coefficients),
        }
    }

    /// Unit and shift of variable `i`.
    fn of(&self, i: usize) -> (f64, f64) {
        match self.variable(i) {
            Variable::Mu(k) | Variable::Effect(k, _) => self.coefficient[k],
            Variable::Scale(k) => self.coefficient.get(k).map_or((self.eps, 0.0), |(unit, _)| (*unit, 0.0)),
        }
    }
}
