//! The parameterization that a run takes which was not told one: effects integrated out wherever that is admitted. With 2 to 32
//! coefficients and 8 to 1000 groups it gave more effective draws a second than offsets did, or as many, and sound ones
//! (benches/results/coefficients.md).

use crate::data::Dataset;
use crate::density::Likelihood;
use crate::model::{Effect, Parameterization};

/// What suits `dataset`, and why, in a few words.
pub fn suited(dataset: &Dataset, likelihood: Likelihood) -> (Parameterization, &'static str) {
    let names = dataset.predictor_names();
    match likelihood {
        Likelihood::Groups => {
            (Parameterization::marginal(names), "group effects are integrated out, and drawn exactly afterwards")
        }
        Likelihood::Observations => {
            (Parameterization::uniform(Effect::NonCentered, names), "--likelihood observations needs the group effects")
        }
    }
}
