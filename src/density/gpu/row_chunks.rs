//! Observations cut into chunks of one group each, as rows/chunks.wgsl and rows/reduce.wgsl read them, and the levels on which
//! the sums of chunks are added up until one is left for each group.

use crate::gpu::shared_struct;
use crate::model::Model;

/// The most rows of a chunk: what one invocation adds up one after the other.
const CHUNK_ROWS: usize = 32;

/// How many chunks of a level are added up at once.
const FAN_IN: usize = 32;

/// Chunks whose rows lie side by side: the invocations of a workgroup.
pub const BUNDLE: usize = 64;

shared_struct! {
    /// Rows of one group that one invocation walks along.
    pub struct RowChunk {
        /// The group of all of them.
        pub group: u32,
        /// How many.
        pub rows: u32,
        /// Where the first one stands in the table of rows.
        pub place: u32,
        /// Which place among its level's sums it has.
        pub sum: u32,
    }
}

/// Sums of a chain on the way from chunks to groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Where its sums begin within a chain's.
    pub offset: u32,
    /// How many chunks it has.
    pub chunks: u32,
    /// The chunks of the level before that each of its chunks adds up; none on the first level.
    pub runs: Vec<[u32; 2]>,
}

/// All chunks of a data set.
#[derive(Debug, Clone)]
pub struct RowChunks {
    /// The longest first, so that a workgroup's are of about equal length.
    table: Vec<RowChunk>,
    /// The first observation of each.
    first: Vec<usize>,
    levels: Vec<Level>,
    coefficients: usize,
    /// What a chunk adds up: the derivatives by K betas, and the family's sums.
    sums: u32,
    /// Numbers in the table of rows.
    numbers: usize,
}

impl RowChunks {
    /// Cuts the observations of `model` into chunks.
    pub fn new(model: &Model) -> RowChunks {
        let (dataset, layout) = (model.dataset(), model.layout());
        let coefficients = layout.coefficients;
        let mut cut = Vec::new();
        // How many chunks each group has.
        let mut counts = Vec::with_capacity(layout.groups);
        for group in 0..layout.groups {
            let range = dataset.group_range(group);
            counts.push(range.len().div_ceil(CHUNK_ROWS));
            for first in range.clone().step_by(CHUNK_ROWS) {
                let rows = range.end.min(first + CHUNK_ROWS) - first;
                cut.push((RowChunk { group: group as u32, rows: rows as u32, place: 0, sum: cut.len() as u32 }, first));
            }
        }
        cut.sort_by_key(|(chunk, _)| std::cmp::Reverse(chunk.rows));
        let mut numbers = 0;
        for bundle in cut.chunks_mut(BUNDLE) {
            let longest = bundle[0].0.rows as usize;
            for (lane, (chunk, _)) in bundle.iter_mut().enumerate() {
                chunk.place = (numbers + lane) as u32;
            }
            numbers += longest * coefficients * BUNDLE;
        }
        let (table, first) = cut.into_iter().unzip();
        let sums = coefficients as u32 + model.family().device_sums();
        RowChunks { table, first, levels: levels(counts, sums), coefficients, sums, numbers }
    }

    /// The chunks, the longest first.
    pub fn table(&self) -> &[RowChunk] {
        &self.table
    }

    /// The levels of sums: the first has all chunks, the last one for each group.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// How many numbers the sums of a chain take on all levels.
    pub fn partials(&self) -> u32 {
        self.levels.last().map_or(0, |last| last.offset + self.sums * last.chunks)
    }

    /// Outcome and slopes' columns, in the sampler's units, as rows/chunks.wgsl reads them.
    pub fn rows(&self, model: &Model) -> Vec<f32> {
        let (dataset, scaling) = (model.dataset(), model.scaling());
        let mut rows = vec![0.0; self.numbers];
        for (chunk, first) in self.table.iter().zip(&self.first) {
            for row in 0..chunk.rows as usize {
                let (place, i) = (chunk.place as usize + row * self.coefficients * BUNDLE, first + row);
                rows[place] = ((dataset.outcome()[i] - scaling.outcome_shift) / scaling.outcome_scale) as f32;
                for (k, scale) in scaling.predictors.iter().enumerate() {
                    rows[place + (k + 1) * BUNDLE] = (dataset.predictor(k)[i] / scale) as f32;
                }
            }
        }
        rows
    }
}

/// The levels for groups of so many chunks with `sums` sums each.
fn levels(mut counts: Vec<usize>, sums: u32) -> Vec<Level> {
    let total = |counts: &[usize]| counts.iter().sum::<usize>() as u32;
    let mut levels = vec![Level { offset: 0, chunks: total(&counts), runs: Vec::new() }];
    while counts.iter().any(|count| *count > 1) {
        let before = &levels[levels.len() - 1];
        let offset = before.offset + sums * before.chunks;
        let mut runs = Vec::new();
        let mut group_start = 0;
        for count in &mut counts {
            let end = group_start + *count;
            runs.extend((group_start..end).step_by(FAN_IN).map(|run| [run as u32, end.min(run + FAN_IN) as u32]));
            group_start = end;
            *count = count.div_ceil(FAN_IN);
        }
        levels.push(Level { offset, chunks: total(&counts), runs });
    }
    levels
}
