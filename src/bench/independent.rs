//! Independent draws on a CPU and on a GPU in turns: of the hyperparameters alone, and of all variables. They are made
//! as in a run, and dropped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cell::{FEWEST, LONGEST_SLICE, REPEATS};
use super::report::{Bench, Modelled};
use super::timing::{IndependentTiming, Rate};
use super::{BenchPlan, Watch, shape};
use crate::engine::EngineError;
use crate::experiment::{Backend, DrawTrial, Keep, Sampler, Settings};
use crate::independent::Proposal;
use crate::model::Model;

/// A model, and the certified proposal of its independent draws.
pub struct CertifiedModel {
    pub model: Arc<Model>,
    pub proposal: Arc<Proposal>,
}

/// Times `backends` on each of `models`.
pub fn run_independent(models: &[CertifiedModel], backends: &[Backend], plan: &BenchPlan, watch: Watch) -> Bench {
    let start = Instant::now();
    let mut bench = Bench::new(backends, plan);
    let trials = models.len() * backends.len() * 2;
    let slice = (plan.budget / (trials * (REPEATS + 2)).max(1) as u32).min(LONGEST_SLICE);
    for CertifiedModel { model, proposal } in models {
        bench.models.push(Modelled::of(model, None));
        for keep in [Keep::Hyper, Keep::All] {
            let settings = Settings {
                sampler: Sampler::Independent,
                chains: 64,
                draws: u32::MAX,
                seed: plan.seed,
                keep,
                ..Settings::default()
            };
            (watch.report)(&format!("{} groups, {} predictors, keep {keep}", shape(model).0, shape(model).1));
            let trial = |backend: &Backend| started(backend, proposal, model, &settings, slice);
            let mut trials: Vec<Result<Repeated, EngineError>> = backends.iter().map(trial).collect();
            for _ in 0..REPEATS {
                if (watch.is_stopped)() {
                    bench.interrupted = true;
                    break;
                }
                trials.iter_mut().for_each(repeat);
            }
            let base = backends.iter().position(|backend| backend.name() == "cpu");
            let base: Option<Vec<f64>> = base.and_then(|i| Some(trials[i].as_ref().ok()?.rates.clone()));
            let timings = backends.iter().zip(&trials).map(|(backend, trial)| {
                let rates = trial.as_ref().map(|trial| trial.rates.clone()).unwrap_or_default();
                let ratio =
                    |base: &Vec<f64>| Rate::of(&rates.iter().zip(base).map(|(a, b)| a / b).collect::<Vec<f64>>());
                let (groups, predictors) = shape(model);
                IndependentTiming {
                    groups,
                    predictors,
                    engine: backend.name(),
                    keep,
                    draws_per_second: Rate::of(&rates).filter(|rate| rate.repeats >= FEWEST),
                    draws_ratio: base.as_ref().and_then(ratio),
                    left_out: trial.as_ref().err().map(EngineError::to_string),
                }
            });
            bench.independent.extend(timings);
        }
    }
    bench.wall_seconds = start.elapsed().as_secs_f64();
    bench
}

/// A trial, and the draws a second of each repeat.
struct Repeated {
    trial: DrawTrial,
    rates: Vec<f64>,
}

/// A trial whose repeats take about a `slice`.
fn started(
    backend: &Backend,
    proposal: &Arc<Proposal>,
    model: &Arc<Model>,
    settings: &Settings,
    slice: Duration,
) -> Result<Repeated, EngineError> {
    let mut trial = DrawTrial::start(backend, proposal, model, settings)?;
    trial.lengthen((1, slice), |_| false)?;
    Ok(Repeated { trial, rates: Vec::new() })
}

/// One more repeat, if there has been no error.
fn repeat(trial: &mut Result<Repeated, EngineError>) {
    if let Ok(Repeated { trial: one, rates }) = trial {
        match one.repeat() {
            Ok(rate) => rates.push(rate),
            Err(error) => *trial = Err(error),
        }
    }
}
