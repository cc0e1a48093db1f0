//! The host engine: trees grow on the host, in lanes. A lane is a thread with a density of its own, and room for as many
//! transitions at once as the density takes positions in a call; it fetches a chain, brings it to the end of the block,
//! and fetches the next. What a chain draws does not depend on which lane fetched it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Adapt, Block, Engine, EngineError, Phase, PhaseOutcome, Progress, Sink, Snapshot};
use crate::density::{Density, DensityError, Evaluations};
use crate::model::Model;
use crate::nuts::adaptation::{Moments, StepSize};
use crate::nuts::{State, Statistics, Step, Transition, Wanted};
use crate::random::{Place, Purpose};

/// Starting points tried for a chain before giving up.
const START_ATTEMPTS: u32 = 100;

/// Starting points are uniform in this distance from 0 in every unconstrained coordinate, as Stan's are.
const START_RADIUS: f64 = 2.0;

/// A block should take about this long, so that progress moves and an interruption is soon obeyed.
const BLOCK_TIME: Duration = Duration::from_millis(100);

/// A block holds at most this many numbers, unless a single draw of all chains is more: it stays in a core's cache.
const BLOCK_VALUES: usize = 1 << 17;

/// A lane tells how far it has come after about this many gradients.
const REPORT_GRADIENTS: u64 = 512;

/// The chains of an experiment, or of a shard of one.
#[derive(Debug, Clone, Copy)]
pub struct Chains {
    /// The experiment's seed.
    pub seed: u64,
    /// Global number of the first chain.
    pub first: u32,
    /// How many chains.
    pub count: u32,
    /// How many consecutive chains share a starting point.
    pub per_superchain: u32,
}

/// One chain between two transitions.
#[derive(Debug)]
struct Chain {
    number: u32,
    /// Transitions done since the start.
    transition: u32,
    state: State,
    step_size: StepSize,
    moments: Moments,
    counted: Snapshot,
}

/// A thread's own density and room for transitions.
struct Lane {
    density: Box<dyn Density>,
    evaluations: Evaluations,
    transitions: Vec<Transition>,
}

/// Trees on the host, over densities on the CPU or on a device.
pub struct HostEngine {
    model: Arc<Model>,
    seed: u64,
    lanes: Vec<Lane>,
    chains: Vec<Chain>,
    /// How many named variables of each draw go to the sink.
    variables: usize,
    progress: Arc<Progress>,
    drawn: usize,
    block_transitions: usize,
    values: Vec<f64>,
    statistics: Vec<Statistics>,
}

impl HostEngine {
    /// Starts `chains` of `model`, a lane for each of `densities`, which all are the model's log density. The leading
    /// `variables` named variables of each draw will go to the sink.
    ///
    /// # Errors
    /// When a density cannot be evaluated, or a chain finds no starting point.
    pub fn start(
        model: Arc<Model>,
        densities: Vec<Box<dyn Density>>,
        chains: Chains,
        max_depth: u32,
        variables: usize,
        progress: Arc<Progress>,
    ) -> Result<HostEngine, EngineError> {
        let dim = model.layout().dim();
        let mut lanes: Vec<Lane> = densities.into_iter().map(|density| Lane::new(density, max_depth)).collect();
        let adapt = Adapt { target: 1.0, gain: 0.0 };
        let mut started = Vec::with_capacity(chains.count as usize);
        for number in chains.first..chains.first + chains.count {
            started.push(Chain {
                number,
                transition: 0,
                state: lanes[0].start(chains.seed, number - number % chains.per_superchain, number)?,
                step_size: StepSize::new(1.0, adapt.target, adapt.gain),
                moments: Moments::new(dim),
                counted: Snapshot::default(),
            });
        }
        Ok(HostEngine {
            model,
            seed: chains.seed,
            lanes,
            chains: started,
            variables,
            progress,
            drawn: 0,
            block_transitions: 1,
            values: Vec::new(),
            statistics: Vec::new(),
        })
    }

    /// Runs `transitions` of every chain; draws and statistics are left in `values` and `statistics`.
    fn run_block(&mut self, phase: &Phase, transitions: usize) -> Result<(), DensityError> {
        let kept = if phase.sampling { transitions } else { 0 };
        self.values.resize(self.chains.len() * kept * self.variables, 0.0);
        self.statistics.resize(self.chains.len() * kept, Statistics::default());
        let run = Run {
            model: &self.model,
            log_density_offset: self.model.log_density_offset(),
            phase,
            seed: self.seed,
            variables: self.variables,
            progress: &self.progress,
        };
        let mut values = self.values.chunks_exact_mut((kept * self.variables).max(1));
        let mut statistics = self.statistics.chunks_exact_mut(kept.max(1));
        let tasks: Vec<Task> = self
            .chains
            .iter_mut()
            .map(|chain| Task {
                chain,
                left: transitions,
                values: values.next().unwrap_or_default(),
                statistics: statistics.next().unwrap_or_default(),
            })
            .collect();
        let queue = Mutex::new(tasks.into_iter());
        std::thread::scope(|scope| {
            let lanes: Vec<_> = self.lanes.iter_mut().map(|lane| scope.spawn(|| lane.work(&run, &queue))).collect();
            lanes.into_iter().try_for_each(|lane| match lane.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }

    /// How many transitions the next block should have, after one of `transitions` that took `time`.
    fn next_block(&self, transitions: usize, time: Duration, phase: &Phase) -> usize {
        let by_time = transitions as f64 * BLOCK_TIME.as_secs_f64() / time.as_secs_f64().max(1e-6);
        let by_room = if phase.sampling { BLOCK_VALUES / (self.chains.len() * self.variables) } else { usize::MAX };
        (by_time as usize).min(4 * transitions).min(by_room).max(1)
    }
}

impl Engine for HostEngine {
    fn run(&mut self, phase: &Phase, sink: &mut dyn Sink) -> Result<PhaseOutcome, EngineError> {
        for lane in &mut self.lanes {
            for transition in &mut lane.transitions {
                transition.configure(&phase.scale, phase.max_depth);
            }
        }
        for chain in &mut self.chains {
            let adapt = phase.adapt.unwrap_or(Adapt { target: 1.0, gain: 0.0 });
            chain.step_size = StepSize::new(phase.step_size, adapt.target, adapt.gain);
            chain.moments.clear();
            chain.counted = Snapshot::default();
        }
        let mut done = 0;
        let mut block = self.block_transitions;
        while done < phase.transitions as usize && !self.progress.is_stopped() {
            block = block.min(phase.transitions as usize - done);
            let start = Instant::now();
            self.run_block(phase, block)?;
            if phase.sampling {
                sink.take(&Block {
                    chains: self.chains.len(),
                    first_draw: self.drawn,
                    draws: block,
                    values: &self.values,
                    statistics: &self.statistics,
                })?;
                self.drawn += block;
            }
            done += block;
            block = self.next_block(block, start.elapsed(), phase);
        }
        self.block_transitions = block;
        let mut outcome = PhaseOutcome {
            transitions: done as u32,
            gradients: 0,
            acceptance: 0.0,
            divergences: 0,
            log_step_sizes: Vec::with_capacity(self.chains.len()),
            moments: Moments::new(phase.scale.len()),
        };
        // In the order of the chains, so that no sum depends on the lanes.
        for chain in &self.chains {
            outcome.gradients += chain.counted.gradients;
            outcome.divergences += chain.counted.divergences;
            outcome.acceptance += chain.counted.acceptance / (done.max(1) * self.chains.len()) as f64;
            outcome.log_step_sizes.push(chain.step_size.log_mean());
            outcome.moments.join(&chain.moments);
        }
        Ok(outcome)
    }
}

/// What a lane needs to know of a run.
struct Run<'a> {
    model: &'a Model,
    log_density_offset: f64,
    phase: &'a Phase,
    seed: u64,
    variables: usize,
    progress: &'a Progress,
}

/// A chain's share of a block.
struct Task<'a> {
    chain: &'a mut Chain,
    /// Transitions still to be done.
    left: usize,
    /// Room for the draws still to come, `[draw][variable]`.
    values: &'a mut [f64],
    statistics: &'a mut [Statistics],
}

impl Lane {
    fn new(density: Box<dyn Density>, max_depth: u32) -> Lane {
        let (dim, width) = (density.dim(), density.width());
        Lane {
            density,
            evaluations: Evaluations::with_capacity(width, dim),
            transitions: (0..width).map(|_| Transition::new(dim, max_depth)).collect(),
        }
    }

    /// The starting state of chain `chain`, at the place of chain `origin`.
    fn start(&mut self, seed: u64, origin: u32, chain: u32) -> Result<State, EngineError> {
        let dim = self.density.dim();
        let place = Place { seed, chain: origin, transition: 0 };
        let blocks = dim.div_ceil(4) as u32;
        let mut state = State::zeros(dim);
        for attempt in 0..START_ATTEMPTS {
            for (block, coordinates) in state.position.chunks_mut(4).enumerate() {
                let uniforms = place.uniforms(Purpose::Start, attempt * blocks + block as u32);
                for (coordinate, uniform) in coordinates.iter_mut().zip(uniforms) {
                    *coordinate = START_RADIUS * (2.0 * uniform - 1.0);
                }
            }
            self.density.evaluate(&vec![&*state.position], &mut self.evaluations)?;
            let gradient = self.evaluations.gradient(0);
            state.log_density = self.evaluations.log_density(0);
            if state.log_density.is_finite() && gradient.iter().all(|entry| entry.is_finite()) {
                state.gradient.copy_from_slice(gradient);
                return Ok(state);
            }
        }
        Err(EngineError::Start { chain, attempts: START_ATTEMPTS })
    }

    /// Takes task after task from the queue until there is none, as many at once as the density takes positions.
    fn work<'a>(&mut self, run: &Run, queue: &Mutex<impl Iterator<Item = Task<'a>>>) -> Result<(), DensityError> {
        let fetch = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let mut news = Snapshot::default();
        let mut tasks: Vec<Task> = std::iter::from_fn(fetch).take(self.transitions.len()).collect();
        for (task, transition) in tasks.iter().zip(&mut self.transitions) {
            task.begin(run, transition);
        }
        while !tasks.is_empty() {
            self.density.evaluate(&Wanted(&self.transitions[..tasks.len()]), &mut self.evaluations)?;
            // From the last to the first, so that a finished task can make room for one that had its gradient.
            for i in (0..tasks.len()).rev() {
                let transition = &mut self.transitions[i];
                let step = transition.give(self.evaluations.log_density(i), self.evaluations.gradient(i));
                if step == Step::Continue {
                    continue;
                }
                tasks[i].end(run, transition, &mut news);
                if tasks[i].left == 0 {
                    match fetch() {
                        Some(task) => tasks[i] = task,
                        None => {
                            tasks.swap_remove(i);
                            self.transitions.swap(i, tasks.len());
                            continue;
                        }
                    }
                }
                tasks[i].begin(run, &mut self.transitions[i]);
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
    fn begin(&self, run: &Run, transition: &mut Transition) {
        let place = Place { seed: run.seed, chain: self.chain.number, transition: self.chain.transition };
        let adapting = run.phase.adapt.is_some();
        let step_size = if adapting { self.chain.step_size.current() } else { run.phase.step_size };
        transition.begin(place, &self.chain.state, step_size);
    }

    /// Keeps what a transition has drawn, and what the chain learns from it.
    fn end(&mut self, run: &Run, transition: &Transition, news: &mut Snapshot) {
        let (sample, mut statistics) = (transition.sample(), transition.statistics());
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
        if run.phase.adapt.is_some() {
            chain.step_size.learn(statistics.acceptance_rate);
        }
        if !run.phase.sampling {
            chain.moments.add(&sample.position, &sample.gradient);
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
