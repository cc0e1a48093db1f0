//! The Gaussian likelihood given the effects, from each group's QR factor, eight groups at a time: the cost does not
//! depend on the number of observations. Twin of shaders/quadratic.wgsl.
//!
//! With R and w of [`QrTable`] and u = w - R beta of a group, the residual sum of squares is sum_j |u|^2 + rest,
//! and d log p / d beta = R' u / eps^2.

use super::hierarchy::GivenEffects;
use super::hierarchy::diagonal::{At, Diagonal, LevelSums};
use super::qr::{GroupBundle, QrTable, start};
use crate::family::{Distribution, Gaussian, SquaredResiduals};
use crate::lanes::{LANES, Lanes};
use crate::model::{Model, Refusal};

/// Whether the likelihood of `model` given its effects is a quadratic form in the effects.
///
/// # Errors
/// If the family is not Gaussian.
pub fn admits(model: &Model) -> Result<(), Refusal> {
    Refusal::unless_gaussian(model, "the likelihood over groups", "use --likelihood observations")
}

impl GivenEffects<Gaussian> for &QrTable {
    #[inline(always)]
    fn sums<const M: usize>(
        self,
        hierarchy: &Diagonal,
        k: usize,
        at: &At<M>,
        family: &Gaussian,
        theta: &[f64],
        gradient: &mut [f64],
    ) -> (LevelSums<M>, SquaredResiduals) {
        let mut sums = LevelSums::<M>::zero();
        let mut squares = Lanes::ZERO;
        for (bundle, data) in self.bundles().enumerate() {
            let (from, to) = (bundle * LANES, hierarchy.levels().min((bundle + 1) * LANES));
            let mut effects = [Lanes::ZERO; M];
            let mut betas = [Lanes::ZERO; M];
            for i in 0..k {
                let first = hierarchy.effects(i).start;
                effects[i] = Lanes::load(&theta[first + from..first + to], at.coefficients[i].padding());
                betas[i] = at.coefficients[i].beta(effects[i]);
            }
            let mut by_beta = [Lanes::ZERO; M];
            add_likelihood(k, data, &betas, &mut by_beta, &mut squares);
            for i in 0..k {
                let first = hierarchy.effects(i).start;
                sums.pull(i, &at.coefficients[i], effects[i], by_beta[i] * family.unit())
                    .store(&mut gradient[first + from..first + to]);
            }
        }
        squares.0[0] += self.rest;
        (sums, SquaredResiduals(squares))
    }
}

/// Adds |w - R beta|^2 of eight groups to `squares`, and R' (w - R beta), the log likelihood's derivatives by the betas
/// in the family's unit, to `by_beta`.
#[inline(always)]
fn add_likelihood<const M: usize>(
    k: usize,
    groups: GroupBundle,
    betas: &[Lanes; M],
    by_beta: &mut [Lanes; M],
    squares: &mut Lanes,
) {
    // Entry by entry: an array of residuals would be shuffled between lanes.
    let numbers = groups.numbers();
    for i in 0..k {
        let mut residual = numbers[start(k) + i];
        for c in i..k {
            residual -= numbers[start(c) + i] * betas[c];
        }
        *squares += residual * residual;
        for c in i..k {
            by_beta[c] += numbers[start(c) + i] * residual;
        }
    }
}
