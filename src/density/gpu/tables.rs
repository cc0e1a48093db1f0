//! The common parts of a model's kernels, for densities and for whole transitions: the constants of their shaders, the
//! team that shares a chain, and the tables of priors and of groups.

use crate::data::MAX_COEFFICIENTS;
use crate::density::priors::normalising_constant;
use crate::density::qr::QrGroups;
use crate::density::rows::CHUNK;
use crate::family::AboutCentre;
use crate::gpu::{Gpu, ShaderHeader, Source, Target, shared_struct, source};
use crate::model::{Coordinates, Likelihood, Model, Refusal, Role};
use crate::random::{MULTIPLIERS, ROUNDS, WEYL};

/// The largest team.
const LARGEST_TEAM: u32 = 256;

/// The smallest team in a subgroup: sums are scattered in eights.
const SMALLEST_TEAM: u32 = 8;

/// The most groups per lane of a team in a subgroup, if lanes keep no state of their groups.
pub const GROUPS_PER_LANE: u32 = 64;

/// Loop iterations after which lavapipe silently ends all loops of an invocation.
pub const LAVAPIPE_TURNS: u32 = 65_535;

/// The most loop iterations of a log density on a software adapter, within a transition that has other loops too.
pub const SOFTWARE_TURNS: u32 = 25_300;

/// Sources that any shader of a model may use.
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
    /// Where log densities are computed about: a noise variance, or what a family's rows are on average.
    pub struct Reference {
        /// log eps_0, with eps_0 near the posterior's eps, or of another first dispersion.
        pub log_eps: f32,
        /// eps_0^2, or what a row adds to the first sum of another family.
        pub noise: f32,
        /// The rows of the likelihood: N, or fewer where a formula's are merged.
        pub observations: f32,
        /// The logarithm of a second dispersion.
        pub second: f32,
    }
}

/// The tables of a model on a device, and the constant that its log densities omit.
#[derive(Debug, Clone)]
pub struct Tables {
    /// The [`Reference`], and the [`Prior`] of each coefficient and of each dispersion.
    pub fixed: Vec<f32>,
    /// The numbers of all groups, in the rows that qr_far.wgsl reads.
    pub groups: Vec<f32>,
    /// Added by the host to a log density of the device: normalising constants, and the log likelihood at the reference
    /// noise.
    pub constant: f64,
}

impl Tables {
    /// The tables of `model`.
    ///
    /// With N observations and S squared residuals, -S/(2 eps^2) - N log eps has the magnitude of N, which in 32 bits
    /// leaves few digits after the point. With an eps_0 near the posterior's eps, and d = log eps - log eps_0, it is
    ///
    /// ```text
    /// - N/2 - N log eps_0 - (S - N eps_0^2) / (2 eps^2) - N/2 (e^{-2d} - 1 + 2d)
    /// ```
    ///
    /// The first two terms are constant; the last two are as small as the log likelihood's variation.
    pub fn of(model: &Model) -> Tables {
        let groups = QrGroups::new(model);
        let observations = model.dataset().n_observations() as f64;
        let noise = groups.noise() as f32;
        let reference = Reference {
            log_eps: (0.5 * f64::from(noise).ln()) as f32,
            noise,
            observations: observations as f32,
            second: 0.0,
        };
        let (log_dispersions, noise) = ([f64::from(reference.log_eps), 0.0], f64::from(noise));
        let about = AboutCentre { log_dispersions, centre: noise, rows: observations, counts: &[] };
        let priors = priors(model);
        Tables {
            fixed: [bytemuck::cast_slice(&[reference]), bytemuck::cast_slice(&priors)].concat(),
            groups: groups.rows(noise).into_iter().flatten().map(|value| value as f32).collect(),
            constant: normalising_constant(model) + model.family().device_constant(&about),
        }
    }
}

/// The lanes that share a chain, and how they add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Team {
    /// Number of lanes.
    pub lanes: u32,
    /// Number of teams in a workgroup.
    pub teams: u32,
    /// How the lanes add up.
    pub meeting: Meeting,
}

/// How the lanes that share a chain exchange numbers to add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// By registers of a subgroup; a `whole` subgroup is exactly one team.
    Subgroup { whole: bool },
    /// Through the memory of a workgroup, which is the team.
    Workgroup,
    /// Without exchange: a lane has the chain to itself.
    Alone,
}

impl Team {
    /// A team for `groups` groups on `target`: a subgroup, if no lane has more than `most` groups then, or else a
    /// workgroup.
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

    /// A team of a single lane.
    pub fn alone(target: Target) -> Team {
        Team { lanes: 1, teams: target.workgroup, meeting: Meeting::Alone }
    }

    /// Adds the team's constants to a shader's header.
    pub fn header(&self, header: ShaderHeader) -> ShaderHeader {
        header
            .number("TEAM", self.lanes)
            .number("TEAMS", self.teams)
            .number("WORKGROUP", self.lanes * self.teams)
            .number("STEPS_FROM_EIGHT", (self.lanes / SMALLEST_TEAM).max(1).ilog2())
            .number("IS_SUBGROUP", (self.meeting == Meeting::Subgroup { whole: true }).into())
    }

    /// The WGSL of the team's exchanges.
    pub fn source(&self) -> Source {
        match self.meeting {
            Meeting::Subgroup { .. } => source!("team_subgroup.wgsl"),
            Meeting::Workgroup => source!("team_workgroup.wgsl"),
            Meeting::Alone => source!("team_alone.wgsl"),
        }
    }
}

/// The sources of a model's log density; `rows` adds up over the rows of a group.
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

/// The WGSL of a model's family.
pub fn family(model: &Model) -> Source {
    if model.dataset().errors().is_some() {
        return source!("family/gaussian_with_errors.wgsl");
    }
    Source { name: model.family().name(), text: model.family().wgsl() }
}

/// The constants in the header of all shaders of a model.
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
        // The hyperparameters and the log density, padded to a multiple of eight.
        .number("SUMS", (hyperparameters + 1).next_multiple_of(8))
        .number("EIGHTHS", (hyperparameters + 1).div_ceil(8))
        .number("MEAN", start(Role::Mean))
        .number("SCALE", start(Role::Scale))
        .number("DISPERSION", start(Role::Dispersion))
        .number("DISPERSIONS", dispersions)
        .number("DISPERSION_ROOM", dispersions.max(1))
        .number("CHUNK", CHUNK as u32)
        .number("FAMILY_SUMS", model.family().device_sums())
        .pair("CENTERED", centered)
}

/// The sources of random numbers on `target`, whose constants are those of [`with_random`].
pub fn random(target: Target) -> [Source; 3] {
    let loops = if target.software { source!("loops_rolled.wgsl") } else { source!("loops_unrolled.wgsl") };
    let product = if target.int64 { source!("product_in_64_bits.wgsl") } else { source!("product_of_halves.wgsl") };
    [source!("random.wgsl"), loops, product]
}

/// Adds the constants of random numbers to a shader's header.
pub fn with_random(header: ShaderHeader) -> ShaderHeader {
    header.pair("MULTIPLIERS", MULTIPLIERS).pair("WEYL", WEYL).number("ROUNDS", ROUNDS as u32)
}

/// The number of coefficients whose effects are coordinates: all, or none.
pub fn effects(model: &Model) -> u32 {
    match model.coordinates() {
        Coordinates::Joint { centering, .. } => centering.len() as u32,
        Coordinates::Collapsed => 0,
    }
}

/// The most loop iterations per group in a log density, including checks that only end a loop. If the lanes of `team`
/// also loop over rows (`walks_rows`), the average over the groups of the lane with the most rows.
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

/// Refuses a log density on a software adapter if a lane's groups, of `turns` loop iterations each, exceed `limit`.
///
/// # Errors
/// If they do.
pub fn check_turns(
    gpu: &Gpu,
    model: &Model,
    team: Team,
    turns: u32,
    limit: u32,
    remedy: &'static str,
) -> Result<(), Refusal> {
    check_loops(gpu, (model.layout().groups as u32).div_ceil(team.lanes).saturating_mul(turns), limit, remedy)
}

/// Refuses a log density on a software adapter if a lane's loops take more than `limit` iterations.
///
/// # Errors
/// If they do.
pub fn check_loops(gpu: &Gpu, iterations: u32, limit: u32, remedy: &'static str) -> Result<(), Refusal> {
    let adapter = gpu.adapter();
    if !adapter.is_software() || iterations <= limit {
        return Ok(());
    }
    Err(Refusal::Loops { adapter: adapter.name().to_string(), limit, iterations, remedy })
}

/// The priors of all coefficients, then of all dispersions.
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
