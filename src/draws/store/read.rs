//! A store, read back: the model it is of, and its draws variable by variable.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::{Damage, StoreError, parse};
use super::files::Files;
use super::fixed_arrays::{ADAPTATION, MEAN, METRIC, VARIANCE};
use super::fresh::Fresh;
use super::layout::{DrawArrays, Extent, Packing};
use super::metadata::{ArrayMetadata, Type};
use super::model::{StoredModel, read_model, read_numbers};
use super::part_reader::PartReader;
use super::{FORMAT, STORE, checkpoint, not_a_run};
use crate::draws::Precision;
use crate::driver::Checkpoint;
use crate::driver::Tuned;
use crate::model::{Likelihood, Model};
use crate::nuts::Statistic;
use crate::nuts::adaptation::PositionMoments;

/// Variables are read together until they are about so many numbers, 32 MiB; those that share chunks until they are so many,
/// 64 MiB.
const TOGETHER: usize = 4 << 20;
const MOST: usize = 8 << 20;

/// A store of draws.
pub struct Store {
    folder: PathBuf,
    files: Arc<Files>,
    about: Map<String, Value>,
    model: Arc<Model>,
    extent: Extent,
    learnt: Option<Tuned>,
    /// Of what was learnt.
    damage: Vec<Damage>,
    sampling: PartReader,
    warmup: Option<PartReader>,
    /// The draws since warm-up, where they were made just now.
    fresh: Option<Fresh>,
}

/// What the root says.
#[derive(Deserialize)]
struct Root {
    #[serde(default)]
    attributes: Attributes,
    consolidated_metadata: Option<Consolidated>,
}

#[derive(Deserialize, Default)]
struct Attributes {
    warpnuts: Option<Value>,
}

#[derive(Deserialize)]
struct Consolidated {
    metadata: Map<String, Value>,
}

/// What the root says of the store, as far as this room knows.
/// How the densities of a run were computed.
#[derive(Deserialize)]
struct Computed {
    likelihood: Likelihood,
}

impl Default for Computed {
    fn default() -> Computed {
        Computed { likelihood: Likelihood::Groups }
    }
}

#[derive(Deserialize)]
struct StoredAttributes {
    extent: Extent,
    draws: usize,
    #[serde(default)]
    warmup_draws: usize,
    model: StoredModel,
    #[serde(default)]
    settings: Computed,
}

impl Store {
    /// Opens a store: `path` is its folder, or that of the run it is in.
    ///
    /// # Errors
    /// Whatever keeps it from being read.
    pub fn open(path: &Path) -> Result<Store, StoreError> {
        let inside = path.join(STORE);
        let folder = if inside.is_dir() { inside } else { path.to_path_buf() };
        let name = folder.display().to_string();
        let root = folder.join("zarr.json");
        let file = root.display().to_string();
        let text = std::fs::read_to_string(&root).map_err(|reason| match reason.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => not_a_run::refusal(path),
            _ => StoreError::Unreadable { file: file.clone(), reason },
        })?;
        let Root { attributes, consolidated_metadata } = parse(&file, &text)?;
        let damaged = |problem: String| StoreError::Inconsistent { path: file.clone(), problem };
        let about: Map<String, Value> = match attributes.warpnuts {
            None if folder.join("../zarr.json").exists() => return Err(StoreError::Part { path: name }),
            None => return Err(StoreError::Foreign { path: name }),
            Some(Value::String(text)) => serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?,
            // Format 1 had no text there.
            Some(Value::Object(about)) => about,
            Some(_) => return Err(damaged("what it says of the run makes no sense".to_string())),
        };
        if about.get("format").and_then(Value::as_u64) != Some(FORMAT) {
            let recorded = |key: &str| match about.get(key) {
                None => "unknown".to_string(),
                Some(Value::String(recorded)) => recorded.clone(),
                Some(recorded) => recorded.to_string(),
            };
            return Err(StoreError::Version { path: name, theirs: recorded("format"), version: recorded("version") });
        }
        let StoredAttributes { extent, draws, warmup_draws, model, settings } =
            serde_json::from_value(Value::Object(about.clone())).map_err(|error| damaged(error.to_string()))?;
        if !is_sensible(&extent) {
            return Err(damaged("there are no runs of so many chains or draws".to_string()));
        }
        let nodes = consolidated_metadata.ok_or_else(|| damaged("there are no consolidated metadata".to_string()))?;
        let nodes = nodes.metadata;
        let find = |path: &str| {
            let node = nodes.get(path).ok_or_else(|| damaged(format!("there is nothing about {path}")))?;
            ArrayMetadata::parse(path, node)
                .filter(has_a_size)
                .ok_or_else(|| damaged(format!("what it says of {path} makes no sense")))
        };
        let files =
            Arc::new(Files::new(&folder).map_err(|reason| StoreError::Unreadable { file: name.clone(), reason })?);
        let model = Arc::new(read_model(&files, &model, settings.likelihood, &find, &name)?);
        if extent.variables > model.layout().dim() {
            return Err(damaged("there are more variables than its model has".to_string()));
        }
        let recorded = |mut arrays: DrawArrays, planned: usize, draws: usize| {
            for drawn in &mut arrays.arrays {
                let stored = find(&drawn.metadata.path)?;
                if let Some(problem) = mismatch(&drawn.metadata, &stored, draws, extent.precision) {
                    return Err(damaged(format!("{problem} of {} does not go with the model", stored.path)));
                }
                drawn.metadata = stored;
            }
            arrays.row = arrays.arrays.first().map_or(1, |drawn| drawn.metadata.chunk[1]);
            if arrays.arrays.iter().any(|drawn| drawn.metadata.chunk[1] != arrays.row) || draws > planned {
                return Err(damaged("its chunks do not go with each other".to_string()));
            }
            Ok(PartReader::new(files.clone(), extent.chains, draws, arrays))
        };
        let sampling = recorded(DrawArrays::new(&model, &extent, None), extent.draws, draws)?;
        let warmup = match extent.warmup {
            0 => None,
            planned => Some(recorded(DrawArrays::of_warmup(&model, &extent), planned, warmup_draws)?),
        };
        let (mut learnt, mut damage) = (None, Vec::new());
        if let Some(node) = nodes.get(ADAPTATION) {
            let step_size = node.pointer("/attributes/step_size").and_then(Value::as_f64);
            let step_size = step_size.ok_or_else(|| damaged("the step size is missing".to_string()))?;
            let mut numbers = |name: &str| {
                let array = find(&format!("{ADAPTATION}/{name}"))?;
                match read_numbers(&files, &array) {
                    Err(StoreError::DamagedData { file, problem, .. }) => {
                        damage.push(Damage { file, problem });
                        Ok(vec![f64::NAN; array.dimensions.iter().map(|(_, length)| length).product()])
                    }
                    read => read,
                }
            };
            let known = nodes.contains_key(&format!("{ADAPTATION}/{MEAN}"));
            let spread =
                if known { Some(PositionMoments { mean: numbers(MEAN)?, variance: numbers(VARIANCE)? }) } else { None };
            learnt = Some(Tuned { step_size, scale: numbers(METRIC)?, spread });
        }
        Ok(Store { folder, files, about, model, extent, learnt, damage, sampling, warmup, fresh: None })
    }

    /// The store, whose draws were made just now, and are in memory still.
    pub fn with(self, fresh: Option<Fresh>) -> Store {
        debug_assert!(fresh.as_ref().is_none_or(|fresh| fresh.draws() == self.draws()));
        Store { fresh, ..self }
    }

    /// Whether its draws are in memory.
    pub fn is_in_memory(&self) -> bool {
        self.fresh.is_some()
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the root says of the run.
    pub fn about(&self) -> &Map<String, Value> {
        &self.about
    }

    /// Where its run's chains stood behind its last draw, as a file in `run`, the folder it is in, has it.
    ///
    /// # Errors
    /// When that file cannot be read, or is not of this run, or of later draws than there are.
    pub fn checkpoint(&self, run: &Path, thin: u32) -> Result<Option<Checkpoint>, StoreError> {
        let checkpoint = checkpoint::read(run, checkpoint::identity(&self.about))?;
        // Draws are written before the checkpoint that stands behind them.
        let reached = |checkpoint: &Checkpoint| (checkpoint.draws / thin.max(1)) as usize <= self.draws();
        if checkpoint.as_ref().is_some_and(|checkpoint| !reached(checkpoint)) {
            let file = run.join(checkpoint::CHECKPOINT).display().to_string();
            return Err(StoreError::StrangeCheckpoint { file, run: run.display().to_string() });
        }
        Ok(checkpoint)
    }

    /// The model it was drawn from.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// What is drawn, and how it is kept.
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// Step size and metric, where warm-up is over; `NaN` where a chunk is damaged.
    pub fn learnt(&self) -> Option<&Tuned> {
        self.learnt.as_ref()
    }

    /// How many chains.
    pub fn chains(&self) -> usize {
        self.extent.chains
    }

    /// Draws of each chain there are.
    pub fn draws(&self) -> usize {
        self.sampling.draws()
    }

    /// Draws of each chain that were recorded in warm-up.
    pub fn warmup_draws(&self) -> usize {
        self.warmup.as_ref().map_or(0, PartReader::draws)
    }

    /// How many variables each draw has.
    pub fn variables(&self) -> usize {
        self.extent.variables
    }

    /// The draws of variable `i`, `[chain][draw]`; `NaN` where a chunk is damaged.
    pub fn variable(&self, i: usize) -> Cow<'_, [f64]> {
        self.read(i..i + 1)
    }

    /// The draws of consecutive variables, `[variable][chain][draw]`; `NaN` where a chunk is damaged.
    pub fn read(&self, variables: Range<usize>) -> Cow<'_, [f64]> {
        match &self.fresh {
            Some(fresh) => Cow::Borrowed(fresh.read(variables)),
            None => Cow::Owned(self.sampling.read(variables)),
        }
    }

    /// Some draws of one chain of some variables, which are in ascending order: `[variable][draw]`.
    pub fn window(&self, variables: &[usize], chain: usize, draws: Range<usize>) -> Vec<f64> {
        let Some(fresh) = &self.fresh else { return self.sampling.gather(variables, chain..chain + 1, draws) };
        let of = |i: &usize| &fresh.read(*i..i + 1)[chain * self.draws()..][draws.clone()];
        variables.iter().flat_map(of).copied().collect()
    }

    /// All variables in stretches that are read together, every chunk once if there is memory for that.
    pub fn variable_ranges(&self) -> Vec<Range<usize>> {
        match &self.fresh {
            Some(_) => std::iter::once(0..self.variables()).collect(),
            None => self.sampling.variable_ranges(self.variables(), TOGETHER, MOST),
        }
    }

    /// A statistic of every draw, `[chain][draw]`.
    pub fn statistic(&self, statistic: Statistic) -> Cow<'_, [f64]> {
        let position = Statistic::ALL.iter().position(|other| *other == statistic).unwrap_or(0);
        self.variable(self.extent.variables + position)
    }

    /// The chunks that could not be read so far.
    pub fn damage(&self) -> Vec<Damage> {
        let warmup = self.warmup.as_ref().map_or_else(Vec::new, PartReader::damage);
        [self.damage.clone(), self.sampling.damage(), warmup].concat()
    }

    /// Some draws of some chains in all numbers, `[chain][draw][number]`: the variables, then the statistics, then what is
    /// kept of each observation.
    pub fn part(&self, chains: Range<usize>, draws: Range<usize>) -> Vec<f64> {
        self.sampling.part(chains, draws)
    }

    /// The same of draws of warm-up, of whose observations nothing is kept; empty where none were recorded.
    pub fn warmup_part(&self, chains: Range<usize>, draws: Range<usize>) -> Vec<f64> {
        self.warmup.as_ref().map_or_else(Vec::new, |warmup| warmup.part(chains, draws))
    }

    /// About `count` replicates of all observations, `[replicate][observation]`, from draws far apart; empty where none were
    /// kept.
    pub fn replicates(&self, count: usize) -> Vec<f64> {
        self.sampling.replicates(count)
    }

    /// How many numbers a draw of a chain has in all.
    pub fn width(&self) -> usize {
        self.sampling.arrays().width
    }

    /// Draws of each chain that are read together at no more cost than one.
    pub fn row(&self) -> usize {
        self.sampling.arrays().row
    }

    /// The files.
    pub(super) fn files(&self) -> &Arc<Files> {
        &self.files
    }

    /// The draws since warm-up.
    pub(super) fn sampling(&self) -> &PartReader {
        &self.sampling
    }

    /// The draws of warm-up, where they were recorded.
    pub(super) fn warmup(&self) -> Option<&PartReader> {
        self.warmup.as_ref()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Store").field("folder", &self.folder).field("extent", &self.extent).finish_non_exhaustive()
    }
}

/// Whether there may be such a run: more chains or draws than 32 bits count have never been asked for.
fn is_sensible(extent: &Extent) -> bool {
    let Extent { chains, first_chain, draws, warmup, .. } = *extent;
    let last = u64::from(first_chain).saturating_add(chains as u64);
    chains > 0 && last <= 1 << 32 && [draws, warmup].iter().all(|count| *count <= u32::MAX as usize)
}

/// Whether a chunk of the array has a number of elements that may be counted.
fn has_a_size(metadata: &ArrayMetadata) -> bool {
    let elements = metadata.chunk.iter().try_fold(1usize, |elements, length| elements.checked_mul(*length));
    elements.is_some_and(|elements| elements <= u32::MAX as usize)
}

/// What of `stored` is not as it must be in the place of `planned`, of which there are `draws` draws of each chain.
fn mismatch(
    planned: &ArrayMetadata,
    stored: &ArrayMetadata,
    draws: usize,
    precision: Precision,
) -> Option<&'static str> {
    let mut lengths: Vec<usize> = planned.dimensions.iter().map(|(_, length)| *length).collect();
    let fits = |(chunk, length): (&usize, &usize)| (1..=(*length).max(1)).contains(chunk);
    let chunks_fit = stored.chunk.iter().zip(&lengths).all(fits);
    lengths[1] = draws;
    if !stored.dimensions.iter().map(|(_, length)| *length).eq(lengths) || !chunks_fit {
        return Some("the shape");
    }
    let packed = precision == Precision::F16 && stored.data_type == Type::Float16;
    if !packed && stored.data_type != planned.data_type {
        return Some("the data type");
    }
    (!Packing::is_sensible(&stored.attributes)).then_some("the scale factor")
}
