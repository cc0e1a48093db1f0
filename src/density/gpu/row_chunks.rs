//! Observations cut into chunks of one group each, for rows/chunks.wgsl and rows/reduce.wgsl, and the levels on which
//! the chunks' sums are added up to one for each group.

use crate::gpu::shared_struct;
use crate::model::Model;

/// The most rows of a chunk, which one invocation adds up.
const CHUNK_ROWS: usize = 32;

/// The most chunks that are added up at once.
const FAN_IN: usize = 32;

/// Number of chunks with interleaved rows: the invocations of a workgroup.
pub const BUNDLE: usize = 64;

shared_struct! {
    /// Rows of one group that one invocation reads.
    pub struct RowChunk {
        /// The group.
        pub group: u32,
        /// Number of rows.
        pub rows: u32,
        /// Index of the first row's outcome in the table of rows.
        pub place: u32,
        /// Index among the sums of the first level.
        pub sum: u32,
    }
}

/// A level of the tree of a chain's sums, from chunks to groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Index of its first sum among a chain's.
    pub offset: u32,
    /// Number of chunks.
    pub chunks: u32,
    /// For each chunk, the range of chunks of the level before that it adds up; empty on the first level.
    pub runs: Vec<[u32; 2]>,
}

/// The observations of a data set, in chunks.
#[derive(Debug, Clone)]
pub struct RowChunks {
    /// The longest first, so that those of a workgroup have about the same length.
    table: Vec<RowChunk>,
    /// The first observation of each chunk.
    first: Vec<usize>,
    levels: Vec<Level>,
    coefficients: usize,
    /// Number of sums per chunk: K derivatives by the betas, and the family's sums.
    sums: u32,
    /// Size of the table of rows.
    numbers: usize,
}

impl RowChunks {
    /// Cuts the observations of `model` into chunks.
    pub fn new(model: &Model) -> RowChunks {
        let (dataset, layout) = (model.dataset(), model.layout());
        let coefficients = layout.coefficients;
        let mut cut = Vec::new();
        // Number of chunks of each group.
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

    /// The levels of sums: the first has a sum for each chunk, the last for each group.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// Number of a chain's sums on all levels.
    pub fn partials(&self) -> u32 {
        self.levels.last().map_or(0, |last| last.offset + self.sums * last.chunks)
    }

    /// The table of rows for rows/chunks.wgsl: outcome and slopes' columns, in the sampler's units.
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

/// The levels for groups of `counts` chunks, with `sums` sums per chunk.
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
