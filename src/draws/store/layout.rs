//! The arrays of a store, in ArviZ's layout: the source of their elements, and their chunks.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::metadata::{ArrayMetadata, Type};
use crate::draws::Precision;
use crate::family::Family;
use crate::model::{Array, ArrayAxis, LocationScale, Model, Role};
use crate::nuts::{Kind, Statistic};

/// Approximate bytes of a chunk before compression.
const CHUNK_BYTES: usize = 1 << 20;

/// Most elements of a chunk of draws, more than any has that was written.
pub const LARGEST: usize = 4 * CHUNK_BYTES;

/// Prefix of ArviZ's groups of warm-up draws.
pub const WARMUP: &str = "warmup_";

/// Approximate bytes of draws that gather in memory before their chunks are written.
const ROW_BYTES: usize = 8 << 20;

/// The shape of a run's draws, and how they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    /// Number of chains.
    pub chains: usize,
    /// Global number of the first chain.
    pub first_chain: u32,
    /// Planned draws of each chain.
    pub draws: usize,
    /// Planned draws of each chain in warm-up; 0 if they are not recorded.
    #[serde(default)]
    pub warmup: usize,
    /// Number of leading named variables of each draw.
    pub variables: usize,
    /// Precision of the draws.
    pub precision: Precision,
    /// Whether each observation's log likelihood is stored.
    pub log_likelihood: bool,
    /// Whether a replicate of each observation is stored.
    pub posterior_predictive: bool,
    /// Whether the statistics of steps that are refined are stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refined: bool,
}

impl Extent {
    /// Whether there may be a run of this extent: chains and draws are counted in 32 bits.
    pub fn is_sensible(&self) -> bool {
        let last = u64::from(self.first_chain).saturating_add(self.chains as u64);
        self.chains > 0 && last <= 1 << 32 && [self.draws, self.warmup].iter().all(|count| *count <= u32::MAX as usize)
    }

    /// The statistics of each draw.
    pub fn statistics(&self) -> &'static [Statistic] {
        Statistic::all(self.refined)
    }
}

/// An array of draws: `[chain][draw]`, then the dimensions of a draw's elements.
#[derive(Debug, Clone)]
pub struct Drawn {
    pub metadata: ArrayMetadata,
    /// Index of each element among all numbers of a draw, with the last dimension running fastest.
    pub places: Vec<usize>,
}

impl Drawn {
    /// Elements of a draw that are adjacent along the last dimension in one chunk.
    pub fn chunk_elements(&self) -> usize {
        self.metadata.chunk[2..].last().copied().unwrap_or(1)
    }

    /// Length of the last dimension of a draw's elements.
    pub fn last_length(&self) -> usize {
        self.metadata.dimensions[2..].last().map_or(1, |(_, length)| *length)
    }
}

/// All arrays of draws.
#[derive(Debug, Clone)]
pub struct DrawArrays {
    /// The arrays of variables, then of statistics, then of observations.
    pub arrays: Vec<Drawn>,
    /// Numbers of a draw: variables, statistics, log likelihoods, replicates.
    pub width: usize,
    /// Draws of each chain in a row of chunks.
    pub row: usize,
}

/// The names of groups and of the outcome in a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimensions {
    /// Name of the dimension of groups: the column's own, if possible.
    pub group: String,
    /// Name of the outcome's arrays: the column's own, if possible.
    pub outcome: String,
    /// Names of the dimensions of a formula's other factors.
    pub factors: Vec<String>,
    /// Names of the dimensions of the columns of a formula's terms.
    columns: Vec<String>,
}

impl Dimensions {
    /// The names for the columns of `model`.
    pub fn of(model: &Model) -> Dimensions {
        let data = model.dataset();
        let factors = (1..data.n_factors()).map(|factor| data.factor_name(factor).to_string()).collect::<Vec<_>>();
        let names = match model.mixed() {
            None => Dimensions::named(data.group_name(), data.outcome_name()),
            Some(mixed) => Dimensions::of_factors(data.group_name(), data.outcome_name(), mixed.family, &factors),
        };
        let terms = model.mixed().map_or(Vec::new(), |mixed| mixed.term_names(data));
        let is_level = |name: &String| *name == names.group || names.factors.contains(name);
        let columns = terms.iter().map(|term| {
            let name = format!("{}_effect", harmless(term));
            if is_level(&name) { name + "s" } else { name }
        });
        Dimensions { columns: columns.collect(), ..names }
    }

    /// The names for the shorthand's columns of these names.
    pub fn named(group: &str, outcome: &str) -> Dimensions {
        let (group, outcome) = (plain(group, "group"), plain(outcome, "y"));
        Dimensions { group, outcome, factors: Vec::new(), columns: Vec::new() }
    }

    /// The names for a formula's outcome, of this family, and its factors: the groups, and `factors` beside them.
    pub fn of_factors(group: &str, outcome: &str, family: Family, factors: &[String]) -> Dimensions {
        let whole = if factors.is_empty() { group.to_string() } else { harmless(group) };
        let group = of_factor(&whole, family, "group");
        let outcome = plain(outcome, "y");
        let mut others: Vec<String> = Vec::new();
        for (place, factor) in factors.iter().enumerate() {
            let otherwise = format!("factor_{}", place + 2);
            let name = of_factor(&harmless(factor), family, &otherwise);
            let index_of = |one: &String, other: &String| *one == format!("{other}_index");
            let clash = |other: &String| *other == name || index_of(other, &name) || index_of(&name, other);
            let taken = name == outcome || clash(&group) || others.iter().any(clash);
            others.push(if taken { otherwise } else { name });
        }
        Dimensions { group, outcome, factors: others, columns: Vec::new() }
    }

    /// The name of the dimension of an axis.
    pub fn axis(&self, axis: ArrayAxis) -> String {
        match axis {
            ArrayAxis::Predictor => "predictor".to_string(),
            ArrayAxis::Levels(0) => self.group.clone(),
            ArrayAxis::Levels(factor) => self.factors[factor - 1].clone(),
            ArrayAxis::Columns(term) => self.columns[term].clone(),
        }
    }
}

/// `name` with `_` for every character that may not be in the name of a file.
pub fn harmless(name: &str) -> String {
    name.chars().map(|c| if c.is_control() || r#"/\:*?"<>|"#.contains(c) { '_' } else { c }).collect()
}

/// Names of dimensions and arrays of every store.
const TAKEN: [&str; 15] = [
    "chain",
    "draw",
    "predictor",
    "obs_id",
    "eps",
    "group_index",
    "predictors",
    "row",
    "coordinate",
    "row_weights",
    "source_column",
    "source_columns",
    "row_offset",
    "row_errors",
    "row_trials",
];

/// `name`, with `_` after it if a formula's store has another dimension or variable of this name, as in `draw_`; or
/// `otherwise` if it can name neither a folder nor a dimension.
fn of_factor(name: &str, family: Family, otherwise: &str) -> String {
    if TAKEN.contains(&name) || family.dispersions().contains(&name) {
        format!("{name}_")
    } else {
        plain(name, otherwise)
    }
}

/// `name`, if it can name a folder and a dimension and is not taken, or else `otherwise`.
fn plain(name: &str, otherwise: &str) -> String {
    let harmless = |c: char| c.is_alphanumeric() || "_-".contains(c);
    let fine = name.chars().all(harmless) && (1..=60).contains(&name.len());
    if fine && Role::of_name(name).is_none() && !TAKEN.contains(&name) {
        name.to_string()
    } else {
        otherwise.to_string()
    }
}

impl DrawArrays {
    /// The arrays of recorded draws of warm-up. None is packed, because their spread is not known yet.
    pub fn of_warmup(model: &Model, extent: &Extent) -> DrawArrays {
        let extent =
            Extent { draws: extent.warmup, warmup: 0, log_likelihood: false, posterior_predictive: false, ..*extent };
        let mut arrays = DrawArrays::new(model, &extent, None);
        for drawn in &mut arrays.arrays {
            drawn.metadata.path.insert_str(0, WARMUP);
        }
        arrays
    }

    /// The arrays of draws of `model`; `units` are the approximate mean and sd of each variable, for 16-bit numbers.
    pub fn new(model: &Model, extent: &Extent, units: Option<&[LocationScale]>) -> DrawArrays {
        let (data, names) = (model.dataset(), Dimensions::of(model));
        let observations = data.n_observations();
        let statistics = extent.variables;
        let likelihoods = statistics + extent.statistics().len();
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
            let inner = array.axes.iter().map(|axis| (names.axis(*axis), model.axis_length(*axis))).collect();
            let packing = units.and_then(|units| Packing::of(array.variables.iter().map(|i| units[*i])));
            let data_type = if packing.is_some() { Type::Float16 } else { real };
            let mut drawn = drawn(format!("posterior/{}", harmless(&array.name)), data_type, inner, array.variables);
            if let Some(packing) = packing {
                drawn.metadata.attributes = packing.attributes();
            }
            arrays.push(drawn);
        }
        for (i, statistic) in extent.statistics().iter().enumerate() {
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

    /// The unit in which each variable is stored: its array's, if the array has 16 bits, or else its own, from `units`.
    pub fn kept_units(&self, units: &[LocationScale]) -> Vec<LocationScale> {
        let mut kept = units.to_vec();
        for drawn in self.arrays.iter().filter(|drawn| drawn.metadata.data_type == Type::Float16) {
            let Packing { offset, scale } = Packing::read(&drawn.metadata.attributes);
            drawn.places.iter().for_each(|place| kept[*place] = LocationScale { mean: offset, sd: scale });
        }
        kept
    }
}

/// The packing of 16-bit numbers: value = offset + scale x number. xarray, and so ArviZ, unpacks by these attributes,
/// one pair for a whole array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Packing {
    /// In the user's units.
    pub offset: f64,
    /// In the user's units.
    pub scale: f64,
}

/// Usual limit on the distance of elements from the offset, in sds: rounding to 11 bits then errs by half a thousandth
/// of an sd.
const FARTHEST: f64 = 4.0;

impl Packing {
    /// One pair for all of these, unless one is so far from the others that 16 bits would be too coarse for its sd.
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

    /// Whether an array with these attributes can be unpacked.
    pub fn is_sensible(attributes: &Map<String, Value>) -> bool {
        let number = |name: &str| attributes.get(name).and_then(Value::as_f64);
        attributes.is_empty()
            || number("scale_factor").is_some_and(|scale| scale > 0.0) && number("add_offset").is_some()
    }

    /// The packing in these attributes; without them, numbers are not packed.
    pub fn read(attributes: &Map<String, Value>) -> Packing {
        let number = |name: &str, otherwise: f64| attributes.get(name).and_then(Value::as_f64).unwrap_or(otherwise);
        Packing { offset: number("add_offset", 0.0), scale: number("scale_factor", 1.0) }
    }
}
