//! Arguments that say which data, which model and how to run, shared by the subcommands that sample.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::anyhow;
use clap::Args;
use warpnuts::data::Centring;
use warpnuts::draws::Precision;
use warpnuts::experiment::{EngineChoice, Keep, MetricShape};
use warpnuts::family::{Family, Link};
use warpnuts::model::Likelihood;

use super::Failure;
use super::reading::ReadingArguments;
use super::words::{Asked, CENTRING, ENGINES, FAMILIES, KEEP, LIKELIHOODS, LINKS, METRICS, PRECISIONS, one_of};

/// The data file, and its columns.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub struct DataArguments {
    /// CSV file with a header, packed (gzip, zstd) or not, or a file of Parquet or Arrow; `-` for standard input
    /// [default: the built-in radon survey]
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,

    /// Column of group labels [default for radon: county]
    #[arg(long, value_name = "COLUMN")]
    pub group: Option<String>,

    /// Column of the outcome [default for radon: log_radon]
    #[arg(long, value_name = "COLUMN")]
    pub outcome: Option<String>,

    /// Column of a predictor; none, one or several [default for radon: floor, if no column is named]
    #[arg(long = "predictor", value_name = "COLUMN")]
    pub predictors: Vec<String>,

    /// The model as R's lme4 and brms write it, as 'y ~ x + (1 + x | group)', in place of --group, --outcome and
    /// --predictor; docs/models.md says what it may hold
    #[arg(long, value_name = "FORMULA", conflicts_with_all = ["group", "outcome", "predictors", "center_predictors"])]
    pub formula: Option<String>,

    /// Family of the outcome: gaussian, student (heavy tails), lognormal and gamma (above 0), binomial (yes and no, or
    /// successes as in 'k | trials(n) ~ ...'), poisson and negbinomial (counts) [default: gaussian]
    #[arg(long, value_name = "FAMILY", value_parser = one_of(&FAMILIES), requires = "formula")]
    pub family: Option<Family>,

    /// Link of --family binomial: logit or probit [default: logit]
    #[arg(long, value_name = "LINK", value_parser = one_of(&LINKS), requires = "family")]
    pub link: Option<Link>,

    /// Level of a categorical column of the formula with which its other levels are compared, as dose=high, or of an
    /// outcome of two words the one that is 0; may be repeated [default: the first in the file, of an outcome that in
    /// the order of the alphabet]
    #[arg(long = "reference", value_name = "COLUMN=LEVEL", requires = "formula")]
    pub references: Vec<String>,

    /// Column of weights: the variance of a row is sigma^2 over its weight, as of means of so many observations
    #[arg(long, value_name = "COLUMN", requires = "formula", conflicts_with = "se")]
    pub weights: Option<String>,

    /// Column of the known part of each row's linear predictor
    #[arg(long, value_name = "COLUMN", requires = "formula")]
    pub offset: Option<String>,

    /// Column of the outcomes' known standard errors, in place of sigma, as in a meta-analysis
    #[arg(long, value_name = "COLUMN", requires = "formula")]
    pub se: Option<String>,

    /// Estimate sigma beside the known standard errors: the variance of a row is sigma^2 + se^2, as where studies have
    /// several rows
    #[arg(long, requires = "se")]
    pub with_sigma: bool,

    /// Formula of sigma where noise differs between rows, as 'sigma ~ lab': its logarithm has these terms, with the
    /// coefficients b_sigma_...
    #[arg(long, value_name = "FORMULA", requires = "formula", conflicts_with = "se")]
    pub sigma_formula: Option<String>,

    /// Whether predictors' means are subtracted, so that the intercept is the outcome expected at the average
    /// predictor: of all, of none, or of those whose mean is further from zero than three of their sds
    #[arg(long, value_parser = one_of(&CENTRING), value_name = "WHICH", num_args = 0..=1, default_value = "auto", default_missing_value = "yes")]
    pub center_predictors: Centring,

    #[command(flatten)]
    pub reading: ReadingArguments,
}

impl DataArguments {
    /// Refuses options that are a formula's where there is none. Where columns are named in its place, clap does not.
    pub fn refuse_options_of_formulas(&self, priors: &[String]) -> Result<(), Failure> {
        let typed = [
            ("--prior", !priors.is_empty()),
            ("--family", self.family.is_some()),
            ("--link", self.link.is_some()),
            ("--reference", !self.references.is_empty()),
            ("--weights", self.weights.is_some()),
            ("--offset", self.offset.is_some()),
            ("--se", self.se.is_some()),
            ("--sigma-formula", self.sigma_formula.is_some()),
        ];
        match typed.iter().find(|(_, is_typed)| *is_typed) {
            None => Ok(()),
            Some((option, _)) => Err(Failure::Input(anyhow!(
                "{option} goes with a formula, which stands in the place of --group, --outcome and --predictor; write --formula, \
                 as in 'y ~ x + (1 + x || group)'"
            ))),
        }
    }

    /// The family that is typed, with its link.
    pub fn family(&self) -> Result<Family, Failure> {
        let family = self.family.unwrap_or_default();
        match self.link {
            None => Ok(family),
            Some(link) if link == family.link() => Ok(family),
            Some(Link::Probit) if family == Family::Binomial => Ok(Family::Probit),
            Some(link) => Err(Failure::Input(anyhow!(
                "--link {}: --family {} has the link {} and no other here; leave --link out",
                link.name(),
                family.name(),
                family.link().name()
            ))),
        }
    }

    /// The built-in radon survey.
    pub fn radon() -> DataArguments {
        DataArguments {
            data: None,
            group: None,
            outcome: None,
            predictors: Vec::new(),
            formula: None,
            family: None,
            link: None,
            references: Vec::new(),
            weights: None,
            offset: None,
            se: None,
            with_sigma: false,
            sigma_formula: None,
            center_predictors: Centring::Far,
            reading: ReadingArguments::default(),
        }
    }
}

/// Scales of the priors, in the units of the data.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Priors, in the units of the data")]
pub struct PriorArguments {
    /// Prior of a formula's variables, as 'b_Days ~ normal(0, 10)', of a factor's, as 'sd_Subject ~ half_cauchy(5)', or
    /// of a class: b, Intercept, sd, cor, sigma; may be repeated
    #[arg(long = "prior", value_name = "PRIOR", requires = "formula", conflicts_with_all = ["prior_mu_sd", "prior_sigma_scale", "prior_eps_scale"])]
    pub priors: Vec<String>,

    /// Standard deviation of the normal prior of every mu [default: 10000, more where data are large]
    #[arg(long, value_name = "SD", value_parser = positive, conflicts_with = "formula")]
    pub prior_mu_sd: Option<f64>,

    /// Scale of the half-Cauchy prior of every sigma [default: 5, more where data are large]
    #[arg(long, value_name = "SCALE", value_parser = positive, conflicts_with = "formula")]
    pub prior_sigma_scale: Option<f64>,

    /// Scale of the half-Cauchy prior of eps [default: 5, more where data are large]
    #[arg(long, value_name = "SCALE", value_parser = positive, conflicts_with = "formula")]
    pub prior_eps_scale: Option<f64>,
}

/// Settings of the sampler.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sampling")]
pub struct RunArguments {
    /// Number of chains
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    pub chains: u32,

    /// Transitions of each chain that adapt and are thrown away
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000_000))]
    pub warmup: u32,

    /// Draws of each chain
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    pub draws: u32,

    /// Seed of all random numbers
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Global number of the first chain, to run a part of a larger experiment
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1 << 31))]
    pub first_chain: u32,

    /// Mean acceptance to aim at, between 0 and 1
    #[arg(long, value_name = "RATE", default_value_t = 0.8, value_parser = fraction)]
    pub target_accept: f64,

    /// Most doublings of a trajectory
    #[arg(long, value_name = "DEPTH", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub max_tree_depth: u32,

    /// The metric that warm-up learns
    #[arg(long, value_parser = one_of(&METRICS), default_value = "auto")]
    pub metric: Asked<MetricShape>,

    /// How the likelihood is computed: over each group's sufficient statistics, or over every observation
    #[arg(long, value_parser = one_of(&LIKELIHOODS), default_value = "groups", conflicts_with = "formula")]
    pub likelihood: Likelihood,

    /// Threads that work at once; no draw depends on it [default: one a core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub threads: Option<u16>,

    /// Of how many transitions one is kept as a draw: --draws 1000 --thin 5 makes 5000 transitions of each chain
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub thin: u32,

    /// Which variables are kept of each draw
    #[arg(long, value_parser = one_of(&KEEP), default_value = "all")]
    pub keep: Keep,

    /// How exactly draws are kept: f16 rounds by a five-thousandth of a posterior sd, in a quarter of the memory
    #[arg(long, value_parser = one_of(&PRECISIONS), value_name = "PRECISION", default_value = "f64")]
    pub draw_precision: Precision,
}

/// The engine and the adapter.
#[derive(Debug, Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineArguments {
    /// Where trees grow and densities are computed: `auto` measures, and says what it takes
    #[arg(long, value_parser = one_of(&ENGINES), default_value = "auto")]
    pub engine: EngineChoice,

    /// Part of the name of the GPU adapter to take; `warpnuts devices` lists them [default: the fastest kind]
    #[arg(long, value_name = "NAME")]
    pub adapter: Option<String>,

    /// Take an adapter that is software on the CPU, if there is no other: slower than the engine cpu
    #[arg(long)]
    pub allow_software_adapter: bool,
}

/// Where results are written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArguments {
    /// Folder to be made for the results [default: a new one under runs/]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Write draws.csv too, a line a draw; draws.zarr is there in any case
    #[arg(long)]
    pub save_draws: bool,

    /// About how often the store says how far it has come: what a run that is killed loses at most
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    pub checkpoint_every: f64,

    /// No progress
    #[arg(long, short)]
    pub quiet: bool,
}

/// The report file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
pub struct ReportArguments {
    /// Write no report.html
    #[arg(long)]
    pub no_report: bool,

    /// Open report.html in the browser once it is written
    #[arg(long, conflicts_with = "no_report")]
    pub open: bool,
}

/// Contents of the report.
#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
pub struct FunnelArguments {
    /// Name or number (from 0) of the group whose funnel is shown [default: 75, as in the notebook, or the smallest]
    #[arg(long, value_name = "GROUP")]
    pub funnel_group: Option<String>,
}

/// A shard of an experiment's chains, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    pub number: u32,
    pub count: u32,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let numbers = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((number, count)) if (1..=count).contains(&number) => Ok(Shard { number, count }),
            _ => Err("write the part and how many there are, such as 1/4".to_string()),
        }
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        // The bounds keep squares and their inverses finite.
        Ok(value) if (1e-100..=1e100).contains(&value) => Ok(value),
        _ => Err("write a positive number, such as 2.5".to_string()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1e6).contains(&value) => Ok(value),
        _ => Err("write a number of seconds, such as 5".to_string()),
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("write a number between 0 and 1, such as 0.9".to_string()),
    }
}
