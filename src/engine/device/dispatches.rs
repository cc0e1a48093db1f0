//! The dispatches of a phase: two of each batch are under way, and while one runs, the host processes the output of the
//! other.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::DeviceEngine;
use super::batch::DeviceBatch;
use super::messages::Dispatch;
use super::reorder_buffer::ReorderBuffer;
use crate::density::DensityError;
use crate::engine::{Counters, DrawSink, EngineError, Phase};
use crate::faults;
use crate::gpu::GpuError;
use crate::math::ln;
use crate::nuts::eigenvectors::Snapshots;

/// Target duration of a dispatch: many round trips, and far below the limit of a watchdog.
const DISPATCH_TIME: Duration = Duration::from_millis(20);

/// Loop iterations of the first dispatch, and of every dispatch on a software adapter: lavapipe silently ends all loops
/// of an invocation after 65,535 iterations, and the last leapfrog begins before the budget is spent
/// ([`tables::SOFTWARE_TURNS`], and what the metric's eigenvectors take).
///
/// [`tables::SOFTWARE_TURNS`]: crate::density::gpu::tables::SOFTWARE_TURNS
pub const FIRST_BUDGET: u32 = 20_000;
pub const SOFTWARE_BUDGET: u32 = 32_000;

/// Largest number of iterations of a dispatch.
const LARGEST_BUDGET: u32 = 1 << 24;

/// If draws are summed up, no chain runs more transitions than this ahead of another, because all must end with the
/// same number when a run is stopped.
const AHEAD: u32 = 256;

impl DeviceEngine {
    /// Transitions of the phase that every chain is to make: none after a stop, or, if draws are summed up, as many as
    /// the chain farthest ahead has made.
    fn goal(&self, phase: &Phase) -> u32 {
        match self.progress.is_stopped() {
            false => self.waiting_place,
            true if self.sums(phase) => self.batches.iter().map(DeviceBatch::furthest).max().unwrap_or(0),
            true => 0,
        }
    }

    /// Whether the device sums up the draws of a phase.
    pub(super) fn sums(&self, phase: &Phase) -> bool {
        self.shaders.sums > 0 && phase.part.records()
    }

    /// Runs dispatches until all chains have reached the goal.
    pub(super) fn dispatches(
        &mut self,
        phase: &Phase,
        reorder: &mut Option<ReorderBuffer>,
        sink: &mut dyn DrawSink,
    ) -> Result<(), EngineError> {
        self.snapshots = Snapshots::default();
        for i in 1..=phase.snapshots.each.clamp(1, phase.transitions) {
            self.waiting_place = phase.place_of_snapshot(i);
            while self.batches.iter().any(|batch| batch.slowest() < self.goal(phase)) {
                self.follow_up(phase, reorder, sink)?;
            }
            if self.progress.is_stopped() {
                break;
            }
            self.take_snapshots(phase.snapshots.chains as usize).map_err(DensityError::Device)?;
        }
        Ok(())
    }

    /// Adds the states of the first `chains` chains to the snapshots.
    fn take_snapshots(&mut self, chains: usize) -> Result<(), GpuError> {
        let coordinates = self.shaders.lie.coordinates();
        let mut left = chains;
        for batch in &self.batches {
            if left == 0 {
                break;
            }
            let states = batch.states(&self.gpu, &self.kernels.take, &coordinates, self.constant)?;
            states.iter().take(left).for_each(|state| self.snapshots.add(&state.position, &state.gradient));
            left = left.saturating_sub(states.len());
        }
        Ok(())
    }

    /// Keeps two dispatches of each batch under way until it has reached the goal.
    fn follow_up(
        &mut self,
        phase: &Phase,
        reorder: &mut Option<ReorderBuffer>,
        sink: &mut dyn DrawSink,
    ) -> Result<(), EngineError> {
        let device = |error: GpuError| EngineError::Density(DensityError::Device(error));
        let mut under_way: VecDeque<(usize, usize)> = VecDeque::new();
        for slot in 0..2 {
            for batch in 0..self.batches.len() {
                self.submit(phase, reorder, batch, slot);
                under_way.push_back((batch, slot));
            }
        }
        let mut landed_before = Instant::now();
        while let Some((batch, slot)) = under_way.pop_front() {
            let waiting = Instant::now();
            let waited = self.batches[batch].wait(&self.gpu, slot).map_err(device)?;
            let now = Instant::now();
            let kernel = if waited.is_zero() { now - landed_before } else { waited };
            landed_before = now;
            self.adapt_budget(kernel);
            self.collect(phase, reorder, batch, slot, sink)?;
            self.meter.count(now.elapsed(), now - waiting, kernel);
            if self.batches[batch].slowest() < self.goal(phase) {
                self.submit(phase, reorder, batch, slot);
                under_way.push_back((batch, slot));
            }
        }
        Ok(())
    }

    fn submit(&mut self, phase: &Phase, reorder: &Option<ReorderBuffer>, batch: usize, slot: usize) {
        let slowest = || self.batches.iter().map(DeviceBatch::slowest).min().unwrap_or(0);
        let limit = match reorder {
            Some(reorder) => reorder.limit(phase).min(self.waiting_place),
            None if self.sums(phase) => self.goal(phase).min(slowest() + AHEAD),
            None => self.waiting_place,
        };
        let seed = if faults::is_planted("swapped-fields") { self.seed.rotate_left(32) } else { self.seed };
        let run = Dispatch {
            seed_low: seed as u32,
            seed_high: (seed >> 32) as u32,
            first_chain: self.first,
            first_transition: self.transitions,
            transitions: limit,
            budget: self.budget,
            max_depth: phase.tuning.max_depth,
            fours: self.metric.fours,
            learning: phase.part.learns().into(),
            recording: phase.part.records().into(),
            adapting: phase.adapt.is_some().into(),
            target_accept: phase.adapt.map_or(0.0, |adapt| adapt.target as f32),
            gain: phase.adapt.map_or(0.0, |adapt| adapt.gain as f32),
            log_step_size: ln(phase.tuning.step_size) as f32,
            turns: u32::MAX,
            half: self.half,
            thin: phase.thin,
            since_recorded: self.made(phase) as u32 % phase.thin,
            first_effects: self.made(phase) as u32,
            effects_flipped: if phase.part.learns() { u32::MAX } else { 0 },
            ..Dispatch::default()
        };
        let room = reorder.as_ref().map_or(u32::MAX, ReorderBuffer::share);
        self.batches[batch].submit(&self.gpu, &self.kernels.transition, slot, Dispatch { room, ..run });
    }

    /// Processes the output of a dispatch.
    fn collect(
        &mut self,
        phase: &Phase,
        reorder: &mut Option<ReorderBuffer>,
        batch: usize,
        slot: usize,
        sink: &mut dyn DrawSink,
    ) -> Result<(), EngineError> {
        let device = |error: GpuError| EngineError::Density(DensityError::Device(error));
        let batch = &mut self.batches[batch];
        let news = batch.count(slot).map_err(device)?;
        if let Some(reorder) = reorder {
            batch.draws(&self.gpu, slot, |landed| reorder.take(landed, sink)).map_err(device)?.unwrap_or(Ok(()))?;
        }
        let step_size = phase.tuning.step_size;
        self.progress.add(Counters { acceptance: 0.0, step_size, ..news });
        Ok(())
    }

    fn adapt_budget(&mut self, time: Duration) {
        if self.adaptive {
            let factor = (DISPATCH_TIME.as_secs_f64() / time.as_secs_f64().max(1e-6)).clamp(0.5, 2.0);
            self.budget = ((f64::from(self.budget) * factor) as u32).clamp(FIRST_BUDGET / 10, LARGEST_BUDGET);
        }
    }
}
