//! The coordinates of a run that was not told any: effects integrated out wherever that is admitted. With 2 to 32 coefficients
//! and 8 to 1000 groups that gave more effective draws a second than offsets did, or as many, and sound ones
//! (benches/results/coefficients.md).

use crate::data::Dataset;
use crate::model::{Centering, Coordinates, Likelihood};

/// What suits `dataset` with the likelihood computed as `likelihood` says, and why, in a few words.
pub fn suited(dataset: &Dataset, likelihood: Likelihood) -> (Coordinates, &'static str) {
    match likelihood {
        Likelihood::Groups => {
            (Coordinates::Collapsed, "group effects are integrated out, and drawn exactly afterwards")
        }
        Likelihood::Observations => {
            let centering = vec![Centering::NonCentered; dataset.n_coefficients()];
            (Coordinates::Joint { centering, likelihood }, "--likelihood observations needs the group effects")
        }
    }
}
