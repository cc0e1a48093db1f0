//! Starting points of chains if the posterior has several modes: around each mode, in proportion to its mass. (With one
//! mode, chains start far from it and from each other, so that R-hat can show whether they have forgotten their start.)

use crate::density::conditional::ConditionalEffects;
use crate::density::cpu::CpuDensity;
use crate::engine::ChainStates;
use crate::engine::host::Chains;
use crate::mode::Landscape;
use crate::model::Model;
use crate::nuts::State;
use crate::random::StreamKey;

/// A starting point for each of `chains`; chains of a superchain share one.
pub(super) fn where_the_mass_is(model: &Model, landscape: &Landscape, chains: Chains) -> ChainStates {
    let (mut density, mut position) = (CpuDensity::new(model), vec![0.0; model.dim()]);
    let mut effects = ConditionalEffects::new(model);
    let together = chains.per_superchain.max(1);
    let states: Vec<State> = (chains.first..chains.first + chains.count)
        .map(|number| {
            let key = StreamKey { seed: chains.seed, chain: number - number % together, transition: 0 };
            landscape.start(model, &mut effects, &key, &mut position);
            State::at(&position, &mut density)
        })
        .collect();
    ChainStates::of(0, states.iter())
}
