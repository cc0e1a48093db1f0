//! The programs that are compared.

use std::sync::Arc;

use anyhow::Result;
use warpnuts::data::Dataset;
use warpnuts::engine::Keep;
use warpnuts::model::{Centering, Coordinates, Likelihood, Model, Scaling};

use crate::by_hand::ByHand;
use crate::lent::Lent;
use crate::outcome::{DRAWS, Outcome};
use crate::{ours, theirs};

/// A sampler with a gradient.
pub struct Program {
    pub name: &'static str,
    /// Runs the experiment of a seed.
    pub run: Box<dyn Fn(u64) -> Result<Outcome>>,
}

/// The program that the ratios compare with.
pub const BASE: usize = 2;

/// All programs, in the order of their turns; `model` is warpnuts', with the centering `effect` for every coefficient.
pub fn all(model: &Arc<Model>, effect: Centering) -> Vec<Program> {
    let ours = |name, likelihood| {
        let model = model.clone();
        Program { name, run: Box::new(move |seed| ours::sample(&model, likelihood, seed)) }
    };
    let theirs = |name, likelihood| {
        let posterior = ByHand::new(model.dataset(), effect, likelihood);
        Program { name, run: Box::new(move |seed| theirs::sample(&posterior, seed)) }
    };
    let lent = Lent::new(model.clone());
    let independent = |name, draws, keep| {
        let model = Arc::new(model.collapsed());
        Program { name, run: Box::new(move |seed| ours::independent(&model, draws, keep, seed)) }
    };
    let mut programs = vec![
        ours("warpnuts, groups", Likelihood::Groups),
        ours("warpnuts, observations", Likelihood::Observations),
        theirs("nuts-rs, groups", Likelihood::Groups),
        theirs("nuts-rs, observations", Likelihood::Observations),
        Program { name: "nuts-rs, warpnuts' groups", run: Box::new(move |seed| theirs::sample(&lent, seed)) },
    ];
    // Independent draws do not depend on the centering.
    if effect == Centering::NonCentered {
        programs.push(independent("warpnuts, independent", DRAWS, Keep::All));
        programs.push(independent("the same, a million hyperparameters", 250_000, Keep::Hyper));
    }
    programs
}

/// The radon posterior in the units of `scaling`.
pub fn model(dataset: &Arc<Dataset>, effect: Centering, scaling: Scaling) -> Model {
    let parameterization = Coordinates::joint(effect, dataset.n_coefficients());
    Model::builder(dataset.clone()).coordinates(parameterization).scaling(scaling).build()
}
