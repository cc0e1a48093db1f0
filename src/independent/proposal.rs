//! A proposal of A scales: the lattice, the mixture, the weights, and draws.

use std::f64::consts::TAU;

use rayon::prelude::*;

use super::IndependentDraw;
use super::cells::Cells;
use super::certificate::Certificate;
use super::density::{AtScales, ScaleDensity};
use super::lattice::{Index, grow};
use crate::density::collapsed::MAX_MEANS;
use crate::faults;
use crate::math::{exp, ln};
use crate::mode::{Cholesky, Landscape};
use crate::model::Model;
use crate::nuts::adaptation::PositionMoments;
use crate::random::{Purpose, StreamKey};

/// Steps of the lattice, in sds at the mode, and the depth of the log density at which it ends, for 2, 3, ... scales.
/// With more scales, longer steps save nodes and still fit.
const STEPS: [f64; 5] = [0.3, 0.55, 0.75, 0.95, 1.15];
const DEPTHS: [f64; 5] = [16.0, 14.0, 14.0, 13.0, 12.5];

/// Most nodes, and most work: nodes, times groups, times the square of the number of coefficients. Beyond, chains are
/// cheaper.
const MOST: usize = 150_000;
const MOST_WORK: usize = 500_000_000;

/// The share of the density with heavy tails in the mixture, and its scale in the posterior's sds.
const DEFENSIVE: f64 = 0.05;
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

/// A point with its weight.
struct Weighed<const A: usize> {
    at: AtScales<A>,
    /// log p(u, y) - log q(u).
    log_weight: f64,
    is_inside: bool,
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
        let most = MOST.min(MOST_WORK / (model.layout().groups * k * k).max(1));
        let found = grow(
            A,
            [[0; A]].into_iter().chain(seeds.iter().copied()),
            depth,
            |(): &mut (), index| (density.at(&place(index)).log_density, ()),
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
        let key = |i: u32| StreamKey { seed: CERTIFYING, chain: i, transition: 0 };
        let points: Vec<Weighed<A>> = (0..POINTS).into_par_iter().map(|i| self.propose(&key(i), 0).0).collect();
        let weights: Vec<(f64, bool)> = points.iter().map(|point| (point.log_weight, point.is_inside)).collect();
        let largest = weights.iter().map(|(weight, _)| *weight).fold(f64::NEG_INFINITY, f64::max);
        self.bound = largest + if faults::is_planted("proposal-low-bound") { -0.3 } else { MARGIN };
        self.certificate = Certificate::of(&weights, share);
        let k = A - 1;
        let mut theta = vec![0.0; k + A];
        let (mut total, mut mean, mut square) = (0.0, vec![0.0; k + A], vec![0.0; k + A]);
        for (i, point) in (0..).zip(&points) {
            let weight = exp(point.log_weight - largest);
            self.complete(&key(i), &point.at, &mut theta);
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

    /// Proposal number `number` of a draw, and its uniform number for the acceptance.
    #[inline]
    fn propose(&self, key: &StreamKey, number: u32) -> (Weighed<A>, f64) {
        // One for the acceptance, one for the component, two for a cell, one for its corner, one for each axis.
        const WORDS: usize = 12;
        let mut uniforms = [0.0; WORDS];
        let blocks = (5 + A).div_ceil(4);
        for (block, uniforms) in uniforms.chunks_exact_mut(4).take(blocks).enumerate() {
            uniforms.copy_from_slice(&key.uniforms(Purpose::Proposal, number * 3 + block as u32));
        }
        let along: [f64; A] = std::array::from_fn(|i| uniforms[5 + i]);
        let (z, height) = if uniforms[1] < DEFENSIVE {
            let z = std::array::from_fn(|i| self.centre[i] + self.wide[i] * wide_quantile(along[i]));
            (z, self.cells.at(&z.map(|z| z / self.step)))
        } else {
            let (place, height) = self.cells.draw([uniforms[2], uniforms[3]], uniforms[4], &along);
            (place.map(|place| place * self.step), height)
        };
        let at = self.density.at(&moved(&self.origin, &self.root, &z));
        (
            Weighed { log_weight: at.log_density - self.log_proposal(&z, height), at, is_inside: height > 0.0 },
            uniforms[0],
        )
    }

    /// The proposal's log density in u at z, where the cells have this height.
    #[inline]
    fn log_proposal(&self, z: &[f64; A], height: f64) -> f64 {
        let inside = height / (self.cells.mass * self.step.powi(A as i32));
        let wide: f64 = (0..A).map(|i| wide_density((z[i] - self.centre[i]) / self.wide[i]) / self.wide[i]).product();
        ln((1.0 - DEFENSIVE) * inside + DEFENSIVE * wide) - self.log_root
    }

    /// Writes mu, drawn given the scales, log sigma and log eps; returns the log density.
    #[inline]
    fn complete(&self, key: &StreamKey, at: &AtScales<A>, theta: &mut [f64]) -> f64 {
        let mut deviates = [0.0; MAX_MEANS];
        let (mu, scales) = theta.split_at_mut(A - 1);
        key.normals(Purpose::Mean, &mut deviates[..A - 1]);
        scales.copy_from_slice(&at.logs);
        at.of_logs + at.means.draw(&deviates, mu) - 0.5 * (A - 1) as f64 * TAU.ln()
    }

    pub fn draw(&self, key: &StreamKey, theta: &mut [f64]) -> IndependentDraw {
        let mut tries = 0;
        loop {
            let (point, uniform) = self.propose(key, tries);
            tries += 1;
            let excess = point.log_weight - self.bound;
            if excess >= 0.0 || uniform < exp(excess) || tries == MOST_TRIES {
                return IndependentDraw { log_density: self.complete(key, &point.at, theta), excess, tries };
            }
        }
    }

    pub fn excess(&self, theta: &[f64]) -> f64 {
        let u = self.density.u(&std::array::from_fn(|i| theta[A - 1 + i]));
        let z = times(&self.inverse, &std::array::from_fn(|i| u[i] - self.origin[i]));
        let height = self.cells.at(&z.map(|z| z / self.step));
        self.density.at(&u).log_density - self.log_proposal(&z, height) - self.bound
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
        density.at(&u).log_density
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
