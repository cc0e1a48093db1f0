//! A formula's log density on a device: the sources of its shaders, and what is refused.

use super::mixed_partial::PredictorRow;
use super::mixed_shape::MixedShape;
use super::mixed_tables::{ColumnRow, FactorRow, HyperRow, ScaleRow, TermRow, places};
use super::tables::{Reference, Team, check_loops, family};
use crate::density::cpu;
use crate::density::mixed::is_of_few_columns;
use crate::gpu::{Gpu, ShaderHeader, Source, Target, source};
use crate::model::{Coordinates, MixedMap, Model, Refusal, Structure};

/// The largest count of a family that sums over all smaller numbers.
const LARGEST_COUNT: f64 = 65_536.0;

/// The pieces of a shader that computes a formula's log density.
#[derive(Debug, Clone)]
pub struct MixedShader {
    /// The lanes that share a chain.
    pub team: Team,
    /// The constants.
    pub header: ShaderHeader,
    /// The sources.
    pub sources: Vec<Source>,
    /// Numbers that each chain needs in a buffer; 0 if a workgroup's memory has room.
    pub scratch: usize,
    /// The most loop iterations of a lane in a log density.
    pub turns: u32,
}

impl MixedShader {
    /// The pieces for `model`, whose layout has the map `map`, on `target`, in one pass.
    pub fn new(model: &Model, map: &MixedMap, target: Target) -> MixedShader {
        let shape = MixedShape::new(model, map);
        let team = shape.team(target);
        MixedShader::of(model, &shape, team, None)
    }

    /// The pieces for `model`, which has this shape; `row_groups` workgroups share the rows of each position, in passes
    /// of their own.
    pub fn of(model: &Model, shape: &MixedShape, team: Team, row_groups: Option<u32>) -> MixedShader {
        let is_near = row_groups.is_none() && shape.is_near(team);
        let mut sources = vec![
            Reference::SOURCE,
            HyperRow::SOURCE,
            TermRow::SOURCE,
            ScaleRow::SOURCE,
            ColumnRow::SOURCE,
            FactorRow::SOURCE,
            PredictorRow::SOURCE,
            source!("math.wgsl"),
            source!("mixed/tables.wgsl"),
            if is_near { source!("mixed/near.wgsl") } else { source!("mixed/far.wgsl") },
            source!("mixed/hyper.wgsl"),
            source!("mixed/term.wgsl"),
            source!("mixed/partial.wgsl"),
            if shape.is_collapsed() { source!("mixed/groups.wgsl") } else { source!("mixed/rows.wgsl") },
            if model.family().wants_counts() { source!("mixed/counts.wgsl") } else { source!("mixed/no_counts.wgsl") },
            if shape.sigma > 0 { source!("mixed/row_scales.wgsl") } else { source!("mixed/one_scale.wgsl") },
            source!("mixed/chunk.wgsl"),
            if row_groups.is_some() { source!("mixed/row_sums.wgsl") } else { source!("mixed/all_rows.wgsl") },
            source!("mixed/density.wgsl"),
            family(model),
            team.source(),
        ];
        if model.family().dispersions().is_empty() {
            sources.push(source!("family/no_dispersion.wgsl"));
        }
        MixedShader {
            team,
            header: places(shape)
                .into_iter()
                .fold(shape.header(team, row_groups), |to, (name, at)| to.number(name, at as u32)),
            sources,
            scratch: if is_near { 0 } else { shape.scratch() },
            turns: shape.turns(team, row_groups),
        }
    }
}

/// The lanes that share a chain of `model`, whose layout has the map `map`.
pub fn team(model: &Model, map: &MixedMap, target: Target) -> Team {
    MixedShape::new(model, map).team(target)
}

/// The most loop iterations of a lane on a software adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loops {
    /// In a log density that is computed in one pass.
    InOnePass(u32),
    /// In each pass, where many rows have passes of their own.
    InPasses(u32),
}

/// The shape of `model`, whose layout has the map `map`, if `gpu` computes its log density; `what` is the engine.
///
/// # Errors
/// If effects of several factors, or of many columns, are integrated out; or a software adapter would end loops early.
pub fn admitted(
    gpu: &Gpu,
    model: &Model,
    map: &MixedMap,
    what: &'static str,
    loops: Loops,
) -> Result<MixedShape, Refusal> {
    admits_coordinates(model, what)?;
    cpu::admits(model)?;
    let shape = MixedShape::new(model, map);
    let team = shape.team(gpu.target());
    let (row_groups, limit) = match loops {
        Loops::InOnePass(limit) => (None, limit),
        Loops::InPasses(limit) => (shape.row_groups(team), limit),
    };
    check_loops(gpu, shape.turns(team, row_groups), limit, "use --engine cpu")?;
    Ok(shape)
}

/// Whether devices compute log densities of `model` in its coordinates; `what` is the engine.
///
/// # Errors
/// If effects of several factors, or of many columns, are integrated out; or counts are large.
pub fn admits_coordinates(model: &Model, what: &'static str) -> Result<(), Refusal> {
    let largest = model.dataset().outcome().iter().copied().fold(0.0, f64::max);
    if model.family().wants_counts() && largest > LARGEST_COUNT {
        return Err(Refusal::CountsOnDevice { what, family: model.family().name(), largest: LARGEST_COUNT as u32 });
    }
    match (model.structure(), model.coordinates()) {
        (Structure::Formula(_), Coordinates::Collapsed) if !is_of_few_columns(model) => {
            Err(Refusal::Collapsed { what })
        }
        (Structure::Formula(_) | Structure::Shorthand(_), Coordinates::Joint { .. } | Coordinates::Collapsed) => Ok(()),
    }
}
