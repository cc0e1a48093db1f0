//! Runs with a store: started, resumed after an interruption, and opened.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::judged::JudgedSink;
use super::weights::{has_to_learn_weights, with_learnt_weights};
use super::{Backend, Beginning, Known, RunOutput, Sampled, Settings, run, sampled};
use crate::draws::store::{Extent, STORE, Store, StoreError, Writer, Writing};
use crate::draws::{Draws, Precision};
use crate::driver::{Checkpoint, Checkpointer, RunOutcome, Start, Tuned};
use crate::engine::{Counters, DeviceFailure, EngineError, Progress, SinkError};
use crate::model::Model;
use crate::nuts::{LowRank, Statistic};

/// The file beside a store that has the run's times, which alone differ between runs of the same bytes.
const TIMES: &str = "summary.json";

/// Attribute of a store's root until all shards have been merged.
pub(super) const MERGING: &str = "merging";

/// The folder of a run's store, and the interval of checkpoints.
#[derive(Debug, Clone, Copy)]
pub struct Keeping<'a> {
    /// The run's folder.
    pub folder: &'a Path,
    /// Approximate time between checkpoints.
    pub interval: Duration,
}

/// A run that ended before its last draw, for whatever reason.
#[derive(Debug)]
pub struct Interrupted {
    /// The draws so far.
    pub store: Store,
    /// The settings of the run.
    pub settings: Settings,
    /// The engine: `cpu`, `gpu-density` or `gpu`.
    pub engine: String,
    /// Name of the processor or of the device's adapter.
    pub device: String,
    checkpoint: Option<Checkpoint>,
    frozen: bool,
    /// Whether the draws were enough.
    enough: bool,
    /// A device failure after which the run went on without the device.
    failure: Option<DeviceFailure>,
}

/// Attributes of a store's root that this module reads and writes.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    version: String,
    engine: String,
    device: String,
    settings: Settings,
    frozen: bool,
    #[serde(default)]
    warmup: u32,
    #[serde(default)]
    divergences: Option<[u64; 2]>,
    #[serde(default)]
    gradients: Option<[u64; 2]>,
    #[serde(default)]
    failure: Option<DeviceFailure>,
    /// Draws of each chain at which there were enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enough: Option<u32>,
}

/// The part of a summary that has times.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
struct Times {
    wall_seconds: Seconds,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
struct Seconds {
    warmup: f64,
    sampling: f64,
    total: f64,
}

impl Settings {
    /// Contents of the store of a run of `model`.
    pub fn extent(&self, model: &Model) -> Extent {
        Extent {
            chains: self.chains as usize,
            first_chain: self.first_chain,
            draws: self.draws as usize,
            warmup: self.recorded_warmup() as usize,
            variables: self.variables(model),
            precision: self.draw_precision,
            log_likelihood: self.log_likelihood,
            posterior_predictive: self.posterior_predictive,
            refined: self.sampler.refines(),
        }
    }

    pub(super) fn writing(&self, interval: Duration) -> Writing {
        let packed = self.draw_precision == Precision::F16;
        Writing { seed: self.seed, warmup: self.warmup, packed, interval }
    }
}

/// Samples `model` on `backend` into a store in an existing folder.
///
/// # Errors
/// If a chain finds no starting point, the store cannot be written, or a device fails before the first draw.
pub fn sample_into(
    keeping: &Keeping,
    backend: &Backend,
    model: Arc<Model>,
    settings: Settings,
    known: Option<Known>,
    progress: Arc<Progress>,
) -> Result<Sampled, EngineError> {
    let began = Instant::now();
    let model = with_learnt_weights(backend, model, &settings, &progress)?;
    let learnt = match &known {
        Some(Known::Tuning(learnt)) => Some(learnt.clone()),
        _ => None,
    };
    let about = About {
        version: env!("CARGO_PKG_VERSION").to_string(),
        engine: backend.name().to_string(),
        device: backend.device(),
        settings,
        frozen: learnt.is_some(),
        warmup: 0,
        divergences: None,
        gradients: None,
        failure: None,
        enough: None,
    };
    let settings = settings.of(&model);
    let extent = settings.extent(&model);
    let writing = settings.writing(keeping.interval);
    let writer = Writer::create(keeping.folder, model.clone(), extent, writing, learnt.as_ref(), attributes(&about));
    let writer = writer.map_err(SinkError)?;
    let (beginning, before) = Beginning::of(known);
    let before = before.as_secs_f64();
    go_on(PreparedRun { keeping, backend, model, settings, beginning, writer, began, before, failure: None }, progress)
}

/// Resumes an interrupted run on its own backend; the result has the same bytes as that of an uninterrupted run.
///
/// # Errors
/// As [`sample_into`], and if the store is damaged.
pub fn resume(
    keeping: &Keeping,
    backend: &Backend,
    interrupted: Interrupted,
    progress: Arc<Progress>,
) -> Result<Sampled, EngineError> {
    let began = Instant::now();
    let Interrupted { store, settings, checkpoint, frozen, failure, .. } = interrupted;
    if has_to_learn_weights(store.model()) {
        // The run was stopped before it had weights, and so before its first transition.
        let model = store.model().clone();
        drop(store);
        std::fs::remove_dir_all(keeping.folder.join(STORE)).map_err(SinkError)?;
        return sample_into(keeping, backend, model, settings, None, progress);
    }
    let writing = settings.writing(keeping.interval);
    let made = checkpoint.as_ref().map_or([0, 0], |checkpoint| [checkpoint.warmup, checkpoint.draws]);
    let draws = made.map(|made| (made / settings.thin) as usize);
    let writer = Writer::resume(keeping.folder, &store, writing, draws).map_err(SinkError)?;
    let mut before = 0.0;
    if let Some(checkpoint) = &checkpoint {
        before = checkpoint.time.iter().map(Duration::as_secs_f64).sum();
        let transitions = u64::from(checkpoint.chains.transitions) * u64::from(settings.chains);
        progress.add(Counters { transitions, ..Counters::default() });
    }
    let start = match (checkpoint, store.learnt()) {
        (Some(checkpoint), _) => Start::Resumed(checkpoint),
        (None, Some(learnt)) if frozen => Start::Frozen(learnt.clone()),
        (None, _) => Start::Fresh,
    };
    let model = store.model().clone();
    drop(store);
    let beginning = Beginning::At(Box::new(start));
    go_on(PreparedRun { keeping, backend, model, settings, beginning, writer, began, before, failure }, progress)
}

/// A run that is ready to start or to resume.
struct PreparedRun<'a> {
    keeping: &'a Keeping<'a>,
    backend: &'a Backend,
    model: Arc<Model>,
    settings: Settings,
    beginning: Beginning,
    writer: Writer,
    /// Start of this call, and seconds spent before it.
    began: Instant,
    before: f64,
    /// An earlier device failure after which the run went on.
    failure: Option<DeviceFailure>,
}

fn go_on(ready: PreparedRun, progress: Arc<Progress>) -> Result<Sampled, EngineError> {
    let PreparedRun { keeping, backend, model, settings, beginning, mut writer, began, before, failure } = ready;
    let landscape = beginning.landscape(&model);
    let mut checkpoints = writer.checkpoints();
    let checkpointer = checkpoints.as_mut().map(|checkpoints| checkpoints as &mut dyn Checkpointer);
    let mut judged = JudgedSink::new(&mut writer, settings);
    let output = RunOutput { sink: &mut judged, checkpointer };
    let mut outcome = run(backend, &model, &landscape, &settings, beginning, output, progress)?;
    let mut about = Map::new();
    about.insert("warmup".to_string(), json!(outcome.warmup));
    about.insert("divergences".to_string(), json!(outcome.divergences));
    about.insert("gradients".to_string(), json!(outcome.gradients));
    outcome.failure = outcome.failure.or(failure);
    about.insert("failure".to_string(), json!(outcome.failure));
    if outcome.enough {
        about.insert("enough".to_string(), json!(outcome.draws));
    }
    let complete = outcome.draws == settings.draws || outcome.enough;
    let learnt = || Tuned {
        step_size: outcome.step_size,
        scale: outcome.scale.clone(),
        low_rank: outcome.low_rank.clone(),
        tolerance: outcome.tolerance,
        spread: outcome.spread.clone(),
    };
    let learnt = (outcome.draws > 0).then(learnt);
    let fresh = writer.end(learnt, about, complete).map_err(SinkError)?;
    let store = Store::open(keeping.folder).map_err(|error| SinkError(std::io::Error::other(error)))?;
    let wall = began.elapsed() + Duration::from_secs_f64(before);
    let draws = Draws::Store(Arc::new(store.with(fresh)));
    Ok(sampled(backend, model, landscape, settings, draws, outcome, wall))
}

/// The settings as an attribute of a store, without those that differ between the machines of an experiment's shards.
pub(super) fn settings_attribute(settings: &Settings) -> Value {
    let mut attribute = json!(settings);
    if let Value::Object(settings) = &mut attribute {
        settings.shift_remove("threads");
    }
    attribute
}

fn attributes(about: &About) -> Map<String, Value> {
    let mut attributes = match json!(about) {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    attributes.insert("settings".to_string(), settings_attribute(&about.settings));
    if about.settings.until.is_some() {
        // In its place from the beginning, so that runs that were interrupted have the same bytes.
        attributes.insert("enough".to_string(), json!(about.enough));
    }
    attributes
}

fn about(store: &Store) -> Result<About, StoreError> {
    let damaged = |problem| StoreError::Inconsistent { path: store.folder().display().to_string(), problem };
    if store.about().contains_key(MERGING) {
        return Err(StoreError::Unmerged { path: store.folder().display().to_string() });
    }
    let about: About =
        serde_json::from_value(Value::Object(store.about().clone())).map_err(|error| damaged(error.to_string()))?;
    let settings = &about.settings;
    let sensible =
        settings.thin > 0 && settings.chains > 0 && settings.target_accept > 0.0 && settings.target_accept < 1.0;
    if !sensible || settings.extent(store.model()) != *store.extent() {
        return Err(damaged("the settings of the run do not go with its draws".to_string()));
    }
    Ok(about)
}

impl Interrupted {
    /// Reads the state of the run in `folder`.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn read(folder: &Path) -> Result<Interrupted, StoreError> {
        let store = Store::open(folder)?;
        let About { engine, device, settings, frozen, failure, enough, .. } = about(&store)?;
        let checkpoint = store.checkpoint(folder, settings.thin)?;
        let failure = failure.filter(|failure| failure.resumed);
        let enough = enough.is_some_and(|draws| draws as usize == store.draws());
        Ok(Interrupted { store, settings, engine, device, checkpoint, frozen, enough, failure })
    }

    /// Whether all draws have been made, or enough for the run's goal.
    pub fn is_complete(&self) -> bool {
        let all = self.store.draws() == self.settings.draws as usize;
        (all || self.enough) && self.checkpoint.is_none()
    }
}

impl Sampled {
    /// The run whose store is at `path` or in the folder `path`.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn open(path: &Path) -> Result<Sampled, StoreError> {
        let store = Store::open(path)?;
        let About { engine, device, settings, warmup, divergences, gradients, failure, enough, .. } = about(&store)?;
        let Times { wall_seconds: times } = std::fs::read_to_string(path.join(TIMES))
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let sum = |statistic| store.statistic(statistic).iter().sum::<f64>() as u64;
        let unknown = || Tuned {
            step_size: f64::NAN,
            scale: Vec::new(),
            low_rank: LowRank::default(),
            tolerance: f64::NAN,
            spread: None,
        };
        let learnt = store.learnt().cloned().unwrap_or_else(unknown);
        let rates = store.statistic(Statistic::AcceptanceRate);
        let run = RunOutcome {
            warmup: if divergences.is_some() { warmup } else { settings.warmup },
            draws: store.draws() as u32,
            enough: enough.is_some_and(|draws| draws as usize == store.draws()),
            step_size: learnt.step_size,
            scale: learnt.scale,
            low_rank: learnt.low_rank,
            tolerance: learnt.tolerance,
            spread: learnt.spread,
            acceptance: rates.iter().sum::<f64>() / rates.len() as f64,
            divergences: divergences.unwrap_or_else(|| [0, sum(Statistic::Diverging)]),
            gradients: gradients.unwrap_or_else(|| [0, sum(Statistic::NSteps)]),
            time: [seconds(times.warmup), seconds(times.sampling)],
            failure,
        };
        let model = store.model().clone();
        let mut names = model.names();
        names.truncate(store.variables());
        let interrupted = run.draws < settings.draws && !run.enough;
        let wall = seconds(times.total);
        let draws = Draws::Store(Arc::new(store));
        // Searched for only if needed: exports and merges do not need it.
        let landscape = OnceLock::new();
        Ok(Sampled { model, landscape, settings, engine, device, names, draws, run, interrupted, wall })
    }
}
