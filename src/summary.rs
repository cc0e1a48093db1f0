//! The summary of a run: a row for each variable, how the run was sampled, and whether to trust the draws.

pub mod advice;
mod comparison;
mod derived;
mod design;
mod digits;
mod export;
mod files;
mod formula;
mod import;
mod local;
mod modes;
pub mod tables;
mod until;
mod words;

use serde::{Deserialize, Serialize, Serializer};

use crate::data::{Dataset, LeftOut};
use crate::diagnostics::{self, Series, Summary};
use crate::draws::Totals;
use crate::experiment::diagnosis::Diagnosis;
use crate::experiment::{Sampled, Sampler, Settings};
use crate::model::{PriorScales, Role, Structure};
use crate::nuts::Statistic;

pub use comparison::{Comparison, ComparisonRow, MeanDifference};
pub use digits::{beyond, counted, decimals, number, significant};
pub use export::{text_size, write_cmdstan, write_csv};
pub(crate) use files::write_whole;
pub use files::{write_json, write_parameters, write_rows};
pub use formula::FormulaSummary;
pub use import::{ImportError, Imported};
pub use modes::{Visited, scales_at};
pub use until::Until;
pub use words::Words;

/// The largest or smallest value of a statistic, and its variable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Extreme {
    /// The value.
    pub value: f64,
    /// The variable's name.
    pub parameter: String,
}

/// The data of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    /// The file, or other source.
    pub source: String,
    /// The column of groups.
    pub group: String,
    /// The column of the outcome.
    pub outcome: String,
    /// The columns of predictors.
    pub predictors: Vec<String>,
    /// The mean subtracted from each predictor; 0 where it was not centred.
    pub predictor_means_subtracted: Vec<f64>,
    /// N.
    pub observations: usize,
    /// Rows left out because a column in use misses a value.
    #[serde(default)]
    pub left_out: LeftOut,
    /// J.
    pub groups: usize,
    /// Checksum of all that a model uses of the data; see [`Dataset::checksum`].
    pub checksum: String,
}

impl DataSummary {
    /// The summary of `dataset`.
    pub fn of(dataset: &Dataset) -> DataSummary {
        DataSummary {
            source: dataset.source().to_string(),
            group: dataset.group_name().to_string(),
            outcome: dataset.outcome_name().to_string(),
            predictors: dataset.predictor_names().to_vec(),
            predictor_means_subtracted: dataset.predictor_means().to_vec(),
            observations: dataset.n_observations(),
            left_out: dataset.left_out().clone(),
            groups: dataset.n_groups(),
            checksum: dataset.checksum(),
        }
    }
}

/// Numbers for warm-up, for the draws, and in total.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ByPhase<T> {
    /// In warm-up.
    pub warmup: T,
    /// For the draws.
    pub sampling: T,
    /// In total; of times, with work outside both phases.
    pub total: T,
}

/// Energy diagnostics: whether momentum resampling explores the energies well.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Energy {
    /// Smallest E-BFMI of all chains.
    pub min: f64,
    /// Mean E-BFMI over the chains.
    pub mean: f64,
    /// Number of chains below [`EBFMI_LIMIT`]; 0 if chains have too few draws to know.
    pub chains_below_limit: usize,
}

/// A chain with an E-BFMI below this explores energies slowly.
pub const EBFMI_LIMIT: f64 = 0.3;

/// With fewer draws, a chain's E-BFMI is mostly noise.
const EBFMI_DRAWS: usize = 100;

/// A warning, with a remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// Its key; `docs/trust.md` lists all keys.
    pub kind: &'static str,
    /// What is wrong, in numbers.
    pub problem: String,
    /// The remedy.
    pub remedy: String,
    /// Options of `sample` for the remedy, if there are any; each entry is an alternative.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<String>,
    /// Whether the draws should not be trusted until the remedy is applied.
    pub distrust: bool,
}

impl Advice {
    /// A warning about data or a model, without proposals: the draws are right for that model.
    pub fn about_data(kind: &'static str, problem: String, remedy: impl Into<String>) -> Advice {
        Advice { kind, problem, remedy: remedy.into(), proposals: Vec::new(), distrust: false }
    }
}

/// The content of `summary.json`, in order.
#[derive(Debug, Clone, Serialize)]
pub struct RunSummary {
    /// The program's version.
    pub version: &'static str,
    /// The engine: `cpu`, `gpu-density` or `gpu`.
    pub engine: String,
    /// Name of the processor or of the device's adapter.
    pub adapter: String,
    /// The device failure during the run, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_failure: Option<String>,
    /// The data.
    pub data: DataSummary,
    /// `centered`, `non-centered`, one of these for each coefficient, or `marginal`.
    pub parameterization: String,
    /// Priors and centred predictors in words.
    #[serde(skip)]
    pub words: Words,
    /// Scales of the shorthand's priors, in the user's units, for each coefficient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priors: Option<PriorScales>,
    /// The formula, where the model is a formula's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formula: Option<FormulaSummary>,
    /// The settings of the run.
    pub settings: Settings,
    /// The seed.
    pub seed: u64,
    /// Whether the run was stopped before its last draw, and before its goal.
    pub interrupted: bool,
    /// Draws of each chain.
    pub draws: usize,
    /// The goal of the run, if it had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
    /// Wall-clock seconds.
    pub wall_seconds: ByPhase<f64>,
    /// Number of gradients computed.
    pub gradient_evaluations: ByPhase<u64>,
    /// Step size of the draws.
    pub step_size: f64,
    /// Mean acceptance of the draws.
    pub acceptance: f64,
    /// Mean leapfrog steps per draw.
    pub leapfrogs_per_draw: f64,
    /// Independent draws that repeat the one before, because that one was beyond the proposal's bound; none for chains.
    /// Where it is 0, every draw counts for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeated: Option<u64>,
    /// Divergent transitions among the draws.
    pub divergences: u64,
    /// Divergent transitions in warm-up, which do no harm.
    pub warmup_divergences: u64,
    /// Draws whose trajectory was cut off at the maximum tree depth.
    pub reached_max_treedepth: u64,
    /// E-BFMI of the chains.
    pub e_bfmi: Energy,
    /// Largest R-hat.
    pub max_rhat: Option<Extreme>,
    /// Largest nested R-hat, where chains share starting points.
    pub max_nested_rhat: Option<Extreme>,
    /// Chains that share each starting point. If more than one, errors and effective sample sizes come from the spread
    /// over the chains.
    pub chains_per_superchain: u32,
    /// Smallest bulk ESS.
    pub min_ess_bulk: Option<Extreme>,
    /// Smallest tail ESS.
    pub min_ess_tail: Option<Extreme>,
    /// The modes of the posterior, in descending order of mass, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<Visited>,
    /// Warnings, with remedies.
    pub warnings: Vec<Advice>,
    /// A row for each variable.
    pub parameters: Parameters,
}

/// A variable's row.
#[derive(Debug, Clone, Serialize)]
pub struct Parameter {
    /// `mu_a`, `sigma_b`, `eps`, `a[AITKIN]`.
    #[serde(skip)]
    pub name: String,
    /// Role of the variable in its model, if known.
    #[serde(skip)]
    pub role: Option<Role>,
    /// Mean, quantiles, errors, effective sample sizes, R-hat.
    #[serde(flatten)]
    pub summary: Summary,
    /// Nested R-hat, where chains share starting points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nested_rhat: Option<f64>,
}

/// A row for each variable, in order; in JSON, a map by name.
#[derive(Debug, Clone)]
pub struct Parameters(pub Vec<Parameter>);

impl Serialize for Parameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|parameter| (&parameter.name, parameter)))
    }
}

impl Parameters {
    /// The row of a variable; `None` if there is none.
    pub fn get(&self, name: &str) -> Option<&Summary> {
        self.0.iter().find(|parameter| parameter.name == name).map(|parameter| &parameter.summary)
    }
}

/// Diagnostics of a run's draws.
struct Diagnosed {
    /// Draws of each chain.
    draws: usize,
    rows: Vec<Summary>,
    nested: Vec<Option<f64>>,
    /// E-BFMI of each chain.
    e_bfmi: Vec<f64>,
    saturated: u64,
    /// Independent draws that repeat the one before.
    repeated: Option<u64>,
    modes: Vec<Visited>,
}

impl RunSummary {
    /// The summary of a run with draws.
    pub fn of(sampled: &Sampled) -> RunSummary {
        let Sampled { settings, names, draws, .. } = sampled;
        let (mut rows, mut nested) = (Vec::with_capacity(names.len()), Vec::with_capacity(names.len()));
        let places = modes::places(sampled, draws.chains(), draws.draws());
        let hyperparameters = sampled.model.layout().hyperparameters();
        let mut visits = vec![Vec::with_capacity(hyperparameters); places.len()];
        let diagnosis = Diagnosis::of(settings, draws);
        for variables in draws.variable_ranges() {
            let values = draws.read(variables.clone());
            let of_variables = values.chunks_exact((draws.chains() * draws.draws()).max(1));
            for values in of_variables.take(hyperparameters.saturating_sub(variables.start)) {
                visits.iter_mut().zip(&places).for_each(|(visit, place)| visit.push(values[*place]));
            }
            let (some, of_each): (Vec<_>, Vec<_>) = diagnosis.rows(&values, variables.len()).into_iter().unzip();
            rows.extend(some);
            nested.extend(of_each);
        }
        let energies = draws.statistic(Statistic::Energy);
        let e_bfmi = diagnostics::ebfmi(Series::new(&energies, draws.chains()));
        let saturated = draws.statistic(Statistic::ReachedMaxTreedepth).iter().sum::<f64>() as u64;
        let modes = modes::visited(sampled, visits.into_iter());
        let repeated = diagnosis.repeated;
        let draws = draws.draws();
        RunSummary::assemble(sampled, Diagnosed { draws, rows, nested, e_bfmi, saturated, repeated, modes })
    }

    /// The summary of a run whose draws were only summed.
    pub fn of_totals(sampled: &Sampled<Totals>) -> RunSummary {
        let Sampled { settings, names, draws: totals, .. } = sampled;
        let nested = |i| (settings.chains_per_superchain() > 1).then(|| diagnostics::nested_rhat_of(totals, i));
        let repeated = (settings.sampler == Sampler::Independent).then_some(totals.repeated);
        let row = |i| match repeated {
            Some(0) => diagnostics::independent_summary_of(totals, i),
            _ => diagnostics::summary_of(totals, i),
        };
        let rows: Vec<Summary> = (0..names.len()).map(row).collect();
        // The draws are gone; modes are looked for at the medians.
        let middle = rows.iter().take(sampled.model.layout().hyperparameters()).map(|row| row.q50).collect();
        let diagnosed = Diagnosed {
            draws: totals.draws,
            modes: modes::visited(sampled, std::iter::once(middle)),
            rows,
            nested: (0..names.len()).map(nested).collect(),
            e_bfmi: totals.e_bfmi.clone(),
            saturated: totals.saturated,
            repeated,
        };
        RunSummary::assemble(sampled, diagnosed)
    }

    fn assemble<D>(sampled: &Sampled<D>, diagnosed: Diagnosed) -> RunSummary {
        let Sampled { model, settings, engine, device, names, run, interrupted, wall, .. } = sampled;
        let Diagnosed { draws, rows, nested, e_bfmi, saturated, repeated, modes } = diagnosed;
        let largest = |value: &dyn Fn(usize) -> f64| {
            let values = (0..names.len()).map(|i| (value(i), i)).filter(|(value, _)| !value.is_nan());
            // Of equal ones, the first.
            let largest = values.rev().max_by(|(a, _), (b, _)| a.total_cmp(b));
            largest.map(|(value, i)| Extreme { value, parameter: names[i].clone() })
        };
        let smallest = |value: &dyn Fn(usize) -> f64| {
            largest(&|i| -value(i)).map(|Extreme { value, parameter }| Extreme { value: -value, parameter })
        };
        let below_limit = e_bfmi.iter().filter(|value| **value < EBFMI_LIMIT).count();
        let dataset = model.dataset();
        let drawn = u64::from(settings.chains) * draws as u64 * u64::from(settings.thin);
        let parameter = |(i, name): (usize, &String)| Parameter {
            name: name.clone(),
            role: Some(model.layout().place(i).0.role),
            summary: rows[i],
            nested_rhat: nested[i],
        };
        let parameters = names.iter().enumerate().map(parameter).collect();
        let mut summary = RunSummary {
            version: env!("CARGO_PKG_VERSION"),
            engine: engine.clone(),
            adapter: device.clone(),
            device_failure: run.failure.as_ref().map(|failure| failure.error.clone()),
            data: DataSummary::of(dataset),
            parameterization: model.parameterization(),
            words: Words::of(model),
            priors: model.shorthand().map(|shorthand| shorthand.priors.clone()),
            formula: model.mixed().map(|mixed| FormulaSummary::of(model, mixed, engine)),
            settings: *settings,
            seed: settings.seed,
            interrupted: *interrupted,
            draws,
            until: Until::of(settings, *interrupted, &rows, &nested, names),
            wall_seconds: ByPhase {
                warmup: run.time[0].as_secs_f64(),
                sampling: run.time[1].as_secs_f64(),
                total: if wall.is_zero() { f64::NAN } else { wall.as_secs_f64() },
            },
            gradient_evaluations: ByPhase {
                warmup: run.gradients[0],
                sampling: run.gradients[1],
                total: run.gradients[0].saturating_add(run.gradients[1]),
            },
            step_size: run.step_size,
            acceptance: run.acceptance,
            leapfrogs_per_draw: run.gradients[1] as f64 / drawn.max(1) as f64,
            repeated,
            divergences: run.divergences[1],
            warmup_divergences: run.divergences[0],
            reached_max_treedepth: saturated,
            e_bfmi: Energy {
                min: e_bfmi.iter().copied().fold(f64::NAN, f64::min),
                mean: diagnostics::mean(&e_bfmi),
                chains_below_limit: if draws < EBFMI_DRAWS { 0 } else { below_limit },
            },
            max_rhat: largest(&|i| rows[i].rhat),
            max_nested_rhat: largest(&|i| nested[i].unwrap_or(f64::NAN)),
            chains_per_superchain: settings.chains_per_superchain(),
            min_ess_bulk: smallest(&|i| rows[i].ess_bulk),
            min_ess_tail: smallest(&|i| rows[i].ess_tail),
            modes,
            warnings: Vec::new(),
            parameters: Parameters(parameters),
        };
        summary.warnings = match model.structure() {
            Structure::Shorthand(shorthand) => advice::of_data(dataset, &shorthand.priors),
            Structure::Formula(mixed) => advice::of_formula(model, mixed),
        };
        summary.warnings.extend(advice::advise(&summary));
        summary
    }
}
