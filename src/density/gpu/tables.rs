//! What every kernel of a model needs, whether it evaluates densities or makes whole transitions: the constants of its
//! shaders, the team that shares a chain, and the tables of priors and of groups.

use bytemuck::{Pod, Zeroable};

use crate::density::rotated;
use crate::gpu::{Gpu, GpuError, Header};
use crate::model::{GroupStatistics, Model};

/// Lanes of a workgroup that several teams share.
const WORKGROUP: u32 = 128;

/// The largest team.
const LARGEST_TEAM: u32 = 256;

/// The smallest one: sums are dealt out in eights.
const SMALLEST_TEAM: u32 = 8;

/// A lane that holds nothing of its groups walks over at most so many, if its team lies in a subgroup.
pub const GROUPS_PER_LANE: u32 = 64;

/// Iterations of loops that a log density may take on an adapter in software: lavapipe ends all loops of an invocation, silently,
/// after 65,535.
pub const SOFTWARE_TURNS: u32 = 25_300;

pub const MATH: &str = include_str!("../../../shaders/math.wgsl");
pub const COEFFICIENT: &str = include_str!("../../../shaders/coefficient.wgsl");
const LOG_DENSITY: &str = include_str!("../../../shaders/log_density.wgsl");
const WITH_EFFECTS: &str = include_str!("../../../shaders/with_effects.wgsl");
const GROUPS: &str = include_str!("../../../shaders/groups.wgsl");
const MARGINAL: &str = include_str!("../../../shaders/marginal.wgsl");
const COVARIANCE: &str = include_str!("../../../shaders/covariance.wgsl");
const ROTATED: &str = include_str!("../../../shaders/rotated.wgsl");

/// The prior of a coefficient or of eps, as log_density.wgsl has it.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Prior {
    /// Mean of mu.
    pub mu_mean: f32,
    /// 1 / sd^2 of mu.
    pub mu_precision: f32,
    /// Log of the half-Cauchy scale of sigma or eps.
    pub log_scale: f32,
}

/// How many lanes share a chain, and how they add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Team {
    /// How many lanes.
    pub lanes: u32,
    /// Teams of a workgroup.
    pub teams: u32,
    /// Whether they lie in a subgroup, rather than make up a workgroup.
    pub in_subgroup: bool,
}

impl Team {
    /// A team for `groups` groups, of which a lane should have at most `most`, on a device where `subgroup` lanes can add
    /// up by themselves: a subgroup where they are few enough, or else a workgroup.
    pub fn of(subgroup: Option<u32>, groups: usize, most: u32) -> Team {
        let groups = groups as u32;
        match subgroup {
            Some(lanes) if lanes >= SMALLEST_TEAM && groups <= most * lanes => {
                Team { lanes, teams: WORKGROUP / lanes, in_subgroup: true }
            }
            _ => {
                let lanes = groups.div_ceil(4).next_power_of_two().clamp(32, LARGEST_TEAM);
                Team { lanes, teams: 1, in_subgroup: false }
            }
        }
    }

    /// The constants by which shaders know it.
    pub fn header(&self, header: Header) -> Header {
        header.number("TEAM", self.lanes).number("TEAMS", self.teams).number("WORKGROUP", self.lanes * self.teams)
    }

    /// The shader file that says how it adds up.
    pub fn source(&self) -> &'static str {
        if self.in_subgroup {
            include_str!("../../../shaders/team_subgroup.wgsl")
        } else {
            include_str!("../../../shaders/team_workgroup.wgsl")
        }
    }
}

/// The shader files of a model's log density, in their order: with the likelihood over groups, or over `observations` as that
/// file computes it.
pub fn log_density(model: &Model, team: Team, observations: Option<&'static str>) -> Vec<&'static str> {
    let of_a_group = match observations {
        None if model.parameterization().is_marginal() => vec![ROTATED, COVARIANCE, MARGINAL],
        None => vec![GROUPS, WITH_EFFECTS],
        Some(likelihood) => vec![likelihood, WITH_EFFECTS],
    };
    [vec![MATH, COEFFICIENT, team.source(), LOG_DENSITY], of_a_group].concat()
}

/// The constants of all shaders of a model.
pub fn header(model: &Model) -> Header {
    let layout = model.layout();
    let mut centered = vec![0u32; layout.coefficients.div_ceil(32)];
    for k in (0..layout.coefficients).filter(|k| model.parameterization().is_centered(*k)) {
        centered[k / 32] |= 1 << (k % 32);
    }
    Header::default()
        .number("K", layout.coefficients as u32)
        .number("J", layout.groups as u32)
        .number("DIM", model.dim() as u32)
        .number("EFFECTS", model.parameterization().effects().len() as u32)
        .number("GROUP_TURNS", group_turns(model))
        .number("HYPERPARAMETERS", layout.hyperparameters() as u32)
        .numbers("CENTERED", &centered)
}

/// Iterations of loops that a group takes in a log density, about; of a marginal model at most, with those that only end a loop.
pub fn group_turns(model: &Model) -> u32 {
    let k = model.layout().coefficients as u32;
    if model.parameterization().is_marginal() { (k + 1) * (k + 1) * (k + 9) } else { 3 * k + k * k }
}

/// Refuses a marginal model on an adapter in software where the groups of a lane may take more than [`SOFTWARE_TURNS`].
///
/// # Errors
/// When they may.
pub fn check_loops(gpu: &Gpu, model: &Model) -> Result<(), GpuError> {
    let groups = model.layout().groups;
    let team = Team::of(gpu.subgroup(), groups, GROUPS_PER_LANE);
    let iterations = (groups as u32).div_ceil(team.lanes).saturating_mul(group_turns(model));
    let adapter = gpu.adapter();
    if !model.parameterization().is_marginal() || !adapter.is_software() || iterations <= SOFTWARE_TURNS {
        return Ok(());
    }
    Err(GpuError::Loops { name: adapter.name().to_string(), limit: SOFTWARE_TURNS, iterations })
}

/// The table of priors that log_density.wgsl reads: of each coefficient, then of eps.
pub fn priors(model: &Model) -> Vec<Prior> {
    let scaled = model.scaled_priors();
    let coefficients = (0..model.layout().coefficients).map(|k| Prior {
        mu_mean: scaled.mu_mean[k] as f32,
        mu_precision: scaled.mu_sd[k].powi(-2) as f32,
        log_scale: scaled.sigma_scale[k].ln() as f32,
    });
    let eps = Prior { mu_mean: 0.0, mu_precision: 0.0, log_scale: scaled.eps_scale.ln() as f32 };
    coefficients.chain([eps]).collect()
}

/// The numbers of all groups, in the rows that groups.wgsl reads, or of a marginal model rotated.wgsl.
pub fn group_table(model: &Model) -> Vec<f32> {
    let rows = if model.parameterization().is_marginal() { rotated::rows(model) } else { statistics(model) };
    rows.into_iter().flatten().map(|value| value as f32).collect()
}

/// The statistics of all groups, in the rows that groups.wgsl reads.
fn statistics(model: &Model) -> Vec<Vec<f64>> {
    let GroupStatistics { size, outcome_mean, outcome_square, predictor_mean, cross, gram, .. } =
        model.group_statistics();
    let mut rows = vec![size, outcome_mean, outcome_square];
    for ((mean, cross), gram) in predictor_mean.into_iter().zip(cross).zip(gram) {
        rows.extend([mean, cross]);
        rows.extend(gram);
    }
    rows
}
