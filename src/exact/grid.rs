//! A grid over the axes that grows from the mode, with a step for each axis, until the integrand is negligible.
//!
//! The trapezoid rule needs equal steps only. For a smooth integrand that vanishes at both ends, its error is the
//! integrand's Fourier transform at 2 pi / step and beyond, which for a normal of sd s is e^-(2 (pi s / step)^2): 3e-9
//! with step = s, and negligible with half of that.

use std::f64::consts::FRAC_1_SQRT_2;

use rayon::prelude::*;

use super::axis::GridAxis;
use super::given::{AxisPoint, AxisVariable, GivenAxes, KnownAtPoint, MAX_AXES, Workspace};
use super::integration::Integration;
use crate::independent::axis::ScaleAxis;
use crate::independent::lattice::{Index, LatticePoint, climb, grow};

/// How fine and how deep the coarsest grid is.
#[derive(Debug, Clone, Copy)]
struct Fineness {
    /// Steps, in units of the integrand's width along an axis. Each level's steps are shorter by the square root of
    /// two, which squares the error.
    coarsest: f64,
    /// Longest step, however wide the integrand is: it is analytic only in a strip of about 1 around the real line.
    longest: f64,
    /// A point is left out if its importance ([`Lattice::importance`]) is this far below the largest.
    depth: f64,
}

/// Of two or three axes, and of four, whose points are many more.
const FINE: Fineness = Fineness { coarsest: 0.65, longest: 0.25, depth: 32.0 };
const FINE_OF_FOUR: Fineness = Fineness { coarsest: 0.9, longest: 0.35, depth: 20.0 };

/// Added to the depth for each level, so that refinement also shows the effect of points left out.
const DEEPER: f64 = 2.0;

/// A posterior that reaches beyond this in u has a tail that does not end.
const FARTHEST: f64 = 90.0;

/// Points of a grid that a thread evaluates at least.
const GRAIN: usize = 16;

/// Most points of a grid, and most numbers kept for all of them.
pub const MAX_POINTS: usize = 2_000_000;
const MAX_NUMBERS: usize = 100_000_000;

/// Range of log scales, for standardized data, in which the search for the mode begins, and its step; the second for
/// four axes. Of a correlation, its inverse hyperbolic tangents.
const SCAN: [f64; 2] = [-16.0, 8.0];
const SCAN_STEPS: [f64; 2] = [1.5, 3.0];
const SCANNED_CORRELATIONS: [f64; 3] = [-1.5, 0.0, 1.5];

/// A point of the grid; its weight is its share of the posterior.
#[derive(Debug, Clone)]
pub struct GridPoint {
    pub weight: f64,
    pub known: KnownAtPoint,
}

/// The grid of one level.
#[derive(Debug)]
pub struct Grid {
    /// Every point; the weights add up to one.
    pub points: Vec<GridPoint>,
    /// log p(y) in the sampler's units.
    pub log_evidence: f64,
    /// The marginal of each axis, in order.
    pub planes: Vec<Planes>,
}

/// The marginal of one axis: u of the first plane on which it is constant, the step, and the planes' total weights.
#[derive(Debug, Clone)]
pub struct Planes {
    pub axis: GridAxis,
    pub first: f64,
    pub step: f64,
    pub weights: Vec<f64>,
    /// Planes with a smaller share of the largest plane's weight are incomplete: some of their points are left out.
    pub whole: f64,
}

/// Why there is no grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoGrid {
    /// The grid would have more than [`MAX_POINTS`], or none.
    Unfit,
    /// The posterior, or its second moment, has a tail in the direction of this axis that does not end.
    Endless { axis: usize },
}

/// Mode and width of the posterior, from which the grids of all levels are made.
#[derive(Debug)]
pub struct Lattice<'a> {
    posterior: &'a dyn GivenAxes,
    axes: Vec<GridAxis>,
    /// The mode, in u and in t.
    mode: AxisPoint,
    mode_in_t: AxisPoint,
    /// The width of the integrand in each axis, with the others at the mode.
    width: AxisPoint,
    /// Further starting points of a grid, in u.
    seeds: Vec<AxisPoint>,
}

impl<'a> Lattice<'a> {
    /// Finds the mode of the posterior in t, chooses the axes, and measures the posterior's width in each.
    pub fn find(posterior: &'a dyn GivenAxes) -> Lattice<'a> {
        let variables = posterior.axes();
        let count = variables.len();
        let scanned = scan(posterior);
        let best = scanned.iter().fold(scanned[0], |best, &point| if point.0 > best.0 { point } else { best });
        let straight = |variable: &AxisVariable| match variable {
            AxisVariable::Correlation => GridAxis::Correlation,
            AxisVariable::Spread | AxisVariable::Noise => GridAxis::Scale(ScaleAxis::Straight),
        };
        let mut workspace = Workspace::default();
        let mut up = |axes: &[GridAxis], start: AxisPoint, step: f64| {
            climb(count, |u| density(posterior, axes, u, &mut workspace).0, start, [step; MAX_AXES])
        };
        let mut axes: Vec<GridAxis> = variables.iter().map(straight).collect();
        let (mode_in_t, _) = up(&axes, best.1, scan_step(count));
        for (k, axis) in axes.iter_mut().enumerate().filter(|(k, _)| variables[*k] == AxisVariable::Spread) {
            *axis = GridAxis::Scale(ScaleAxis::Bent { origin: posterior.neck(k, &mode_in_t) });
        }
        let to_u = |t: &AxisPoint| {
            let mut u = *t;
            u.iter_mut().zip(&axes).for_each(|(u, axis)| *u = axis.u(*u));
            u
        };
        let (mode, width) = up(&axes, to_u(&mode_in_t), 0.5);
        let mode_in_t = in_t(&axes, &mode);
        let candidates: Vec<AxisPoint> = scanned.iter().map(|(_, t)| to_u(t)).collect();
        let mut lattice = Lattice { posterior, axes, mode, mode_in_t, width, seeds: Vec::new() };
        let enough = lattice.importance(&mode, &mut workspace).0 - fineness(count).depth;
        let is_seed = |u: &AxisPoint| lattice.importance(u, &mut workspace).0 > enough;
        lattice.seeds = candidates.into_iter().filter(is_seed).collect();
        lattice
    }

    /// The grid of a level; 0 is the coarsest.
    pub fn grid(&self, level: i32, integration: &Integration) -> Result<Grid, NoGrid> {
        integration.begin_grid();
        let axes = self.axes.len();
        let Fineness { coarsest, longest, depth } = fineness(axes);
        let step = self.width.map(|width| (coarsest * width).min(longest) * FRAC_1_SQRT_2.powi(level));
        let depth = depth + DEEPER * f64::from(level);
        let most = MAX_POINTS.min(MAX_NUMBERS / self.posterior.width());
        let place = |index: &Index<MAX_AXES>| {
            let mut u = self.mode;
            for i in 0..axes {
                u[i] += f64::from(index[i]) * step[i];
            }
            u
        };

        let seeds = self.seeds.iter().map(|u| {
            let mut index = [0; MAX_AXES];
            for i in 0..axes {
                index[i] = ((u[i] - self.mode[i]) / step[i]).round() as i32;
            }
            index
        });
        let evaluate = |workspace: &mut Workspace, points: &[Index<MAX_AXES>]| {
            points.iter().map(|index| self.importance(&place(index), workspace)).collect()
        };
        let accept = |index: &Index<MAX_AXES>, points: usize| {
            integration.has(points);
            if points > most {
                return Err(NoGrid::Unfit);
            }
            let u = place(index);
            match (0..axes).find(|&i| u[i].abs() > FARTHEST) {
                Some(axis) => Err(NoGrid::Endless { axis }),
                None => Ok(()),
            }
        };
        let found = grow(axes, [[0; MAX_AXES]].into_iter().chain(seeds), depth, GRAIN, evaluate, accept)?;
        if found.is_empty() {
            return Err(NoGrid::Unfit);
        }
        Ok(self.assemble(found, &step))
    }

    fn assemble(&self, found: Vec<LatticePoint<MAX_AXES, Evaluated>>, step: &AxisPoint) -> Grid {
        let highest = found.iter().map(|(_, _, point)| point.log_density).fold(f64::NEG_INFINITY, f64::max);
        let weight = |point: &Evaluated| (point.log_density - highest).exp();
        let total: f64 = found.iter().map(|(_, _, point)| weight(point)).sum();
        let planes = self.axes.iter().enumerate().map(|(i, axis)| {
            let (first, last) = found
                .iter()
                .fold((i32::MAX, i32::MIN), |(first, last), (index, _, _)| (first.min(index[i]), last.max(index[i])));
            let mut weights = vec![0.0; (last - first + 1) as usize];
            for (index, _, point) in &found {
                weights[(index[i] - first) as usize] += weight(point) / total;
            }
            let first = self.mode[i] + f64::from(first) * step[i];
            let whole = (-0.5 * fineness(self.axes.len()).depth).exp();
            Planes { axis: *axis, first, step: step[i], weights, whole }
        });
        let planes = planes.collect();
        let log_cell: f64 = step[..self.axes.len()].iter().map(|step| step.ln()).sum();
        let points =
            found.into_iter().map(|(_, _, point)| GridPoint { weight: weight(&point) / total, known: point.known });
        Grid { log_evidence: highest + total.ln() + log_cell, planes, points: points.collect() }
    }

    /// Importance and density of a point. The importance is the log density in u, plus twice the largest excess of a
    /// log scale over the mode: the point's part in that scale's second moment. A heavy tail ends where this part is
    /// negligible.
    fn importance(&self, u: &AxisPoint, workspace: &mut Workspace) -> (f64, Evaluated) {
        let (log_density, known) = density(self.posterior, &self.axes, u, workspace);
        let t = in_t(&self.axes, u);
        let excess = |(i, axis): (usize, &GridAxis)| match axis {
            GridAxis::Scale(_) => t[i] - self.mode_in_t[i],
            GridAxis::Correlation => 0.0,
        };
        let beyond = self.axes.iter().enumerate().map(excess).fold(0.0, f64::max);
        (log_density + 2.0 * beyond, Evaluated { log_density, known })
    }
}

#[derive(Debug, Clone)]
struct Evaluated {
    log_density: f64,
    known: KnownAtPoint,
}

fn in_t(axes: &[GridAxis], u: &AxisPoint) -> AxisPoint {
    let mut t = [0.0; MAX_AXES];
    t.iter_mut().zip(axes).zip(u).for_each(|((t, axis), u)| *t = axis.t(*u));
    t
}

/// log p(u, y), with the Jacobian of the axes.
fn density(
    posterior: &dyn GivenAxes,
    axes: &[GridAxis],
    u: &AxisPoint,
    workspace: &mut Workspace,
) -> (f64, KnownAtPoint) {
    let (log_density, known) = posterior.at(&in_t(axes, u), workspace);
    let jacobian: f64 = axes.iter().zip(u).map(|(axis, u)| axis.slope(*u).ln()).sum();
    (log_density + jacobian, known)
}

/// The fineness of a grid of so many axes.
fn fineness(axes: usize) -> Fineness {
    if axes == MAX_AXES { FINE_OF_FOUR } else { FINE }
}

/// The step of the scan over the log scales of so many axes.
fn scan_step(axes: usize) -> f64 {
    SCAN_STEPS[usize::from(axes == MAX_AXES)]
}

/// Log densities on a coarse grid over all plausible log scales of standardized data, and correlations.
fn scan(posterior: &dyn GivenAxes) -> Vec<(f64, AxisPoint)> {
    let step = scan_step(posterior.axes().len());
    let scales = ((SCAN[1] - SCAN[0]) / step) as usize + 1;
    let mut places = vec![[0.0; MAX_AXES]];
    for (axis, variable) in posterior.axes().iter().enumerate() {
        let values: Vec<f64> = match variable {
            AxisVariable::Correlation => SCANNED_CORRELATIONS.to_vec(),
            AxisVariable::Spread | AxisVariable::Noise => (0..scales).map(|i| SCAN[0] + step * i as f64).collect(),
        };
        let with = |value: &f64| {
            let placed = places.iter().map(|place| {
                let mut place = *place;
                place[axis] = *value;
                place
            });
            placed.collect::<Vec<_>>()
        };
        places = values.iter().flat_map(with).collect();
    }
    places.into_par_iter().map_init(Workspace::default, |workspace, t| (posterior.at(&t, workspace).0, t)).collect()
}
