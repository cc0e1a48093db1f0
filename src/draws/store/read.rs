//! A store, read back: the model it is of, and its draws variable by variable.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value};
use zarrs::array::Array;

use super::arrays::{open, read_chunk};
use super::contents::ADAPTATION;
use super::described::{Described, read_model, read_numbers};
use super::error::{Damage, StoreError, parse};
use super::files::Files;
use super::layout::{DrawArrays, Drawn, Extent, Packing, Statistic};
use super::metadata::ArrayMetadata;
use super::row::chunks;
use super::{FORMAT, STORE};
use crate::driver::Learnt;
use crate::model::Model;

/// Numbers that are read ahead, of variables that share chunks: 32 MiB.
const SLAB: usize = 4 << 20;

/// A store of draws.
pub struct Store {
    folder: PathBuf,
    files: Arc<Files>,
    about: Map<String, Value>,
    model: Arc<Model>,
    extent: Extent,
    draws: usize,
    learnt: Option<Learnt>,
    arrays: DrawArrays,
    /// What was read last, of which array: `[element][chain][draw]`.
    slab: Mutex<Option<Slab>>,
    damage: Mutex<Vec<Damage>>,
}

struct Slab {
    array: usize,
    first: usize,
    numbers: Arc<Vec<f64>>,
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
    warpnuts: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Consolidated {
    metadata: Map<String, Value>,
}

/// What the root says of the store, as far as this room knows.
#[derive(Deserialize)]
struct Told {
    extent: Extent,
    draws: usize,
    model: Described,
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
            io::ErrorKind::NotFound if !folder.exists() => StoreError::NotFound { path: name.clone() },
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => match runs_in(path) {
                runs if runs.is_empty() => StoreError::NoStore { path: name.clone() },
                runs => StoreError::Several { path: name.clone(), runs },
            },
            _ => StoreError::Unreadable { file: file.clone(), reason },
        })?;
        let Root { attributes, consolidated_metadata } = parse(&file, &text)?;
        let about = attributes.warpnuts.ok_or_else(|| StoreError::Foreign { path: name.clone() })?;
        if about.get("format").and_then(Value::as_u64) != Some(FORMAT) {
            let told = |key: &str| about.get(key).map_or("unknown".to_string(), |value| value.to_string());
            return Err(StoreError::Version { path: name, theirs: told("format"), version: told("version") });
        }
        let damaged = |problem: String| StoreError::Inconsistent { path: file.clone(), problem };
        let Told { extent, draws, model } =
            serde_json::from_value(Value::Object(about.clone())).map_err(|error| damaged(error.to_string()))?;
        let nodes = consolidated_metadata.ok_or_else(|| damaged("there are no consolidated metadata".to_string()))?;
        let nodes = nodes.metadata;
        let find = |path: &str| {
            let node = nodes.get(path).ok_or_else(|| damaged(format!("there is nothing about {path}")))?;
            ArrayMetadata::parse(path, node).ok_or_else(|| damaged(format!("what it says of {path} makes no sense")))
        };
        let files =
            Arc::new(Files::new(&folder).map_err(|reason| StoreError::Unreadable { file: name.clone(), reason })?);
        let model = Arc::new(read_model(&files, &model, &find, &name)?);
        let mut arrays = DrawArrays::new(&model, &extent, None);
        for drawn in &mut arrays.arrays {
            let stored = find(&drawn.metadata.path)?;
            let lengths =
                |metadata: &ArrayMetadata| metadata.dimensions.iter().map(|(_, length)| *length).collect::<Vec<_>>();
            let mut expected = lengths(&drawn.metadata);
            expected[1] = draws;
            if lengths(&stored) != expected || stored.chunk.len() != expected.len() || stored.chunk.contains(&0) {
                return Err(damaged(format!("the shape of {} does not go with the model", stored.path)));
            }
            drawn.metadata = stored;
        }
        arrays.row = arrays.arrays.first().map_or(1, |drawn| drawn.metadata.chunk[1]);
        if arrays.arrays.iter().any(|drawn| drawn.metadata.chunk[1] != arrays.row) || draws > extent.draws {
            return Err(damaged("its chunks do not go with each other".to_string()));
        }
        let mut learnt = None;
        if let Some(node) = nodes.get(ADAPTATION) {
            let step_size = node.pointer("/attributes/step_size").and_then(Value::as_f64);
            let step_size = step_size.ok_or_else(|| damaged("the step size is missing".to_string()))?;
            let scale = read_numbers(&files, &find(&format!("{ADAPTATION}/metric_sd"))?)?;
            learnt = Some(Learnt { step_size, scale });
        }
        Ok(Store {
            folder,
            files,
            about,
            model,
            extent,
            draws,
            learnt,
            arrays,
            slab: Mutex::default(),
            damage: Mutex::default(),
        })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the root says of the run.
    pub fn about(&self) -> &Map<String, Value> {
        &self.about
    }

    /// The model it was drawn from.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// What is drawn, and how it is kept.
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// Step size and metric, where warm-up is over.
    pub fn learnt(&self) -> Option<&Learnt> {
        self.learnt.as_ref()
    }

    /// How many chains.
    pub fn chains(&self) -> usize {
        self.extent.chains
    }

    /// Draws of each chain there are.
    pub fn draws(&self) -> usize {
        self.draws
    }

    /// How many variables each draw has.
    pub fn variables(&self) -> usize {
        self.extent.variables
    }

    /// The draws of variable `i`, `[chain][draw]`; `NaN` where a chunk is damaged.
    pub fn variable(&self, i: usize) -> Vec<f64> {
        let place = self.arrays.arrays.iter().enumerate().find_map(|(array, drawn)| {
            drawn.places.iter().position(|place| *place == i).map(|element| (array, element))
        });
        place.map_or_else(Vec::new, |(array, element)| self.element(array, element))
    }

    /// A statistic of every draw, `[chain][draw]`.
    pub fn statistic(&self, statistic: Statistic) -> Vec<f64> {
        let position = Statistic::ALL.iter().position(|other| *other == statistic).unwrap_or(0);
        self.variable(self.extent.variables + position)
    }

    /// The chunks that could not be read so far.
    pub fn damage(&self) -> Vec<Damage> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Some draws of some chains in all numbers, `[chain][draw][number]`: the variables, then the statistics, then what is
    /// kept of each observation.
    pub fn part(&self, chains: Range<usize>, draws: Range<usize>) -> Vec<f64> {
        let (rows, width) = (chains.len() * draws.len(), self.arrays.width);
        let mut numbers = vec![f64::NAN; rows * width];
        for (array, drawn) in self.arrays.arrays.iter().enumerate() {
            let elements = self.read(array, 0..drawn.places.len(), chains.clone(), draws.clone());
            for (element, place) in drawn.places.iter().enumerate() {
                for (row, number) in elements[element * rows..][..rows].iter().enumerate() {
                    numbers[row * width + place] = *number;
                }
            }
        }
        numbers
    }

    /// About `count` replicates of all observations, `[replicate][observation]`, from draws far apart; empty where none were
    /// kept.
    pub fn replicates(&self, count: usize) -> Vec<f64> {
        let Some(array) =
            self.arrays.arrays.iter().position(|drawn| drawn.metadata.path.starts_with("posterior_predictive/"))
        else {
            return Vec::new();
        };
        let chains = self.extent.chains.min(count);
        let draws = count.div_ceil(chains.max(1)).min(self.draws);
        let observations = self.arrays.arrays[array].places.len();
        let mut replicates = Vec::with_capacity(chains * draws * observations);
        for i in 0..draws {
            let draw = (2 * i + 1) * self.draws / (2 * draws);
            let elements = self.read(array, 0..observations, 0..chains, draw..draw + 1);
            replicates.extend((0..chains).flat_map(|chain| elements.iter().skip(chain).step_by(chains)));
        }
        replicates
    }

    /// How many numbers a draw of a chain has in all.
    pub fn width(&self) -> usize {
        self.arrays.width
    }

    /// Draws of each chain that are read together at no more cost than one.
    pub fn row(&self) -> usize {
        self.arrays.row
    }

    /// Draws of all chains of one element, read ahead with those beside it.
    fn element(&self, array: usize, element: usize) -> Vec<f64> {
        let drawn = &self.arrays.arrays[array];
        let size = self.extent.chains * self.draws;
        let beside = drawn.chunk_elements().min(SLAB / size.max(1)).max(1);
        if beside == 1 {
            return self.read(array, element..element + 1, 0..self.extent.chains, 0..self.draws);
        }
        let mut slab = self.slab.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slab.as_ref().filter(|slab| slab.array == array && slab.first <= element);
        let known = known.map(|slab| (slab.first, slab.numbers.clone()));
        let (first, numbers) = match known {
            Some((first, numbers)) if (element - first) * size < numbers.len() => (first, numbers),
            _ => {
                *slab = None;
                let elements = element..(element + beside).min(drawn.places.len());
                let numbers = Arc::new(self.read(array, elements, 0..self.extent.chains, 0..self.draws));
                *slab = Some(Slab { array, first: element, numbers: numbers.clone() });
                (element, numbers)
            }
        };
        drop(slab);
        numbers[(element - first) * size..][..size].to_vec()
    }

    /// Reads some elements of some draws of some chains of an array, `[element][chain][draw]`.
    fn read(&self, array: usize, elements: Range<usize>, chains: Range<usize>, draws: Range<usize>) -> Vec<f64> {
        let drawn = &self.arrays.arrays[array];
        let mut out = vec![f64::NAN; elements.len() * chains.len() * draws.len()];
        let Ok(opened) = open(&self.files, &drawn.metadata) else { return out };
        let (last, size, row) = (drawn.last_length(), drawn.metadata.chunk[0], self.arrays.row);
        let along = drawn.chunk_elements();
        let mut wanted = chunks(drawn);
        wanted.retain(|chunk| {
            let first = chunk.outer * last + chunk.last * along;
            let behind = (first + along).min((chunk.outer + 1) * last);
            let first_chain = chunk.chains * size;
            first < elements.end
                && behind > elements.start
                && first_chain < chains.end
                && first_chain + size > chains.start
        });
        let rows = draws.start / row..draws.end.div_ceil(row);
        let wanted: Vec<_> = rows.flat_map(|row| wanted.iter().map(move |chunk| (row, chunk))).collect();
        // As many at once as threads have work with, for the sake of memory.
        for some in wanted.chunks(4 * rayon::current_num_threads()) {
            let decoded: Vec<_> = some.par_iter().map(|(row, chunk)| self.chunk(drawn, &opened, *row, chunk)).collect();
            for ((number, chunk), decoded) in some.iter().zip(decoded) {
                let Some(decoded) = decoded else { continue };
                let (first_draw, first_chain) = (number * row, chunk.chains * size);
                for i in 0..along {
                    let (within, element) = (chunk.last * along + i, chunk.outer * last + chunk.last * along + i);
                    if within >= last || !elements.contains(&element) {
                        continue;
                    }
                    for chain in chains.start.max(first_chain)..chains.end.min(first_chain + size) {
                        let to = ((element - elements.start) * chains.len() + chain - chains.start) * draws.len();
                        let from = (chain - first_chain) * row;
                        for draw in draws.start.max(first_draw)..draws.end.min(first_draw + row) {
                            out[to + draw - draws.start] = decoded[(from + draw - first_draw) * along + i];
                        }
                    }
                }
            }
        }
        out
    }

    /// A chunk in a variable's unit; `None`, and noted, where it is damaged.
    fn chunk(&self, drawn: &Drawn, array: &Array<Files>, row: usize, chunk: &super::row::Chunk) -> Option<Vec<f64>> {
        let mut indices = vec![chunk.chains as u64, row as u64];
        match drawn.metadata.chunk.len() {
            2 => {}
            3 => indices.push(chunk.last as u64),
            _ => indices.extend([chunk.outer as u64, chunk.last as u64]),
        }
        let problem = match read_chunk(array, drawn.metadata.data_type, &indices) {
            Ok(Some(numbers)) if drawn.metadata.attributes.is_empty() => return Some(numbers),
            Ok(Some(numbers)) => {
                let Packing { offset, scale } = Packing::read(&drawn.metadata.attributes);
                return Some(numbers.into_iter().map(|number| offset + scale * number).collect());
            }
            Ok(None) => "the chunk is missing".to_string(),
            Err(error) => format!("the chunk is damaged ({error})"),
        };
        let file = self.files.path(&array.chunk_key(&indices)).display().to_string();
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = Damage { file, problem };
        if !damage.contains(&noted) {
            damage.push(noted);
        }
        None
    }

    /// The files.
    pub(super) fn files(&self) -> &Arc<Files> {
        &self.files
    }

    /// The arrays of draws.
    pub(super) fn arrays(&self) -> &DrawArrays {
        &self.arrays
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Store").field("folder", &self.folder).field("extent", &self.extent).finish_non_exhaustive()
    }
}

/// The folders in this one that have stores.
fn runs_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut runs: Vec<String> =
        entries.filter(|path| path.join(STORE).is_dir()).map(|path| path.display().to_string()).collect();
    runs.sort();
    runs
}
