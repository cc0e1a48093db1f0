//! A store of predictions: the group `predictions` of ArviZ's layout, with an outcome and its expectation for every
//! draw and row. Rows are added in the order of a file, whose length need not be known.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, json};

use super::arrays::{open, write_chunk};
use super::files::Files;
use super::metadata::{self, ArrayMetadata, Type};

/// Numbers of a chunk, about: 8 MiB.
const CHUNK: usize = 1 << 20;

/// Chunks that are written before the disk is waited for.
const WAITING: usize = 16;

/// The group.
const GROUP: &str = "predictions";

/// Writes predictions.
#[derive(Debug)]
pub struct PredictionWriter {
    files: Arc<Files>,
    outcome: String,
    chains: Vec<u32>,
    draws: Vec<u32>,
    /// Rows of a chunk, and rows that were written.
    together: usize,
    written: usize,
    /// The rows of the next chunk, `[row][chain][draw]`: expectations and outcomes; and their numbers.
    expectations: Vec<f64>,
    outcomes: Vec<f64>,
    numbers: Vec<f64>,
    waiting: usize,
}

impl PredictionWriter {
    /// Makes a store in the folder `path`, which must not exist, for predictions by these draws of these chains.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn create(path: &Path, outcome: &str, chains: &[u32], draws: &[u32]) -> io::Result<PredictionWriter> {
        std::fs::create_dir(path)?;
        let together = (CHUNK / (chains.len() * draws.len())).max(1);
        Ok(PredictionWriter {
            files: Arc::new(Files::new(path)?),
            // A slash would be a group.
            outcome: outcome.replace('/', "_"),
            chains: chains.to_vec(),
            draws: draws.to_vec(),
            together,
            written: 0,
            expectations: Vec::new(),
            outcomes: Vec::new(),
            numbers: Vec::new(),
            waiting: 0,
        })
    }

    /// Rows that are written together.
    pub fn together(&self) -> usize {
        self.together
    }

    /// Adds rows, each with its number in the file and, `[row][chain][draw]`, its expectations and outcomes.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn add(&mut self, numbers: &[u64], expectations: &[f64], outcomes: &[f64]) -> io::Result<()> {
        let size = self.chains.len() * self.draws.len();
        let rows = expectations.chunks_exact(size).zip(outcomes.chunks_exact(size));
        for (number, (expectations, outcomes)) in numbers.iter().zip(rows) {
            self.numbers.push(*number as f64);
            self.expectations.extend(expectations);
            self.outcomes.extend(outcomes);
            if self.expectations.len() == self.together * size {
                self.write_chunk()?;
            }
        }
        Ok(())
    }

    /// Writes what is left, and the metadata, without which nobody finds the rest. Returns the number of rows.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn finish(mut self) -> io::Result<usize> {
        if !self.expectations.is_empty() {
            self.write_chunk()?;
        }
        let whole =
            |name: &str, length| ArrayMetadata::whole(format!("{GROUP}/{name}"), Type::Int64, &[(name, length)]);
        let coordinates = [
            (whole("chain", self.chains.len()), self.chains.iter().map(|chain| f64::from(*chain)).collect()),
            (whole("draw", self.draws.len()), self.draws.iter().map(|draw| f64::from(*draw)).collect::<Vec<f64>>()),
        ];
        for (metadata, values) in &coordinates {
            write_chunk(&open(&self.files, metadata)?, metadata.data_type, &[0], values.clone())?;
        }
        let drawn = self.arrays();
        let mut nodes = Map::new();
        let group = metadata::group(&Map::new());
        self.files.write(&format!("{GROUP}/zarr.json"), group.to_string().into_bytes())?;
        nodes.insert(GROUP.to_string(), group);
        for array in coordinates.iter().map(|(metadata, _)| metadata).chain(&drawn) {
            self.files.write(&format!("{}/zarr.json", array.path), array.json().to_string().into_bytes())?;
            nodes.insert(array.path.clone(), array.json());
        }
        self.files.settle()?;
        let mut about = Map::new();
        about.insert("created_by".to_string(), json!(format!("warpnuts {}", env!("CARGO_PKG_VERSION"))));
        self.files.write("zarr.json", metadata::root(&about, nodes).to_string().into_bytes())?;
        self.files.settle()?;
        Ok(self.written)
    }

    /// The arrays over rows: expectations, outcomes, numbers.
    fn arrays(&self) -> [ArrayMetadata; 3] {
        let rows = ("obs_id".to_string(), self.written);
        let array = |name: &str, data_type, leading: &[(&str, usize)]| {
            let mut dimensions: Vec<(String, usize)> =
                leading.iter().map(|(name, length)| (name.to_string(), *length)).collect();
            let mut chunk: Vec<usize> = leading.iter().map(|(_, length)| *length).collect();
            dimensions.push(rows.clone());
            chunk.push(self.together);
            ArrayMetadata { path: format!("{GROUP}/{name}"), data_type, dimensions, chunk, attributes: Map::new() }
        };
        let drawn = [("chain", self.chains.len()), ("draw", self.draws.len())];
        [
            array(&format!("{}_expectation", self.outcome), Type::Float64, &drawn),
            array(&self.outcome, Type::Float64, &drawn),
            array("obs_id", Type::Int64, &[]),
        ]
    }

    fn write_chunk(&mut self) -> io::Result<()> {
        let (size, number) = (self.chains.len() * self.draws.len(), (self.written / self.together) as u64);
        let rows = self.numbers.len();
        let arrays = self.arrays();
        for (metadata, values) in arrays.iter().zip([&self.expectations, &self.outcomes]) {
            // From row by row to draw by draw; a chunk at the end is as long as the others.
            let mut chunk = vec![f64::NAN; size * self.together];
            for (draw, of_draw) in chunk.chunks_exact_mut(self.together).enumerate() {
                of_draw.iter_mut().take(rows).enumerate().for_each(|(row, value)| *value = values[row * size + draw]);
            }
            write_chunk(&open(&self.files, metadata)?, metadata.data_type, &[0, 0, number], chunk)?;
        }
        let mut numbers = std::mem::take(&mut self.numbers);
        numbers.resize(self.together, 0.0);
        write_chunk(&open(&self.files, &arrays[2])?, Type::Int64, &[number], numbers)?;
        self.expectations.clear();
        self.outcomes.clear();
        self.written += rows;
        self.waiting += 1;
        if self.waiting.is_multiple_of(WAITING) { self.files.settle() } else { Ok(()) }
    }
}
