//! Which arrays a store has, in ArviZ's layout, where the elements of each come from, and how they are cut into chunks.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::metadata::{ArrayMetadata, Type};
use crate::draws::Precision;
use crate::model::{Array, LocationScale, Model, Role};
use crate::nuts::{Kind, Statistic};

/// A chunk has about so many bytes before it is compressed.
const CHUNK_BYTES: usize = 1 << 20;

/// What the groups of draws of warm-up begin with, in ArviZ's names.
pub const WARMUP: &str = "warmup_";

/// Draws gather in memory until there are about so many bytes of them, or all; then they leave as chunks.
const ROW_BYTES: usize = 8 << 20;

/// What is drawn, and how it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    /// How many chains.
    pub chains: usize,
    /// Global number of the first.
    pub first_chain: u32,
    /// Draws of each chain there will be.
    pub draws: usize,
    /// Draws of each chain that are recorded in warm-up before them; 0 where they are not.
    #[serde(default)]
    pub warmup: usize,
    /// How many leading named variables of each.
    pub variables: usize,
    /// How exactly they are kept.
    pub precision: Precision,
    /// Whether each observation's log likelihood is kept.
    pub log_likelihood: bool,
    /// Whether a replicate of each observation is kept.
    pub posterior_predictive: bool,
}

/// An array of draws: `[chain][draw]`, and further dimensions of a draw's elements.
#[derive(Debug, Clone)]
pub struct Drawn {
    pub metadata: ArrayMetadata,
    /// Where each element of a draw lies in a row, the last dimension running fastest.
    pub places: Vec<usize>,
}

impl Drawn {
    /// Elements of a draw that follow each other along the last dimension, in one chunk.
    pub fn chunk_elements(&self) -> usize {
        self.metadata.chunk[2..].last().copied().unwrap_or(1)
    }

    /// Length of the last dimension of a draw's elements.
    pub fn last_length(&self) -> usize {
        self.metadata.dimensions[2..].last().map_or(1, |(_, length)| *length)
    }
}

/// All arrays of draws, and how many numbers a draw of one chain has in all of them together.
#[derive(Debug, Clone)]
pub struct DrawArrays {
    /// The variables', then the statistics', then those of observations.
    pub arrays: Vec<Drawn>,
    /// Numbers of a draw: variables, statistics, log likelihoods, replicates.
    pub width: usize,
    /// Draws of each chain in a row of chunks.
    pub row: usize,
}

/// The dimensions' names of a model's variables.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimensions {
    /// Of groups: the column's own name, where it can be one.
    pub group: String,
    /// Of the outcome: the same.
    pub outcome: String,
}

impl Dimensions {
    /// For the columns of `model`.
    pub fn of(model: &Model) -> Dimensions {
        Dimensions::named(model.dataset().group_name(), model.dataset().outcome_name())
    }

    /// For columns of these names.
    pub fn named(group: &str, outcome: &str) -> Dimensions {
        Dimensions { group: plain(group, "group"), outcome: plain(outcome, "y") }
    }
}

/// `name`, where it can be the name of a folder and of a dimension and is taken by nothing else, or `otherwise`.
fn plain(name: &str, otherwise: &str) -> String {
    const TAKEN: [&str; 9] =
        ["chain", "draw", "predictor", "obs_id", "eps", "group_index", "predictors", "row", "coordinate"];
    let harmless = |c: char| c.is_alphanumeric() || "_-".contains(c);
    let fine = name.chars().all(harmless) && (1..=60).contains(&name.len());
    if fine && Role::of_name(name).is_none() && !TAKEN.contains(&name) {
        name.to_string()
    } else {
        otherwise.to_string()
    }
}

impl DrawArrays {
    /// For the draws of warm-up that are recorded of `model`. Nothing is known of their spread: none of them is packed.
    pub fn of_warmup(model: &Model, extent: &Extent) -> DrawArrays {
        let extent =
            Extent { draws: extent.warmup, warmup: 0, log_likelihood: false, posterior_predictive: false, ..*extent };
        let mut arrays = DrawArrays::new(model, &extent, None);
        for drawn in &mut arrays.arrays {
            drawn.metadata.path.insert_str(0, WARMUP);
        }
        arrays
    }

    /// For draws of `model`; `units` are about the mean and the sd of each variable, for numbers of 16 bits.
    pub fn new(model: &Model, extent: &Extent, units: Option<&[LocationScale]>) -> DrawArrays {
        let (layout, data, names) = (model.layout(), model.dataset(), Dimensions::of(model));
        let observations = data.n_observations();
        let statistics = extent.variables;
        let likelihoods = statistics + Statistic::ALL.len();
        let replicates = likelihoods + if extent.log_likelihood { observations } else { 0 };
        let width = replicates + if extent.posterior_predictive { observations } else { 0 };
        let row = (ROW_BYTES / (extent.chains * width * size_of::<f64>()).max(1)).clamp(1, extent.draws.max(1));
        let real = match extent.precision {
            Precision::F64 => Type::Float64,
            Precision::F32 | Precision::F16 => Type::Float32,
        };
        let drawn = |path: String, data_type: Type, inner: Vec<(String, usize)>, places: Vec<usize>| {
            let chunk_chains = (CHUNK_BYTES / (row * data_type.bytes())).clamp(1, extent.chains.max(1));
            let fitting = (CHUNK_BYTES / (row * chunk_chains * data_type.bytes())).max(1);
            let mut chunk = vec![chunk_chains, row];
            chunk.extend(inner.iter().map(|_| 1));
            if let (Some(last), Some((_, length))) = (chunk[2..].last_mut(), inner.last()) {
                *last = fitting.min(*length);
            }
            let outer = [("chain".to_string(), extent.chains), ("draw".to_string(), extent.draws)];
            let dimensions = outer.into_iter().chain(inner).collect();
            Drawn { metadata: ArrayMetadata { path, data_type, dimensions, chunk, attributes: Map::new() }, places }
        };
        let mut arrays = Vec::new();
        let kept = |array: &Array| array.variables.iter().all(|i| *i < extent.variables);
        for array in model.arrays().into_iter().filter(kept) {
            let mut inner = Vec::new();
            if array.by_predictor {
                inner.push(("predictor".to_string(), layout.coefficients - 1));
            }
            if array.by_level {
                inner.push((names.group.clone(), layout.groups));
            }
            let packing = units.and_then(|units| Packing::of(array.variables.iter().map(|i| units[*i])));
            let data_type = if packing.is_some() { Type::Float16 } else { real };
            let mut drawn = drawn(format!("posterior/{}", array.name), data_type, inner, array.variables);
            if let Some(packing) = packing {
                drawn.metadata.attributes = packing.attributes();
            }
            arrays.push(drawn);
        }
        for (i, statistic) in Statistic::ALL.into_iter().enumerate() {
            let path = format!("sample_stats/{}", statistic.name());
            let data_type = match statistic.kind() {
                Kind::Real => Type::Float64,
                Kind::Count => Type::Int64,
                Kind::Flag => Type::Bool,
            };
            arrays.push(drawn(path, data_type, Vec::new(), vec![statistics + i]));
        }
        for (wanted, group, first) in [
            (extent.log_likelihood, "log_likelihood", likelihoods),
            (extent.posterior_predictive, "posterior_predictive", replicates),
        ] {
            if wanted {
                let inner = vec![("obs_id".to_string(), observations)];
                let places = (first..first + observations).collect();
                arrays.push(drawn(format!("{group}/{}", names.outcome), real, inner, places));
            }
        }
        DrawArrays { arrays, width, row }
    }

    /// In which unit each variable is kept: its array's, where that has 16 bits, or else its own, from `units`.
    pub fn kept_units(&self, units: &[LocationScale]) -> Vec<LocationScale> {
        let mut kept = units.to_vec();
        for drawn in self.arrays.iter().filter(|drawn| drawn.metadata.data_type == Type::Float16) {
            let Packing { offset, scale } = Packing::read(&drawn.metadata.attributes);
            drawn.places.iter().for_each(|place| kept[*place] = LocationScale { mean: offset, sd: scale });
        }
        kept
    }
}

/// How numbers of 16 bits are meant: value = offset + scale x number. These are the attributes that xarray, and so ArviZ,
/// unpacks by, one pair for a whole array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Packing {
    /// In the variable's unit.
    pub offset: f64,
    /// In the variable's unit.
    pub scale: f64,
}

/// The farthest from the offset, in sds, that elements may lie as a rule: 11 bits of it are half a thousandth of an sd.
const FARTHEST: f64 = 4.0;

impl Packing {
    /// One pair for all of these, where none of them lies so far from the others that 16 bits would show it in its sd.
    fn of(units: impl Iterator<Item = LocationScale> + Clone) -> Option<Packing> {
        let count = units.clone().count() as f64;
        let offset = units.clone().map(|unit| unit.mean).sum::<f64>() / count;
        let scale = units.clone().map(|unit| unit.sd).fold(0.0, f64::max);
        let near = |unit: LocationScale| (unit.mean - offset).abs() + 2.0 * unit.sd <= FARTHEST * unit.sd;
        (scale > 0.0 && scale.is_finite() && units.clone().all(near)).then_some(Packing { offset, scale })
    }

    fn attributes(self) -> Map<String, Value> {
        let mut attributes = Map::new();
        attributes.insert("scale_factor".to_string(), json!(self.scale));
        attributes.insert("add_offset".to_string(), json!(self.offset));
        attributes
    }

    /// Whether an array of these attributes can be unpacked.
    pub fn is_sensible(attributes: &Map<String, Value>) -> bool {
        let number = |name: &str| attributes.get(name).and_then(Value::as_f64);
        attributes.is_empty()
            || number("scale_factor").is_some_and(|scale| scale > 0.0) && number("add_offset").is_some()
    }

    /// As attributes say; nothing is packed where there are none.
    pub fn read(attributes: &Map<String, Value>) -> Packing {
        let number = |name: &str, otherwise: f64| attributes.get(name).and_then(Value::as_f64).unwrap_or(otherwise);
        Packing { offset: number("add_offset", 0.0), scale: number("scale_factor", 1.0) }
    }
}
