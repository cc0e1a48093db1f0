//! What every kernel of a model needs, whether it evaluates densities or makes whole transitions: the constants of its
//! shaders, the team that shares a chain, and the tables of priors and of groups.

use crate::data::MAX_COEFFICIENTS;
use crate::density::priors::normalising_constant;
use crate::density::qr::QrGroups;
use crate::density::rows::CHUNK;
use crate::gpu::{Gpu, ShaderHeader, Source, Target, shared_struct, source};
use crate::model::{Coordinates, Likelihood, Model, Refusal, Role};

/// The largest team.
const LARGEST_TEAM: u32 = 256;

/// The smallest one: sums are dealt out in eights.
const SMALLEST_TEAM: u32 = 8;

/// A lane that holds nothing of its groups walks over at most so many, if its team lies in a subgroup.
pub const GROUPS_PER_LANE: u32 = 64;

/// Iterations of all loops after which lavapipe ends those of an invocation, silently.
pub const LAVAPIPE_TURNS: u32 = 65_535;

/// Iterations of loops that a log density may take on an adapter in software, where other work of a transition stands beside it.
pub const SOFTWARE_TURNS: u32 = 25_300;

/// What any shader of a model may use.
pub const COMMON: [Source; 8] = [
    Prior::SOURCE,
    Reference::SOURCE,
    source!("math.wgsl"),
    source!("fixed.wgsl"),
    source!("at.wgsl"),
    source!("hierarchy/diagonal.wgsl"),
    source!("named.wgsl"),
    source!("number.wgsl"),
];

shared_struct! {
    /// The prior of a coefficient or of a dispersion.
    pub struct Prior {
        /// Mean of mu.
        pub mu_mean: f32,
        /// 1 / sd^2 of mu.
        pub mu_precision: f32,
        /// Log of the half-Cauchy scale of sigma or of the dispersion.
        pub log_scale: f32,
    }
}

shared_struct! {
    /// The noise about which log densities are taken.
    pub struct Reference {
        /// The log of an eps near the posterior's.
        pub log_eps: f32,
        /// The square of that eps.
        pub noise: f32,
        /// N.
        pub observations: f32,
    }
}

/// What a device is told of a model, and what its log densities leave out.
#[derive(Debug, Clone)]
pub struct Tables {
    /// The [`Reference`], and the [`Prior`] of each coefficient and of each dispersion.
    pub fixed: Vec<f32>,
    /// The numbers of all groups, in the rows that qr_far.wgsl reads.
    pub groups: Vec<f32>,
    /// What is to be added to a log density of the device: normalising constants, and the log likelihood at the reference noise.
    pub constant: f64,
}

impl Tables {
    /// Those of `model`.
    ///
    /// With N observations and S squared residuals, -S/(2 eps^2) - N log eps is of the size of N, and 32 bits keep few
    /// digits of it after the point. About an eps_0 that is near the posterior's, with d = log eps - log eps_0, it is
    ///
    /// ```text
    /// - N/2 - N log eps_0 - (S - N eps_0^2) / (2 eps^2) - N/2 (e^{-2d} - 1 + 2d)
    /// ```
    ///
    /// where the last two are as small as the log likelihood varies, and the first two are the same everywhere.
    pub fn of(model: &Model) -> Tables {
        let groups = QrGroups::new(model);
        let observations = model.dataset().n_observations() as f64;
        let noise = groups.noise() as f32;
        let reference =
            Reference { log_eps: (0.5 * f64::from(noise).ln()) as f32, noise, observations: observations as f32 };
        let (log_eps, noise) = (f64::from(reference.log_eps), f64::from(noise));
        let priors = priors(model);
        Tables {
            fixed: [bytemuck::cast_slice(&[reference]), bytemuck::cast_slice(&priors)].concat(),
            groups: groups.rows(noise).into_iter().flatten().map(|value| value as f32).collect(),
            constant: normalising_constant(model) + model.family().device_constant(observations, noise, log_eps),
        }
    }
}

/// How many lanes share a chain, and how they add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Team {
    /// How many lanes.
    pub lanes: u32,
    /// Teams of a workgroup.
    pub teams: u32,
    /// How they meet.
    pub meeting: Meeting,
}

/// How the lanes that share a chain meet to add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// In a subgroup; they may be all of it.
    Subgroup { whole: bool },
    /// As a workgroup, through its memory.
    Workgroup,
    /// Not at all: a lane has the chain to itself.
    Alone,
}

impl Team {
    /// A team for `groups` groups, of which a lane should have at most `most`, on such a device: a subgroup where they are few
    /// enough, or else a workgroup.
    pub fn of(target: Target, groups: usize, most: u32) -> Team {
        let groups = groups as u32;
        match target.subgroup {
            Some(lanes) if lanes >= SMALLEST_TEAM && groups <= most * lanes => {
                let meeting = Meeting::Subgroup { whole: target.whole };
                Team { lanes, teams: (target.workgroup / lanes).max(1), meeting }
            }
            _ => {
                let lanes = groups.div_ceil(4).next_power_of_two().clamp(32, LARGEST_TEAM);
                Team { lanes, teams: 1, meeting: Meeting::Workgroup }
            }
        }
    }

    /// One of a single lane.
    pub fn alone(target: Target) -> Team {
        Team { lanes: 1, teams: target.workgroup, meeting: Meeting::Alone }
    }

    /// The constants by which shaders know it.
    pub fn header(&self, header: ShaderHeader) -> ShaderHeader {
        header
            .number("TEAM", self.lanes)
            .number("TEAMS", self.teams)
            .number("WORKGROUP", self.lanes * self.teams)
            .number("IS_SUBGROUP", (self.meeting == Meeting::Subgroup { whole: true }).into())
    }

    /// How it adds up.
    pub fn source(&self) -> Source {
        match self.meeting {
            Meeting::Subgroup { .. } => source!("team_subgroup.wgsl"),
            Meeting::Workgroup => source!("team_workgroup.wgsl"),
            Meeting::Alone => source!("team_alone.wgsl"),
        }
    }
}

/// What the log density of a model is put together from, where `rows` adds up over the rows of a group.
pub fn log_density(model: &Model, team: Team, rows: Source) -> Vec<Source> {
    let of_a_group = match model.coordinates() {
        Coordinates::Collapsed => {
            let place = if team.meeting == Meeting::Alone { source!("qr_near.wgsl") } else { source!("qr_far.wgsl") };
            vec![source!("qr.wgsl"), place, source!("covariance.wgsl"), source!("collapsed.wgsl")]
        }
        Coordinates::Joint { likelihood: Likelihood::Groups, .. } => {
            vec![source!("qr.wgsl"), source!("qr_far.wgsl"), source!("quadratic.wgsl"), source!("joint.wgsl")]
        }
        Coordinates::Joint { likelihood: Likelihood::Observations, .. } => vec![rows, source!("joint.wgsl")],
    };
    let sums = [source!("log_density.wgsl"), source!("dealt.wgsl")];
    let others = [family(model), team.source(), source!("priors.wgsl")];
    [&COMMON[..], &others, &sums, &of_a_group].concat()
}

/// The family of a model.
pub fn family(model: &Model) -> Source {
    Source { name: model.family().name(), text: model.family().wgsl() }
}

/// The constants of all shaders of a model.
pub fn header(model: &Model) -> ShaderHeader {
    let layout = model.layout();
    let mut centered = [0u32; MAX_COEFFICIENTS / 32];
    for k in (0..layout.coefficients).filter(|k| model.coordinates().is_centered(*k)) {
        centered[k / 32] |= 1 << (k % 32);
    }
    let start = |role| layout.block(role).theta.start as u32;
    let (dispersions, hyperparameters) =
        (layout.block(Role::Dispersion).theta.len() as u32, layout.hyperparameters() as u32);
    ShaderHeader::default()
        .number("K", layout.coefficients as u32)
        .number("J", layout.groups as u32)
        .number("DIM", model.dim() as u32)
        .number("EFFECTS", effects(model))
        .number("HYPERPARAMETERS", hyperparameters)
        .number("LOG_DENSITY", hyperparameters)
        // One more than there are hyperparameters, in whole eights.
        .number("SUMS", (hyperparameters + 1).next_multiple_of(8))
        .number("MEAN", start(Role::Mean))
        .number("SCALE", start(Role::Scale))
        .number("DISPERSION", start(Role::Dispersion))
        .number("DISPERSIONS", dispersions)
        .number("DISPERSION_ROOM", dispersions.max(1))
        .number("CHUNK", CHUNK as u32)
        .number("FAMILY_SUMS", model.family().device_sums())
        .pair("CENTERED", centered)
}

/// Coefficients whose effects are coordinates: all, or none.
pub fn effects(model: &Model) -> u32 {
    match model.coordinates() {
        Coordinates::Joint { centering, .. } => centering.len() as u32,
        Coordinates::Collapsed => 0,
    }
}

/// Iterations of loops that a group takes in a log density at most, with those that only end a loop; where a team's lanes walk
/// over its rows too, `team` says so, and it is that of the lane with the most rows.
pub fn group_turns(model: &Model, team: Team, walks_rows: bool) -> u32 {
    let (k, groups) = (model.layout().coefficients as u32, model.layout().groups);
    if *model.coordinates() == Coordinates::Collapsed {
        return (k + 1) * (k + 1) * (k + 9);
    }
    if !walks_rows {
        return 2 * k * k + 9 * k;
    }
    let rows = |lane: usize| {
        let own = (lane..groups).step_by(team.lanes as usize);
        own.map(|j| model.dataset().group_range(j).len() as u32 + 2).sum::<u32>()
    };
    let most = (0..(team.lanes as usize).min(groups)).map(rows).max().unwrap_or(0);
    most.div_ceil(groups.div_ceil(team.lanes as usize) as u32).saturating_mul(3 * k) + 9 * k
}

/// Refuses a log density on an adapter in software, where the groups of a lane, of so many `turns` each, may take more than
/// `limit`.
///
/// # Errors
/// When they may.
pub fn check_turns(
    gpu: &Gpu,
    model: &Model,
    team: Team,
    turns: u32,
    limit: u32,
    remedy: &'static str,
) -> Result<(), Refusal> {
    let iterations = (model.layout().groups as u32).div_ceil(team.lanes).saturating_mul(turns);
    let adapter = gpu.adapter();
    if !adapter.is_software() || iterations <= limit {
        return Ok(());
    }
    Err(Refusal::Loops { adapter: adapter.name().to_string(), limit, iterations, remedy })
}

/// The priors: of each coefficient, then of each dispersion.
fn priors(model: &Model) -> Vec<Prior> {
    let scaled = model.scaled_priors();
    let coefficients = (0..model.layout().coefficients).map(|k| Prior {
        mu_mean: scaled.mu_mean[k] as f32,
        mu_precision: scaled.mu_sd[k].powi(-2) as f32,
        log_scale: scaled.sigma_scale[k].ln() as f32,
    });
    let dispersion = Prior { mu_mean: 0.0, mu_precision: 0.0, log_scale: scaled.eps_scale.ln() as f32 };
    let dispersions = model.layout().block(Role::Dispersion).theta.len();
    coefficients.chain(std::iter::repeat_n(dispersion, dispersions)).collect()
}
