//! Independent draws on a device: those of the host to rounding, for one or two coefficients.
//!
//! Two dispatches are under way: while one runs, the host processes the draws of the other.

pub mod effects;
mod slot;

use std::collections::VecDeque;
use std::sync::Arc;

use rayon::prelude::*;

use super::cells::EMPTY;
use super::proposal::DEFENSIVE;
use super::proposal::about_mode::{AboutMode, word_below};
use super::{IndependentDraw, Proposal};
use crate::density::gpu::tables::{LAVAPIPE_TURNS, random, with_random};
use crate::gpu::{ComputeKernel, Gpu, GpuError, Meter, ShaderHeader, Target, shared_struct, source};
use crate::model::{Model, Refusal};
use crate::random::{Purpose, StreamKey};
use effects::{DrawnEffects, EffectsKernel};
use slot::{DrawSlot, Landed};

pub use super::proposal::about_mode::{AxisRow, CellRow, IndependentRun};

/// Most coefficients of a likelihood in closed form.
const MOST_COEFFICIENTS: usize = 2;

/// Lanes of a workgroup.
const LANES: u32 = 64;

/// Draws that a lane makes, one after the other, so that its proposals are about as many as the next lane's, where
/// there are enough draws for so many lanes.
const LANE_DRAWS: u32 = 8;
const BUSY_LANES: u32 = 1 << 14;

/// Most draws of a dispatch.
const DISPATCHED: usize = 1 << 18;

/// Draws that a thread converts at least.
const GRAIN: usize = 1 << 12;

/// Draws whose weights are compared with the host's before a device is taken, and the largest error that is allowed.
const COMPARED: u32 = 4096;
const LARGEST_ERROR: f64 = 1e-3;

shared_struct! {
    /// A draw, about the mode.
    pub struct DrawnRow {
        /// The first mean.
        pub mu_0: f32,
        /// The second mean, if there is a slope.
        pub mu_1: f32,
        /// The log scales.
        pub log_0: f32,
        pub log_1: f32,
        pub log_2: f32,
        /// The log density.
        pub log_density: f32,
        /// log (w / M).
        pub excess: f32,
        /// Number of proposals; 0 if none was accepted.
        pub tries: u32,
    }
}

/// Why a device makes no independent draws of a model.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotOnDevice {
    /// There is no closed form.
    #[error("on a device they are for an intercept and at most one predictor")]
    Coefficients,
    /// A draw would take too many iterations of loops.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// 32 bits do not suffice.
    #[error("in 32 bits the log weights of their proposal are off by up to {0:.0e}")]
    Inaccurate(f64),
    /// The device failed.
    #[error(transparent)]
    Device(#[from] GpuError),
}

/// Whether a device may make independent draws of `model`, as far as can be said without a proposal.
///
/// # Errors
/// If its likelihood has no closed form.
pub fn admits(model: &Model) -> Result<(), NotOnDevice> {
    if model.layout().coefficients > MOST_COEFFICIENTS { Err(NotOnDevice::Coefficients) } else { Ok(()) }
}

/// A proposal on a device.
#[derive(Debug)]
pub struct DeviceDraws {
    gpu: Arc<Gpu>,
    proposal: Arc<Proposal>,
    about: AboutMode,
    kernel: ComputeKernel,
    /// Draws the group effects, if they are wanted from the device.
    effects: Option<EffectsKernel>,
    idle: Vec<DrawSlot>,
    /// The earliest dispatch first.
    under_way: VecDeque<DrawSlot>,
    /// Most draws of a dispatch.
    room: usize,
    /// Draws that a lane makes in a dispatch.
    lane_draws: u32,
    meter: Arc<Meter>,
}

/// The shader, entry `draw`, that makes draws of `scales` scales on `target`.
pub fn shader(scales: usize, target: Target) -> String {
    let header = with_random(ShaderHeader::default())
        .number("SCALES", scales as u32)
        .number("K", scales as u32 - 1)
        .number("CORNERS", 1 << scales)
        .number("LANES", LANES)
        .number("EMPTY", EMPTY)
        .number("DEFENSIVE", word_below(DEFENSIVE))
        .number("PROPOSAL", Purpose::Proposal as u32)
        .number("MEAN", Purpose::Mean as u32);
    let files = [
        IndependentRun::SOURCE,
        AxisRow::SOURCE,
        CellRow::SOURCE,
        DrawnRow::SOURCE,
        source!("math.wgsl"),
        source!("cells.wgsl"),
        source!("scale_density.wgsl"),
        source!("scale_likelihood.wgsl"),
    ];
    header.shader(source!("independent.wgsl"), &[&files[..], &random(target)].concat())
}

impl DeviceDraws {
    /// Draws of `proposal` on `gpu`.
    ///
    /// # Errors
    /// If there is no closed form of the model's likelihood, 32 bits do not suffice for its proposal's weights, a
    /// software adapter would end its loops early, or the device fails.
    pub fn new(gpu: Arc<Gpu>, proposal: Arc<Proposal>) -> Result<DeviceDraws, NotOnDevice> {
        let mut about = proposal.fitted.about_mode().ok_or(NotOnDevice::Coefficients)?;
        let largest = proposal.certificate().largest;
        // A dispatch ends long after nearly all draws are made, and on software before its loops are ended.
        let turns = about.run.groups + about.run.groups / 32 + 200;
        let usual = (2.0 * largest + 4.0) as u32;
        let software = gpu.target().software;
        let most = if software { LAVAPIPE_TURNS / turns } else { LANE_DRAWS * usual };
        if most < usual {
            let (adapter, iterations) = (gpu.adapter().name().to_string(), usual * turns);
            let remedy = "a GPU has no such limit";
            return Err(Refusal::Loops { adapter, limit: LAVAPIPE_TURNS, iterations, remedy }.into());
        }
        about.run.most = most;
        about.run.turns = LAVAPIPE_TURNS;
        // SAFETY: a row is below `run.rows`, which keys and drawn have room for; a cell below the number of cells, an
        // alias and a number of the box are cells, and each has its corners; a place in the box is in its table. Loops
        // end after few turns, the number of groups, `run.most` proposals or `run.rows` rows.
        let kernel = unsafe { ComputeKernel::compile(&gpu, "draw", &shader(about.scales, gpu.target()), &[])? };
        let tables = [
            gpu.table("scales", &about.axes)?,
            gpu.table("the table of groups", &about.groups)?,
            gpu.table("numbers of cells", &about.numbers)?,
            gpu.table("cells", &about.cells)?,
            gpu.table("corners", &about.corners)?,
        ];
        let [axes, groups, numbers, cells, corners] = &tables;
        let shared = [(1, axes), (4, groups), (5, numbers), (6, cells), (7, corners)];
        let slot = || DrawSlot::new(&gpu, &kernel, &shared, DISPATCHED);
        let (idle, meter) = (vec![slot()?, slot()?], Meter::part_of(gpu.meter()));
        let (room, lane_draws) = (DISPATCHED, (most / usual).clamp(1, LANE_DRAWS));
        let (effects, under_way) = (None, VecDeque::new());
        let mut draws = DeviceDraws { gpu, proposal, about, kernel, effects, idle, under_way, room, lane_draws, meter };
        let error = draws.largest_error()?;
        if error <= LARGEST_ERROR { Ok(draws) } else { Err(NotOnDevice::Inaccurate(error)) }
    }

    /// The same, with the group effects of `model`, which the proposal is for, drawn on the device, too, in a run of
    /// `draws` draws: unless there are too many of them for a dispatch, or 32 bits do not suffice for them.
    ///
    /// # Errors
    /// If the device fails, or has no room for them.
    pub fn with_effects(mut self, model: &Model, draws: usize) -> Result<DeviceDraws, GpuError> {
        let Some(room) = effects::room(&self.gpu, model) else { return Ok(self) };
        let kernel = EffectsKernel::new(&self.gpu, model, &self.about.mean[..self.about.scales - 1])?;
        let all = self.room;
        self.room = room.min(draws.max(effects::COMPARED as usize)).min(all);
        self.idle.iter_mut().try_for_each(|slot| slot.add_effects(&self.gpu, &kernel, self.room))?;
        self.effects = Some(kernel);
        let keys: Vec<StreamKey> =
            (0..effects::COMPARED).map(|chain| StreamKey { seed: 0, chain, transition: 0 }).collect();
        let mut theta = vec![0.0; keys.len() * model.dim()];
        let mut drawn = vec![IndependentDraw::default(); keys.len()];
        let mut found = DrawnEffects::default();
        self.draw(&keys, &mut theta, &mut drawn, Some(&mut found))?;
        if !effects::are_precise(model, &keys, &theta, &found) {
            self.idle.iter_mut().for_each(DrawSlot::drop_effects);
            (self.effects, self.room) = (None, all);
        }
        Ok(self)
    }

    /// The device.
    pub fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    /// The same, with at most so many proposals of a lane in a dispatch. No draw depends on them but by rounding.
    pub fn with_most(mut self, most: u32) -> DeviceDraws {
        self.about.run.most = most;
        self
    }

    /// Whether it draws the group effects.
    pub fn draws_effects(&self) -> bool {
        self.effects.is_some()
    }

    /// Most draws of a dispatch.
    pub fn room(&self) -> usize {
        self.room
    }

    /// The largest error of log (w / M) in some draws.
    ///
    /// # Errors
    /// If the device fails.
    fn largest_error(&mut self) -> Result<f64, GpuError> {
        let keys: Vec<StreamKey> = (0..COMPARED).map(|chain| StreamKey { seed: 0, chain, transition: 0 }).collect();
        let dim = 2 * self.about.scales - 1;
        let mut theta = vec![0.0; keys.len() * dim];
        let mut drawn = vec![IndependentDraw::default(); keys.len()];
        self.draw(&keys, &mut theta, &mut drawn, None)?;
        let errors = theta.par_chunks_exact(dim).zip(&drawn);
        let errors = errors.map(|(theta, drawn)| (drawn.excess - self.proposal.excess(theta)).abs());
        // In total order, NaN is larger than any error.
        Ok(errors.reduce(|| 0.0, |a, b| if a.total_cmp(&b).is_lt() { b } else { a }))
    }

    /// As [`Proposal::draw`], with the group effects that the device draws, if they are wanted.
    ///
    /// # Errors
    /// If the device fails.
    pub fn draw(
        &mut self,
        keys: &[StreamKey],
        theta: &mut [f64],
        drawn: &mut [IndependentDraw],
        mut effects: Option<&mut DrawnEffects>,
    ) -> Result<(), GpuError> {
        self.clear(effects.as_deref_mut(), keys.len());
        let mut parts = keys.chunks(self.room).map(<[StreamKey]>::to_vec);
        for first in (0..keys.len()).step_by(self.room) {
            self.submit(&mut parts);
            self.collect(first, theta, drawn, effects.as_deref_mut())?;
        }
        Ok(())
    }

    /// Room for the effects of `rows` draws, if the device draws them.
    pub fn clear(&self, effects: Option<&mut DrawnEffects>, rows: usize) {
        if let (Some(kernel), Some(effects)) = (&self.effects, effects) {
            kernel.room_in(effects, rows);
        }
    }

    /// Dispatches under way.
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Submits the next of `parts`, the keys of at most [`room`](DeviceDraws::room) draws each, until two are under
    /// way.
    pub fn submit(&mut self, parts: &mut impl Iterator<Item = Vec<StreamKey>>) {
        while let Some(mut slot) = self.idle.pop() {
            let Some(keys) = parts.next() else {
                self.idle.push(slot);
                return;
            };
            let seed = keys.first().map_or(0, |key| key.seed);
            let rows = keys.len() as u32;
            let lanes = rows.div_ceil(self.lane_draws).max(rows.min(BUSY_LANES));
            let run = IndependentRun {
                seed_low: seed as u32,
                seed_high: (seed >> 32) as u32,
                rows,
                lanes: lanes.next_multiple_of(LANES),
                ..self.about.run
            };
            let kernel = (&self.kernel, lanes.div_ceil(LANES));
            slot.submit(&self.gpu, run, keys, kernel, self.effects.as_ref());
            self.under_way.push_back(slot);
        }
    }

    /// Waits for the earliest dispatch under way, and writes its draws to the rows from `first` on.
    ///
    /// # Errors
    /// If the device fails.
    pub fn collect(
        &mut self,
        first: usize,
        theta: &mut [f64],
        drawn: &mut [IndependentDraw],
        effects: Option<&mut DrawnEffects>,
    ) -> Result<(), GpuError> {
        self.gpu.check()?;
        let Some(mut slot) = self.under_way.pop_front() else { return Ok(()) };
        let AboutMode { scales, mean, logs, log_density, .. } = &self.about;
        let (k, dim) = (scales - 1, 2 * scales - 1);
        let (theta, drawn) = (&mut theta[first * dim..], &mut drawn[first..]);
        let landed = slot.land(&self.gpu, self.effects.as_ref(), |rows, found| {
            let places = theta.par_chunks_exact_mut(dim).zip(&mut *drawn);
            rows.par_iter().zip(places).with_min_len(GRAIN).for_each(|(row, (theta, drawn))| {
                let (mus, scale_logs) = ([row.mu_0, row.mu_1], [row.log_0, row.log_1, row.log_2]);
                (0..k).for_each(|i| theta[i] = mean[i] + f64::from(mus[i]));
                (0..*scales).for_each(|i| theta[k + i] = logs[i] + f64::from(scale_logs[i]));
                *drawn = IndependentDraw {
                    log_density: log_density + f64::from(row.log_density),
                    excess: f64::from(row.excess),
                    tries: row.tries,
                };
            });
            if let Some(effects) = effects.filter(|_| !found.is_empty()) {
                effects.take(first, rows, found);
            }
        })?;
        self.idle.push(slot);
        let Some(Landed { keys, times: [host, wait, kernel] }) = landed else { return Ok(()) };
        self.meter.count(host, wait, kernel);
        // The host makes those with unusually many tries.
        let left: Vec<usize> = (0..keys.len()).filter(|row| drawn[*row].tries == 0).collect();
        let left_keys: Vec<StreamKey> = left.iter().map(|row| keys[*row]).collect();
        let (mut made, mut made_drawn) = (vec![0.0; left.len() * dim], vec![IndependentDraw::default(); left.len()]);
        self.proposal.draw(&left_keys, &mut made, &mut made_drawn);
        for (row, (made, made_drawn)) in left.into_iter().zip(made.chunks_exact(dim).zip(made_drawn)) {
            theta[row * dim..][..dim].copy_from_slice(made);
            drawn[row] = made_drawn;
        }
        Ok(())
    }

    /// Waits for all dispatches under way, whose draws are not wanted.
    ///
    /// # Errors
    /// If the device fails.
    pub fn discard(&mut self) -> Result<(), GpuError> {
        while let Some(mut slot) = self.under_way.pop_front() {
            slot.land(&self.gpu, self.effects.as_ref(), |_, _| {})?;
            self.idle.push(slot);
        }
        Ok(())
    }
}
