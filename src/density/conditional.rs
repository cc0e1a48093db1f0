//! The exact conditional normal distribution of all effects given the hyperparameters, of the shorthand's models and of
//! formulas with one factor.

use super::collapsed::ConditionalShorthand;
use super::mixed::ConditionalMixed;
use crate::model::Model;
use crate::random::StreamKey;

/// The conditional distribution of all effects of a model.
#[derive(Debug, Clone)]
pub enum ConditionalEffects {
    /// Of the shorthand's model.
    Shorthand(ConditionalShorthand),
    /// Of a formula's.
    Mixed(ConditionalMixed),
}

impl ConditionalEffects {
    /// The conditional distribution for `model`, whatever its parameterization.
    pub fn new(model: &Model) -> ConditionalEffects {
        match model.layout().mixed() {
            None => ConditionalEffects::Shorthand(ConditionalShorthand::new(model)),
            Some(map) => ConditionalEffects::Mixed(ConditionalMixed::new(model, map)),
        }
    }

    /// Writes a draw of the effects into `named`, a row of all D named variables in the user's units whose
    /// hyperparameters are given. The draw uses only the random numbers of `key`.
    pub fn draw(&mut self, key: &StreamKey, named: &mut [f64]) {
        match self {
            ConditionalEffects::Shorthand(effects) => effects.draw(key, named),
            ConditionalEffects::Mixed(effects) => effects.draw(key, named),
        }
    }

    /// Writes effects that a device drew into `named`, as [`ConditionalShorthand::place`]; no device draws a formula's.
    pub fn place(&self, means: &[f64], drawn: &[f32], named: &mut [f64]) {
        if let ConditionalEffects::Shorthand(effects) = self {
            effects.place(means, drawn, named);
        }
    }

    /// Writes the effects' conditional means into `named`, a row of all D named variables in the user's units whose
    /// hyperparameters are given.
    pub fn mean(&mut self, named: &mut [f64]) {
        match self {
            ConditionalEffects::Shorthand(effects) => effects.mean(named),
            ConditionalEffects::Mixed(effects) => effects.mean(named),
        }
    }
}
