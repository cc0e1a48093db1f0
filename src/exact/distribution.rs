//! The distribution of each named variable in the user's units: the marginal of a scale, or a mixture of normals.

use std::sync::Arc;

use rayon::prelude::*;

use super::conditional::NormalMoments;
use super::grid::{Grid, GridPoint};
use super::marginal::Marginal;
use super::mixture::{self, Mixture};
use super::scales::ScalePosterior;
use crate::model::{Affine, Layout, Model, Role};

/// Total probability of the smallest mixture components that quantiles and densities leave out.
const NEGLIGIBLE: f64 = 1e-9;

/// All named variables, computed on one grid.
#[derive(Debug)]
pub struct Variables {
    pub layout: Layout,
    posterior: Arc<ScalePosterior>,
    /// Marginals of sigma[0..K] and eps.
    marginals: Vec<Marginal>,
    /// The points used for quantiles and densities; their weights add up to one.
    points: Vec<GridPoint>,
    matter: Matter,
}

/// A set of variables that are computed together.
#[derive(Debug, Clone, Copy)]
pub enum JointPart {
    /// mu[k].
    Mu(usize),
    /// An axis of the grid: sigma[k], or eps.
    Scale(usize),
    /// All effects of a group.
    Group(usize),
}

impl Variables {
    pub fn new(model: &Model, posterior: Arc<ScalePosterior>, grid: &Grid) -> Variables {
        let marginals = grid.planes.par_iter().map(Marginal::new).collect();
        let matter = Matter::of(&grid.points);
        let points = grid.points.iter().filter(|point| matter.has(point.weight));
        let points = points.map(|point| GridPoint { weight: point.weight / matter.total, ..*point }).collect();
        Variables { layout: model.layout().clone(), posterior, marginals, points, matter }
    }

    /// All sets of variables.
    pub fn parts(&self) -> Vec<JointPart> {
        let Layout { coefficients, groups, .. } = self.layout;
        let scales = (0..=coefficients).map(JointPart::Scale);
        (0..coefficients).map(JointPart::Mu).chain(scales).chain((0..groups).map(JointPart::Group)).collect()
    }

    /// For each variable of a part: its index, its mean and standard deviation over `all` points in the user's units,
    /// and its distribution.
    pub fn of_part(&self, part: JointPart, all: &[GridPoint]) -> Vec<(usize, f64, f64, VariablePosterior<'_>)> {
        let coefficients = self.layout.coefficients;
        let mixture = |i: usize, normals: &[(f64, NormalMoments)]| {
            let matter = normals.iter().filter(|(weight, _)| self.matter.has(*weight));
            let mixture = matter.map(|(weight, normal)| (weight / self.matter.total, *normal)).collect();
            self.row(i, mixture::moments(normals.iter().copied()), PosteriorShape::Mixture(mixture))
        };
        match part {
            JointPart::Scale(axis) => {
                let marginal = &self.marginals[axis];
                vec![self.row(self.layout.positive().start + axis, marginal.moments(), PosteriorShape::Scale(marginal))]
            }
            JointPart::Mu(k) => {
                let normals: Vec<_> = all.iter().map(|point| (point.weight, point.means.mu(k))).collect();
                vec![mixture(self.layout.mu(k), &normals)]
            }
            JointPart::Group(j) => {
                let mut normals = [Vec::with_capacity(all.len()), Vec::with_capacity(all.len())];
                for point in all {
                    let both = self.posterior.conditional.effects(j, &point.scales, &point.means);
                    for (normals, normal) in normals.iter_mut().zip(both).take(coefficients) {
                        normals.push((point.weight, normal));
                    }
                }
                (0..coefficients).map(|k| mixture(self.layout.effects(k).start + j, &normals[k])).collect()
            }
        }
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
        let effects = |j: usize, point: &GridPoint| self.posterior.conditional.effects(j, &point.scales, &point.means);
        let shape = match variable(&self.layout, i) {
            VariableKind::Scale(axis) => PosteriorShape::Scale(&self.marginals[axis]),
            VariableKind::Mu(k) => of(&|point| point.means.mu(k)),
            VariableKind::Effect(k, j) => of(&|point| effects(j, point)[k]),
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
    Scale(&'a Marginal),
    Mixture(Mixture),
}

impl VariablePosterior<'_> {
    /// The quantile at `p`; the search starts at `start`.
    pub fn quantile(&self, p: f64, start: f64) -> f64 {
        let quantile = match &self.shape {
            PosteriorShape::Scale(marginal) => marginal.quantile(p),
            PosteriorShape::Mixture(mixture) => mixture.quantile(p, (start - self.shift) / self.unit),
        };
        quantile * self.unit + self.shift
    }

    pub fn cdf(&self, x: f64) -> f64 {
        let x = (x - self.shift) / self.unit;
        match &self.shape {
            PosteriorShape::Scale(marginal) => marginal.cdf(x),
            PosteriorShape::Mixture(mixture) => mixture.cdf(x),
        }
    }

    pub fn density(&self, x: f64) -> f64 {
        let x = (x - self.shift) / self.unit;
        let density = match &self.shape {
            PosteriorShape::Scale(marginal) => marginal.density(x),
            PosteriorShape::Mixture(mixture) => mixture.density(x),
        };
        density / self.unit
    }
}

/// The kind of a variable, and its indices.
#[derive(Debug, Clone, Copy)]
enum VariableKind {
    Mu(usize),
    /// An axis of the grid: sigma[k], or eps.
    Scale(usize),
    Effect(usize, usize),
}

/// The kind of variable `i`.
fn variable(layout: &Layout, i: usize) -> VariableKind {
    let (block, row, level) = layout.place(i);
    match block.role {
        Role::Mean | Role::Population => VariableKind::Mu(row),
        Role::Scale | Role::Correlation | Role::Dispersion => VariableKind::Scale(i - layout.positive().start),
        Role::Effects => VariableKind::Effect(row, level),
    }
}
