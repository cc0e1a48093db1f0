//! The log density and its gradient on a GPU, in f32: a batch of positions in one submission and one wait.

mod factor_chunks;
pub(crate) mod mixed;
mod mixed_partial;
mod mixed_rows;
pub(crate) mod mixed_shape;
mod mixed_sigma;
pub(crate) mod mixed_tables;
mod passes;
mod rough_fit;
mod row_chunks;
mod row_shape;
pub(crate) mod tables;

use std::sync::Arc;

use wgpu::BufferUsages;

use super::{Batch, Density, DensityError, Evaluations, cpu};
use crate::gpu::{ComputeKernel, Exchange, Gpu, GpuError, Meter, ShaderHeader, Target, source};
use crate::model::{Coordinates, Likelihood, Model, Refusal};

pub(crate) use mixed::admits_coordinates;
use mixed::{Loops, MixedShader};
use mixed_shape::MixedShape;
use mixed_tables::MixedTables;
pub use mixed_tables::{ColumnRow, FactorRow, HyperRow, ScaleRow, TermRow};
use passes::Passes;
pub use row_chunks::RowChunk;
use row_chunks::{BUNDLE, RowChunks};
use tables::{
    COMMON, GROUPS_PER_LANE, LAVAPIPE_TURNS, Meeting, SOFTWARE_TURNS, Tables, Team, check_turns, family, group_turns,
    log_density,
};
pub use tables::{Prior, Reference};

/// The engine, as typed.
pub(crate) const ENGINE: &str = "the engine gpu-density";

/// Whether `gpu` computes log densities of `model`: if the CPU does, and no loop is too long for a software adapter.
///
/// # Errors
/// If the CPU does not admit `model`, a device has no density in its coordinates, or a software adapter would end its
/// loops early.
pub fn admits(gpu: &Gpu, model: &Model) -> Result<(), Refusal> {
    if let Some(map) = model.layout().mixed() {
        return mixed::admitted(gpu, model, map, ENGINE, Loops::InPasses(LAVAPIPE_TURNS)).map(drop);
    }
    cpu::admits(model)?;
    let team = Team::of(gpu.target(), model.layout().groups, GROUPS_PER_LANE);
    let limit = match model.coordinates() {
        Coordinates::Collapsed => SOFTWARE_TURNS,
        Coordinates::Joint { .. } => LAVAPIPE_TURNS,
    };
    check_turns(gpu, model, team, group_turns(model, team, false), limit, "use --engine cpu, or fewer predictors")
}

/// The shaders of a model, with its constants.
#[derive(Debug, Clone)]
pub struct DensityShaders {
    team: Team,
    /// Entry `evaluate`.
    pub evaluate: String,
    /// Entries `residuals` and `reduce`, for the likelihood over observations.
    pub observations: Option<[String; 2]>,
    /// Entries `set_position`, `sum_rows` and `gather_rows`, for a formula with many rows.
    pub rows: Option<String>,
    /// Numbers that each position needs in a buffer.
    scratch: usize,
}

impl DensityShaders {
    /// The shaders that evaluate `model` on `target`.
    pub fn new(model: &Model, target: Target) -> DensityShaders {
        let shape = model.layout().mixed().map(|map| MixedShape::new(model, map));
        DensityShaders::of(model, shape.as_ref(), row_chunks(model).as_ref(), target)
    }

    fn of(model: &Model, shape: Option<&MixedShape>, chunks: Option<&RowChunks>, target: Target) -> DensityShaders {
        if let Some(shape) = shape {
            let team = shape.team(target);
            let row_groups = shape.row_groups(team);
            let MixedShader { header, sources, scratch, .. } = MixedShader::of(model, shape, team, row_groups);
            return DensityShaders {
                team,
                evaluate: header.shader(source!("mixed/evaluate.wgsl"), &sources),
                observations: None,
                rows: row_groups.map(|_| header.shader(source!("mixed/row_passes.wgsl"), &sources)),
                scratch,
            };
        }
        let team = Team::of(target, model.layout().groups, GROUPS_PER_LANE);
        let header = header(model, team, chunks);
        let positions = source!("positions.wgsl");
        let density = [log_density(model, team, source!("rows/sums.wgsl")), vec![positions]].concat();
        let passes = [&COMMON[..], &[family(model), positions, RowChunk::SOURCE]].concat();
        DensityShaders {
            team,
            evaluate: header.shader(source!("evaluate.wgsl"), &density),
            observations: chunks
                .map(|_| [source!("rows/chunks.wgsl"), source!("rows/reduce.wgsl")])
                .map(|entries| entries.map(|entry| header.shader(entry, &passes))),
            rows: None,
            scratch: 0,
        }
    }
}

/// The chunks of rows of a model of the shorthand with a likelihood over observations.
fn row_chunks(model: &Model) -> Option<RowChunks> {
    let over_rows = model.likelihood() == Likelihood::Observations && model.mixed().is_none();
    over_rows.then(|| RowChunks::new(model))
}

/// A model on a device: tables and compiled kernels, shared by all densities that evaluate it there.
#[derive(Debug)]
pub struct DeviceModel {
    gpu: Arc<Gpu>,
    dim: usize,
    constant: f64,
    team: Team,
    fixed: wgpu::Buffer,
    /// The table of groups, for a likelihood over groups; of a formula, of groups or of rows.
    groups: wgpu::Buffer,
    /// Numbers that each position needs in a buffer.
    scratch: usize,
    passes: Passes,
    evaluate: ComputeKernel,
    meter: Arc<Meter>,
}

impl DeviceModel {
    /// Uploads the tables of `model` to `gpu` and compiles its kernels.
    ///
    /// # Errors
    /// If the device does not admit `model` ([`admits`]), has no room for it, or refuses a shader.
    pub fn new(gpu: Arc<Gpu>, model: &Model) -> Result<Arc<DeviceModel>, DensityError> {
        let shape = match model.layout().mixed() {
            Some(map) => Some(mixed::admitted(&gpu, model, map, ENGINE, Loops::InPasses(LAVAPIPE_TURNS))?),
            None => admits(&gpu, model).map(|()| None)?,
        };
        let chunks = row_chunks(model);
        let shaders = DensityShaders::of(model, shape.as_ref(), chunks.as_ref(), gpu.target());
        // SAFETY: buffers have rows of positions and evaluations for whole workgroups (`room`); groups below J index
        // tables of J columns; coefficients below K index the priors, K + 1 in number. A formula's rows, chunks and
        // levels are in range by construction (`MixedTables`), and places in the lanes' memory too (`MixedShape`).
        let evaluate = unsafe { ComputeKernel::compile(&gpu, "evaluate", &shaders.evaluate, &[])? };
        let (fixed, groups, constant) = match model.layout().mixed().zip(shape.as_ref()) {
            None => {
                let tables = Tables::of(model);
                let groups = gpu.table("the table of groups", &tables.groups)?;
                (gpu.table("priors", &tables.fixed)?, groups, tables.constant)
            }
            Some((map, shape)) => {
                let tables = MixedTables::of(model, map, shape);
                let likelihood = gpu.table("the table of rows or groups", &tables.likelihood)?;
                (gpu.table("priors and terms", &tables.fixed)?, likelihood, tables.constant)
            }
        };
        let passes = match (&chunks, &shaders.observations, &shape, &shaders.rows) {
            (Some(chunks), Some(sources), ..) => {
                let chains = chains_at_once(model.layout().coefficients);
                Passes::over_observations(&gpu, model, sources, chunks, chains)?
            }
            (.., Some(shape), Some(source)) => Passes::over_rows(&gpu, shape, shaders.team, source)?,
            _ => Passes::default(),
        };
        Ok(Arc::new(DeviceModel {
            dim: model.dim(),
            constant,
            team: shaders.team,
            fixed,
            groups,
            scratch: shaders.scratch,
            passes,
            evaluate,
            meter: Meter::part_of(gpu.meter()),
            gpu,
        }))
    }

    /// The model's device.
    pub fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    /// The times of all densities of this model.
    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// How the lanes of a team add up, in words.
    pub fn team(&self) -> String {
        let how = if self.team.meeting == Meeting::Workgroup { "workgroup memory" } else { "a subgroup" };
        format!("{} lanes a chain, added up through {how}", self.team.lanes)
    }

    /// The largest number of positions of a density.
    pub fn largest_width(&self) -> usize {
        let row = (self.dim + 1).max(self.passes.numbers()).max(self.scratch) as u64 * 4;
        let fit = self.gpu.largest_binding() / row;
        let dispatched = u64::from(self.gpu.limits().max_compute_workgroups_per_dimension);
        let whole = u64::from(self.whole());
        (fit.min(dispatched) / whole * whole) as usize
    }

    /// A density for `width` positions at once, or as many as fit.
    ///
    /// # Errors
    /// If not even a few positions fit, or the device's memory is full.
    pub fn density(self: &Arc<DeviceModel>, width: usize) -> Result<GpuDensity, GpuError> {
        GpuDensity::new(self.clone(), width.min(self.largest_width()).max(1))
    }

    /// Buffers have room for a multiple of this number of positions.
    fn whole(&self) -> u32 {
        self.team.teams.max(self.passes.whole())
    }
}

/// Batches of positions, evaluated on a device.
#[derive(Debug)]
pub struct GpuDensity {
    model: Arc<DeviceModel>,
    width: usize,
    exchange: Exchange,
    /// The bind groups of the passes in their order: those over observations, then the evaluation.
    bound: Vec<wgpu::BindGroup>,
    /// The positions of a batch, rounded to f32.
    numbers: Vec<f32>,
}

impl GpuDensity {
    fn new(model: Arc<DeviceModel>, width: usize) -> Result<GpuDensity, GpuError> {
        let (gpu, dim) = (&model.gpu, model.dim);
        let room = width.next_multiple_of(model.whole() as usize) as u64;
        let exchange =
            Exchange::new(gpu.clone(), 4 * room * dim as u64, 4 * room * (dim as u64 + 1), model.meter.clone())?;
        let numbers = |name: &str, numbers: usize| gpu.buffer(name, 4 * room * numbers as u64, BufferUsages::STORAGE);
        let scratch = numbers("the lanes' memory", model.scratch)?;
        let of_rows: Vec<(u32, wgpu::Buffer)> = (model.passes.room.iter())
            .map(|room| Ok((room.binding, numbers(room.name, room.numbers)?)))
            .collect::<Result<_, GpuError>>()?;
        let all =
            [(0, &model.fixed), (1, &model.groups), (2, exchange.input()), (3, exchange.output()), (12, &scratch)];
        let all: Vec<(u32, &wgpu::Buffer)> =
            all.into_iter().chain(of_rows.iter().map(|(at, room)| (*at, room))).collect();
        let mut bound = Vec::new();
        for step in &model.passes.steps {
            let own = step.tables.iter().map(|(at, table)| (*at, table));
            let others = all.iter().copied().filter(|(at, _)| step.tables.iter().all(|(own, _)| own != at));
            bound.push(step.kernel.bind(gpu, &own.chain(others).collect::<Vec<_>>())?);
        }
        bound.push(model.evaluate.bind(gpu, &all)?);
        Ok(GpuDensity { width, exchange, bound, numbers: Vec::with_capacity(width * dim), model })
    }
}

impl Density for GpuDensity {
    fn dim(&self) -> usize {
        self.model.dim
    }

    fn width(&self) -> usize {
        self.width
    }

    fn evaluate(&mut self, at: &dyn Batch, out: &mut Evaluations) -> Result<(), DensityError> {
        let (model, dim) = (&*self.model, self.model.dim);
        let positions = at.len() as u32;
        self.numbers.clear();
        for i in 0..at.len() {
            self.numbers.extend(at.position(i).iter().map(|coordinate| *coordinate as f32));
        }
        let record = |pass: &mut wgpu::ComputePass| {
            let (evaluate, before) = self.bound.split_last().expect("evaluation is always bound");
            for (step, bound) in model.passes.steps.iter().zip(before) {
                step.dispatch(pass, bound, positions);
            }
            model.evaluate.dispatch(pass, evaluate, positions.div_ceil(model.team.teams), 1);
        };
        let read = |rows: &[f32]| {
            for (i, row) in rows.chunks_exact(dim + 1).enumerate() {
                let (log_density, gradient) = out.row_mut(i);
                *log_density = f64::from(row[0]) + model.constant;
                for (gradient, number) in gradient.iter_mut().zip(&row[1..]) {
                    *gradient = f64::from(*number);
                }
            }
        };
        Ok(self.exchange.round_trip(&self.numbers, at.len() * (dim + 1), record, read)?)
    }
}

/// The constants of the shaders that evaluate a model.
fn header(model: &Model, team: Team, chunks: Option<&RowChunks>) -> ShaderHeader {
    let header = team.header(tables::header(model));
    let Some(chunks) = chunks else { return header };
    header
        .number("BUNDLE", BUNDLE as u32)
        .number("CHAINS", chains_at_once(model.layout().coefficients))
        .number("CHUNKS", chunks.table().len() as u32)
        .number("PARTIALS", chunks.partials())
        .number("LAST_LEVEL", chunks.levels().last().map_or(0, |level| level.offset))
}

/// Number of chains that share each read of the observations, limited by the registers for their betas and sums.
fn chains_at_once(coefficients: usize) -> u32 {
    match coefficients {
        ..=4 => 4,
        5..=8 => 2,
        _ => 1,
    }
}
