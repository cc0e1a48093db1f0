//! A store, read back: its model, and its draws variable by variable.

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
use super::fixed_arrays::{ADAPTATION, EIGENVALUES, EIGENVECTORS, MEAN, METRIC, VARIANCE};
use super::fresh::Fresh;
use super::layout::{DrawArrays, Extent, LARGEST, Packing};
use super::metadata::{ArrayMetadata, Type};
use super::model::{StoredModel, read_model, read_numbers};
use super::part_reader::PartReader;
use super::{FORMAT, STORE, checkpoint, not_a_run};
use crate::draws::Precision;
use crate::driver::{Checkpoint, Tuned};
use crate::machine;
use crate::model::{Likelihood, Model};
use crate::nuts::adaptation::PositionMoments;
use crate::nuts::{FIRST_TOLERANCE, LowRank, Statistic};

/// Variables are read together up to about this many numbers, 32 MiB; variables that share chunks up to about this
/// many, 64 MiB.
const TOGETHER: usize = 4 << 20;
const MOST: usize = 8 << 20;

/// Memory for each draw of a variable while it is read and summarized, in bytes.
const SUMMARIZED: usize = 100;

/// A store of draws.
pub struct Store {
    folder: PathBuf,
    files: Arc<Files>,
    about: Map<String, Value>,
    model: Arc<Model>,
    extent: Extent,
    learnt: Option<Tuned>,
    /// Damaged chunks among the results of warm-up.
    damage: Vec<Damage>,
    sampling: PartReader,
    warmup: Option<PartReader>,
    /// The draws after warm-up, if they were just made.
    fresh: Option<Fresh>,
}

/// The metadata of the root.
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

/// The settings with which the densities of a run were computed.
#[derive(Deserialize)]
struct Computed {
    likelihood: Likelihood,
}

impl Default for Computed {
    fn default() -> Computed {
        Computed { likelihood: Likelihood::Groups }
    }
}

/// The attributes of the root that are read back.
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
    /// Opens a store: `path` is its folder, or the folder of its run.
    ///
    /// # Errors
    /// If the store cannot be read.
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
            // Format 1 had no text here.
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
        if !extent.is_sensible() {
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
            let reader = PartReader::new(files.clone(), extent.chains, draws, arrays);
            reader.has_chunks().then_some(reader).ok_or_else(|| damaged("most of its chunks are missing".to_string()))
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
            let mut numbers = |name: &str, shape: &[usize]| {
                let array = find(&format!("{ADAPTATION}/{name}"))?;
                if !array.dimensions.iter().map(|(_, length)| *length).eq(shape.iter().copied()) {
                    return Err(damaged(format!("the shape of {} does not go with the model", array.path)));
                }
                match read_numbers(&files, &array) {
                    Err(StoreError::DamagedData { file, problem, .. }) => {
                        damage.push(Damage { file, problem });
                        Ok(vec![f64::NAN; shape.iter().product()])
                    }
                    read => read,
                }
            };
            let has = |name: &str| nodes.contains_key(&format!("{ADAPTATION}/{name}"));
            let whole = [model.dim()];
            let low_rank = has(EIGENVALUES).then(|| -> Result<LowRank, StoreError> {
                let array = find(&format!("{ADAPTATION}/{EIGENVALUES}"))?;
                // Of no more than all coordinates, so that a damaged shape makes no room.
                let rank = array.dimensions.first().map_or(0, |(_, rank)| *rank).min(model.dim());
                let eigenvalues = numbers(EIGENVALUES, &[rank])?;
                Ok(LowRank { eigenvectors: numbers(EIGENVECTORS, &[rank, model.dim()])?, eigenvalues })
            });
            let low_rank = low_rank.transpose()?.unwrap_or_default();
            let spread = has(MEAN).then(|| -> Result<PositionMoments, StoreError> {
                Ok(PositionMoments { mean: numbers(MEAN, &whole)?, variance: numbers(VARIANCE, &whole)? })
            });
            let spread = spread.transpose()?;
            let tolerance = node.pointer("/attributes/energy_tolerance").and_then(Value::as_f64);
            let tolerance = tolerance.unwrap_or(FIRST_TOLERANCE);
            learnt = Some(Tuned { step_size, scale: numbers(METRIC, &whole)?, low_rank, tolerance, spread });
        }
        Ok(Store { folder, files, about, model, extent, learnt, damage, sampling, warmup, fresh: None })
    }

    /// Adds the draws after warm-up, if they were just made and are still in memory.
    pub fn with(self, fresh: Option<Fresh>) -> Store {
        debug_assert!(fresh.as_ref().is_none_or(|fresh| fresh.draws() == self.draws()));
        Store { fresh, ..self }
    }

    /// Whether the draws after warm-up are in memory.
    pub fn is_in_memory(&self) -> bool {
        self.fresh.is_some()
    }

    /// The folder of the store.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The root's attributes of the run.
    pub fn about(&self) -> &Map<String, Value> {
        &self.about
    }

    /// The checkpoint after the last draw, from its file in `run`, the folder of the store's run; `None` without a
    /// file.
    ///
    /// # Errors
    /// If the file cannot be read, or is of another run, or of later draws than the store has.
    pub fn checkpoint(&self, run: &Path, thin: u32) -> Result<Option<Checkpoint>, StoreError> {
        let checkpoint = checkpoint::read(run, checkpoint::identity(&self.about))?;
        // Draws are written before the checkpoint after them.
        let reached = |checkpoint: &Checkpoint| (checkpoint.draws / thin.max(1)) as usize <= self.draws();
        if checkpoint.as_ref().is_some_and(|checkpoint| !reached(checkpoint)) {
            let file = run.join(checkpoint::CHECKPOINT).display().to_string();
            return Err(StoreError::StrangeCheckpoint { file, run: run.display().to_string() });
        }
        Ok(checkpoint)
    }

    /// The model of the draws.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// The shape of the draws, and how they are stored.
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// Step size and metric, once warm-up is over; `NaN` where a chunk is damaged.
    pub fn learnt(&self) -> Option<&Tuned> {
        self.learnt.as_ref()
    }

    /// Number of chains.
    pub fn chains(&self) -> usize {
        self.extent.chains
    }

    /// Draws of each chain in the store.
    pub fn draws(&self) -> usize {
        self.sampling.draws()
    }

    /// Draws of each chain that were recorded in warm-up.
    pub fn warmup_draws(&self) -> usize {
        self.warmup.as_ref().map_or(0, PartReader::draws)
    }

    /// Number of variables of each draw.
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

    /// Some draws of one chain, `[variable][draw]`, of variables in ascending order.
    pub fn window(&self, variables: &[usize], chain: usize, draws: Range<usize>) -> Vec<f64> {
        let Some(fresh) = &self.fresh else { return self.sampling.gather(variables, chain..chain + 1, draws) };
        let of = |i: &usize| &fresh.read(*i..i + 1)[chain * self.draws()..][draws.clone()];
        variables.iter().flat_map(of).copied().collect()
    }

    /// All variables, in ranges that are read together; every chunk is read once if memory allows, and a range has a
    /// variable for each thread if their summaries fit into a quarter of the free memory.
    pub fn variable_ranges(&self) -> Vec<Range<usize>> {
        if self.fresh.is_some() {
            return std::iter::once(0..self.variables()).collect();
        }
        let size = (self.chains() * self.draws()).max(1);
        let fitting = machine::available_memory().map_or(1, |free| free as usize / 4 / size.saturating_mul(SUMMARIZED));
        let together = size * rayon::current_num_threads().min(fitting);
        self.sampling.variable_ranges(self.variables(), together.max(TOGETHER), MOST)
    }

    /// A statistic of every draw, `[chain][draw]`; 0 everywhere if it is one of steps that are refined, and these are
    /// not.
    pub fn statistic(&self, statistic: Statistic) -> Cow<'_, [f64]> {
        match self.extent.statistics().iter().position(|other| *other == statistic) {
            Some(position) => self.variable(self.extent.variables + position),
            None => Cow::Owned(vec![0.0; self.chains() * self.draws()]),
        }
    }

    /// The chunks that could not be read so far.
    pub fn damage(&self) -> Vec<Damage> {
        let warmup = self.warmup.as_ref().map_or_else(Vec::new, PartReader::damage);
        [self.damage.clone(), self.sampling.damage(), warmup].concat()
    }

    /// All numbers of some draws of some chains, `[chain][draw][number]`: the variables, then the statistics, then log
    /// likelihoods and replicates.
    pub fn part(&self, chains: Range<usize>, draws: Range<usize>) -> Vec<f64> {
        self.sampling.part(chains, draws)
    }

    /// All numbers of some recorded draws of warm-up, without log likelihoods and replicates; empty if none were
    /// recorded.
    pub fn warmup_part(&self, chains: Range<usize>, draws: Range<usize>) -> Vec<f64> {
        self.warmup.as_ref().map_or_else(Vec::new, |warmup| warmup.part(chains, draws))
    }

    /// About `count` replicates of all observations, `[replicate][observation]`, from draws far apart; empty if none
    /// were stored.
    pub fn replicates(&self, count: usize) -> Vec<f64> {
        self.sampling.replicates(count)
    }

    /// Numbers of each draw of a chain.
    pub fn width(&self) -> usize {
        self.sampling.arrays().width
    }

    /// Draws of each chain that are read together at no more cost than one draw.
    pub fn row(&self) -> usize {
        self.sampling.arrays().row
    }

    pub(super) fn files(&self) -> &Arc<Files> {
        &self.files
    }

    /// The draws after warm-up.
    pub(super) fn sampling(&self) -> &PartReader {
        &self.sampling
    }

    /// The draws of warm-up, if they were recorded.
    pub(super) fn warmup(&self) -> Option<&PartReader> {
        self.warmup.as_ref()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Store").field("folder", &self.folder).field("extent", &self.extent).finish_non_exhaustive()
    }
}

/// Whether the number of elements of a chunk fits into 32 bits.
fn has_a_size(metadata: &ArrayMetadata) -> bool {
    let elements = metadata.chunk.iter().try_fold(1usize, |elements, length| elements.checked_mul(*length));
    elements.is_some_and(|elements| elements <= u32::MAX as usize)
}

/// The property in which `stored` does not match `planned`, if there are `draws` draws of each chain.
fn mismatch(
    planned: &ArrayMetadata,
    stored: &ArrayMetadata,
    draws: usize,
    precision: Precision,
) -> Option<&'static str> {
    let mut lengths: Vec<usize> = planned.dimensions.iter().map(|(_, length)| *length).collect();
    let fits = |(chunk, length): (&usize, &usize)| (1..=(*length).max(1)).contains(chunk);
    let chunks_fit = stored.chunk.iter().zip(&lengths).all(fits) && stored.chunk.iter().product::<usize>() <= LARGEST;
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
