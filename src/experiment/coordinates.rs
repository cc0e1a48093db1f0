//! The default coordinates of a run: collapsed wherever the model admits it. With 2 to 32 coefficients and 8 to 1000
//! groups, collapsed effects gave at least as many effective draws per second as non-centered ones, and sound ones
//! (benches/results/coefficients.md).

use std::sync::Arc;

use super::EngineChoice;
use crate::data::Dataset;
use crate::density::{cpu, gpu};
use crate::model::{Centering, Coordinates, Likelihood, Mixed, Model};

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

/// Collapsed effects are worth so many times the operations of a gradient that has the effects, or this many
/// operations: a draw takes a tenth of the leapfrogs or less, of chains that no funnel bothers.
const WORTH: f64 = 20.0;
const FEW: f64 = 1e4;

/// The coordinates for a formula's model, and the reason in a few words: collapsed where that is cheap and the engine
/// that is asked for does it, else partially centered.
pub fn suited_to_formula(
    dataset: &Arc<Dataset>,
    mixed: &Arc<Mixed>,
    engine: EngineChoice,
) -> (Coordinates, &'static str) {
    let collapsed = Model::of_formula(dataset.clone(), mixed.clone(), Coordinates::Collapsed, None);
    let [of_collapsed, of_rows] = cpu::operations(&collapsed);
    if is_admitted(&collapsed, engine) && of_collapsed < WORTH * of_rows.max(FEW) {
        return (Coordinates::Collapsed, "group effects are integrated out, and drawn exactly afterwards");
    }
    let reason = "each effect is between centered and non-centered, by a weight that short chains learn first";
    (Coordinates::of_terms(vec![Centering::Partial; mixed.terms.len()]), reason)
}

/// Whether the engine that is asked for computes log densities of `model` in its coordinates.
pub fn is_admitted(model: &Model, engine: EngineChoice) -> bool {
    let is_on_device = match engine {
        EngineChoice::Auto | EngineChoice::Cpu => true,
        EngineChoice::GpuDensity | EngineChoice::Gpu => gpu::admits_coordinates(model, "a GPU").is_ok(),
    };
    is_on_device && cpu::admits(model).is_ok()
}
