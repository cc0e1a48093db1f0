//! What every kernel of a model needs, whether it evaluates densities or makes whole transitions: the constants of its
//! shaders, the team that shares a chain, and the tables of priors and of groups.

use bytemuck::{Pod, Zeroable};

use crate::gpu::Header;
use crate::model::Model;

/// Lanes of a workgroup that several teams share.
const WORKGROUP: u32 = 128;

/// The largest team.
const LARGEST_TEAM: u32 = 256;

/// The smallest one: sums are dealt out in eights.
const SMALLEST_TEAM: u32 = 8;

pub const MATH: &str = include_str!("../../../shaders/math.wgsl");
pub const COEFFICIENT: &str = include_str!("../../../shaders/coefficient.wgsl");
pub const LOG_DENSITY: &str = include_str!("../../../shaders/log_density.wgsl");
pub const GROUPS: &str = include_str!("../../../shaders/groups.wgsl");

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
        .number("DIM", layout.dim() as u32)
        .number("HYPERPARAMETERS", layout.hyperparameters() as u32)
        .numbers("CENTERED", &centered)
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

/// The statistics of all groups, in the rows that groups.wgsl reads.
pub fn group_table(model: &Model) -> Vec<f32> {
    let statistics = model.group_statistics();
    let mut rows = vec![&statistics.size, &statistics.outcome_mean, &statistics.outcome_square];
    for (k, gram) in statistics.gram.iter().enumerate() {
        rows.extend([&statistics.predictor_mean[k], &statistics.cross[k]]);
        rows.extend(gram);
    }
    rows.into_iter().flatten().map(|value| *value as f32).collect()
}
