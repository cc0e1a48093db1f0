//! Group effects of independent draws on a device: those of the host to rounding, a lane a draw and group.
//!
//! In f32 they are about the mean of mu at the mode, which the host adds in f64. Where that is not precise enough, or a
//! draw has so many effects that a dispatch has few draws, the host draws them.

use rayon::prelude::*;

use super::DrawnRow;
use crate::density::conditional::ConditionalEffects;
use crate::density::gpu::tables::{random, with_random};
use crate::density::qr::{QrTable, start};
use crate::gpu::{ComputeKernel, Gpu, GpuError, ShaderHeader, Target, source};
use crate::independent::proposal::about_mode::IndependentRun;
use crate::lanes::LANES;
use crate::model::Model;
use crate::random::{Purpose, StreamKey};

/// Most effects of a dispatch: 64 MiB. Memory that a device copies to takes half a second a gigabyte to allocate.
const DISPATCHED: usize = 1 << 24;

/// Fewest draws of a dispatch: fewer would leave most of a device idle.
const FEWEST: usize = 256;

/// Draws whose effects are compared with the host's, and the largest error that is allowed, in sds of the effect.
pub const COMPARED: u32 = 32;
const LARGEST_ERROR: f64 = 1e-3;

/// The kernel that draws effects, and its table.
#[derive(Debug)]
pub struct EffectsKernel {
    kernel: ComputeKernel,
    /// R and w of each group, w about `means`.
    table: wgpu::Buffer,
    groups: usize,
    /// The mean of mu at the mode, in the sampler's units.
    means: Vec<f64>,
}

/// Group effects that a device has drawn with the hyperparameters of some rows of draws.
#[derive(Debug, Clone, Default)]
pub struct DrawnEffects {
    /// `[row][coefficient][group]`, in the sampler's units, about `means`.
    values: Vec<f32>,
    means: Vec<f64>,
    /// The rows that the device has drawn.
    drawn: Vec<bool>,
}

/// The shader, entry `draw_effects`, for `coefficients` effects of each of `groups` groups on `target`.
pub fn shader(coefficients: usize, groups: usize, target: Target) -> String {
    let header = with_random(ShaderHeader::default())
        .number("K", coefficients as u32)
        .number("J", groups as u32)
        .number("MOVERS", super::LANES)
        .number("EFFECT", Purpose::Effect as u32);
    let files = [
        IndependentRun::SOURCE,
        DrawnRow::SOURCE,
        source!("math.wgsl"),
        source!("number.wgsl"),
        source!("qr.wgsl"),
        source!("qr_far.wgsl"),
        source!("covariance.wgsl"),
        source!("conditional_effects.wgsl"),
    ];
    header.shader(source!("independent_effects.wgsl"), &[&files[..], &random(target)].concat())
}

/// Most draws of a dispatch that draws the effects of `model` on `gpu`, too; `None` if they are too few.
pub fn room(gpu: &Gpu, model: &Model) -> Option<usize> {
    let effects = model.layout().coefficients * model.layout().groups;
    let most = DISPATCHED.min(gpu.largest_binding() as usize / size_of::<f32>());
    Some(most / effects).filter(|rows| *rows >= FEWEST)
}

impl EffectsKernel {
    /// The kernel for effects of `model` about `means`.
    ///
    /// # Errors
    /// If the driver refuses the shader, or the device has no room for its table.
    pub fn new(gpu: &Gpu, model: &Model, means: &[f64]) -> Result<EffectsKernel, GpuError> {
        let mut table = QrTable::new(model);
        table.subtract(means);
        let (coefficients, groups) = (table.coefficients, table.groups);
        // As qr_far.wgsl reads them: a row of J for each number of a group. The first row is not used.
        let mut numbers = vec![0.0f32; (1 + start(coefficients) + coefficients) * groups];
        let (_, used) = numbers.split_at_mut(groups);
        for (eight, bundle) in table.bundles().enumerate() {
            for (row, lanes) in used.chunks_exact_mut(groups).zip(bundle.numbers()) {
                let here = row[eight * LANES..].iter_mut().zip(lanes.0);
                here.for_each(|(to, number)| *to = number as f32);
            }
        }
        // SAFETY: a row is below `run.rows`, which keys, draws and effects have room for, a group below J, and a
        // coefficient below K. Loops end after 2 K or TRIANGLE turns, or ten rounds.
        let kernel =
            unsafe { ComputeKernel::compile(gpu, "draw_effects", &shader(coefficients, groups, gpu.target()), &[])? };
        Ok(EffectsKernel { kernel, table: gpu.table("R and w", &numbers)?, groups, means: means.to_vec() })
    }

    /// Binds the table and `buffers`.
    ///
    /// # Errors
    /// If a buffer is missing.
    pub fn bind(&self, gpu: &Gpu, buffers: &[(u32, &wgpu::Buffer)]) -> Result<wgpu::BindGroup, GpuError> {
        self.kernel.bind(gpu, &[&[(1, &self.table)], buffers].concat())
    }

    /// Records a dispatch for `rows` draws.
    pub fn dispatch(&self, gpu: &Gpu, pass: &mut wgpu::ComputePass, bound: &wgpu::BindGroup, rows: usize) {
        let lanes = (rows * self.groups) as u64;
        self.kernel.dispatch_all(gpu, pass, bound, lanes.div_ceil(u64::from(super::LANES)));
    }

    /// Bytes of the effects of `rows` draws.
    pub fn bytes(&self, rows: usize) -> u64 {
        (rows * self.means.len() * self.groups * size_of::<f32>()) as u64
    }

    /// Room for the effects of `rows` draws, none of them drawn yet.
    pub fn room_in(&self, effects: &mut DrawnEffects, rows: usize) {
        effects.means.clone_from(&self.means);
        effects.values.resize(rows * self.means.len() * self.groups, 0.0);
        effects.drawn.clear();
        effects.drawn.resize(rows, false);
    }
}

impl DrawnEffects {
    /// Takes the effects of the draws from `first` on.
    pub(super) fn take(&mut self, first: usize, drawn: &[DrawnRow], values: &[f32]) {
        let width = self.values.len() / self.drawn.len().max(1);
        let here = self.values[first * width..].par_chunks_mut(1 << 16).zip(values.par_chunks(1 << 16));
        here.for_each(|(to, from)| to[..from.len()].copy_from_slice(from));
        self.drawn[first..].iter_mut().zip(drawn).for_each(|(is_drawn, row)| *is_drawn = row.tries > 0);
    }

    /// Leaves the effects of a row to the host.
    pub fn omit(&mut self, row: usize) {
        self.drawn[row] = false;
    }

    /// The effects of a row, `[coefficient][group]`, and what they are about; `None` if the host is to draw them.
    pub fn of(&self, row: usize) -> Option<(&[f32], &[f64])> {
        let width = self.values.len() / self.drawn.len().max(1);
        self.drawn.get(row).filter(|is_drawn| **is_drawn)?;
        Some((&self.values[row * width..][..width], &self.means))
    }
}

/// Whether `effects` are the host's, given the positions `theta` of some draws of `model`, as far as is wanted.
pub fn are_precise(model: &Model, keys: &[StreamKey], theta: &[f64], effects: &DrawnEffects) -> bool {
    let (dim, hyperparameters) = (model.dim(), model.layout().hyperparameters());
    let conditional = ConditionalEffects::new(model);
    let both = keys.par_iter().zip(theta.par_chunks_exact(dim)).enumerate().map_init(
        || conditional.clone(),
        |conditional, (row, (key, theta))| {
            let mut here = vec![0.0; model.layout().dim()];
            model.constrain(theta, &mut here[..hyperparameters]);
            let mut there = here.clone();
            conditional.draw(key, &mut here);
            let (values, means) = effects.of(row)?;
            conditional.place(means, values, &mut there);
            Some([here, there])
        },
    );
    let both: Vec<[Vec<f64>; 2]> = both.flatten().collect();
    let count = both.len() as f64;
    (hyperparameters..model.layout().dim()).all(|i| {
        let mean = both.iter().map(|[here, _]| here[i]).sum::<f64>() / count;
        let variance = both.iter().map(|[here, _]| (here[i] - mean).powi(2)).sum::<f64>() / count;
        // NaN is not precise.
        both.iter().all(|[here, there]| (here[i] - there[i]).abs() <= LARGEST_ERROR * variance.sqrt())
    })
}
