//! Workers: a worker is a thread with its own density, and with one kernel for each position that the density takes in
//! a call. It takes a chain, brings it to the end of the block, and takes the next; a chain's draws do not depend on
//! the worker.

use std::sync::{Mutex, PoisonError};

use super::{Counters, EngineError, Phase, Progress};
use crate::density::{Density, DensityError, Evaluations};
use crate::model::Model;
use crate::nuts::adaptation::{Moments, StepSize};
use crate::nuts::eigenvectors::Snapshots;
use crate::nuts::{Kernel, State, Statistics, Step, Wanted};
use crate::random::{Purpose, StreamKey};

/// Starting points tried for a chain before giving up.
const START_ATTEMPTS: u32 = 100;

/// Starting points are uniform within this distance of 0 in every unconstrained coordinate, as in Stan.
const START_RADIUS: f64 = 2.0;

/// A worker reports its progress after about this many gradients.
const REPORT_GRADIENTS: u64 = 512;

/// One chain between two transitions.
#[derive(Debug)]
pub struct HostChain {
    pub number: u32,
    /// The chain whose starting point this chain shares.
    pub origin: u32,
    /// Transitions made since the start.
    pub transition: u32,
    pub state: State,
    /// `None` unless the phase adapts.
    pub step_size: Option<StepSize>,
    pub moments: Moments,
    /// Those of the phase.
    pub snapshots: Snapshots,
    pub counted: Counters,
    /// Of each transition of warm-up, the range of energies in its trajectory, if steps are refined.
    pub energy_ranges: Vec<f64>,
}

impl HostChain {
    /// A chain at 0, not yet evaluated; it will start where the first chain of its superchain starts.
    pub fn new(number: u32, per_superchain: u32, dim: usize) -> HostChain {
        HostChain {
            number,
            origin: number - number % per_superchain.max(1),
            transition: 0,
            state: State::zeros(dim),
            step_size: None,
            moments: Moments::new(0),
            snapshots: Snapshots::default(),
            counted: Counters::default(),
            energy_ranges: Vec::new(),
        }
    }
}

/// A thread's own density and kernels.
pub struct Worker<K> {
    density: Box<dyn Density>,
    evaluations: Evaluations,
    kernels: Vec<K>,
}

/// What all workers share in a block.
pub struct WorkerContext<'a> {
    pub model: &'a Model,
    pub log_density_offset: f64,
    pub phase: &'a Phase,
    /// Transitions that every chain had made before the block: since the start, and in this part of the run.
    pub before: [u32; 2],
    pub seed: u64,
    /// Number of the engine's first chain.
    pub first: u32,
    pub variables: usize,
    pub progress: &'a Progress,
}

impl WorkerContext<'_> {
    /// Transitions in this part of the run, of a chain that has made `transitions` since the start.
    fn made(&self, transitions: u32) -> u32 {
        self.before[1] + transitions - self.before[0]
    }
}

/// A chain's share of a block.
pub struct Task<'a> {
    pub chain: &'a mut HostChain,
    /// Transitions still to be made.
    pub left: usize,
    /// Buffer for the draws still to come, `[draw][variable]`.
    pub values: &'a mut [f64],
    pub statistics: &'a mut [Statistics],
}

impl<K: Kernel> Worker<K> {
    /// A worker with `density`, and with one `kernel`, made for its dimensions, for each position that it takes in a
    /// call.
    pub fn new(density: Box<dyn Density>, kernel: impl Fn(usize) -> K) -> Worker<K> {
        let (dim, width) = (density.dim(), density.width());
        Worker {
            density,
            evaluations: Evaluations::with_capacity(width, dim),
            kernels: (0..width).map(|_| kernel(dim)).collect(),
        }
    }

    /// Sets the metric and the largest tree depth of a phase.
    pub fn configure(&mut self, phase: &Phase) {
        for kernel in &mut self.kernels {
            kernel.configure(&phase.tuning);
        }
    }

    /// Number of positions that are evaluated at once.
    pub fn width(&self) -> usize {
        self.kernels.len()
    }

    /// Puts every chain at its starting point; searches for as many at once as the density takes positions.
    pub fn start(&mut self, seed: u64, chains: &mut [HostChain]) -> Result<(), EngineError> {
        let dim = self.density.dim();
        let blocks = dim.div_ceil(4) as u32;
        for chains in chains.chunks_mut(self.width()) {
            let mut searching: Vec<&mut HostChain> = chains.iter_mut().collect();
            for attempt in 0..START_ATTEMPTS {
                for chain in &mut searching {
                    let place = StreamKey { seed, chain: chain.origin, transition: 0 };
                    for (block, coordinates) in chain.state.position.chunks_mut(4).enumerate() {
                        let uniforms = place.uniforms(Purpose::Start, attempt * blocks + block as u32);
                        for (coordinate, uniform) in coordinates.iter_mut().zip(uniforms) {
                            *coordinate = START_RADIUS * (2.0 * uniform - 1.0);
                        }
                    }
                }
                let positions: Vec<&[f64]> = searching.iter().map(|chain| &*chain.state.position).collect();
                self.density.evaluate(&positions, &mut self.evaluations)?;
                let mut row = 0;
                searching.retain_mut(|chain| {
                    let (log_density, gradient) = (self.evaluations.log_density(row), self.evaluations.gradient(row));
                    row += 1;
                    let found = log_density.is_finite() && gradient.iter().all(|entry| entry.is_finite());
                    if found {
                        chain.state.log_density = log_density;
                        chain.state.gradient.copy_from_slice(gradient);
                    }
                    !found
                });
                if searching.is_empty() {
                    break;
                }
            }
            if let Some(chain) = searching.first() {
                return Err(EngineError::Start { chain: chain.number, attempts: START_ATTEMPTS });
            }
        }
        Ok(())
    }

    /// Works on tasks from the queue until it is empty, on as many at once as the density takes positions.
    pub fn work<'a>(
        &mut self,
        run: &WorkerContext,
        queue: &Mutex<impl Iterator<Item = Task<'a>>>,
    ) -> Result<(), DensityError> {
        let fetch = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let mut news = Counters::default();
        let mut tasks: Vec<Task> = std::iter::from_fn(fetch).take(self.kernels.len()).collect();
        for (task, kernel) in tasks.iter().zip(&mut self.kernels) {
            task.begin(run, kernel);
        }
        while !tasks.is_empty() {
            self.density.evaluate(&Wanted(&self.kernels[..tasks.len()]), &mut self.evaluations)?;
            // From last to first: the task that replaces a finished one has had its gradient.
            for i in (0..tasks.len()).rev() {
                let kernel = &mut self.kernels[i];
                let step = kernel.give(self.evaluations.log_density(i), self.evaluations.gradient(i));
                if step == Step::Continue {
                    continue;
                }
                tasks[i].end(run, kernel, &mut news);
                if tasks[i].left == 0 {
                    match fetch() {
                        Some(task) => tasks[i] = task,
                        None => {
                            tasks.swap_remove(i);
                            self.kernels.swap(i, tasks.len());
                            continue;
                        }
                    }
                }
                tasks[i].begin(run, &mut self.kernels[i]);
            }
            if news.gradients >= REPORT_GRADIENTS {
                run.progress.add(std::mem::take(&mut news));
            }
        }
        run.progress.add(news);
        Ok(())
    }
}

impl Task<'_> {
    fn begin(&self, run: &WorkerContext, kernel: &mut impl Kernel) {
        let place = StreamKey { seed: run.seed, chain: self.chain.number, transition: self.chain.transition };
        let step_size = self.chain.step_size.as_ref().map_or(run.phase.tuning.step_size, StepSize::current);
        kernel.begin(place, &self.chain.state, step_size);
    }

    /// Stores the draw of a finished transition, and adapts the chain.
    fn end(&mut self, run: &WorkerContext, kernel: &impl Kernel, news: &mut Counters) {
        let (sample, mut statistics) = (kernel.sample(), kernel.statistics());
        let chain = &mut *self.chain;
        chain.state.set(&sample.position, &sample.gradient, sample.log_density);
        chain.transition += 1;
        self.left -= 1;
        for counted in [&mut chain.counted, news] {
            counted.transitions += 1;
            counted.gradients += u64::from(statistics.n_steps);
            counted.divergences += u64::from(statistics.diverging);
            counted.acceptance += statistics.acceptance_rate;
            counted.step_size = statistics.step_size;
        }
        let refinement = kernel.refinement();
        if let Some(step_size) = &mut chain.step_size {
            step_size.learn(refinement.map_or(statistics.acceptance_rate, |refinement| refinement.whole));
        }
        if run.phase.part.learns() {
            chain.moments.add(&sample.position, &sample.gradient);
            chain.energy_ranges.extend(refinement.map(|refinement| refinement.energy_range));
        }
        let made = chain.counted.transitions as u32;
        if run.phase.has_snapshot((chain.number - run.first) as usize, made) {
            chain.snapshots.add(&sample.position, &sample.gradient);
        }
        if !run.phase.part.records() || !run.made(chain.transition).is_multiple_of(run.phase.thin) {
            return;
        }
        statistics.lp += run.log_density_offset;
        statistics.energy -= run.log_density_offset;
        let (row, rest) = std::mem::take(&mut self.values).split_at_mut(run.variables);
        run.model.constrain(&sample.position, row);
        self.values = rest;
        let (place, rest) = std::mem::take(&mut self.statistics).split_at_mut(1);
        place[0] = statistics;
        self.statistics = rest;
    }
}
