//! Gradients alone: workers evaluate one position of each chain, again and again, without trees.

use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use super::Warm;
use super::target::BenchTarget;
use super::worker_time::WorkerTime;
use crate::density::{Batch, Density, DensityError, Evaluations};
use crate::experiment::Settings;
use crate::model::Model;
use crate::nuts::State;

/// An engine's gradients in a cell.
pub struct Gradients<'a> {
    states: &'a [State],
    workers: Vec<Sweeper>,
    /// Gradients a second of each repeat.
    pub rates: Vec<f64>,
    /// The split of the repeats' time.
    pub time: WorkerTime,
}

/// A density, and the chains whose positions it evaluates.
struct Sweeper {
    density: Box<dyn Density>,
    evaluations: Evaluations,
    chains: Range<usize>,
}

/// The starting positions of some chains.
struct Starts<'a> {
    states: &'a [State],
    chains: Range<usize>,
}

impl Batch for Starts<'_> {
    fn len(&self) -> usize {
        self.chains.len()
    }

    fn position(&self, i: usize) -> &[f64] {
        &self.states[(self.chains.start + i) % self.states.len()].position
    }
}

impl<'a> Gradients<'a> {
    /// Prepares the workers of a run; also returns the seconds that one gradient of each chain took. `None` for an
    /// engine that computes no gradients alone.
    pub fn start(
        target: &BenchTarget,
        model: &Model,
        settings: &Settings,
        warm: &'a Warm,
    ) -> Result<Option<(Gradients<'a>, f64)>, DensityError> {
        let (densities, chains) = (target.densities(model, settings)?, settings.chains as usize);
        let count = densities.len();
        if count == 0 {
            return Ok(None);
        }
        let sweeper = |(worker, density): (usize, Box<dyn Density>)| {
            let evaluations = Evaluations::with_capacity(density.width(), density.dim());
            Sweeper { density, evaluations, chains: worker * chains / count..(worker + 1) * chains / count }
        };
        let workers = densities.into_iter().enumerate().map(sweeper).collect();
        let time = WorkerTime::start(None, target);
        let mut gradients = Gradients { states: &warm.states, workers, rates: Vec::new(), time };
        let start = Instant::now();
        gradients.repeat(Duration::ZERO)?;
        let seconds = start.elapsed().as_secs_f64();
        gradients.rates.clear();
        gradients.time = WorkerTime::start(target.meter(), target);
        Ok(Some((gradients, seconds)))
    }

    /// All workers evaluate their chains for `time`, and at least once.
    pub fn repeat(&mut self, time: Duration) -> Result<(), DensityError> {
        let states = self.states;
        let (rate, seconds) = if let [worker] = &mut self.workers[..] {
            worker.sweep(states, time)?
        } else {
            thread::scope(|scope| {
                let workers: Vec<_> =
                    self.workers.iter_mut().map(|worker| scope.spawn(|| worker.sweep(states, time))).collect();
                workers.into_iter().try_fold((0.0, 0.0), |sum, worker| match worker.join() {
                    Ok(swept) => swept.map(|(rate, seconds)| (sum.0 + rate, sum.1 + seconds)),
                    Err(panic) => std::panic::resume_unwind(panic),
                })
            })?
        };
        self.rates.push(rate);
        self.time.add(seconds);
        Ok(())
    }

    /// Frees the workers' memory.
    pub fn rest(&mut self) {
        self.workers.clear();
    }
}

impl Sweeper {
    /// Evaluates all chains for `time`, and at least once; returns gradients a second, and seconds.
    fn sweep(&mut self, states: &[State], time: Duration) -> Result<(f64, f64), DensityError> {
        let (start, width) = (Instant::now(), self.density.width());
        let (mut evaluated, mut sweeps) = (0, 1);
        loop {
            for _ in 0..sweeps {
                for from in self.chains.clone().step_by(width) {
                    let batch = Starts { states, chains: from..(from + width).min(self.chains.end) };
                    self.density.evaluate(&batch, &mut self.evaluations)?;
                    evaluated += batch.len();
                }
            }
            let elapsed = start.elapsed();
            if elapsed >= time {
                return Ok((evaluated as f64 / elapsed.as_secs_f64(), elapsed.as_secs_f64()));
            }
            // Reading the clock takes about as long as a small model's gradient.
            if elapsed < time / 16 {
                sweeps *= 2;
            }
        }
    }
}
