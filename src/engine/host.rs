//! The host engine: trees grow on the host, in workers that take the chains of a block one after the other.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::worker::{HostChain, Task, Worker, WorkerContext};
use super::{
    Adapt, ChainStates, Counters, DeviceFailure, DrawBlock, DrawSink, Engine, EngineError, Keep, Phase, PhaseOutcome,
    Progress,
};
use crate::density::cpu::CpuDensity;
use crate::density::{Density, DensityError};
use crate::faults;
use crate::math::ln;
use crate::model::Model;
use crate::nuts::adaptation::{Moments, StepSize};
use crate::nuts::eigenvectors::Snapshots;
use crate::nuts::{Kernel, RANGE_QUANTILE, State, Statistics, Transition};

/// Target duration of a block, so that progress moves and an interruption is soon obeyed.
const BLOCK_TIME: Duration = Duration::from_millis(100);

/// Limit on a block's numbers per worker, so that they stay in a core's cache; a single draw of all chains may exceed
/// it.
const BLOCK_VALUES: usize = 1 << 17;

/// Limit on a block's numbers if workers evaluate many positions at once or draws are summed up: 128 MiB.
const WIDE_BLOCK_VALUES: usize = 1 << 24;

/// The chains of an experiment, or of a shard of one.
#[derive(Debug, Clone, Copy)]
pub struct Chains {
    /// The experiment's seed.
    pub seed: u64,
    /// Global number of the first chain.
    pub first: u32,
    /// Number of chains.
    pub count: u32,
    /// Number of consecutive chains that share a starting point.
    pub per_superchain: u32,
}

/// Trees on the host, over densities on the CPU or on a device.
pub struct HostEngine<K = Transition> {
    model: Arc<Model>,
    seed: u64,
    workers: Vec<Worker<K>>,
    chains: Vec<HostChain>,
    /// Number of named variables of each draw that go to the sink.
    variables: usize,
    progress: Arc<Progress>,
    /// The kernel of which every worker has copies.
    kernel: K,
    /// Densities that replace the workers' if their device fails.
    spare: Vec<Box<dyn Density>>,
    /// Transitions that every chain has made since the start.
    transitions: u32,
    drawn: usize,
    block_transitions: usize,
    values: Vec<f64>,
    statistics: Vec<Statistics>,
}

/// Copies of `density`: one for each of `threads` threads, but no more than there are chains.
pub fn on_cpu(density: &CpuDensity, threads: usize, chains: u32) -> Vec<Box<dyn Density>> {
    (0..threads.clamp(1, chains as usize)).map(|_| Box::new(density.clone()) as Box<dyn Density>).collect()
}

impl HostEngine {
    /// An engine for `chains` of `model`, with one worker for each of `densities`, all of which are the model's log
    /// density, and trees of up to `max_depth` doublings. `keep` selects the named variables of each draw that go to
    /// the sink. Every chain is at 0, not yet evaluated, until the engine is started.
    pub fn new(
        model: Arc<Model>,
        densities: Vec<Box<dyn Density>>,
        chains: Chains,
        max_depth: u32,
        keep: Keep,
        progress: Arc<Progress>,
    ) -> HostEngine {
        let kernel = Transition::new(model.dim(), max_depth);
        HostEngine::with_kernel(model, densities, chains, kernel, keep, progress)
    }
}

impl<K: Kernel + Clone + Send> HostEngine<K> {
    /// An engine as [`new`](HostEngine::new) makes it, whose transitions are those of `kernel`.
    pub fn with_kernel(
        model: Arc<Model>,
        densities: Vec<Box<dyn Density>>,
        chains: Chains,
        kernel: K,
        keep: Keep,
        progress: Arc<Progress>,
    ) -> HostEngine<K> {
        let dim = model.dim();
        let chain = |number| HostChain::new(number, chains.per_superchain, dim);
        HostEngine {
            variables: keep.sampled(&model),
            model,
            seed: chains.seed,
            workers: densities.into_iter().map(|density| Worker::new(density, |_| kernel.clone())).collect(),
            chains: (chains.first..chains.first + chains.count).map(chain).collect(),
            progress,
            kernel,
            spare: Vec::new(),
            transitions: 0,
            drawn: 0,
            block_transitions: 1,
            values: Vec::new(),
            statistics: Vec::new(),
        }
    }

    /// Puts every chain at its starting point.
    ///
    /// # Errors
    /// If a density cannot be evaluated, or a chain finds no starting point.
    pub fn start(mut self) -> Result<HostEngine<K>, EngineError> {
        self.workers[0].start(self.seed, &mut self.chains)?;
        Ok(self)
    }

    /// Puts chain i into state i of `states`, which are repeated if there are fewer.
    pub fn start_from(mut self, states: &[State]) -> HostEngine<K> {
        for (chain, state) in self.chains.iter_mut().zip(states.iter().cycle()) {
            chain.state.clone_from(state);
        }
        self
    }

    /// Sets the number of transitions that every chain has made: `transitions` since the start, `drawn` since warm-up.
    pub fn having_made(mut self, transitions: u32, drawn: usize) -> HostEngine<K> {
        self.chains.iter_mut().for_each(|chain| chain.transition = transitions);
        HostEngine { transitions, drawn, ..self }
    }

    /// Continues with `spare`, densities of the same model, if the device of the workers' densities fails.
    pub fn with_spare(self, spare: Vec<Box<dyn Density>>) -> HostEngine<K> {
        HostEngine { spare, ..self }
    }

    /// Transitions of each chain in the phase's part of the run.
    fn made(&self, phase: &Phase) -> usize {
        if phase.part.learns() { self.transitions as usize } else { self.drawn }
    }

    /// Brings every chain to the end of a block of `transitions`; recorded draws and their statistics go to `values`
    /// and `statistics`. After a failure, another call continues from the current states.
    fn run_block(&mut self, phase: &Phase, transitions: usize) -> Result<(), DensityError> {
        let before = self.made(phase);
        let keeps = |made: usize| if phase.part.records() { phase.kept(before + made) - phase.kept(before) } else { 0 };
        let kept = keeps(transitions);
        self.values.resize(self.chains.len() * kept * self.variables, 0.0);
        self.statistics.resize(self.chains.len() * kept, Statistics::default());
        let run = WorkerContext {
            model: &self.model,
            log_density_offset: self.model.log_density_offset(),
            phase,
            before: [self.transitions, before as u32],
            seed: self.seed,
            first: self.chains.first().map_or(0, |chain| chain.number),
            variables: self.variables,
            progress: &self.progress,
        };
        let mut values = self.values.chunks_exact_mut((kept * self.variables).max(1));
        let mut statistics = self.statistics.chunks_exact_mut(kept.max(1));
        let start = self.transitions;
        let tasks: Vec<Task> = self
            .chains
            .iter_mut()
            .filter_map(|chain| {
                let (values, statistics) = (values.next().unwrap_or_default(), statistics.next().unwrap_or_default());
                let made = (chain.transition - start) as usize;
                let kept = keeps(made);
                (made < transitions).then(|| Task {
                    chain,
                    left: transitions - made,
                    values: &mut values[kept * self.variables..],
                    statistics: &mut statistics[kept..],
                })
            })
            .collect();
        let queue = Mutex::new(tasks.into_iter());
        if let [worker] = &mut self.workers[..] {
            return worker.work(&run, &queue);
        }
        std::thread::scope(|scope| {
            let workers: Vec<_> =
                self.workers.iter_mut().map(|worker| scope.spawn(|| worker.work(&run, &queue))).collect();
            workers.into_iter().try_for_each(|worker| match worker.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }

    /// The range of energies in a trajectory of this phase, at [`RANGE_QUANTILE`] over all of them.
    fn energy_range(&self) -> Option<f64> {
        let mut all: Vec<f64> = self.chains.iter().flat_map(|chain| &chain.energy_ranges).copied().collect();
        let place = (RANGE_QUANTILE * all.len() as f64) as usize;
        (!all.is_empty()).then(|| *all.select_nth_unstable_by(place, f64::total_cmp).1)
    }

    /// Number of transitions of the next block, after one of `transitions` that took `time`.
    fn next_block(&self, transitions: usize, time: Duration, phase: &Phase, summed: bool) -> usize {
        let by_time = transitions as f64 * BLOCK_TIME.as_secs_f64() / time.as_secs_f64().max(1e-6);
        // Wide workers run empty at the end of a block, and their draws fit no cache anyway. If draws are summed up,
        // every block reads the sums of all chains once.
        let narrow = BLOCK_VALUES * self.workers.len().min(self.chains.len());
        let room = if self.workers[0].width() > 1 || summed { WIDE_BLOCK_VALUES } else { narrow };
        let by_room = match phase.part.records() {
            true => room / (self.chains.len() * self.variables).max(1) * phase.thin as usize,
            false => usize::MAX,
        };
        (by_time as usize).min(4 * transitions).min(by_room).max(1)
    }
}

impl<K: Kernel + Clone + Send> Engine for HostEngine<K> {
    fn run(&mut self, phase: &Phase, sink: &mut dyn DrawSink) -> Result<PhaseOutcome, EngineError> {
        self.workers.iter_mut().for_each(|worker| worker.configure(phase));
        for chain in &mut self.chains {
            let adapt = |Adapt { target, gain }| StepSize::new(phase.tuning.step_size, target, gain);
            chain.step_size = phase.adapt.map(adapt);
            // Moments are allocated only in warm-up.
            let dim = if phase.part.learns() { phase.tuning.scale.len() } else { 0 };
            if chain.moments.dim() == dim {
                chain.moments.clear();
            } else {
                chain.moments = Moments::new(dim);
            }
            chain.counted = Counters::default();
            chain.energy_ranges.clear();
            chain.snapshots = Snapshots::default();
        }
        let mut done = 0;
        let mut failure = None;
        let mut block = self.block_transitions;
        while done < phase.transitions as usize && !self.progress.is_stopped() {
            block = block.min(phase.transitions as usize - done);
            let start = Instant::now();
            if let Err(error) = self.run_block(phase, block) {
                let resumed = !self.spare.is_empty() && !self.progress.is_stopped();
                failure = Some(DeviceFailure { error: error.to_string(), resumed });
                if !resumed {
                    break;
                }
                let spare = std::mem::take(&mut self.spare);
                self.workers = spare.into_iter().map(|density| Worker::new(density, |_| self.kernel.clone())).collect();
                self.workers.iter_mut().for_each(|worker| worker.configure(phase));
                continue;
            }
            let first_draw = phase.kept(self.made(phase));
            let draws = phase.kept(self.made(phase) + block) - first_draw;
            if phase.part.records() && draws > 0 {
                sink.record(&DrawBlock {
                    warmup: phase.part.learns() && !faults::is_planted("warm-up-kept"),
                    chains: self.chains.len(),
                    first_draw,
                    draws,
                    values: &self.values,
                    effects: None,
                    statistics: &self.statistics,
                })?;
            }
            self.transitions += block as u32;
            self.drawn += if phase.part.learns() { 0 } else { block };
            done += block;
            block = self.next_block(block, start.elapsed(), phase, sink.sums().is_some());
        }
        self.block_transitions = block;
        let mut outcome = PhaseOutcome {
            transitions: done as u32,
            gradients: 0,
            acceptance: 0.0,
            divergences: 0,
            log_step_sizes: Vec::with_capacity(self.chains.len()),
            moments: Moments::new(phase.tuning.scale.len()),
            snapshots: Snapshots::default(),
            energy_range: self.energy_range(),
            failure,
        };
        // In the order of the chains, so that no sum depends on the workers.
        for chain in &self.chains {
            outcome.gradients += chain.counted.gradients;
            outcome.divergences += chain.counted.divergences;
            outcome.acceptance += chain.counted.acceptance / (done.max(1) * self.chains.len()) as f64;
            let log_step_size = chain.step_size.as_ref().map_or(ln(phase.tuning.step_size), StepSize::log_mean);
            outcome.log_step_sizes.push(log_step_size);
            if phase.part.learns() {
                outcome.moments.join(&chain.moments);
            }
            outcome.snapshots.join(&chain.snapshots);
        }
        Ok(outcome)
    }

    fn states(&mut self) -> Result<ChainStates, EngineError> {
        Ok(ChainStates::of(self.transitions, self.chains.iter().map(|chain| &chain.state)))
    }

    fn resume(&mut self, states: &ChainStates, draws: usize) -> Result<(), EngineError> {
        self.transitions = states.transitions;
        self.drawn = draws;
        for (chain, state) in self.chains.iter_mut().zip(states.iter()) {
            chain.transition = states.transitions;
            chain.state = state;
        }
        Ok(())
    }
}
