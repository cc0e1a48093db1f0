//! The default coordinates of a run: collapsed wherever the model admits it. With 2 to 32 coefficients and 8 to 1000
//! groups, collapsed effects gave at least as many effective draws per second as non-centered ones, and sound ones
//! (benches/results/coefficients.md).

use crate::data::Dataset;
use crate::model::{Centering, Coordinates, Likelihood};

/// The coordinates for `dataset` with this likelihood, and the reason in a few words.
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
