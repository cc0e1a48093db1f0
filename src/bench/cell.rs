//! One cell: a number of chains and a likelihood, all engines in turn, repeat after repeat, in a share of the budget.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Warm;
use super::gradients::Gradients;
use super::report::Bench;
use super::sampling::Sampling;
use super::scaling::AutoChoice;
use super::target::BenchTarget;
use super::timing::{NotMeasured, Rate, Timing};
use crate::experiment::Settings;
use crate::experiment::trial::{rate_of, settings_of_trial};
use crate::faults;
use crate::machine;
use crate::model::Model;
use crate::summary::significant;

/// Repeats of each figure, and the fewest where time is short.
pub(super) const REPEATS: usize = 5;
pub(super) const FEWEST: usize = 3;

/// The fractions of a cell's time for gradients and for transitions.
const FOR_GRADIENTS: f64 = 0.25;
const FOR_SAMPLING: f64 = 1.0 - FOR_GRADIENTS;

/// The longest useful duration of a repeat.
pub(super) const LONGEST_SLICE: Duration = Duration::from_millis(500);

/// The engine that the ratios compare with.
const BASE: &str = "cpu";

/// A cell to be timed, and the time for it.
pub struct Cell<'a> {
    pub model: &'a Arc<Model>,
    pub settings: Settings,
    pub warm: &'a Warm,
    /// Time for all engines together.
    pub share: Duration,
    pub is_stopped: &'a dyn Fn() -> bool,
}

/// Why an engine is not measured.
enum Omission {
    /// Time or memory does not suffice.
    Budget(String),
    /// The engine has failed, and is not tried again.
    Failure(String),
}

impl<'a> Cell<'a> {
    /// Adds the timings of `targets` to `bench`, and lists the missing ones.
    pub fn run(&self, targets: &mut [BenchTarget], bench: &mut Bench) {
        let mut going: Vec<bool> = Vec::new();
        let enough_memory = self.memory(targets);
        for target in targets.iter_mut() {
            let refused = match (&target.failure, &enough_memory) {
                (Some(failure), _) => Some(failure.clone()),
                (None, Err(why)) => Some(why.clone()),
                (None, Ok(())) => None,
            };
            going.push(refused.is_none());
            bench.left_out.extend(refused.map(|reason| self.left_out(target, "all", reason)));
        }
        let gradients = self.gradients(&mut going, targets, bench);
        let (sampling, trials) = self.sampling(&going, targets, bench);
        let timings = self.timings(targets, &gradients, &sampling, &trials);
        let software = bench.adapter.as_ref().is_some_and(|adapter| adapter.kind == "software");
        bench.choices.extend(AutoChoice::of(&timings, software));
        bench.timings.extend(timings);
    }

    /// Refuses the cell if its engines do not fit into memory together.
    fn memory(&self, targets: &[BenchTarget]) -> Result<(), String> {
        let needed: u128 = targets.iter().map(|target| target.memory(self.model, &self.settings)).sum();
        let available = machine::available_memory().map_or(u128::MAX, u128::from);
        let message = || format!("they would take {} MB of memory, and {} are free", needed >> 20, available >> 20);
        if needed > available { Err(message()) } else { Ok(()) }
    }

    /// The time of one engine for the fraction `part` of the cell.
    fn slot(&self, targets: &[BenchTarget], part: f64) -> Duration {
        self.share.mul_f64(part / targets.len().max(1) as f64)
    }

    fn left_out(&self, target: &BenchTarget, what: &'static str, reason: String) -> NotMeasured {
        let Settings { likelihood, chains, .. } = self.settings;
        let (groups, predictors) = super::shape(self.model);
        NotMeasured { likelihood, groups, predictors, chains, engine: target.name, what, reason }
    }

    /// Lists a refused engine; one that has failed stays out of all later cells.
    fn refuse(&self, target: &mut BenchTarget, what: &'static str, refusal: Omission, bench: &mut Bench) {
        let reason = match refusal {
            Omission::Budget(reason) => reason,
            Omission::Failure(reason) => target.failure.insert(reason).clone(),
        };
        bench.left_out.push(self.left_out(target, what, reason));
    }

    /// Calls `round` [`REPEATS`] times, or [`FEWEST`] times and more until `time` is over.
    fn rounds(&self, time: Duration, mut round: impl FnMut()) {
        let end = Instant::now() + time;
        for repeat in 0..REPEATS {
            let is_over = Instant::now() > end || ignores_time();
            if (repeat >= FEWEST && is_over) || (self.is_stopped)() {
                break;
            }
            round();
        }
    }

    /// Times the gradients of engines that are `going` and have gradients of their own. An engine with too little time
    /// stops.
    fn gradients(
        &self,
        going: &mut [bool],
        targets: &mut [BenchTarget],
        bench: &mut Bench,
    ) -> Vec<Option<Gradients<'a>>> {
        let slot = self.slot(targets, FOR_GRADIENTS);
        let chains = f64::from(self.settings.chains);
        let start = |target: &mut BenchTarget| {
            // One sweep to estimate, and the fewest repeats.
            affordable(target.gradient_seconds.map(|seconds| seconds * chains * (FEWEST + 1) as f64), slot)?;
            let started = Gradients::start(target, self.model, &self.settings, self.warm);
            let Some((gradients, seconds)) = started.map_err(|error| Omission::Failure(error.to_string()))? else {
                return Ok(None);
            };
            target.gradient_seconds = Some(seconds / chains);
            affordable(Some(seconds * FEWEST as f64), slot)?;
            Ok(Some(gradients))
        };
        let mut all = Vec::new();
        for (target, going) in targets.iter_mut().zip(&mut *going) {
            let started = if *going { start(target) } else { Ok(None) };
            all.push(started.unwrap_or_else(|refusal| {
                *going = false;
                self.refuse(target, "all", refusal, bench);
                None
            }));
        }
        self.rounds(slot * all.iter().flatten().count() as u32, || {
            for (i, one) in all.iter_mut().enumerate() {
                if let Some(gradients) = one
                    && let Err(error) = gradients.repeat(slice(slot))
                {
                    *one = None;
                    going[i] = false;
                    self.refuse(&mut targets[i], "all", Omission::Failure(error.to_string()), bench);
                }
            }
        });
        for (target, gradients) in targets.iter_mut().zip(&mut all) {
            if let Some(gradients) = gradients {
                gradients.rest();
                target.gradient_seconds = Rate::of(&gradients.rates).map(|rate| 1.0 / rate.median);
            }
        }
        all
    }

    /// Times the transitions of engines that are `going`. Also returns the leapfrogs a second that `auto` expects of
    /// those without gradients of their own: their transitions are affordable or not by this trial.
    fn sampling(
        &self,
        going: &[bool],
        targets: &mut [BenchTarget],
        bench: &mut Bench,
    ) -> (Vec<Option<Sampling>>, Vec<Option<f64>>) {
        let slot = self.slot(targets, FOR_SAMPLING);
        let leapfrogs = f64::from(self.settings.chains) * self.warm.leapfrogs_per_draw;
        let start = |target: &BenchTarget, expected: Option<f64>| {
            let leapfrog = target.gradient_seconds.or(expected.map(f64::recip));
            // Two transitions at the start, and the fewest repeats.
            affordable(leapfrog.map(|seconds| seconds * leapfrogs * (FEWEST + 2) as f64), slot)?;
            let started = Sampling::start(target, self.model, &self.settings, self.warm, slice(slot));
            let (sampling, seconds) = started.map_err(|error| Omission::Failure(error.to_string()))?;
            affordable(Some(seconds * FEWEST as f64), slot)?;
            Ok(sampling)
        };
        let (mut all, mut trials) = (Vec::new(), Vec::new());
        for (target, going) in targets.iter_mut().zip(going) {
            let tried = *going && target.gradient_seconds.is_none();
            let trial = if tried { self.expected(target) } else { None };
            trials.push(trial);
            all.push(match going.then(|| start(target, trial)) {
                None => None,
                Some(Ok(sampling)) => Some(sampling),
                Some(Err(refusal)) => {
                    self.refuse(target, "sampling", refusal, bench);
                    None
                }
            });
        }
        self.rounds(slot * all.iter().flatten().count() as u32, || {
            for (i, one) in all.iter_mut().enumerate() {
                if let Some(sampling) = one
                    && let Err(error) = sampling.repeat()
                {
                    *one = None;
                    self.refuse(&mut targets[i], "sampling", Omission::Failure(error.to_string()), bench);
                }
            }
        });
        (all, trials)
    }

    /// The leapfrogs a second that `auto` would expect of an engine.
    fn expected(&self, target: &BenchTarget) -> Option<f64> {
        let settings = settings_of_trial(&self.settings, self.model, target.name != BASE);
        let mut started = target.start(self.model, &settings, self.warm).ok()?;
        rate_of(&mut *started.engine, self.model, &settings).ok()
    }

    /// A row for each engine with any measurement.
    fn timings(
        &self,
        targets: &[BenchTarget],
        gradients: &[Option<Gradients>],
        sampling: &[Option<Sampling>],
        trials: &[Option<f64>],
    ) -> Vec<Timing> {
        let common = sampling.iter().flatten().map(|sampling| sampling.kept.draws()).min().unwrap_or(0);
        let worth: Vec<Option<f64>> =
            sampling.iter().map(|one| one.as_ref().map(|sampling| sampling.kept.ess_per_draw(common))).collect();
        let base = targets.iter().position(|target| target.name == BASE);
        // The repeats of a figure, engine by engine.
        let gradient_rates = |i: usize| gradients[i].as_ref().map(|gradients| gradients.rates.clone());
        let leapfrogs = |i: usize| sampling[i].as_ref().map(|sampling| sampling.leapfrogs.clone());
        let ess = |i: usize| {
            let (sampling, worth) = sampling[i].as_ref().zip(worth[i])?;
            Some(sampling.draws.iter().map(|rate| rate * worth).collect())
        };
        let rate = |repeats: Option<Vec<f64>>| repeats.and_then(|repeats| Rate::of(&repeats));
        let ratio = |of: &dyn Fn(usize) -> Option<Vec<f64>>, i: usize| {
            let (repeats, base) = of(i).zip(base.and_then(of))?;
            Rate::of(&repeats.iter().zip(base).map(|(repeat, base)| repeat / base).collect::<Vec<f64>>())
        };
        let (groups, predictors) = super::shape(self.model);
        let nanoseconds = |rates: Vec<f64>| Rate::of(&rates).map(|rate| 1e9 / rate.median);
        let timing = |(i, target): (usize, &BenchTarget)| Timing {
            likelihood: self.settings.likelihood,
            groups,
            predictors,
            team: target.team(),
            leapfrog_nanoseconds: leapfrogs(i).and_then(nanoseconds),
            chains: self.settings.chains,
            engine: target.name,
            gradients_per_second: rate(gradient_rates(i)),
            gradients_ratio: ratio(&gradient_rates, i),
            gradients_split: gradients[i].as_ref().and_then(|gradients| gradients.time.split()),
            leapfrogs_per_second: rate(leapfrogs(i)),
            leapfrogs_expected: sampling[i].as_ref().and_then(|_| trials[i].or_else(|| self.expected(target))),
            leapfrogs_ratio: ratio(&leapfrogs, i),
            draws_per_second: rate(sampling[i].as_ref().map(|sampling| sampling.draws.clone())),
            draws_per_chain: sampling[i].as_ref().map(Sampling::draws_per_chain),
            ess_per_draw: worth[i].filter(|worth| worth.is_finite()),
            ess_per_second: rate(ess(i)),
            ess_ratio: ratio(&ess, i),
            sampling_split: sampling[i].as_ref().and_then(|sampling| sampling.time.split()),
        };
        let measured = |timing: &Timing| timing.gradients_per_second.is_some() || timing.draws_per_second.is_some();
        targets.iter().enumerate().map(timing).filter(measured).collect()
    }
}

/// Whether every figure has the fewest repeats regardless of the clock; only in tests.
pub(super) fn ignores_time() -> bool {
    faults::is_planted("bench-without-clock")
}

/// Refuses work that is expected to take longer than its slot.
fn affordable(seconds: Option<f64>, slot: Duration) -> Result<(), Omission> {
    let slot = slot.as_secs_f64();
    match seconds {
        Some(seconds) if seconds > slot && !ignores_time() => {
            let (needed, left) = (significant(seconds), significant(slot));
            Err(Omission::Budget(format!("{needed} s at least, and the budget leaves {left} s")))
        }
        _ => Ok(()),
    }
}

/// The time of a repeat in a slot that holds all repeats and the start.
fn slice(slot: Duration) -> Duration {
    (slot / (REPEATS + 2) as u32).min(LONGEST_SLICE)
}
