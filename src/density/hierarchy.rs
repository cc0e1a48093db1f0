//! The map from theta to the coefficients of each level, and the pullback of gradients: one file for each way in which
//! coefficients spread.

pub mod diagonal;

use crate::family::Distribution;
use diagonal::{At, Diagonal, LevelSums};

/// A likelihood given the effects of a term, summed over the levels of its factor.
pub trait GivenEffects<F: Distribution> {
    /// The sums over all levels that `hierarchy` needs of the effects and `family` of the rows; also writes the
    /// gradient by the effects. `M` is at least `k`, the number of coefficients.
    fn sums<const M: usize>(
        self,
        hierarchy: &Diagonal,
        k: usize,
        at: &At<M>,
        family: &F,
        theta: &[f64],
        gradient: &mut [f64],
    ) -> (LevelSums<M>, F::Sums);
}
