//! Some rows predicted by all others, exactly: the posterior without them is sampled again, with all effects integrated
//! out.
//!
//! In a draw theta of that posterior the left-out rows have the density p(y | theta) / p(the other y | theta), where
//! both are collapsed log densities at the same theta; what is predicted is the mean of this density over the draws.

use std::sync::Arc;

use super::LooError;
use crate::density::cpu::{self, CpuDensity};
use crate::diagnostics::{Series, Summary};
use crate::driver::{self, Plan};
use crate::engine::host::{Chains, HostEngine, on_cpu};
use crate::engine::{DrawBlock, EachBlock, Keep, Progress};
use crate::model::{Model, Refusal};
use crate::nuts::State;

/// The chains of a refit, their warm-up and their draws.
const CHAINS: u32 = 4;
const WARMUP: u32 = 200;
const DRAWS: u32 = 1000;
const DEPTH: u32 = 10;

/// What refits need of the whole model.
#[derive(Debug)]
pub struct Refits {
    /// The whole model with its effects integrated out.
    whole: Model,
    /// Where chains start: positions of draws of the whole posterior.
    starts: Vec<Vec<f64>>,
    seed: u64,
}

/// A set of rows predicted by the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refit {
    /// The log of their density given the others, in the unit of the outcome.
    pub elpd: f64,
    /// The Monte Carlo standard error of `elpd`.
    pub error: f64,
    /// The largest R-hat of a hyperparameter.
    pub rhat: f64,
}

impl Refits {
    /// For `model`, whose hyperparameters have the values `draws`, `[variable][draw]`, in draws of its posterior.
    ///
    /// # Errors
    /// If the effects of the model cannot be integrated out.
    pub fn new(model: &Model, seed: u64, draws: &[Vec<f64>]) -> Result<Refits, LooError> {
        let whole = model.collapsed();
        cpu::admits(&whole).map_err(|refusal| match refusal {
            Refusal::NotCollapsed(why) => LooError::NotCollapsed(why),
            other => LooError::Refused(other),
        })?;
        let count = draws.first().map_or(0, Vec::len);
        let start = |chain: usize| {
            let draw = (2 * chain + 1) * count / (2 * CHAINS as usize);
            let named: Vec<f64> = draws.iter().map(|variable| variable[draw]).collect();
            let mut position = vec![0.0; whole.dim()];
            whole.unconstrain(&named, &mut position);
            position
        };
        let starts = (0..CHAINS as usize).map(start).collect();
        Ok(Refits { starts, whole, seed })
    }

    /// Number of rows of the whole model.
    pub fn rows(&self) -> usize {
        self.whole.dataset().n_observations()
    }

    /// The rows of each of `units`, together, predicted by all rows that are not in `leaves`; every unit is among
    /// these. Refits with different numbers have different random numbers.
    ///
    /// # Errors
    /// If no row is left, or chains cannot be run.
    pub fn without(&self, number: usize, leaves: &[bool], units: &[Vec<usize>]) -> Result<Vec<Refit>, LooError> {
        let of_rows = |leaves: &[bool]| {
            let rows = self.whole.dataset().without(leaves).ok_or(LooError::NothingLeft)?;
            Ok::<Arc<Model>, LooError>(Arc::new(self.whole.of_rows(Arc::new(rows))))
        };
        let rest = of_rows(leaves)?;
        let mut of_rest = CpuDensity::new(&rest);
        let states: Vec<State> = self.starts.iter().map(|position| State::at(position, &mut of_rest)).collect();
        let chains = Chains { seed: self.seed, first: number as u32 * CHAINS, count: CHAINS, per_superchain: 1 };
        let progress = Arc::new(Progress::default());
        let engine = HostEngine::new(rest.clone(), on_cpu(&of_rest, 1, CHAINS), chains, DEPTH, Keep::Hyper, progress);
        let plan = Plan { max_depth: DEPTH, ..Plan::new(WARMUP, DRAWS) };
        let (variables, size) = (rest.layout().hyperparameters(), (CHAINS * DRAWS) as usize);
        let mut values = vec![0.0; variables * size];
        let sink = |block: &DrawBlock| {
            for (i, named) in block.values.chunks_exact(variables).enumerate() {
                let (chain, draw) = (i / block.draws, block.first_draw + i % block.draws);
                let place = chain * DRAWS as usize + draw;
                named.iter().enumerate().for_each(|(k, value)| values[k * size + place] = *value);
            }
            Ok(())
        };
        let mut engine = engine.start_from(&states);
        driver::run(&mut engine, rest.dim(), &plan, &mut EachBlock(sink)).map_err(LooError::Engine)?;
        let rhat = |variable: &[f64]| Summary::of(Series::new(variable, CHAINS as usize)).rhat;
        let rhat = values.chunks_exact(size).map(rhat).fold(f64::NAN, f64::max);
        let mut named = vec![0.0; variables];
        let (mut theta, mut gradient) = (vec![0.0; rest.dim()], vec![0.0; rest.dim()]);
        let mut log_densities = |density: &mut CpuDensity| {
            let mut of_draw = |draw: usize| {
                named.iter_mut().enumerate().for_each(|(k, value)| *value = values[k * size + draw]);
                rest.unconstrain(&named, &mut theta);
                density.log_density(&theta, &mut gradient)
            };
            (0..size).map(&mut of_draw).collect::<Vec<f64>>()
        };
        let before = log_densities(&mut of_rest);
        let unit = self.whole.scaling().outcome_scale.ln();
        let of_unit = |rows: &Vec<usize>| {
            let mut leaves = leaves.to_vec();
            rows.iter().for_each(|row| leaves[*row] = false);
            let after = log_densities(&mut CpuDensity::new(&*of_rows(&leaves)?));
            let log_ratios: Vec<f64> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
            let most = log_ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let ratios: Vec<f64> = log_ratios.iter().map(|log| (log - most).exp()).collect();
            let Summary { mean, mcse_mean, .. } = Summary::of(Series::new(&ratios, CHAINS as usize));
            Ok(Refit { elpd: most + mean.ln() - rows.len() as f64 * unit, error: mcse_mean / mean, rhat })
        };
        units.iter().map(of_unit).collect()
    }
}
