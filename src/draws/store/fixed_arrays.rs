//! The content of a store apart from draws: the data, the coordinates of every dimension, and the results of warm-up;
//! and the metadata of everything at the root.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::FORMAT;
use super::arrays::{open, write_chunk, write_text};
use super::files::Files;
use super::layout::{Dimensions, DrawArrays, Extent, WARMUP};
use super::metadata::{self, ArrayMetadata, Type};
use super::model::StoredModel;
use crate::driver::Tuned;
use crate::model::{ArrayAxis, Model};
use crate::nuts::adaptation::PositionMoments;

/// The group of the results of warm-up.
pub const ADAPTATION: &str = "adaptation";

/// Its arrays, in the sampler's units: for each coordinate of theta the metric as sds, and mean and variance over the
/// last window of warm-up; and the eigenvectors and eigenvalues of the metric's low-rank part.
pub const METRIC: &str = "metric_sd";
pub const EIGENVECTORS: &str = "metric_eigenvectors";
pub const EIGENVALUES: &str = "metric_eigenvalues";
pub const MEAN: &str = "position_mean";
pub const VARIANCE: &str = "position_variance";

/// Arrays of draws, and the number of draws of each chain in them.
pub type Written<'a> = (&'a DrawArrays, usize);

/// The metadata of everything in a store.
pub struct FixedArrays {
    files: Arc<Files>,
    /// The root's attributes of the run, except for those that this module adds.
    about: Map<String, Value>,
    extent: Extent,
    warmup: u32,
    /// Arrays whose size does not depend on the number of draws.
    fixed: Vec<ArrayMetadata>,
    /// The arrays of labels among these, by their paths, and the axis of each.
    labels: Vec<(String, ArrayAxis)>,
    /// The coordinates of draws, one array for each group of draws.
    draws: Vec<ArrayMetadata>,
    learnt: Option<Tuned>,
}

impl FixedArrays {
    /// The content of the store of a run of `model`.
    pub fn new(
        files: Arc<Files>,
        model: &Model,
        extent: Extent,
        warmup: u32,
        about: Map<String, Value>,
    ) -> FixedArrays {
        let names = Dimensions::of(model);
        let data = model.dataset();
        let (observations, slopes) = (data.n_observations(), data.predictor_names().len());
        let groups = groups(&extent);
        let (mut fixed, mut labels) = (Vec::new(), Vec::new());
        let mut draws = Vec::new();
        for group in &groups {
            let whole = |name: &str, data_type, length| {
                ArrayMetadata::whole(format!("{group}/{name}"), data_type, &[(name, length)])
            };
            let length = if group.starts_with(WARMUP) { extent.warmup } else { extent.draws };
            fixed.push(whole("chain", Type::Int64, extent.chains));
            draws.push(whole("draw", Type::Int64, length));
            match *group {
                "posterior" | "warmup_posterior" => {
                    for axis in axes(model, &extent) {
                        let array = whole(&names.axis(axis), Type::String, model.axis_length(axis));
                        labels.push((array.path.clone(), axis));
                        fixed.push(array);
                    }
                }
                "log_likelihood" | "posterior_predictive" => fixed.push(whole("obs_id", Type::Int64, observations)),
                _ => {}
            }
        }
        let whole = |path: &str, data_type, dimensions: &[(&str, usize)]| {
            ArrayMetadata::whole(path.to_string(), data_type, dimensions)
        };
        let by_observation = [("obs_id", observations)];
        fixed.push(whole(&format!("observed_data/{}", names.outcome), Type::Float64, &by_observation));
        fixed.push(whole("observed_data/obs_id", Type::Int64, &by_observation));
        fixed.push(whole("constant_data/obs_id", Type::Int64, &by_observation));
        fixed.push(whole("constant_data/group_index", Type::Int64, &by_observation));
        for (factor, name) in [&names.group].into_iter().chain(&names.factors).enumerate() {
            let array = whole(&format!("constant_data/{name}"), Type::String, &[(name, data.levels(factor).len())]);
            labels.push((array.path.clone(), ArrayAxis::Levels(factor)));
            fixed.push(array);
        }
        for (name, column) in of_rows(model) {
            if column.is_some() {
                fixed.push(whole(&format!("constant_data/{name}"), Type::Float64, &by_observation));
            }
        }
        if !data.sources().is_empty() {
            let both = [("source_column", data.sources().len()), ("obs_id", observations)];
            fixed.push(whole("constant_data/source_columns", Type::Float64, &both));
        }
        for name in &names.factors {
            fixed.push(whole(&format!("constant_data/{name}_index"), Type::Int64, &by_observation));
        }
        fixed.push(whole("constant_data/row", Type::Int64, &by_observation));
        if slopes > 0 {
            let both = [("predictor", slopes), ("obs_id", observations)];
            fixed.push(whole("constant_data/predictors", Type::Float64, &both));
            fixed.push(whole("constant_data/predictor", Type::String, &[("predictor", slopes)]));
            labels.push(("constant_data/predictor".to_string(), ArrayAxis::Predictor));
        }
        let mut about = about;
        about.insert("model".to_string(), json!(StoredModel::of(model)));
        FixedArrays { files, about, extent, warmup, fixed, labels, draws, learnt: None }
    }

    /// Writes everything that is known before the first transition.
    pub fn write_fixed(&self, model: &Model) -> io::Result<()> {
        let (data, names) = (model.dataset(), Dimensions::of(model));
        let numbers = |from: usize, count: usize| (from..from + count).map(|i| i as f64).collect::<Vec<f64>>();
        for metadata in self.fixed.iter().chain(&self.draws) {
            if let Some((_, axis)) = self.labels.iter().find(|(path, _)| *path == metadata.path) {
                write_text(&self.files, metadata, model.labels(*axis))?;
                continue;
            }
            let (group, name) = metadata.path.split_once('/').unwrap_or_default();
            let length = metadata.dimensions[0].1;
            let values: Vec<f64> = match (group, name) {
                (_, "chain") => numbers(self.extent.first_chain as usize, length),
                (_, "draw" | "obs_id") => numbers(0, length),
                ("observed_data", _) => data.outcome().to_vec(),
                (_, "group_index") => data.level_of_rows(0).into_iter().map(f64::from).collect(),
                (_, "row") => (0..length).map(|i| data.row_of(i) as f64).collect(),
                (_, "predictors") => {
                    (0..data.predictor_names().len()).flat_map(|k| data.predictor(k).to_vec()).collect()
                }
                (_, "source_columns") => data.sources().iter().flat_map(|(_, values)| values.clone()).collect(),
                (_, "row_weights") => data.weights().unwrap_or_default().to_vec(),
                (_, "row_offset") => data.offset().unwrap_or_default().to_vec(),
                (_, "row_errors") => data.errors().unwrap_or_default().to_vec(),
                (_, "row_trials") => data.trials().unwrap_or_default().to_vec(),
                _ => {
                    let factor = names.factors.iter().position(|factor| name.strip_suffix("_index") == Some(factor));
                    let levels = factor.map_or(Vec::new(), |factor| data.level_of_rows(factor + 1));
                    levels.into_iter().map(f64::from).collect()
                }
            };
            let array = open(&self.files, metadata)?;
            write_chunk(&array, metadata.data_type, &vec![0; metadata.dimensions.len()], values)?;
        }
        Ok(())
    }

    /// Sets the results of warm-up from before an interruption.
    pub fn remember(&mut self, learnt: Option<&Tuned>) {
        self.learnt = learnt.cloned();
    }

    /// Writes the results of warm-up, once.
    pub fn learn(&mut self, learnt: Tuned) -> io::Result<()> {
        if self.learnt.is_some() {
            return Ok(());
        }
        for (metadata, numbers) in adaptation(&learnt) {
            let first = vec![0; metadata.dimensions.len()];
            write_chunk(&open(&self.files, &metadata)?, Type::Float64, &first, numbers.to_vec())?;
        }
        self.learnt = Some(learnt);
        Ok(())
    }

    /// Writes the metadata of the root, which give the number of draws of each chain in the arrays of sampling and of
    /// recorded warm-up. If `everywhere`, first writes the metadata of every group and array, for readers that do not
    /// look at the root.
    pub fn commit(&self, sampling: Written, warmup: Option<Written>, everywhere: bool) -> io::Result<()> {
        // In order: Python's library expects the nodes of a group next to each other.
        let mut nodes = BTreeMap::new();
        let mut attributes = Map::new();
        attributes.insert("inference_library".to_string(), json!(env!("CARGO_PKG_NAME")));
        attributes.insert("inference_library_version".to_string(), json!(env!("CARGO_PKG_VERSION")));
        attributes.insert("creation_library".to_string(), json!(env!("CARGO_PKG_NAME")));
        attributes.insert("creation_library_version".to_string(), json!(env!("CARGO_PKG_VERSION")));
        attributes.insert("creation_library_language".to_string(), json!("Rust"));
        attributes.insert("tuning_steps".to_string(), json!(self.warmup));
        for name in groups(&self.extent).into_iter().chain(["observed_data", "constant_data"]) {
            nodes.insert(name.to_string(), metadata::group(&attributes));
        }
        if let Some(learnt) = &self.learnt {
            let mut attributes = Map::new();
            attributes.insert("step_size".to_string(), json!(learnt.step_size));
            if self.extent.refined {
                attributes.insert("energy_tolerance".to_string(), json!(learnt.tolerance));
            }
            nodes.insert(ADAPTATION.to_string(), metadata::group(&attributes));
            nodes.extend(adaptation(learnt).map(|(metadata, _)| (metadata.path.clone(), metadata.json())));
        }
        for metadata in &self.fixed {
            nodes.insert(metadata.path.clone(), metadata.json());
        }
        let warmup_draws = warmup.map_or(0, |(_, draws)| draws);
        let arrays = [Some(sampling), warmup].into_iter().flatten().flat_map(|(arrays, _)| &arrays.arrays);
        for metadata in self.draws.iter().chain(arrays.map(|drawn| &drawn.metadata)) {
            let mut metadata = metadata.clone();
            let draws = if metadata.path.starts_with(WARMUP) { warmup_draws } else { sampling.1 };
            if let Some((_, length)) = metadata.dimensions.iter_mut().find(|(name, _)| name == "draw") {
                *length = draws;
            }
            nodes.insert(metadata.path.clone(), metadata.json());
        }
        for (path, node) in nodes.iter().filter(|_| everywhere) {
            self.files.write(&format!("{path}/zarr.json"), pretty(node)?)?;
        }
        let mut about = self.about.clone();
        about.insert("format".to_string(), json!(FORMAT));
        about.insert("extent".to_string(), json!(self.extent));
        about.insert("draws".to_string(), json!(sampling.1));
        if warmup.is_some() {
            about.insert("warmup_draws".to_string(), json!(warmup_draws));
        }
        // The root lists only files that exist.
        self.files.settle()?;
        // As text: xarray would parse nested attributes, and then could not write them as netCDF.
        attributes.insert("warpnuts".to_string(), json!(serde_json::to_string(&about)?));
        self.files.write("zarr.json", pretty(&metadata::root(&attributes, nodes.into_iter().collect()))?)?;
        self.files.settle()
    }

    /// Sets an attribute of the root; null removes it.
    pub fn set_attribute(&mut self, name: &str, value: Value) {
        match value {
            Value::Null => drop(self.about.shift_remove(name)),
            value => drop(self.about.insert(name.to_string(), value)),
        }
    }

    /// The root's attributes of the run.
    pub fn about(&self) -> &Map<String, Value> {
        &self.about
    }
}

/// The arrays of the results of warm-up, and their numbers.
fn adaptation(learnt: &Tuned) -> impl Iterator<Item = (ArrayMetadata, &[f64])> {
    let Tuned { scale, low_rank, spread, .. } = learnt;
    let dim = scale.len();
    let spread =
        spread.iter().flat_map(|PositionMoments { mean, variance }| [(MEAN, &mean[..]), (VARIANCE, &variance[..])]);
    let of_coordinates = std::iter::once((METRIC, &scale[..])).chain(spread);
    let of_coordinates = of_coordinates.map(move |(name, numbers)| (name, vec![("coordinate", dim)], numbers));
    let rank = low_rank.rank();
    let of_eigenvectors = [
        (EIGENVECTORS, vec![("eigenvector", rank), ("coordinate", dim)], &low_rank.eigenvectors[..]),
        (EIGENVALUES, vec![("eigenvector", rank)], &low_rank.eigenvalues[..]),
    ];
    of_coordinates.chain(of_eigenvectors.into_iter().filter(move |_| rank > 0)).map(|(name, dimensions, numbers)| {
        (ArrayMetadata::whole(format!("{ADAPTATION}/{name}"), Type::Float64, &dimensions), numbers)
    })
}

/// The numbers that rows have beside their columns, by the names of their arrays.
fn of_rows(model: &Model) -> [(&'static str, Option<&[f64]>); 4] {
    let data = model.dataset();
    [
        ("row_weights", data.weights()),
        ("row_offset", data.offset()),
        ("row_errors", data.errors()),
        ("row_trials", data.trials()),
    ]
}

/// The axes of the arrays of variables that are kept, the levels of factors first.
fn axes(model: &Model, extent: &Extent) -> Vec<ArrayAxis> {
    let kept = model.arrays().into_iter().filter(|array| array.variables.iter().all(|i| *i < extent.variables));
    let mut axes: Vec<ArrayAxis> = Vec::new();
    for axis in kept.flat_map(|array| array.axes) {
        if !axes.contains(&axis) {
            axes.push(axis);
        }
    }
    axes.sort_by_key(|axis| !matches!(axis, ArrayAxis::Levels(_)));
    axes
}

/// The groups of draws.
fn groups(extent: &Extent) -> Vec<&'static str> {
    let mut groups = vec!["posterior", "sample_stats"];
    if extent.warmup > 0 {
        groups.extend(["warmup_posterior", "warmup_sample_stats"]);
    }
    groups.extend(extent.log_likelihood.then_some("log_likelihood"));
    groups.extend(extent.posterior_predictive.then_some("posterior_predictive"));
    groups
}

fn pretty(json: &Value) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(json)?;
    bytes.push(b'\n');
    Ok(bytes)
}
