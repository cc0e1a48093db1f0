//! The shaders of whole transitions: the layout of a model's vectors on the device, and the kernels compiled for it.

use std::mem::offset_of;

use super::messages::{Chain, Dispatch, Pooling, StepSize, TransitionStatistics, Weight};
use super::metric::TURNS_OF_SUMS;
use super::vectors::Vectors;
use crate::density::cpu;
use crate::density::gpu::mixed::{self, Loops, MixedShader};
use crate::density::gpu::tables::{
    self, COMMON, GROUPS_PER_LANE, Meeting, SOFTWARE_TURNS, Tables, Team, check_turns, group_turns, header,
    log_density, random, with_random,
};
use crate::engine::sums::{BINS, REACH};
use crate::gpu::{ComputeKernel, Gpu, GpuError, ShaderHeader, Source, Target, source};
use crate::model::{Coordinates, Likelihood, Model, Refusal};
use crate::nuts::{MAX_ENERGY_ERROR, adaptation};
use crate::random::Purpose;

/// The sources of transitions, apart from the log density and from variants.
const TRANSITIONS: [Source; 12] = [
    Dispatch::SOURCE,
    Weight::SOURCE,
    StepSize::SOURCE,
    Chain::SOURCE,
    TransitionStatistics::SOURCE,
    source!("weight.wgsl"),
    source!("step_size.wgsl"),
    source!("vectors.wgsl"),
    source!("leapfrog.wgsl"),
    source!("tree.wgsl"),
    source!("nuts.wgsl"),
    source!("moments.wgsl"),
];

/// The engine, as typed.
pub const ENGINE: &str = "the engine gpu";

/// Limit on the groups' effects of all coefficients that a lane holds, because they use registers.
const SLOTS_PER_LANE: usize = 32;

/// The first vector of a chain's checkpoints; see vectors.wgsl.
const CHECKPOINT: u32 = 16;

/// Chains whose vectors are interleaved if each chain has a lane to itself: usually the lanes of a subgroup.
const BESIDE: usize = 32;

/// Bytes of a workgroup's memory that every device has; they hold the numbers of all groups if each chain has a lane to
/// itself.
const NEAR: usize = 16 << 10;

/// Largest number of coefficients of a model whose chains have a lane each, with all coordinates in registers.
const MOST_ALONE: usize = 4;

/// Groups that such a lane adds up together before it adds their sums to the others; also the length of a quad of sums.
const BUNCH: usize = 4;

/// Vectors of a chain's sums: two for each half of its draws, and two for its tails.
pub const SUMS: usize = 6;

/// Chains whose moments are pooled together on the device.
pub const POOLED: u32 = 64;

/// Lanes of a workgroup of the kernels that copy and reduce: `pool`, `put`, `take` and `pack`.
pub const MOVERS: u32 = 64;

/// The lane whose random block gives the directions; the lanes before it hold the blocks of joins, for depths up to 28.
const DIRECTION_LANE: u32 = 7;

/// The device's output of draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceOutput {
    /// This many leading coordinates of each draw.
    Draws(usize),
    /// Sums over each chain's draws, and histograms over the draws of all chains.
    Sums,
}

/// The compiled kernels of every run.
#[derive(Debug)]
pub struct Kernels {
    /// Whole transitions.
    pub transition: ComputeKernel,
    /// Pools moments over chains.
    pub pool: ComputeKernel,
    /// Copies states from the host to the chains.
    pub put: ComputeKernel,
    /// Copies states from the chains to the host.
    pub take: ComputeKernel,
}

/// The layout of a model's vectors on the device, and its shaders.
#[derive(Debug, Clone)]
pub struct TransitionShaders {
    /// Lanes that share a chain.
    pub team: Team,
    /// The layout of vectors.
    pub lie: Vectors,
    /// The layout of vectors of sums, which have all named variables.
    pub sums_lie: Vectors,
    /// Number of vectors of a chain.
    pub vectors: u32,
    /// Number of leading coordinates that are written of each draw; 0 if draws are summed up.
    pub kept: usize,
    /// Number of vectors of a chain's sums; 0 if draws are written.
    pub sums: usize,
    /// Numbers that each chain needs in a buffer for its log density.
    pub scratch: usize,
    /// Entry `transition`.
    pub transition: String,
    /// Entry `pool`.
    pub pool: String,
    /// Entries `put` and `take`.
    pub states: String,
    /// Entry `pack`; empty for a formula, whose draws leave in 32 bits.
    pub pack: String,
}

impl TransitionShaders {
    /// The shaders of transitions of `model` on the device `target`, with trees of up to `max_depth` doublings;
    /// `output` selects the output of draws.
    pub fn new(model: &Model, max_depth: u32, output: DeviceOutput, target: Target) -> TransitionShaders {
        let layout = model.layout();
        let DensityPieces { team, header, density, named, shape, scratch, turns } = DensityPieces::of(model, target);
        let (beside, sharing) = match team.meeting {
            Meeting::Alone => (BESIDE, source!("chain_alone.wgsl")),
            Meeting::Subgroup { .. } | Meeting::Workgroup => (1, source!("chain_shared.wgsl")),
        };
        let lie = Vectors::new(shape, team.lanes as usize, beside);
        let sums_lie = lie.with_effects(layout.coefficients, if team.meeting == Meeting::Alone { BUNCH } else { 1 });
        let vectors = CHECKPOINT + 3 * max_depth;
        let (kept, sums, writer) = match output {
            DeviceOutput::Draws(kept) => (kept, 0, source!("output_draws.wgsl")),
            DeviceOutput::Sums => (0, SUMS, source!("output_sums.wgsl")),
        };
        let header = with_random(header)
            .number("OBSERVATIONS", model.dataset().n_observations() as u32)
            .number("GROUP_TURNS", turns)
            .number("GROUP_SLOTS", lie.group_slots as u32)
            .number("SLOTS", lie.slots as u32)
            .number("QUADS", lie.slots.div_ceil(4) as u32)
            .number("BESIDE", beside as u32)
            .number("SUM_GROUP_SLOTS", sums_lie.group_slots as u32)
            .number("SUM_SLOTS", sums_lie.slots as u32)
            .number("BUNCH", BUNCH as u32)
            .number("QR_GROUPS", layout.groups.next_multiple_of(BUNCH) as u32)
            .number("VECTORS", vectors)
            .number("KEPT", kept as u32)
            .number("TURNS_OF_SUMS", TURNS_OF_SUMS as u32)
            .number("DIRECTION_LANE", DIRECTION_LANE)
            .number("POOLED", POOLED)
            .number("MOVERS", MOVERS)
            .number("CHECKPOINT", CHECKPOINT)
            .number("SUM_VECTORS", SUMS as u32)
            .number("BINS", BINS as u32)
            .real("REACH", REACH)
            .real("MAX_ENERGY_ERROR", MAX_ENERGY_ERROR)
            .real("T0", adaptation::StepSize::T0)
            .real("KAPPA", adaptation::StepSize::KAPPA)
            .number("MOMENTUM", Purpose::Momentum as u32)
            .number("DIRECTION", Purpose::Direction as u32)
            .number("LEAF", Purpose::Leaf as u32)
            .number("JOIN", Purpose::Join as u32)
            .number("EFFECT", Purpose::Effect as u32)
            .number("CHAIN_WORDS", (size_of::<Chain>() / size_of::<u32>()) as u32)
            .number("SAMPLE", (offset_of!(Chain, sample) / size_of::<u32>()) as u32);
        let transition = [&density[..], &TRANSITIONS, &random(target), &[writer, sharing], &named].concat();
        let vectors_of = [Pooling::SOURCE, team.source(), source!("vectors.wgsl"), source!("number.wgsl")];
        TransitionShaders {
            team,
            lie,
            sums_lie,
            vectors,
            kept,
            sums,
            scratch,
            transition: header.shader(source!("transition.wgsl"), &transition),
            pool: header.shader(source!("pool.wgsl"), &vectors_of),
            states: header.shader(source!("states.wgsl"), &vectors_of),
            pack: model.shorthand().map_or(String::new(), |_| header.shader(source!("pack.wgsl"), &COMMON)),
        }
    }

    /// Compiles the kernels of every run.
    ///
    /// # Errors
    /// If the driver refuses a shader.
    pub fn compile(&self, gpu: &Gpu) -> Result<Kernels, GpuError> {
        // SAFETY: teams beyond the batch's chains return at once, or do not exist; vectors, counts and sums have room
        // for every chain and lane of the batch, and draws for as many rows as all chains may make. Groups below J and
        // coefficients below K index the tables. Loops end after K, TRIANGLE, J, SLOTS, a group's rows or ten rounds,
        // and the outermost loop when the budget is spent, to which every iteration adds. Of a formula: `DeviceModel`.
        let transition = unsafe { ComputeKernel::compile(gpu, "transition", &self.transition, &[])? };
        // SAFETY: as many chunks of POOLED chains are dispatched as the batch has, and the output has room for all
        // chunks.
        let pool = unsafe { ComputeKernel::compile(gpu, "pool", &self.pool, &[])? };
        // SAFETY: both entries compare their index with the length of the states, which are whole states of the batch's
        // chains. There are no loops.
        let [put, take] = unsafe {
            [
                ComputeKernel::compile(gpu, "put", &self.states, &[])?,
                ComputeKernel::compile(gpu, "take", &self.states, &[])?,
            ]
        };
        Ok(Kernels { transition, pool, put, take })
    }

    /// The table of all groups' numbers that these kernels read: in the order of `tables`, or group by group in quads.
    ///
    /// # Errors
    /// If the device has no memory for the table.
    pub fn table_of_groups(&self, gpu: &Gpu, tables: &Tables) -> Result<wgpu::Buffer, GpuError> {
        const NAME: &str = "the table of groups";
        if self.team.meeting != Meeting::Alone {
            return gpu.table(NAME, &tables.groups);
        }
        let groups = self.lie.groups;
        let numbers = tables.groups.len() / groups;
        let width = numbers.next_multiple_of(4);
        let mut table = vec![0.0f32; groups.next_multiple_of(BUNCH) * width];
        for (j, group) in table.chunks_exact_mut(width).enumerate().take(groups) {
            group.iter_mut().zip(0..numbers).for_each(|(number, i)| *number = tables.groups[i * groups + j]);
        }
        gpu.table(NAME, &table)
    }

    /// Compiles the kernel that packs draws.
    pub fn compile_pack(&self, gpu: &Gpu) -> Result<ComputeKernel, GpuError> {
        // SAFETY: invocations after the last row return at once; each row has KEPT numbers before packing, of which the
        // leading ones are all hyperparameters, and WORDS words afterwards. There are no loops.
        unsafe { ComputeKernel::compile(gpu, "pack", &self.pack, &[]) }
    }
}

/// The pieces of the shaders of transitions that differ between the shorthand and formulas.
struct DensityPieces {
    team: Team,
    header: ShaderHeader,
    /// The sources of the log density.
    density: Vec<Source>,
    /// The sources of named variables for sums over draws.
    named: Vec<Source>,
    /// Groups, coefficients that have effects in theta, and other coordinates.
    shape: [usize; 3],
    /// Numbers that each chain needs in a buffer.
    scratch: usize,
    /// The most loop iterations of a lane per group.
    turns: u32,
}

impl DensityPieces {
    fn of(model: &Model, target: Target) -> DensityPieces {
        if let Some(map) = model.layout().mixed() {
            let MixedShader { team, header, mut sources, scratch, turns } = MixedShader::new(model, map, target);
            sources.push(source!("mixed/chain.wgsl"));
            // All coordinates are dealt alike, and the log density is that of one group.
            let shape = [1, 0, model.dim()];
            return DensityPieces { team, header, density: sources, named: Vec::new(), shape, scratch, turns };
        }
        let (layout, team) = (model.layout(), team(model, target));
        let mut density = log_density(model, team, source!("rows/serial.wgsl"));
        density.push(source!("chain_density.wgsl"));
        let drawing = match team.meeting {
            Meeting::Alone => source!("output_sums_alone.wgsl"),
            Meeting::Subgroup { .. } | Meeting::Workgroup => {
                density.push(source!("chain_groups.wgsl"));
                source!("output_sums_shared.wgsl")
            }
        };
        let named = match model.coordinates() {
            Coordinates::Joint { .. } => vec![source!("output_sums_joint.wgsl")],
            Coordinates::Collapsed => {
                vec![drawing, source!("sampled_effects.wgsl"), source!("conditional_effects.wgsl")]
            }
        };
        let shape = [layout.groups, tables::effects(model) as usize, layout.hyperparameters()];
        let (header, turns) = (team.header(header(model)), turns(model, team));
        DensityPieces { team, header, density, named, shape, scratch: 0, turns }
    }
}

/// Checks that `gpu` can make whole transitions of `model`: it has a log density, and no loop of a transition has too
/// many iterations.
///
/// # Errors
/// If the CPU refuses the model, a device has no density in its coordinates, or a software adapter would cut its loops
/// short.
pub fn admits(gpu: &Gpu, model: &Model) -> Result<(), Refusal> {
    if let Some(map) = model.layout().mixed() {
        return mixed::admitted(gpu, model, map, ENGINE, Loops::InOnePass(SOFTWARE_TURNS)).map(drop);
    }
    cpu::admits(model)?;
    let team = team(model, gpu.target());
    let remedy = match model.likelihood() {
        Likelihood::Groups => "use --engine cpu, or fewer predictors",
        Likelihood::Observations => "use --likelihood groups, or --engine cpu",
    };
    check_turns(gpu, model, team, turns(model, team), SOFTWARE_TURNS, remedy)
}

fn turns(model: &Model, team: Team) -> u32 {
    group_turns(model, team, model.likelihood() == Likelihood::Observations)
}

/// Whether the device can make the sums over draws of all variables of `model`: of the shorthand, if the effects are
/// coordinates, or the device can draw them given the hyperparameters: a software adapter would cut the loops short,
/// which take as many iterations again as a log density.
pub fn sums_draws(model: &Model, target: Target) -> bool {
    if model.shorthand().is_none() {
        return false;
    }
    let team = team(model, target);
    let turns = (model.layout().groups as u32).div_ceil(team.lanes).saturating_mul(turns(model, team));
    *model.coordinates() != Coordinates::Collapsed || !target.software || turns <= SOFTWARE_TURNS / 2
}

/// Whether a chain of `model` can have a lane to itself.
fn fits_alone(model: &Model, target: Target) -> bool {
    let (k, groups) = (model.layout().coefficients, model.layout().groups);
    let numbers = (1 + k * (k + 1) / 2 + k).next_multiple_of(4);
    let bytes = groups.next_multiple_of(BUNCH) * numbers * size_of::<f32>();
    let turns = (groups as u32).saturating_mul(turns(model, Team::alone(target)));
    *model.coordinates() == Coordinates::Collapsed
        && k <= MOST_ALONE
        && bytes <= NEAR
        && (!target.software || turns <= SOFTWARE_TURNS)
}

/// The lanes that share a chain of `model` on the device `target`.
pub fn team(model: &Model, target: Target) -> Team {
    if let Some(map) = model.layout().mixed() {
        return mixed::team(model, map, target);
    }
    if target.alone && fits_alone(model, target) {
        return Team::alone(target);
    }
    let effects = tables::effects(model) as usize;
    let most = SLOTS_PER_LANE.checked_div(effects).map_or(GROUPS_PER_LANE, |most| most.max(1) as u32);
    let subgroup = target.subgroup.filter(|lanes| *lanes > DIRECTION_LANE);
    Team::of(Target { subgroup, ..target }, model.layout().groups, most)
}

/// The table of rows, as the words that rows/serial.wgsl reads.
pub fn table_of_rows(model: &Model) -> Vec<u32> {
    let bits = |value: f64| (value as f32).to_bits();
    let (dataset, scaling) = (model.dataset(), model.scaling());
    let starts = (0..dataset.n_groups()).map(|j| dataset.group_range(j).start as u32);
    let mut table: Vec<u32> = starts.chain([dataset.n_observations() as u32]).collect();
    table.extend(dataset.outcome().iter().map(|y| bits((y - scaling.outcome_shift) / scaling.outcome_scale)));
    for (k, unit) in scaling.predictors.iter().enumerate() {
        table.extend(dataset.predictor(k).iter().map(|x| bits(x / unit)));
    }
    table
}
