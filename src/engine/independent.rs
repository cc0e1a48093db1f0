//! The engine of independent draws: no chain where none is needed. A chain is a row of draws here, so that stores and
//! shards are the same for all engines; a draw depends on the draw before it only if that one is beyond the bound.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::host::Chains;
use super::{
    ChainStates, Counters, DeviceFailure, DrawBlock, DrawSink, Engine, EngineError, Keep, Phase, PhaseOutcome, Progress,
};
use crate::faults;
use crate::gpu::GpuError;
use crate::independent::{DeviceDraws, DrawnEffects, IndependentDraw, Proposal};
use crate::model::Model;
use crate::nuts::Statistics;
use crate::nuts::adaptation::Moments;
use crate::nuts::eigenvectors::Snapshots;
use crate::random::{Purpose, StreamKey};

/// Limit on the numbers of a block that the threads make, for each thread, unless a single draw of all chains has more:
/// with less, threads would wait for each other most of the time. A block of a device is a dispatch.
const BLOCK_VALUES: usize = 1 << 16;

/// Draws that a thread makes at least.
const SHARE: usize = 64;

/// Target duration of a block, so that progress moves and an interruption is soon obeyed.
const BLOCK_TIME: Duration = Duration::from_millis(100);

/// Independent draws of the hyperparameters of a collapsed model.
pub struct IndependentEngine {
    model: Arc<Model>,
    proposal: Arc<Proposal>,
    /// Makes the draws until it fails; then, or without it, the threads make them.
    device: Option<DeviceDraws>,
    failure: Option<DeviceFailure>,
    chains: Chains,
    keep: Keep,
    threads: usize,
    progress: Arc<Progress>,
    /// Draws of each chain so far.
    drawn: u32,
    /// Draws of each chain in a block that takes as long as it should, as far as is known.
    length: u32,
    /// The last draw of each chain: its position, `[chain][coordinate]`, and its log density and weight.
    last: Vec<f64>,
    last_drawn: Vec<IndependentDraw>,
    positions: Vec<f64>,
    values: Vec<f64>,
    drawings: Vec<IndependentDraw>,
    effects: DrawnEffects,
    /// Whether the block's effects are there.
    has_effects: bool,
    statistics: Vec<Statistics>,
}

impl IndependentEngine {
    /// An engine for `chains` of a collapsed `model`, with its proposal.
    pub fn new(
        model: Arc<Model>,
        proposal: Arc<Proposal>,
        chains: Chains,
        keep: Keep,
        threads: usize,
        progress: Arc<Progress>,
    ) -> IndependentEngine {
        let count = chains.count as usize;
        IndependentEngine {
            last: vec![0.0; count * model.dim()],
            last_drawn: vec![IndependentDraw::default(); count],
            model,
            proposal,
            device: None,
            failure: None,
            chains,
            keep,
            threads: threads.max(1),
            progress,
            drawn: 0,
            length: 1,
            positions: Vec::new(),
            values: Vec::new(),
            drawings: Vec::new(),
            effects: DrawnEffects::default(),
            has_effects: false,
            statistics: Vec::new(),
        }
    }

    /// The same engine, with a device that makes the draws.
    pub fn with_device(self, device: Option<DeviceDraws>) -> IndependentEngine {
        IndependentEngine { device, ..self }
    }

    /// The keys of the draws from number `first` on, `draws` of each chain, `[chain][draw]`, in parts of `room`,
    /// without the first `done` parts.
    fn keys(&self, first: u32, draws: usize, room: usize, done: usize) -> impl Iterator<Item = Vec<StreamKey>> {
        let rows = self.chains.count as usize * draws;
        let key = move |row: usize| key(self.chains, first, draws, row);
        (0..rows).step_by(room).skip(done).map(move |from| (from..rows.min(from + room)).map(key).collect())
    }

    /// Most draws of each chain in a block.
    fn longest(&self) -> u32 {
        let rows = BLOCK_VALUES * self.threads / self.model.dim();
        let rows = self.device.as_ref().map_or(rows, DeviceDraws::room);
        (rows / self.chains.count as usize).max(1) as u32
    }

    /// Makes the next `draws` draws of each chain, `[chain][draw]`; `ahead` draws of each are made after these.
    fn make(&mut self, draws: usize, ahead: usize) {
        let (dim, variables) = (self.model.dim(), self.keep.sampled(&self.model));
        let rows = self.chains.count as usize * draws;
        self.positions.resize(rows * dim, 0.0);
        self.drawings.resize(rows, IndependentDraw::default());
        let share = rows.div_ceil(self.threads).max(SHARE);
        self.has_effects = false;
        if let Some(mut device) = self.device.take() {
            match self.make_on(&mut device, draws, ahead) {
                Ok(()) => {
                    self.has_effects = device.draws_effects();
                    self.device = Some(device);
                }
                Err(error) => self.failure = Some(DeviceFailure { error: error.to_string(), resumed: true }),
            }
        }
        if self.device.is_none() {
            let (proposal, chains, first) = (&self.proposal, self.chains, self.drawn);
            let shares = self.positions.par_chunks_mut(share * dim).zip(self.drawings.par_chunks_mut(share));
            shares.enumerate().for_each(|(thread, (positions, drawings))| {
                let rows = thread * share..thread * share + drawings.len();
                let keys: Vec<StreamKey> = rows.map(|row| key(chains, first, draws, row)).collect();
                proposal.draw(&keys, positions, drawings);
            });
        }
        // Nearly always no draw is beyond the bound, and none is repeated.
        let beyond = |drawn: &IndependentDraw| drawn.excess > 0.0;
        let some = self.last_drawn.iter().any(beyond) || self.drawings.par_iter().any(beyond);
        if some && !faults::is_planted("proposal-uncorrected") {
            (0..self.chains.count as usize).for_each(|chain| self.correct(chain, draws));
        }
        for (chain, (last, last_drawn)) in self.last.chunks_exact_mut(dim).zip(&mut self.last_drawn).enumerate() {
            let row = (chain + 1) * draws - 1;
            last.copy_from_slice(&self.positions[row * dim..][..dim]);
            *last_drawn = self.drawings[row];
        }
        self.values.resize(rows * variables, 0.0);
        self.statistics.resize(rows, Statistics::default());
        let offset = self.model.log_density_offset();
        let (model, positions, drawings) = (&self.model, &self.positions, &self.drawings);
        let shares = self.values.par_chunks_mut(share * variables).zip(self.statistics.par_chunks_mut(share));
        shares.enumerate().for_each(|(thread, (values, statistics))| {
            let rows = (thread * share..).zip(values.chunks_exact_mut(variables).zip(statistics));
            for (row, (named, statistics)) in rows {
                model.constrain(&positions[row * dim..][..dim], named);
                let IndependentDraw { log_density, tries, .. } = drawings[row];
                *statistics = Statistics {
                    lp: log_density + offset,
                    energy: -(log_density + offset),
                    acceptance_rate: if tries == 0 { 0.0 } else { 1.0 / f64::from(tries) },
                    n_steps: tries,
                    ..Statistics::default()
                };
            }
        });
    }

    /// Makes the next `draws` draws of each chain on `device`, where the first of them may be under way, and submits
    /// the first of the `ahead` draws after these.
    fn make_on(&mut self, device: &mut DeviceDraws, draws: usize, ahead: usize) -> Result<(), GpuError> {
        let (mut positions, mut drawings) = (std::mem::take(&mut self.positions), std::mem::take(&mut self.drawings));
        let mut effects = std::mem::take(&mut self.effects);
        device.clear(Some(&mut effects), drawings.len());
        let (room, after) = (device.room(), self.drawn + draws as u32);
        let made = {
            let parts = self.keys(self.drawn, draws, room, device.under_way());
            let mut parts = parts.chain(self.keys(after, ahead, room, 0).take(1));
            (0..drawings.len()).step_by(room).try_for_each(|first| {
                device.submit(&mut parts);
                device.collect(first, &mut positions, &mut drawings, Some(&mut effects))
            })
        };
        (self.positions, self.drawings, self.effects) = (positions, drawings, effects);
        made
    }

    /// The Metropolis-Hastings step of a chain's draws: those beyond the bound may be repeated, with no tries.
    fn correct(&mut self, chain: usize, draws: usize) {
        let dim = self.model.dim();
        let mut before = (self.drawn > 0).then(|| self.last_drawn[chain].excess);
        for draw in 0..draws {
            let row = chain * draws + draw;
            let here = self.drawings[row].excess;
            if let Some(before) = before.filter(|before| *before > 0.0) {
                let uniform = key(self.chains, self.drawn, draws, row).uniform(Purpose::Repeat, 0);
                if uniform.ln() >= here.max(0.0) - before {
                    let repeated = if draw == 0 {
                        let last = &self.last[chain * dim..][..dim];
                        self.positions[row * dim..][..dim].copy_from_slice(last);
                        self.last_drawn[chain]
                    } else {
                        self.positions.copy_within((row - 1) * dim..row * dim, row * dim);
                        self.drawings[row - 1]
                    };
                    self.drawings[row] = IndependentDraw { tries: 0, ..repeated };
                    if self.has_effects {
                        self.effects.omit(row);
                    }
                }
            }
            before = Some(self.drawings[row].excess);
        }
    }
}

impl Engine for IndependentEngine {
    fn run(&mut self, phase: &Phase, sink: &mut dyn DrawSink) -> Result<PhaseOutcome, EngineError> {
        let (chains, dim) = (self.chains.count as usize, self.model.dim());
        let mut outcome = PhaseOutcome {
            transitions: 0,
            gradients: 0,
            acceptance: 0.0,
            divergences: 0,
            log_step_sizes: Vec::new(),
            moments: Moments::new(dim),
            snapshots: Snapshots::default(),
            energy_range: None,
            failure: None,
        };
        // What was under way when an earlier phase was stopped.
        self.device.take_if(|device| device.discard().is_err());
        // Draws of each chain in the block that is under way on the device.
        let mut under_way = None;
        while outcome.transitions < phase.transitions && !self.progress.is_stopped() {
            let left = phase.transitions - outcome.transitions;
            let draws = under_way.take().unwrap_or(self.length.min(self.longest())).min(left);
            let ahead = self.length.min(self.longest()).min(left - draws);
            let began = Instant::now();
            self.make(draws as usize, ahead as usize);
            under_way = self.device.is_some().then_some(ahead);
            sink.record(&DrawBlock {
                warmup: false,
                chains,
                first_draw: self.drawn as usize,
                draws: draws as usize,
                values: &self.values,
                effects: self.has_effects.then_some(&self.effects),
                statistics: &self.statistics,
            })?;
            if began.elapsed() < BLOCK_TIME {
                self.length = draws.saturating_mul(8);
            }
            self.drawn += draws;
            outcome.transitions += draws;
            let tries: u64 = self.drawings.par_iter().map(|drawn| u64::from(drawn.tries)).sum();
            let made = chains as u64 * u64::from(draws);
            outcome.gradients += tries;
            let acceptance = made as f64 / tries.max(1) as f64;
            self.progress.add(Counters {
                transitions: made,
                gradients: tries,
                acceptance: acceptance * made as f64,
                ..Counters::default()
            });
        }
        let made = f64::from(outcome.transitions) * chains as f64;
        outcome.failure = self.failure.take();
        outcome.acceptance = made / (outcome.gradients as f64).max(1.0);
        Ok(outcome)
    }

    fn states(&mut self) -> Result<ChainStates, EngineError> {
        Ok(ChainStates {
            transitions: self.drawn,
            positions: self.last.clone(),
            gradients: vec![0.0; self.last.len()],
            log_densities: self.last_drawn.iter().map(|drawn| drawn.log_density).collect(),
        })
    }

    fn resume(&mut self, states: &ChainStates, draws: usize) -> Result<(), EngineError> {
        self.drawn = draws as u32;
        self.last.copy_from_slice(&states.positions);
        let last = self.last.chunks_exact(self.model.dim()).zip(&states.log_densities);
        self.last_drawn = last
            .map(|(theta, log_density)| IndependentDraw {
                log_density: *log_density,
                excess: self.proposal.excess(theta),
                tries: 0,
            })
            .collect();
        Ok(())
    }
}

/// The key of a row of a block, `[chain][draw]`, of `draws` draws of each chain from number `first` on.
fn key(chains: Chains, first: u32, draws: usize, row: usize) -> StreamKey {
    let (chain, draw) = (chains.first + (row / draws) as u32, first + (row % draws) as u32);
    StreamKey { seed: chains.seed, chain, transition: draw }
}
