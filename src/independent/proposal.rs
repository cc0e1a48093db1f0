//! A proposal of A scales: the lattice, the mixture, the weights, and draws.

pub mod about_mode;

use std::f64::consts::TAU;

use multiversion::multiversion;
use rayon::prelude::*;

use super::IndependentDraw;
use super::cells::Cells;
use super::certificate::Certificate;
use super::density::{AtScales, ScaleDensity, lanes_of};
use super::lattice::{Index, grow};
use crate::faults;
use crate::lanes::{LANES, Lanes};
use crate::math::{exp, ln};
use crate::mode::{Cholesky, Landscape};
use crate::model::Model;
use crate::nuts::adaptation::PositionMoments;
use crate::random::{Purpose, StreamKey, normals_of_each, uniforms_of_each};

/// Steps of the lattice, in sds at the mode, and the depth of the log density at which it ends, for 2, 3, ... scales.
/// With more scales, longer steps save nodes and still fit.
const STEPS: [f64; 5] = [0.3, 0.55, 0.75, 0.95, 1.15];
const DEPTHS: [f64; 5] = [16.0, 14.0, 14.0, 13.0, 12.5];

/// Most nodes, and most work: nodes, times groups, times the square of the number of coefficients. Beyond, chains are
/// cheaper.
const MOST: usize = 150_000;
const MOST_WORK: usize = 500_000_000;

/// Work, in the same unit, that a thread gets at least: some 50 microseconds.
const GRAIN: usize = 200_000;

/// The share of the density with heavy tails in the mixture, and its scale in the posterior's sds.
pub const DEFENSIVE: f64 = 0.05;
const WIDE: f64 = 1.5;

/// Points of the certificate, and the margin of the bound above the largest log weight among them.
const POINTS: u32 = 4096;
const MARGIN: f64 = 0.05;

/// The seed of the certificate's points, which do not depend on a run's.
const CERTIFYING: u64 = 0x6365_7274_6966_7921;

/// Most proposals for a draw: of a certified proposal, at least one in 50 is accepted on average.
const MOST_TRIES: u32 = 1 << 16;

/// A proposal of `A` scales.
#[derive(Debug, Clone)]
pub struct Fitted<const A: usize> {
    density: ScaleDensity<A>,
    /// u = origin + root z, and z = steps of the lattice x step.
    origin: [f64; A],
    root: [[f64; A]; A],
    inverse: [[f64; A]; A],
    step: f64,
    cells: Cells<A>,
    /// Centre and scale of the density with heavy tails, in z.
    centre: [f64; A],
    wide: [f64; A],
    /// log |du / dz|.
    log_root: f64,
    /// log M, as log density over proposal in u.
    bound: f64,
    pub nodes: usize,
    pub certificate: Certificate,
    pub spread: PositionMoments,
}

/// Eight proposals, each with mu drawn given the scales.
struct Proposed<const A: usize> {
    /// log p(u, y) - log q(u).
    log_weight: Lanes,
    /// The height of the cells; 0 outside of them.
    height: Lanes,
    /// A uniform number for the acceptance.
    uniform: Lanes,
    /// Log density of mu, log sigma and log eps.
    log_density: Lanes,
    mu: [Lanes; A],
    logs: [Lanes; A],
}

impl<const A: usize> Fitted<A> {
    /// The proposal for a model with `A` scales; `None` if its density has no mode, or no lattice holds its mass.
    pub fn new(model: &Model, landscape: &Landscape) -> Option<Fitted<A>> {
        let k = A - 1;
        let modes: Vec<[f64; A]> =
            landscape.peaks.iter().map(|peak| std::array::from_fn(|i| peak.theta[k + i])).collect();
        let density = ScaleDensity::new(model, *modes.first()?);
        let (origin, width) = density.mode(density.u(&modes[0]));
        let [root, inverse] = frame(&density, &origin, &width)?;
        let (step, depth) = (STEPS[A - 2], DEPTHS[A - 2]);
        let place = |index: &Index<A>| moved(&origin, &root, &index.map(|i| f64::from(i) * step));
        let away = |u: &[f64; A]| {
            let z = times(&inverse, &std::array::from_fn(|i| u[i] - origin[i]));
            z.map(|z| (z / step).round() as i32)
        };
        let seeds: Vec<Index<A>> = modes.iter().map(|mode| away(&density.u(mode))).collect();
        let work = (model.layout().groups * k * k).max(1);
        let most = MOST.min(MOST_WORK / work);
        let found = grow(
            A,
            [[0; A]].into_iter().chain(seeds.iter().copied()),
            depth,
            (GRAIN / work).max(LANES),
            |(): &mut (), points| {
                let densities = density.log_densities(&points.iter().map(place).collect::<Vec<_>>());
                densities.into_iter().take(points.len()).map(|log_density| (log_density, ())).collect()
            },
            |_, nodes| if nodes > most { Err(()) } else { Ok(()) },
        );
        let found = found.ok()?;
        let top = found.iter().map(|(_, log_density, ())| *log_density).fold(f64::NEG_INFINITY, f64::max);
        let shift = match () {
            () if faults::is_planted("proposal-shifted") => 4,
            () if faults::is_planted("proposal-nudged") => 1,
            () => 0,
        };
        let mut nodes: Vec<(Index<A>, f64)> = Vec::with_capacity(found.len());
        for (index, log_density, ()) in &found {
            let mut index = *index;
            index[0] += shift;
            if *log_density < top || !faults::is_planted("proposal-hole") {
                nodes.push((index, exp(log_density - top)));
            }
        }
        let cells = Cells::new(&nodes)?;
        let (centre, wide) = spread(&nodes, step);
        let reached = |i: &usize| found.iter().any(|(index, ..)| *index == seeds[*i]);
        let share: f64 = (0..modes.len()).filter(reached).map(|i| landscape.share(i)).sum();
        let mut fitted = Fitted {
            density,
            origin,
            root,
            inverse,
            step: if faults::is_planted("proposal-narrow") { 0.5 * step } else { step },
            cells,
            centre,
            wide,
            log_root: (0..A).map(|i| root[i][i].abs().ln()).sum(),
            bound: f64::INFINITY,
            nodes: nodes.len(),
            certificate: Certificate::of(&[], share),
            spread: PositionMoments { mean: Vec::new(), variance: Vec::new() },
        };
        fitted.certify(share);
        Some(fitted)
    }

    /// Sets certificate, bound and moments, from fixed points.
    fn certify(&mut self, share: f64) {
        let dim = 2 * A - 1;
        let key = |i: u32| StreamKey { seed: CERTIFYING, chain: i, transition: 0 };
        let points: Vec<Proposed<A>> = (0..POINTS / LANES as u32)
            .into_par_iter()
            .with_min_len(16)
            .map(|eight| propose(self, &std::array::from_fn(|lane| key(eight * LANES as u32 + lane as u32))))
            .collect();
        let lanes = || points.iter().flat_map(|point| (0..LANES).map(move |lane| (point, lane)));
        let weights: Vec<(f64, bool)> =
            lanes().map(|(point, lane)| (point.log_weight.0[lane], point.height.0[lane] > 0.0)).collect();
        let largest = weights.iter().map(|(weight, _)| *weight).fold(f64::NEG_INFINITY, f64::max);
        self.bound = largest + if faults::is_planted("proposal-low-bound") { -0.3 } else { MARGIN };
        self.certificate = Certificate::of(&weights, share);
        let mut theta = vec![0.0; dim];
        let (mut total, mut mean, mut square) = (0.0, vec![0.0; dim], vec![0.0; dim]);
        for (point, lane) in lanes() {
            let weight = exp(point.log_weight.0[lane] - largest);
            point.write(lane, &mut theta);
            total += weight;
            for (theta, (mean, square)) in theta.iter().zip(mean.iter_mut().zip(&mut square)) {
                let before = theta - *mean;
                *mean += weight / total * before;
                *square += weight * before * (theta - *mean);
            }
        }
        square.iter_mut().for_each(|square| *square /= total);
        self.spread = PositionMoments { mean, variance: square };
    }

    /// Proposal number `numbers` of each of eight draws; only the first `points` are needed.
    #[inline(always)]
    fn propose(&self, keys: &[StreamKey; LANES], numbers: &[u32; LANES], points: usize) -> Proposed<A> {
        // One for the acceptance, one for the component, two for a cell, one for its corner, one for each axis: three
        // blocks of words.
        let blocks = numbers.map(|number| number * 3);
        let [uniform, component, cell, share, corner, first, second, third] =
            uniforms_of_each(keys, Purpose::Proposal, blocks);
        let mut axes = [first, second, third, Lanes::ZERO, Lanes::ZERO, Lanes::ZERO];
        if A > 3 {
            let more = uniforms_of_each(keys, Purpose::Proposal, blocks.map(|block| block + 2));
            axes[3..].copy_from_slice(&more[..3]);
        }
        let (mut z, mut height) = ([Lanes::ZERO; A], Lanes::ZERO);
        for lane in 0..LANES {
            let along: [f64; A] = std::array::from_fn(|i| axes[i].0[lane]);
            let place;
            (place, height.0[lane]) = if component.0[lane] < DEFENSIVE {
                let z: [f64; A] = std::array::from_fn(|i| self.centre[i] + self.wide[i] * wide_quantile(along[i]));
                let place = z.map(|z| z / self.step);
                (place, self.cells.at(&place))
            } else {
                self.cells.draw([cell.0[lane], share.0[lane]], corner.0[lane], &along)
            };
            for (z, place) in z.iter_mut().zip(place) {
                z.0[lane] = place * self.step;
            }
        }
        let (at, log_weight) = self.weigh(&z, height, points);
        let normals = normals_of_each(keys, Purpose::Mean);
        let (mu, log_density) = at.means.draw(std::array::from_fn(|i| normals[i]));
        let log_density = at.of_logs + log_density + -0.5 * (A - 1) as f64 * TAU.ln();
        Proposed { log_weight, height, uniform, log_density, mu, logs: at.logs }
    }

    /// The density at eight places z where the cells have these heights, and the log weight.
    #[inline(always)]
    fn weigh(&self, z: &[Lanes; A], height: Lanes, points: usize) -> (AtScales<A>, Lanes) {
        let mut u = [Lanes::ZERO; A];
        let mut wide = Lanes::ZERO + DEFENSIVE;
        for i in 0..A {
            u[i] = Lanes::ZERO + self.origin[i];
            for (z, root) in z.iter().zip(&self.root[i]).skip(i) {
                u[i] += *z * *root;
            }
            let away = (z[i] + -self.centre[i]) * (1.0 / self.wide[i]);
            wide = wide * away.map(wide_density) * (1.0 / self.wide[i]);
        }
        let inside = height * ((1.0 - DEFENSIVE) / (self.cells.mass * self.step.powi(A as i32)));
        let at = self.density.at(&u, points);
        let log_weight = at.log_density - (inside + wide).map(ln) + self.log_root;
        (at, log_weight)
    }

    pub fn draw(&self, keys: &[StreamKey], theta: &mut [f64], drawn: &mut [IndependentDraw]) {
        draw(self, keys, theta, drawn);
    }

    pub fn excess(&self, theta: &[f64]) -> f64 {
        let u = self.density.u(&std::array::from_fn(|i| theta[A - 1 + i]));
        let z = times(&self.inverse, &std::array::from_fn(|i| u[i] - self.origin[i]));
        let height = self.cells.at(&z.map(|z| z / self.step));
        let (_, log_weight) = self.weigh(&lanes_of(&[z]), Lanes::ZERO + height, 1);
        log_weight.0[0] - self.bound
    }
}

impl<const A: usize> Proposed<A> {
    /// Writes mu, log sigma and log eps of one of the proposals.
    #[inline(always)]
    fn write(&self, lane: usize, theta: &mut [f64]) {
        let numbers = self.mu.iter().take(A - 1).chain(&self.logs);
        theta.iter_mut().zip(numbers).for_each(|(theta, number)| *theta = number.0[lane]);
    }
}

/// The first proposal of each of eight draws.
#[multiversion(targets = "simd")]
fn propose<const A: usize>(fitted: &Fitted<A>, keys: &[StreamKey; LANES]) -> Proposed<A> {
    fitted.propose(keys, &[0; LANES], LANES)
}

/// A draw for each key: eight lanes work on a draw each, until it is accepted, and then on the next.
#[multiversion(targets = "simd")]
fn draw<const A: usize>(fitted: &Fitted<A>, keys: &[StreamKey], theta: &mut [f64], drawn: &mut [IndependentDraw]) {
    let (dim, count) = (2 * A - 1, keys.len());
    let (mut live, mut next) = (count.min(LANES), count.min(LANES));
    let mut rows: [usize; LANES] = std::array::from_fn(|lane| lane.min(count.max(1) - 1));
    let mut numbers = [0; LANES];
    while live > 0 {
        let proposed = fitted.propose(&rows.map(|row| keys[row]), &numbers, live);
        let excess = proposed.log_weight + -fitted.bound;
        let accepted = excess.map(exp) - proposed.uniform;
        // From the last, so that a lane without a further draw takes over one that has been looked at.
        for lane in (0..live).rev() {
            let tries = numbers[lane] + 1;
            if accepted.0[lane] > 0.0 || tries == MOST_TRIES {
                let row = rows[lane];
                proposed.write(lane, &mut theta[row * dim..][..dim]);
                drawn[row] =
                    IndependentDraw { log_density: proposed.log_density.0[lane], excess: excess.0[lane], tries };
                if next < count {
                    (rows[lane], numbers[lane]) = (next, 0);
                    next += 1;
                } else {
                    live -= 1;
                    (rows[lane], numbers[lane]) = (rows[live], numbers[live]);
                }
            } else {
                numbers[lane] = tries;
            }
        }
    }
}

/// Mean along each axis, in z, and the scale of the density with heavy tails, from nodes and their densities.
fn spread<const A: usize>(nodes: &[(Index<A>, f64)], step: f64) -> ([f64; A], [f64; A]) {
    let total: f64 = nodes.iter().map(|(_, height)| height).sum();
    let mean =
        |of: &dyn Fn(&Index<A>) -> f64| nodes.iter().map(|(index, height)| height * of(index)).sum::<f64>() / total;
    let centre: [f64; A] = std::array::from_fn(|i| mean(&|index| f64::from(index[i])));
    let sd = |i: usize| mean(&|index| (f64::from(index[i]) - centre[i]).powi(2)).sqrt().max(1.0);
    (centre.map(|centre| step * centre), std::array::from_fn(|i| WIDE * step * sd(i)))
}

/// The quantile at `p` of Student's t with two degrees of freedom.
#[inline]
fn wide_quantile(p: f64) -> f64 {
    (2.0 * p - 1.0) / (2.0 * p * (1.0 - p)).sqrt()
}

/// Its density.
#[inline]
fn wide_density(x: f64) -> f64 {
    let square = 2.0 + x * x;
    1.0 / (square * square.sqrt())
}

#[inline]
fn times<const A: usize>(matrix: &[[f64; A]; A], x: &[f64; A]) -> [f64; A] {
    std::array::from_fn(|i| (0..A).map(|j| matrix[i][j] * x[j]).sum())
}

#[inline]
fn moved<const A: usize>(origin: &[f64; A], root: &[[f64; A]; A], z: &[f64; A]) -> [f64; A] {
    let step = times(root, z);
    std::array::from_fn(|i| origin[i] + step[i])
}

/// The upper triangle by which z, about standard normal, becomes u, from the curvature about the mode; and its inverse.
/// Diagonal if the curvature is not positive definite.
fn frame<const A: usize>(density: &ScaleDensity<A>, mode: &[f64; A], width: &[f64; A]) -> Option<[[[f64; A]; A]; 2]> {
    /// Differences over this share of the widths.
    const SHARE: f64 = 0.5;
    if !width.iter().all(|width| *width > 0.0 && width.is_finite()) {
        return None;
    }
    let value = |moves: &[(usize, f64)]| {
        let mut u = *mode;
        moves.iter().for_each(|(i, by)| u[*i] += by * width[*i]);
        density.log_density(&u)
    };
    // The precision in units of the widths.
    let here = value(&[]);
    let entry = |i: usize, j: usize| {
        let corner = |a: f64, b: f64| value(&[(i, a * SHARE), (j, b * SHARE)]);
        if i == j {
            (2.0 * here - corner(0.5, 0.5) - corner(-0.5, -0.5)) / (SHARE * SHARE)
        } else {
            (corner(1.0, -1.0) + corner(-1.0, 1.0) - corner(1.0, 1.0) - corner(-1.0, -1.0)) / (4.0 * SHARE * SHARE)
        }
    };
    let precision: Vec<Vec<f64>> = (0..A).map(|i| (0..=i).map(|j| entry(i, j)).collect()).collect();
    // Where the other scales explain nearly all of a scale, the curvature is not to be relied on.
    let is_definite = |found: &Cholesky| (0..A).all(|i| found.lower()[i][i] > 0.1 * precision[i][i].sqrt());
    let unit = |i: usize| (0..A).map(|j| if i == j { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
    let cholesky =
        Cholesky::of(&precision).filter(is_definite).or_else(|| Cholesky::of(&(0..A).map(unit).collect::<Vec<_>>()))?;
    // z = L' (u - mode) / width, and u - mode = width L'^-1 z.
    let inverse = std::array::from_fn(|i| std::array::from_fn(|j| cholesky.lower()[j][i] / width[j]));
    let columns: Vec<Vec<f64>> = (0..A).map(|j| cholesky.back(unit(j))).collect();
    let root = std::array::from_fn(|i| std::array::from_fn(|j| width[i] * columns[j][i]));
    Some([root, inverse])
}
