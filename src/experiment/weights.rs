//! The weights of partially centered effects, learnt before a run from short chains whose effects are non-centered.
//!
//! The derivative of the log density by an offset z has the variance 1 + s^2 I, where I is the information of the rows
//! of its level, and s the sd of its coefficient. With the weight s^2 I / (1 + s^2 I) the width of an effect does not
//! change with s, near that s. The variance of derivatives gives the mean of s^2; where log s is normal with the
//! variance V, s^2 at the mode of s is e^{-4 V} times that, and chains get stuck at smaller s rather than at larger. V
//! is the metric's variance, which depends less on tails than that of the draws. Where the draws of log s vary much, s
//! may be 0, and an effect stays an offset unless its rows say much at small s, too. With few levels log s varies much
//! and s may yet be far from 0.

use std::cmp::Reverse;
use std::sync::Arc;

use super::{Backend, MetricShape, Sampler, Settings};
use crate::density::cpu;
use crate::draws::Memory;
use crate::driver::{self, Plan};
use crate::engine::{EngineError, Progress};
use crate::model::{Centering, CenteringWeights, Mixed, MixedMap, Model, TermMap};
use crate::nuts::adaptation::PositionMoments;

/// Chains, and transitions of each.
const CHAINS: u32 = 8;
const WARMUP: u32 = 200;

/// With at most so many rows the chains are the host's, so that a run has the same weights on every engine.
const FEW_ROWS: usize = 200_000;

/// The largest variance of the logarithm of an sd that is not near 0.
const MAY_BE_ZERO: f64 = 0.15;

/// An effect whose sd may be 0 stays an offset if s^2 I is smaller than this where log s is two sds below its mean.
const FIRM: f64 = 1.0;

/// Whether `model` has partially centered effects, and has not learnt their weights.
pub fn has_to_learn_weights(model: &Model) -> bool {
    let is_partial = |map: &MixedMap| map.terms.iter().any(|term| term.partial.is_some());
    model.weights().is_empty() && model.layout().mixed().is_some_and(|map| is_partial(map))
}

/// `model`, with weights if it [has to learn](has_to_learn_weights) them; without, if `progress` was stopped before.
///
/// # Errors
/// If a chain finds no starting point, or a device fails.
pub fn with_learnt_weights(
    backend: &Backend,
    model: Arc<Model>,
    settings: &Settings,
    progress: &Arc<Progress>,
) -> Result<Arc<Model>, EngineError> {
    let (Some(map), Some(mixed)) = (model.layout().mixed(), model.mixed()) else { return Ok(model) };
    if !has_to_learn_weights(&model) {
        return Ok(model);
    }
    let backend = if cpu::likelihood_rows(&model) <= FEW_ROWS { &Backend::Cpu } else { backend };
    let pilot = Arc::new(model.joint(Centering::NonCentered));
    let settings = Settings {
        sampler: Sampler::Nuts,
        chains: CHAINS,
        first_chain: 0,
        warmup: WARMUP,
        draws: 0,
        metric: MetricShape::Diagonal,
        ..*settings
    };
    let mut engine = backend.start(&pilot, &settings, settings.chain_range(), progress.clone())?;
    let plan = Plan { warmup: WARMUP, thin: 1, ..settings.plan(&pilot) };
    let before = progress.snapshot().transitions;
    let run = driver::run(&mut *engine, pilot.dim(), &plan, &mut Memory::new(0, 0, 0))?;
    run.failure.map_or(Ok(()), Err)?;
    progress.take_back(progress.snapshot().transitions - before);
    let Some(spread) = run.spread else { return Ok(model) };
    Ok(Arc::new(model.with_weights(weights(&model, map, mixed, &run.scale, &spread))))
}

/// The weights, given the metric and the moments of chains whose effects are non-centered.
fn weights(model: &Model, map: &MixedMap, mixed: &Mixed, metric: &[f64], spread: &PositionMoments) -> CenteringWeights {
    let level_of: Vec<Vec<u32>> = mixed.terms.iter().map(|term| model.dataset().level_of_rows(term.factor)).collect();
    let mut finest_first: Vec<usize> = (0..map.terms.len()).collect();
    finest_first.sort_by_key(|t| Reverse(map.terms[*t].levels));
    let mut weights = vec![Vec::new(); map.terms.len()];
    for (place, t) in finest_first.iter().copied().enumerate() {
        let term = &map.terms[t];
        let mut informed = information(term, metric, spread);
        for finer in finest_first[..place].iter().copied() {
            let Some(level_of_finer) = within(&level_of[finer], &level_of[t], map.terms[finer].levels) else {
                continue;
            };
            for (c, column) in mixed.terms[t].columns.iter().enumerate() {
                let Some(same) = mixed.terms[finer].columns.iter().position(|other| other == column) else { continue };
                if may_be_zero(&map.terms[finer], same, spread) {
                    continue;
                }
                // The rows tell of an effect through the finer effects within its level, each of which varies by its
                // sd.
                let of_finer = &weights[finer][map.terms[finer].row(same).start - map.terms[finer].effects..];
                let mut sums = vec![0.0; term.levels];
                level_of_finer.iter().zip(of_finer).for_each(|(level, weight)| sums[*level as usize] += weight);
                let ratio = (2.0 * (spread.mean[term.scales + c] - spread.mean[map.terms[finer].scales + same])).exp();
                let own = &mut informed[c * term.levels..(c + 1) * term.levels];
                own.iter_mut().zip(&sums).for_each(|(own, sum)| *own = own.min(ratio * sum));
            }
        }
        weights[t] = informed.into_iter().map(|informed| informed / (1.0 + informed)).collect();
    }
    let is_partial = map.terms.iter().map(|term| term.partial.is_some());
    weights.iter_mut().zip(is_partial).filter(|(_, is_partial)| !is_partial).for_each(|(none, _)| none.clear());
    CenteringWeights(weights)
}

/// s^2 I of each effect of a term, `[column][level]`, given everything else.
fn information(term: &TermMap, metric: &[f64], spread: &PositionMoments) -> Vec<f64> {
    let of = |at: usize| {
        let column = at / term.levels;
        // The metric's square is the root of the ratio of the variance to that of derivatives.
        let of_derivative = spread.variance[term.effects + at] / metric[term.effects + at].powi(4);
        let tail = (-4.0 * metric[term.scales + column].powi(2)).exp();
        let informed = (of_derivative - 1.0) * tail;
        let at_small_s = informed * (-4.0 * spread.variance[term.scales + column].sqrt()).exp();
        let is_firm = !may_be_zero(term, column, spread) || at_small_s > FIRM;
        if informed.is_finite() && is_firm { informed.max(0.0) } else { 0.0 }
    };
    (0..term.columns * term.levels).map(of).collect()
}

/// Whether the sd of a column of a term may be 0.
fn may_be_zero(term: &TermMap, column: usize, spread: &PositionMoments) -> bool {
    spread.variance[term.scales + column] > MAY_BE_ZERO
}

/// The level of the coarser factor in which each of the `levels` of the finer one is, given those of all rows, if each
/// is in one alone.
fn within(finer: &[u32], coarser: &[u32], levels: usize) -> Option<Vec<u32>> {
    let mut of = vec![None; levels];
    for (fine, coarse) in finer.iter().zip(coarser) {
        if *of[*fine as usize].get_or_insert(*coarse) != *coarse {
            return None;
        }
    }
    (levels > 0).then(|| of.into_iter().map(|level| level.unwrap_or(0)).collect())
}
