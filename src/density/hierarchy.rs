//! From theta to the coefficients of each level, and the gradient back: one file for each way in which coefficients spread.

pub mod diagonal;

use crate::family::Distribution;
use diagonal::{At, Diagonal, LevelSums};

/// A likelihood given the effects of a term, as sums over the levels of its factor.
pub trait GivenEffects<F: Distribution> {
    /// Adds up over all levels what `hierarchy` needs of their effects and what `family` needs of their rows, and writes the
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
