//! The distribution of each named variable in the user's units: the marginal of an axis, or a mixture of normals.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::conditional::NormalMoments;
use super::given::{GivenAxes, MAX_AXES};
use super::grid::{Grid, GridPoint};
use super::marginal::Marginal;
use super::mixture::{self, Mixture};
use crate::model::{Affine, Layout, Model};

/// Total probability of the smallest mixture components that quantiles and densities leave out.
const NEGLIGIBLE: f64 = 1e-9;

/// All named variables, computed on one grid.
#[derive(Debug)]
pub struct Variables {
    pub layout: Layout,
    posterior: Arc<dyn GivenAxes>,
    /// The effects of each coefficient among the variables.
    effects: Vec<Range<usize>>,
    /// The marginal of each axis.
    marginals: Vec<Marginal>,
    /// The points used for quantiles and densities; their weights add up to one.
    points: Vec<GridPoint>,
    matter: Matter,
}

/// A set of variables that are computed together.
#[derive(Debug, Clone, Copy)]
pub enum JointPart {
    /// A mean or population-level coefficient.
    Location(usize),
    /// The variable of an axis of the grid.
    Axis(usize),
    /// All effects of a level.
    Level(usize),
}

impl Variables {
    pub fn new(model: &Model, posterior: Arc<dyn GivenAxes>, grid: &Grid) -> Variables {
        let marginals = grid.planes.par_iter().map(Marginal::new).collect();
        let matter = Matter::of(&grid.points);
        let points = grid.points.iter().filter(|point| matter.has(point.weight));
        let points = points.map(|point| GridPoint { weight: point.weight / matter.total, known: point.known.clone() });
        let (layout, effects) =
            (model.layout().clone(), model.layout().varying().into_iter().map(|varying| varying.effects).collect());
        Variables { layout, effects, posterior, marginals, points: points.collect(), matter }
    }

    /// All sets of variables.
    pub fn parts(&self) -> Vec<JointPart> {
        let axes = (0..self.marginals.len()).map(JointPart::Axis);
        let levels = (0..self.effects.first().map_or(0, Range::len)).map(JointPart::Level);
        (0..self.layout.locations()).map(JointPart::Location).chain(axes).chain(levels).collect()
    }

    /// For each variable of a part: its index, its mean and standard deviation over `all` points in the user's units,
    /// and its distribution.
    pub fn of_part(&self, part: JointPart, all: &[GridPoint]) -> Vec<(usize, f64, f64, VariablePosterior<'_>)> {
        let mixture = |i: usize, normals: &[(f64, NormalMoments)]| {
            let matter = normals.iter().filter(|(weight, _)| self.matter.has(*weight));
            let mixture = matter.map(|(weight, normal)| (weight / self.matter.total, *normal)).collect();
            self.row(i, mixture::moments(normals.iter().copied()), PosteriorShape::Mixture(mixture))
        };
        match part {
            JointPart::Axis(axis) => {
                let marginal = &self.marginals[axis];
                let i = self.layout.locations() + axis;
                vec![self.row(i, marginal.moments(), PosteriorShape::Axis(marginal))]
            }
            JointPart::Location(k) => {
                let normal = |point: &GridPoint| (point.weight, self.posterior.location(k, &point.known));
                vec![mixture(k, &all.iter().map(normal).collect::<Vec<_>>())]
            }
            JointPart::Level(j) => {
                let mut normals: Vec<_> = self.effects.iter().map(|_| Vec::with_capacity(all.len())).collect();
                for point in all {
                    let effects = self.effects_of(j, point);
                    for (normals, normal) in normals.iter_mut().zip(effects) {
                        normals.push((point.weight, normal));
                    }
                }
                self.effects.iter().zip(&normals).map(|(row, normals)| mixture(row.start + j, normals)).collect()
            }
        }
    }

    /// The effects of level `j` given a point.
    fn effects_of(&self, j: usize, point: &GridPoint) -> [NormalMoments; MAX_AXES] {
        let mut effects = [NormalMoments::default(); MAX_AXES];
        self.posterior.effects(j, &point.known, &mut effects);
        effects
    }

    fn row<'a>(
        &self,
        i: usize,
        moments: NormalMoments,
        shape: PosteriorShape<'a>,
    ) -> (usize, f64, f64, VariablePosterior<'a>) {
        let Affine { unit, shift } = self.layout.units(i);
        (i, moments.mean * unit + shift, moments.variance.sqrt() * unit, VariablePosterior { shape, unit, shift })
    }

    /// The distribution of variable `i`.
    pub fn distribution(&self, i: usize) -> VariablePosterior<'_> {
        let Affine { unit, shift } = self.layout.units(i);
        let of = |normal: &dyn Fn(&GridPoint) -> NormalMoments| {
            PosteriorShape::Mixture(self.points.iter().map(|point| (point.weight, normal(point))).collect())
        };
        let (before, axes) = (self.layout.locations(), self.marginals.len());
        let shape = match i {
            i if i < before => of(&|point| self.posterior.location(i, &point.known)),
            i if i < before + axes => PosteriorShape::Axis(&self.marginals[i - before]),
            i => {
                let (coefficient, row) = self.effects.iter().enumerate().find(|(_, row)| row.contains(&i)).unzip();
                let (coefficient, level) = (coefficient.unwrap_or(0), i - row.map_or(i, |row| row.start));
                of(&|point| self.effects_of(level, point)[coefficient])
            }
        };
        VariablePosterior { shape, unit, shift }
    }
}

/// The points used for quantiles: those with the largest weights, until the remaining weight is negligible.
#[derive(Debug, Clone, Copy)]
struct Matter {
    smallest: f64,
    /// Sum of their weights.
    total: f64,
}

impl Matter {
    fn of(points: &[GridPoint]) -> Matter {
        let mut weights: Vec<f64> = points.iter().map(|point| point.weight).collect();
        weights.sort_unstable_by(f64::total_cmp);
        let mut left_out = 0.0;
        let smallest = weights.into_iter().find(|weight| {
            left_out += weight;
            left_out > NEGLIGIBLE
        });
        let smallest = smallest.unwrap_or(0.0);
        let total = points.iter().map(|point| point.weight).filter(|weight| *weight >= smallest).sum();
        Matter { smallest, total }
    }

    fn has(&self, weight: f64) -> bool {
        weight >= self.smallest
    }
}

/// The distribution of one variable, in the user's units.
#[derive(Debug)]
pub struct VariablePosterior<'a> {
    shape: PosteriorShape<'a>,
    unit: f64,
    shift: f64,
}

/// A distribution in the sampler's units.
#[derive(Debug)]
enum PosteriorShape<'a> {
    Axis(&'a Marginal),
    Mixture(Mixture),
}

impl VariablePosterior<'_> {
    /// The quantile at `p`; the search starts at `start`.
    pub fn quantile(&self, p: f64, start: f64) -> f64 {
        let quantile = match &self.shape {
            PosteriorShape::Axis(marginal) => marginal.quantile(p),
            PosteriorShape::Mixture(mixture) => mixture.quantile(p, (start - self.shift) / self.unit),
        };
        quantile * self.unit + self.shift
    }

    pub fn cdf(&self, x: f64) -> f64 {
        let x = (x - self.shift) / self.unit;
        match &self.shape {
            PosteriorShape::Axis(marginal) => marginal.cdf(x),
            PosteriorShape::Mixture(mixture) => mixture.cdf(x),
        }
    }

    pub fn density(&self, x: f64) -> f64 {
        let x = (x - self.shift) / self.unit;
        let density = match &self.shape {
            PosteriorShape::Axis(marginal) => marginal.density(x),
            PosteriorShape::Mixture(mixture) => mixture.density(x),
        };
        density / self.unit
    }
}
