//! The model of a run in a store: its description at the root, its data in arrays; and the model rebuilt from both.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zarrs::array::{Array, ArrayError};

use super::arrays::{array_to_io, open, read_chunk};
use super::error::{StoreError, problem};
use super::files::Files;
use super::layout::Dimensions;
use super::metadata::ArrayMetadata;
use crate::data::{Dataset, Factor, FileRows, LeftOut};
use crate::formula::Formula;
use crate::model::{CenteringWeights, Coordinates, Likelihood, Mixed, Model, PriorScales};

/// The description of a model at the root; its data are in arrays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredModel {
    /// Source of the data.
    pub source: String,
    /// Name of the column of groups.
    pub group: String,
    /// Name of the column of the outcome.
    pub outcome: String,
    /// Names of the columns of predictors.
    pub predictors: Vec<String>,
    /// The mean that was subtracted from each predictor.
    pub predictor_means_subtracted: Vec<f64>,
    /// Rows that were left out because a value was missing; stores of earlier versions have no such entry, and no such
    /// rows.
    #[serde(default, skip_serializing_if = "LeftOut::is_empty")]
    pub left_out: LeftOut,
    /// Checksum of the data; see [`Dataset::checksum`](crate::data::Dataset::checksum).
    pub checksum: String,
    /// `centered`, `non-centered`, `partial`, one of them for each coefficient or term, or `marginal` (collapsed).
    pub parameterization: String,
    /// The weights of partially centered effects; stores of earlier versions have no such entry.
    #[serde(default, skip_serializing_if = "CenteringWeights::is_empty")]
    pub centering_weights: CenteringWeights,
    /// Scales of the shorthand's priors, in the user's units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priors: Option<PriorScales>,
    /// The structure of a formula's model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formula: Option<StoredFormula>,
}

/// A formula's model at the root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredFormula {
    /// Names of the factors, of which the first is the column of groups.
    pub factors: Vec<String>,
    /// The structure and the priors, in the user's units.
    pub structure: Mixed,
    /// Names of the columns from which predictors are computed; stores of earlier versions have no such entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

impl StoredModel {
    pub fn of(model: &Model) -> StoredModel {
        let data = model.dataset();
        StoredModel {
            source: data.source().to_string(),
            group: data.group_name().to_string(),
            outcome: data.outcome_name().to_string(),
            predictors: data.predictor_names().to_vec(),
            predictor_means_subtracted: data.predictor_means().to_vec(),
            left_out: data.left_out().clone(),
            checksum: data.checksum(),
            parameterization: model.parameterization(),
            centering_weights: model.weights().clone(),
            priors: model.shorthand().map(|shorthand| shorthand.priors.clone()),
            formula: model.mixed().map(|mixed| StoredFormula {
                factors: (0..data.n_factors()).map(|factor| data.factor_name(factor).to_string()).collect(),
                structure: (**mixed).clone(),
                sources: data.sources().iter().map(|(name, _)| name.clone()).collect(),
            }),
        }
    }
}

/// Reads all of an array of a single chunk.
fn read_whole<T>(
    files: &Arc<Files>,
    metadata: &ArrayMetadata,
    read: impl FnOnce(&Array<Files>, &[u64]) -> Result<Option<T>, ArrayError>,
) -> Result<T, StoreError> {
    let damaged = |file: &Path, problem| {
        let (file, store) = (file.display().to_string(), files.folder().display().to_string());
        StoreError::DamagedData { file, problem, store }
    };
    let array = open(files, metadata).map_err(|error| {
        let path = files.folder().join(&metadata.path).display().to_string();
        StoreError::Inconsistent { path, problem: error.to_string() }
    })?;
    let chunk = vec![0; metadata.dimensions.len()];
    let file = files.path(&array.chunk_key(&chunk));
    match read(&array, &chunk).map_err(array_to_io) {
        Ok(Some(all)) => Ok(all),
        Ok(None) => Err(damaged(&file, "the chunk is missing".to_string())),
        Err(reason) if reason.kind() == io::ErrorKind::PermissionDenied => {
            Err(StoreError::Unreadable { file: file.display().to_string(), reason })
        }
        Err(error) => Err(damaged(&file, problem(&file, &error))),
    }
}

/// The numbers of an array of a single chunk.
pub fn read_numbers(files: &Arc<Files>, metadata: &ArrayMetadata) -> Result<Vec<f64>, StoreError> {
    read_whole(files, metadata, |array, chunk| read_chunk(array, metadata.data_type, chunk))
}

/// The text of an array of a single chunk.
fn read_text(files: &Arc<Files>, metadata: &ArrayMetadata) -> Result<Vec<String>, StoreError> {
    read_whole(files, metadata, |array, chunk| array.retrieve_chunk_if_exists(chunk))
}

/// The model, rebuilt from its description and the data in the store.
pub fn read_model(
    files: &Arc<Files>,
    described: &StoredModel,
    likelihood: Likelihood,
    find: &dyn Fn(&str) -> Result<ArrayMetadata, StoreError>,
    name: &str,
) -> Result<Model, StoreError> {
    let damaged = |problem: &str| StoreError::Inconsistent { path: name.to_string(), problem: problem.to_string() };
    let StoredModel { group, outcome, predictors, .. } = described;
    let names = match &described.formula {
        None => Dimensions::named(group, outcome),
        Some(StoredFormula { factors, structure, .. }) => {
            Dimensions::of_factors(group, outcome, structure.family, factors.get(1..).unwrap_or_default())
        }
    };
    let numbers = |path: &str| read_numbers(files, &find(path)?);
    let group_index = numbers("constant_data/group_index")?;
    let rows = numbers("constant_data/row")?;
    let outcomes = numbers(&format!("observed_data/{}", names.outcome))?;
    let columns = if predictors.is_empty() { Vec::new() } else { numbers("constant_data/predictors")? };
    let count = outcomes.len();
    let sizes = [group_index.len(), rows.len(), columns.len().checked_div(predictors.len()).unwrap_or(count)];
    if sizes.iter().any(|size| *size != count) || columns.len() != predictors.len() * count {
        return Err(damaged("its columns are not of one length"));
    }
    // In the order of the file, from which rows may have been left out.
    let row = |i: &usize| rows[*i] as usize;
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by_key(row);
    let in_order: Vec<usize> = places.iter().map(row).collect();
    let beyond = count.saturating_add(described.left_out.rows);
    if in_order.windows(2).any(|pair| pair[0] == pair[1]) || in_order.last().is_some_and(|last| *last >= beyond) {
        return Err(damaged("its rows are out of order"));
    }
    let in_file = |values: &[f64]| places.iter().map(|i| values[*i]).collect::<Vec<f64>>();
    let columns: Vec<Vec<f64>> = columns.chunks_exact(count.max(1)).map(in_file).collect();
    let levels_of = |name: &str, index: &[f64]| -> Result<Factor, StoreError> {
        let levels = read_text(files, &find(&format!("constant_data/{name}"))?)?;
        let level = |i: &usize| match index.get(*i) {
            Some(level) if *level >= 0.0 && (*level as usize) < levels.len() => Ok(*level as u32),
            _ => Err(damaged("an observation has no group")),
        };
        let of = places.iter().map(level).collect::<Result<Vec<u32>, StoreError>>()?;
        Ok(Factor { name: name.to_string(), levels, of })
    };
    let groups = levels_of(&names.group, &group_index)?;
    if let Some(StoredFormula { factors, structure, sources }) = &described.formula {
        let mut all = vec![Factor { name: group.clone(), ..groups }];
        for (name, factor) in names.factors.iter().zip(factors.iter().skip(1)) {
            let index = numbers(&format!("constant_data/{name}_index"))?;
            all.push(Factor { name: factor.clone(), ..levels_of(name, &index)? });
        }
        let source = described.source.clone();
        let beside = &structure.rows;
        let row_numbers = |is_there: bool, name: &str| -> Result<Option<Vec<f64>>, StoreError> {
            let column = is_there.then(|| numbers(&format!("constant_data/{name}"))).transpose()?;
            match column {
                Some(column) if column.len() != count => Err(damaged("its columns are not of one length")),
                column => Ok(column.map(|column| in_file(&column))),
            }
        };
        let weights = row_numbers(beside.has_weights(), "row_weights")?;
        let offset = row_numbers(beside.offset.is_some(), "row_offset")?;
        let errors = row_numbers(beside.has_errors(), "row_errors")?;
        let has_trials = Formula::parse(&structure.formula).is_ok_and(|formula| formula.has_trials());
        let trials = row_numbers(has_trials, "row_trials")?;
        for (column, problem) in [
            (&weights, "its weights are not positive"),
            (&errors, "its standard errors are not positive"),
            (&trials, "its numbers of trials are not positive"),
        ] {
            if column.iter().flatten().any(|number| number.is_nan() || *number <= 0.0) {
                return Err(damaged(problem));
            }
        }
        let values = if sources.is_empty() { Vec::new() } else { numbers("constant_data/source_columns")? };
        if values.len() != sources.len() * count {
            return Err(damaged("its columns are not of one length"));
        }
        let sources = sources.iter().cloned().zip(values.chunks_exact(count.max(1)).map(in_file)).collect();
        let (left_out, assumed) = (described.left_out.clone(), Vec::new());
        let file = FileRows { source, rows: in_order, left_out, assumed, weights, offset, errors, trials, sources };
        let columns = predictors.iter().cloned().zip(columns).collect();
        let data = Dataset::of_formula(file, (outcome.clone(), in_file(&outcomes)), columns, all);
        let data = data.map_err(|error| damaged(&error.to_string()))?;
        if data.checksum() != described.checksum {
            return Err(damaged("its data are not those that were sampled"));
        }
        structure.check(&data).map_err(damaged)?;
        let coordinates = Coordinates::parse_terms(&described.parameterization, &structure.term_names(&data));
        let coordinates = coordinates.map_err(|error| damaged(&error.to_string()))?;
        let model = Model::of_formula(Arc::new(data), Arc::new(structure.clone()), coordinates, None);
        if !described.centering_weights.are_of(&model) {
            return Err(damaged("its weights are not those of its effects"));
        }
        return Ok(model.with_weights(described.centering_weights.clone()));
    }
    let labels: Vec<&String> = groups.of.iter().map(|level| &groups.levels[*level as usize]).collect();
    let data =
        Dataset::from_columns(&described.source, group, outcome, predictors, &labels, in_file(&outcomes), columns);
    let data = data.map_err(|error| damaged(&error.to_string()))?;
    if described.predictor_means_subtracted.len() != predictors.len() {
        return Err(damaged("the predictors' means are missing"));
    }
    let data = data.with_predictor_means(described.predictor_means_subtracted.clone());
    let data = data.with_rows_of_file(&in_order, described.left_out.clone());
    if data.checksum() != described.checksum {
        return Err(damaged("its data are not those that were sampled"));
    }
    let coordinates = Coordinates::parse(&described.parameterization, predictors);
    let coordinates = coordinates.and_then(|coordinates| coordinates.over(likelihood));
    let coordinates = coordinates.map_err(|error| damaged(&error.to_string()))?;
    let coefficients = data.n_coefficients();
    let Some(priors) = &described.priors else { return Err(damaged("its priors are missing")) };
    let PriorScales { mu_sd, sigma_scale, eps_scale } = priors;
    if mu_sd.len() != coefficients || sigma_scale.len() != coefficients {
        return Err(damaged("its priors are not those of its coefficients"));
    }
    if !mu_sd.iter().chain(sigma_scale).chain([eps_scale]).all(|scale| *scale > 0.0 && scale.is_finite()) {
        return Err(damaged("its priors have no width"));
    }
    let model = Model::builder(Arc::new(data)).priors(priors.clone()).coordinates(coordinates);
    Ok(model.build())
}
