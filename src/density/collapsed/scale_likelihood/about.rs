//! The closed form about a point, for devices: the numbers of each group over its D there, and how D moves.
//!
//! In f32 a log likelihood of thousands of rows has few digits after the point. About the point's D_j of each group,
//! D / D_j is a sum of four shares, each of which grows with 1, s_0, s_1 or s_0 s_1 over its value there, and what is
//! over D moves by D_j / D - 1. With A = (q + rest) / e^2 at the point and x = -2 (log e - log e_0),
//!
//! ```text
//! - N log e - (q + rest) / (2 e^2) = constant - (N - A) (log e - log e_0) - A / 2 (e^x - 1 - x) - (q - q_0) / (2 e^2)
//! ```
//!
//! where no term is larger than the log likelihood's own variation, as long as w is about the mean of mu at the point.

use super::ScaleLikelihood;
use super::closed::Closed;
use crate::lanes::Lanes;
use crate::math::exp;

/// The likelihood of at most two coefficients about a point, in units of eps there.
#[derive(Debug, Clone)]
pub struct LikelihoodAbout {
    /// The numbers of groups with the same R, over their D: the four shares of D itself, H_01, g_00, g_01 s_1, g_10,
    /// g_11 s_0, q_0, q_1 s_0 and q_2 s_1; then how many groups they are. Unused ones are 0.
    pub groups: Vec<[f64; 16]>,
    /// 1 / (e^2 s_k), and 0 without a slope: the units of H_00 and H_11.
    pub information: [f64; 2],
    /// The sums of q_1 s_0 and q_2 s_1, and the squares that no group explains.
    pub quadratic: [f64; 2],
    pub rest: f64,
    /// A.
    pub squares: f64,
    /// N - A.
    pub freedom: f64,
    /// Precision of the prior of mu, and its product with the mean about the mean of mu at the point.
    pub prior_precision: [f64; 2],
    pub prior_linear: [f64; 2],
    /// The mean of mu at the point, and the determinant of the root of its precision.
    pub mean: [f64; 2],
    pub root: f64,
}

impl<const A: usize> ScaleLikelihood<A> {
    /// The likelihood about the point with these log scales, for at most two coefficients.
    pub fn about(&self, log_scales: &[f64; A]) -> LikelihoodAbout {
        let (_, means) = self.at(&log_scales.map(|log| Lanes::ZERO + log), 1);
        let k = Self::K;
        let two = |of: &dyn Fn(usize) -> f64, absent: f64| [of(0), if k > 1 { of(1) } else { absent }];
        let mean: [f64; A] = means.mean.map(|mean| mean.0[0]);
        let moved: [f64; A] = std::array::from_fn(|i| mean[i] - self.reference[i]);
        let mut table = self.table.clone();
        table.subtract(&moved[..k]);

        let precision = exp(-2.0 * log_scales[k]);
        let [s0, s1] = two(&|i| exp(2.0 * (log_scales[i] - log_scales[k])), 0.0);
        let numbers = |Closed { count, determinant: [d0, d1, d2], cross, linear, quadratic, .. }: Closed| {
            let shares = [d0, s0, s1 * d1, s0 * s1 * d2];
            let determinant: f64 = shares.iter().sum();
            let others = [
                [cross, linear[0][0], linear[0][1] * s1, linear[1][0]],
                [linear[1][1] * s0, quadratic[0], quadratic[1] * s0, quadratic[2] * s1],
            ];
            let others = others.map(|four| four.map(|number| precision * number));
            let all = [shares, others[0], others[1], [f64::from(count) * determinant, 0.0, 0.0, 0.0]];
            std::array::from_fn(|i| all[i / 4][i % 4] / determinant)
        };
        let groups: Vec<[f64; 16]> = Closed::alike(&table).into_iter().map(numbers).collect();
        let [q0, q1, q2] = std::array::from_fn(|i| groups.iter().map(|group| group[9 + i]).sum());
        let rest = precision * table.rest;
        let squares = q0 + q1 + q2 + rest;
        LikelihoodAbout {
            groups,
            information: two(&|i| precision / [s0, s1][i], 0.0),
            quadratic: [q1, q2],
            rest,
            squares,
            freedom: self.observations - squares,
            // A coefficient that is absent has a root of 1.
            prior_precision: two(&|i| self.prior_precision[i], 1.0),
            prior_linear: two(&|i| self.prior_precision[i] * (self.prior_mean[i] - moved[i]), 0.0),
            mean: two(&|i| mean[i], 0.0),
            root: (0..k).map(|i| means.root[i][i].0[0]).product(),
        }
    }
}
