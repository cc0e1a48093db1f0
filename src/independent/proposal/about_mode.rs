//! What a device needs to make a proposal's draws in f32: every number about the origin of the lattice, near the mode,
//! where logs are 0.

use std::f64::consts::TAU;

use super::{DEFENSIVE, Fitted};
use crate::gpu::shared_struct;
use crate::independent::axis::ScaleAxis;
use crate::independent::density::lanes_of;
use crate::math::exp;

shared_struct! {
    /// The parameters of a dispatch, and the numbers of a proposal.
    pub struct IndependentRun {
        /// The low word of the seed.
        pub seed_low: u32,
        /// The high word of the seed.
        pub seed_high: u32,
        /// Draws of the dispatch.
        pub rows: u32,
        /// Lanes that make them.
        pub lanes: u32,
        /// Most proposals of a lane.
        pub most: u32,
        /// Upper bound on the iterations of short loops, which keeps compilers from unrolling them.
        pub turns: u32,
        /// Number of rows of groups with the same R.
        pub groups: u32,
        /// Number of cells.
        pub cells: u32,
        /// The step of the lattice, in z.
        pub step: f32,
        /// Factor from the height of the cells to their density in z.
        pub inside: f32,
        /// Factor of the product of the densities with heavy tails.
        pub wide: f32,
        /// Added to log density minus log proposal: log (w / M) is the sum.
        pub offset: f32,
        /// The sum of q_1 s_0 over D.
        pub quadratic_0: f32,
        /// The sum of q_2 s_1 over D.
        pub quadratic_1: f32,
        /// The squares that no group explains, in units of eps^2.
        pub rest: f32,
        /// A, the sum of all squares in units of eps^2.
        pub squares: f32,
        /// N - A.
        pub freedom: f32,
        /// Unit of H_00.
        pub information_0: f32,
        /// Unit of H_11.
        pub information_1: f32,
        /// Precision of the prior of mu\[0\].
        pub prior_precision_0: f32,
        /// Precision of the prior of mu\[1\].
        pub prior_precision_1: f32,
        /// That precision times the prior's mean of mu\[0\].
        pub prior_linear_0: f32,
        /// That precision times the prior's mean of mu\[1\].
        pub prior_linear_1: f32,
        /// 1 over the determinant of the root of mu's precision.
        pub inverse_root: f32,
        /// The scales.
        pub sigma_0: f32,
        pub sigma_1: f32,
        pub eps: f32,
    }
}

shared_struct! {
    /// One of the scales.
    pub struct AxisRow {
        /// The row of the triangle from z to u.
        pub root_0: f32,
        pub root_1: f32,
        pub root_2: f32,
        /// e^-u, or 0 where the axis is straight.
        pub bend: f32,
        /// The share of e^-u in the axis's slope.
        pub bent_share: f32,
        /// The share of sigma^2 / c^2 in 1 + sigma^2 / c^2, of the half-Cauchy prior.
        pub tail_share: f32,
        /// Centre and scale of the density with heavy tails, in z.
        pub centre: f32,
        pub wide: f32,
        /// The lower end of the box of cells, and its length.
        pub first: i32,
        pub side: u32,
    }
}

shared_struct! {
    /// A cell, in the place of its column of the alias table.
    pub struct CellRow {
        /// Words below keep the cell, and others take another one.
        pub kept: u32,
        /// That other cell.
        pub other: u32,
        /// The cell's lower corner.
        pub place_0: i32,
        pub place_1: i32,
        pub place_2: i32,
    }
}

/// A proposal of two or three scales about the origin of its lattice.
#[derive(Debug, Clone)]
pub struct AboutMode {
    /// The numbers of the proposal, without those of a dispatch.
    pub run: IndependentRun,
    /// Number of scales.
    pub scales: usize,
    pub axes: Vec<AxisRow>,
    /// The numbers of groups with the same R: `LikelihoodAbout`.
    pub groups: Vec<[f32; 16]>,
    /// The tables of the cells.
    pub numbers: Vec<u32>,
    pub cells: Vec<CellRow>,
    pub corners: Vec<f32>,
    /// To be added to a draw: to mu, to the log scales, and to the log density.
    pub mean: [f64; 2],
    pub logs: [f64; 3],
    pub log_density: f64,
}

/// The word below which a uniform deviate is below `share`.
pub fn word_below(share: f64) -> u32 {
    // A deviate is (word + 1/2) / 2^32; casts saturate.
    (share * 2f64.powi(32) - 0.5).ceil() as u32
}

impl<const A: usize> Fitted<A> {
    /// The proposal about the origin of its lattice; `None` without a closed form of its likelihood.
    pub fn about_mode(&self) -> Option<AboutMode> {
        if A > 3 {
            return None;
        }
        let at = self.density.at(&lanes_of(&[self.origin]), 1);
        let logs: [f64; A] = at.logs.map(|log| log.0[0]);
        let likelihood = self.density.likelihood.about(&logs);
        let single = |[first, second]: [f64; 2]| [first as f32, second as f32];
        let [information_0, information_1] = single(likelihood.information);
        let [quadratic_0, quadratic_1] = single(likelihood.quadratic);
        let [prior_precision_0, prior_precision_1] = single(likelihood.prior_precision);
        let [prior_linear_0, prior_linear_1] = single(likelihood.prior_linear);
        let in_z = self.cells.mass * self.step.powi(A as i32);
        let padded =
            |of: &dyn Fn(usize) -> f64| -> [f64; 3] { std::array::from_fn(|i| if i < A { of(i) } else { 0.0 }) };
        let axis = |i: usize| {
            let [root_0, root_1, root_2] = padded(&|j| self.root[i][j]).map(|root| root as f32);
            let bend = match self.density.axes[i] {
                ScaleAxis::Bent { .. } => exp(-self.origin[i]),
                ScaleAxis::Straight => 0.0,
            };
            let tail = exp(2.0 * logs[i]) * self.density.inverse_square[i];
            AxisRow {
                root_0,
                root_1,
                root_2,
                bend: bend as f32,
                bent_share: (bend / (1.0 + bend)) as f32,
                tail_share: (tail / (1.0 + tail)) as f32,
                centre: self.centre[i] as f32,
                wide: self.wide[i] as f32,
                first: self.cells.first[i],
                side: self.cells.sides[i] as u32,
            }
        };
        let cells = self.cells.places.iter().zip(self.cells.kept.iter().zip(&self.cells.alias));
        let cell = |(place, (kept, alias)): (&[i32; A], (&f64, &u32))| {
            let [place_0, place_1, place_2] = std::array::from_fn(|i| if i < A { place[i] } else { 0 });
            CellRow { kept: word_below(*kept), other: *alias, place_0, place_1, place_2 }
        };
        Some(AboutMode {
            run: IndependentRun {
                groups: likelihood.groups.len() as u32,
                cells: self.cells.places.len() as u32,
                step: self.step as f32,
                inside: ((1.0 - DEFENSIVE) / in_z) as f32,
                wide: (DEFENSIVE / self.wide.iter().product::<f64>()) as f32,
                offset: (at.log_density.0[0] + self.log_root - self.bound) as f32,
                quadratic_0,
                quadratic_1,
                rest: likelihood.rest as f32,
                squares: likelihood.squares as f32,
                freedom: likelihood.freedom as f32,
                information_0,
                information_1,
                prior_precision_0,
                prior_precision_1,
                prior_linear_0,
                prior_linear_1,
                inverse_root: (1.0 / likelihood.root) as f32,
                sigma_0: exp(logs[0]) as f32,
                // Without a slope, not used.
                sigma_1: exp(logs[A - 2]) as f32,
                eps: exp(logs[A - 1]) as f32,
                ..IndependentRun::default()
            },
            scales: A,
            axes: (0..A).map(axis).collect(),
            groups: likelihood.groups.iter().map(|group| group.map(|number| number as f32)).collect(),
            numbers: self.cells.numbers.clone(),
            cells: cells.map(cell).collect(),
            corners: self.cells.corners.iter().map(|height| *height as f32).collect(),
            mean: likelihood.mean,
            logs: padded(&|i| logs[i]),
            log_density: at.of_logs.0[0] + likelihood.root.ln() - 0.5 * (A - 1) as f64 * TAU.ln(),
        })
    }
}
