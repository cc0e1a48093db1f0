//! A grid over the scales that grows from the mode, with a step for each axis, until the integrand is negligible.
//!
//! The trapezoid rule needs equal steps only. For a smooth integrand that vanishes at both ends, its error is the
//! integrand's Fourier transform at 2 pi / step and beyond, which for a normal of sd s is e^-(2 (pi s / step)^2): 3e-9
//! with step = s, and negligible with half of that.

use std::f64::consts::FRAC_1_SQRT_2;

use rayon::prelude::*;

use super::conditional::{Means, Scales, Workspace};
use super::integration::Integration;
use super::scales::{AxisPoint, MAX_AXES, ScalePosterior};
use crate::independent::axis::ScaleAxis;
use crate::independent::lattice::{Index, LatticePoint, climb, grow};

/// Steps of the coarsest grid, in units of the integrand's width along an axis. Each level's steps are shorter by the
/// square root of two, which squares the error.
const COARSEST: f64 = 0.65;

/// Longest step, however wide the integrand is: it is analytic only in a strip of about 1 around the real line.
const LONGEST: f64 = 0.25;

/// A point is left out if its importance ([`Lattice::importance`]) is this far below the largest. `DEEPER` is added for
/// each level, so that refinement also shows the effect of points left out.
const DEPTH: f64 = 32.0;
const DEEPER: f64 = 2.0;

/// A posterior that reaches beyond this in u has a tail that does not end.
const FARTHEST: f64 = 90.0;

/// Points of a grid that a thread evaluates at least.
const GRAIN: usize = 16;

/// Most points of a grid.
pub const MAX_POINTS: usize = 2_000_000;

/// Range of log scales, for standardized data, in which the search for the mode begins, and its step.
const SCAN: [f64; 2] = [-16.0, 8.0];
const SCAN_STEP: f64 = 1.5;

/// A point of the grid; its weight is its share of the posterior.
#[derive(Debug, Clone, Copy)]
pub struct GridPoint {
    pub weight: f64,
    pub scales: Scales,
    pub means: Means,
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

/// The marginal of one scale: u of the first plane on which it is constant, the step, and the planes' total weights.
#[derive(Debug, Clone)]
pub struct Planes {
    pub axis: ScaleAxis,
    pub first: f64,
    pub step: f64,
    pub weights: Vec<f64>,
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
    posterior: &'a ScalePosterior,
    axes: [ScaleAxis; MAX_AXES],
    /// The mode, in u and in t.
    mode: AxisPoint,
    log_mode: AxisPoint,
    /// The width of the integrand in each axis, with the others at the mode.
    width: AxisPoint,
    /// Further starting points of a grid, in u.
    seeds: Vec<AxisPoint>,
}

impl<'a> Lattice<'a> {
    /// Finds the mode of the posterior in log scales, chooses the axes, and measures the posterior's width in each.
    pub fn find(posterior: &'a ScalePosterior) -> Lattice<'a> {
        let axes = posterior.axes();
        let scanned = scan(posterior);
        let best = scanned.iter().fold(scanned[0], |best, &point| if point.0 > best.0 { point } else { best });
        let straight = [ScaleAxis::Straight; MAX_AXES];
        let mut workspace = Workspace::default();
        let mut up = |bends: &[ScaleAxis; MAX_AXES], start: AxisPoint, step: f64| {
            climb(axes, |u| density(posterior, bends, u, &mut workspace).0, start, [step; MAX_AXES])
        };
        let (log_mode, _) = up(&straight, best.1, SCAN_STEP);

        let log_eps = log_mode[axes - 1];
        let mut bent = straight;
        for (k, axis) in bent[..axes - 1].iter_mut().enumerate() {
            let information = posterior.conditional.largest_information(k);
            *axis = ScaleAxis::Bent { origin: log_eps - 0.5 * information.ln() };
        }
        let to_u = |t: &AxisPoint| {
            let mut u = *t;
            u.iter_mut().zip(&bent).for_each(|(u, axis)| *u = axis.u(*u));
            u
        };
        let (mode, width) = up(&bent, to_u(&log_mode), 0.5);
        let log_mode = log_scales(&bent, axes, &mode);
        let mut lattice = Lattice { posterior, axes: bent, mode, log_mode, width, seeds: Vec::new() };
        let mut workspace = Workspace::default();
        let enough = lattice.importance(&mode, &mut workspace).0 - DEPTH;
        let seeds = scanned.iter().map(|(_, t)| to_u(t));
        lattice.seeds = seeds.filter(|u| lattice.importance(u, &mut workspace).0 > enough).collect();
        lattice
    }

    /// The grid of a level; 0 is the coarsest.
    pub fn grid(&self, level: i32, integration: &Integration) -> Result<Grid, NoGrid> {
        integration.begin_grid();
        let axes = self.posterior.axes();
        let step = self.width.map(|width| (COARSEST * width).min(LONGEST) * FRAC_1_SQRT_2.powi(level));
        let depth = DEPTH + DEEPER * f64::from(level);
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
            if points > MAX_POINTS {
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
        Ok(self.assemble(&found, &step, place))
    }

    fn assemble(
        &self,
        found: &[LatticePoint<MAX_AXES, Evaluated>],
        step: &AxisPoint,
        place: impl Fn(&Index<MAX_AXES>) -> AxisPoint,
    ) -> Grid {
        let axes = self.posterior.axes();
        let highest = found.iter().map(|(_, _, point)| point.log_density).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = found.iter().map(|(_, _, point)| (point.log_density - highest).exp()).sum();
        let points: Vec<GridPoint> = found
            .iter()
            .map(|(index, _, point)| GridPoint {
                weight: (point.log_density - highest).exp() / total,
                scales: self.posterior.scales(&log_scales(&self.axes, axes, &place(index))),
                means: point.means,
            })
            .collect();
        let planes = (0..axes).map(|i| {
            let (first, last) = found
                .iter()
                .fold((i32::MAX, i32::MIN), |(first, last), (index, _, _)| (first.min(index[i]), last.max(index[i])));
            let mut weights = vec![0.0; (last - first + 1) as usize];
            for ((index, _, _), point) in found.iter().zip(&points) {
                weights[(index[i] - first) as usize] += point.weight;
            }
            Planes { axis: self.axes[i], first: self.mode[i] + f64::from(first) * step[i], step: step[i], weights }
        });
        let log_cell: f64 = step[..axes].iter().map(|step| step.ln()).sum();
        Grid { log_evidence: highest + total.ln() + log_cell, planes: planes.collect(), points }
    }

    /// Importance and density of a point. The importance is the log density in u, plus twice the largest excess of a
    /// log scale over the mode: the point's part in that scale's second moment. A heavy tail ends where this part is
    /// negligible.
    fn importance(&self, u: &AxisPoint, workspace: &mut Workspace) -> (f64, Evaluated) {
        let axes = self.posterior.axes();
        let (log_density, means) = density(self.posterior, &self.axes, u, workspace);
        let t = log_scales(&self.axes, axes, u);
        let beyond = (0..axes).map(|i| t[i] - self.log_mode[i]).fold(0.0, f64::max);
        (log_density + 2.0 * beyond, Evaluated { log_density, means })
    }
}

#[derive(Debug, Clone, Copy)]
struct Evaluated {
    log_density: f64,
    means: Means,
}

fn log_scales(axes: &[ScaleAxis; MAX_AXES], count: usize, u: &AxisPoint) -> AxisPoint {
    let mut t = [0.0; MAX_AXES];
    for i in 0..count {
        t[i] = axes[i].log_scale(u[i]);
    }
    t
}

/// log p(u, y), with the Jacobian of the axes.
fn density(
    posterior: &ScalePosterior,
    axes: &[ScaleAxis; MAX_AXES],
    u: &AxisPoint,
    workspace: &mut Workspace,
) -> (f64, Means) {
    let count = posterior.axes();
    let (log_density, means) = posterior.at(&log_scales(axes, count, u), workspace);
    let jacobian: f64 = axes[..count].iter().zip(u).map(|(axis, u)| axis.slope(*u).ln()).sum();
    (log_density + jacobian, means)
}

/// Log densities on a coarse grid over all plausible log scales of standardized data.
fn scan(posterior: &ScalePosterior) -> Vec<(f64, AxisPoint)> {
    let axes = posterior.axes();
    let side = ((SCAN[1] - SCAN[0]) / SCAN_STEP) as usize + 1;
    let places: Vec<AxisPoint> = (0..side.pow(axes as u32))
        .map(|mut number| {
            let mut t = [0.0; MAX_AXES];
            for t in &mut t[..axes] {
                *t = SCAN[0] + SCAN_STEP * (number % side) as f64;
                number /= side;
            }
            t
        })
        .collect();
    places.into_par_iter().map_init(Workspace::default, |workspace, t| (posterior.at(&t, workspace).0, t)).collect()
}
