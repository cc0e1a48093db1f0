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
use crate::data::{Dataset, LeftOut};
use crate::model::{Coordinates, Likelihood, Model, PriorScales};

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
    /// `centered`, `non-centered`, one of them for each coefficient, or `marginal` (collapsed).
    pub parameterization: String,
    /// Scales of the priors, in the user's units.
    pub priors: PriorScales,
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
            priors: model.priors().clone(),
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
    let names = Dimensions::named(group, outcome);
    let numbers = |path: &str| read_numbers(files, &find(path)?);
    let labels = read_text(files, &find(&format!("constant_data/{}", names.group))?)?;
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
    let label = |i: &usize| labels.get(group_index[*i] as usize).ok_or_else(|| damaged("an observation has no group"));
    let groups = places.iter().map(label).collect::<Result<Vec<&String>, StoreError>>()?;
    let columns = columns.chunks_exact(count.max(1)).map(in_file).collect();
    let data =
        Dataset::from_columns(&described.source, group, outcome, predictors, &groups, in_file(&outcomes), columns);
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
    if described.priors.mu_sd.len() != coefficients || described.priors.sigma_scale.len() != coefficients {
        return Err(damaged("its priors are not those of its coefficients"));
    }
    let PriorScales { mu_sd, sigma_scale, eps_scale } = &described.priors;
    if !mu_sd.iter().chain(sigma_scale).chain([eps_scale]).all(|scale| *scale > 0.0 && scale.is_finite()) {
        return Err(damaged("its priors have no width"));
    }
    let model = Model::builder(Arc::new(data)).priors(described.priors.clone()).coordinates(coordinates);
    Ok(model.build())
}
