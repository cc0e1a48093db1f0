//! Draws of one part of a run, read back from their chunks.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use zarrs::array::Array;

use super::arrays::{array_to_io, open, read_chunk};
use super::chunks::{Chunk, chunks};
use super::error::{Damage, problem};
use super::files::Files;
use super::layout::{DrawArrays, Drawn, Packing};

/// Numbers that are copied out of unpacked chunks together: those of a cache line.
const TOGETHER: usize = 8;

/// Most chunks of an array that are looked for before any is read.
const LOOKS: u128 = 64;

/// The draws of one part of a run.
pub struct PartReader {
    files: Arc<Files>,
    chains: usize,
    draws: usize,
    arrays: DrawArrays,
    damage: Mutex<Vec<Damage>>,
}

impl PartReader {
    /// `draws` draws of each of `chains` chains, in these arrays.
    pub fn new(files: Arc<Files>, chains: usize, draws: usize, arrays: DrawArrays) -> PartReader {
        PartReader { files, chains, draws, arrays, damage: Mutex::default() }
    }

    /// Draws of each chain.
    pub fn draws(&self) -> usize {
        self.draws
    }

    pub fn arrays(&self) -> &DrawArrays {
        &self.arrays
    }

    /// Whether an array has at least a quarter of its chunks, by a look at some of them: so that memory is only taken
    /// for about as many draws as there are, whatever the metadata say.
    pub fn has_chunks(&self) -> bool {
        let rows = self.draws.div_ceil(self.arrays.row.max(1)) as u128;
        let is_there = |drawn: &Drawn| {
            let Ok(opened) = open(&self.files, &drawn.metadata) else { return false };
            let chains = self.chains.div_ceil(drawn.metadata.chunk[0].max(1)) as u128;
            let looks = LOOKS.min(rows * chains);
            let found = (0..looks).map(|look| look * rows * chains / looks).filter(|at| {
                let mut indices = vec![0; drawn.metadata.chunk.len()];
                (indices[0], indices[1]) = ((at % chains) as u64, (at / chains) as u64);
                self.files.path(&opened.chunk_key(&indices)).exists()
            });
            found.count() as u128 * 4 >= looks
        };
        self.arrays.arrays.iter().any(is_there)
    }

    /// The chunks that could not be read so far.
    pub fn damage(&self) -> Vec<Damage> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Consecutive numbers of every draw, `[number][chain][draw]`: the variables, then the statistics, then log
    /// likelihoods and replicates; `NaN` where a chunk is damaged.
    pub fn read(&self, numbers: Range<usize>) -> Vec<f64> {
        self.gather(&numbers.collect::<Vec<_>>(), 0..self.chains, 0..self.draws)
    }

    /// The first `numbers` numbers, in ranges that are read together: of about `together` values each, or, if numbers
    /// share chunks, a whole chunk or an equal part of it, of about `most` values.
    pub fn variable_ranges(&self, numbers: usize, together: usize, most: usize) -> Vec<Range<usize>> {
        let size = (self.chains * self.draws).max(1);
        // For each number, the count of numbers in its chunk from that number on, and in each part of the chunk.
        let mut beside = vec![(1, 1); numbers];
        for drawn in &self.arrays.arrays {
            let (along, last) = (drawn.chunk_elements(), drawn.last_length().max(1));
            let part = along.div_ceil((along * size).div_ceil(most));
            for (element, place) in drawn.places.iter().enumerate().filter(|(_, place)| **place < numbers) {
                beside[*place] = (along - element % last % along, part);
            }
        }
        let mut ranges = Vec::new();
        let mut first = 0;
        while first < numbers {
            let (rest, part) = beside[first];
            let length = rest.min(part).max(together / size).min(numbers - first);
            ranges.push(first..first + length);
            first += length;
        }
        ranges
    }

    /// All numbers of some draws of some chains, `[chain][draw][number]`: the variables, then the statistics, then log
    /// likelihoods and replicates.
    pub fn part(&self, chains: Range<usize>, draws: Range<usize>) -> Vec<f64> {
        let (rows, width) = (chains.len() * draws.len(), self.arrays.width);
        let gathered = self.gather(&(0..width).collect::<Vec<_>>(), chains, draws);
        let mut numbers = vec![f64::NAN; rows * width];
        for (place, values) in gathered.chunks_exact(rows.max(1)).enumerate() {
            for (row, value) in values.iter().enumerate() {
                numbers[row * width + place] = *value;
            }
        }
        numbers
    }

    /// About `count` replicates of all observations, `[replicate][observation]`, from draws far apart; empty if none
    /// were stored.
    pub fn replicates(&self, count: usize) -> Vec<f64> {
        let is_replicates = |drawn: &&Drawn| drawn.metadata.path.starts_with("posterior_predictive/");
        let Some(drawn) = self.arrays.arrays.iter().find(is_replicates) else { return Vec::new() };
        let chains = self.chains.min(count);
        let draws = count.div_ceil(chains.max(1)).min(self.draws);
        let mut replicates = Vec::with_capacity(chains * draws * drawn.places.len());
        for i in 0..draws {
            let draw = (2 * i + 1) * self.draws / (2 * draws);
            let elements = self.gather(&drawn.places, 0..chains, draw..draw + 1);
            replicates.extend((0..chains).flat_map(|chain| elements.iter().skip(chain).step_by(chains)));
        }
        replicates
    }

    /// Numbers in ascending order, of some draws of some chains, `[number][chain][draw]`. Every chunk is unpacked once.
    pub fn gather(&self, numbers: &[usize], chains: Range<usize>, draws: Range<usize>) -> Vec<f64> {
        let each = chains.len() * draws.len();
        let mut out = vec![f64::NAN; numbers.len() * each];
        for drawn in self.arrays.arrays.iter().filter(|_| each > 0) {
            let mut wanted: Vec<(usize, usize)> = (drawn.places.iter().enumerate())
                .filter_map(|(element, place)| Some((element, numbers.binary_search(place).ok()?)))
                .collect();
            wanted.sort_unstable_by_key(|(_, at)| *at);
            if !wanted.is_empty() {
                self.unpack(drawn, &wanted, &chains, &draws, &mut out);
            }
        }
        out
    }

    /// Reads the `wanted` elements of an array, each with its place in `out`, in ascending order of places; elements by
    /// level and column are in another order, as their places are by column and level.
    fn unpack(
        &self,
        drawn: &Drawn,
        wanted: &[(usize, usize)],
        chains: &Range<usize>,
        draws: &Range<usize>,
        out: &mut [f64],
    ) {
        let Ok(opened) = open(&self.files, &drawn.metadata) else { return };
        let (last, size, row) = (drawn.last_length(), drawn.metadata.chunk[0], self.arrays.row);
        let along = drawn.chunk_elements();
        let first_element = |chunk: &Chunk| chunk.outer * last + chunk.last * along;
        let after = |chunk: &Chunk| (first_element(chunk) + along).min((chunk.outer + 1) * last);
        let mut elements: Vec<usize> = wanted.iter().map(|(element, _)| *element).collect();
        elements.sort_unstable();
        let mut touched = chunks(drawn);
        touched.retain(|chunk| {
            let next = elements.partition_point(|element| *element < first_element(chunk));
            let first_chain = chunk.chains * size;
            elements.get(next).is_some_and(|element| *element < after(chunk))
                && first_chain < chains.end
                && first_chain + size > chains.start
        });
        let rows = draws.start / row..draws.end.div_ceil(row);
        let touched: Vec<_> = rows.flat_map(|row| touched.iter().map(move |chunk| (row, chunk))).collect();
        let each = chains.len() * draws.len();
        let (first_place, last_place) = (wanted[0].1, wanted[wanted.len() - 1].1);
        let out = &mut out[first_place * each..(last_place + 1) * each];
        // To save memory, only as many chunks at once as keep the threads busy.
        for some in touched.chunks(4 * rayon::current_num_threads()) {
            let decoded: Vec<_> = some.par_iter().map(|(row, chunk)| self.chunk(drawn, &opened, *row, chunk)).collect();
            // Neighboring numbers are adjacent in a chunk.
            out.par_chunks_mut(TOGETHER * each).enumerate().for_each(|(part, out)| {
                let place = first_place + TOGETHER * part;
                let ours = wanted.partition_point(|(_, at)| *at < place)
                    ..wanted.partition_point(|(_, at)| *at < place + TOGETHER);
                for ((number, chunk), decoded) in some.iter().zip(&decoded) {
                    let Some(decoded) = decoded else { continue };
                    let (first_draw, first_chain) = (number * row, chunk.chains * size);
                    let inside =
                        |(element, _): &&(usize, usize)| (first_element(chunk)..after(chunk)).contains(element);
                    for (element, at) in wanted[ours.clone()].iter().filter(inside) {
                        let i = element - first_element(chunk);
                        for chain in chains.start.max(first_chain)..chains.end.min(first_chain + size) {
                            let to = (at - place) * each + (chain - chains.start) * draws.len();
                            let from = (chain - first_chain) * row;
                            for draw in draws.start.max(first_draw)..draws.end.min(first_draw + row) {
                                out[to + draw - draws.start] = decoded[(from + draw - first_draw) * along + i];
                            }
                        }
                    }
                }
            });
        }
    }

    /// A chunk, unpacked; `None`, and noted, if the chunk is damaged.
    fn chunk(&self, drawn: &Drawn, array: &Array<Files>, row: usize, chunk: &Chunk) -> Option<Vec<f64>> {
        let mut indices = vec![chunk.chains as u64, row as u64];
        match drawn.metadata.chunk.len() {
            2 => {}
            3 => indices.push(chunk.last as u64),
            _ => indices.extend([chunk.outer as u64, chunk.last as u64]),
        }
        let file = self.files.path(&array.chunk_key(&indices));
        let problem = match read_chunk(array, drawn.metadata.data_type, &indices) {
            Ok(Some(numbers)) if drawn.metadata.attributes.is_empty() => return Some(numbers),
            Ok(Some(numbers)) => {
                let Packing { offset, scale } = Packing::read(&drawn.metadata.attributes);
                return Some(numbers.into_iter().map(|number| offset + scale * number).collect());
            }
            Ok(None) => "the chunk is missing".to_string(),
            Err(error) => problem(&file, &array_to_io(error)),
        };
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = Damage { file: file.display().to_string(), problem };
        if !damage.contains(&noted) {
            damage.push(noted);
        }
        None
    }
}
