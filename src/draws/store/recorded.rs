//! Draws of one part of a run, read back from their chunks.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use zarrs::array::Array;

use super::arrays::{array_to_io, open, read_chunk};
use super::error::{Damage, problem};
use super::files::Files;
use super::layout::{DrawArrays, Drawn, Packing};
use super::row::{Chunk, chunks};

/// Numbers that are read ahead, of variables that share chunks: 32 MiB.
const SLAB: usize = 4 << 20;

/// The draws of one part of a run.
pub struct Recorded {
    files: Arc<Files>,
    chains: usize,
    draws: usize,
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

impl Recorded {
    /// `draws` draws of each of `chains` chains, in these arrays.
    pub fn new(files: Arc<Files>, chains: usize, draws: usize, arrays: DrawArrays) -> Recorded {
        Recorded { files, chains, draws, arrays, slab: Mutex::default(), damage: Mutex::default() }
    }

    /// Draws of each chain.
    pub fn draws(&self) -> usize {
        self.draws
    }

    /// The arrays.
    pub fn arrays(&self) -> &DrawArrays {
        &self.arrays
    }

    /// The chunks that could not be read so far.
    pub fn damage(&self) -> Vec<Damage> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The draws of variable `i`, `[chain][draw]`; `NaN` where a chunk is damaged.
    pub fn variable(&self, i: usize) -> Vec<f64> {
        let place = self.arrays.arrays.iter().enumerate().find_map(|(array, drawn)| {
            drawn.places.iter().position(|place| *place == i).map(|element| (array, element))
        });
        place.map_or_else(Vec::new, |(array, element)| self.element(array, element))
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
        let chains = self.chains.min(count);
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

    /// Draws of all chains of one element, read ahead with those beside it.
    fn element(&self, array: usize, element: usize) -> Vec<f64> {
        let drawn = &self.arrays.arrays[array];
        let size = self.chains * self.draws;
        let beside = drawn.chunk_elements().min(SLAB / size.max(1)).max(1);
        if beside == 1 {
            return self.read(array, element..element + 1, 0..self.chains, 0..self.draws);
        }
        let mut slab = self.slab.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slab.as_ref().filter(|slab| slab.array == array && slab.first <= element);
        let known = known.map(|slab| (slab.first, slab.numbers.clone()));
        let (first, numbers) = match known {
            Some((first, numbers)) if (element - first) * size < numbers.len() => (first, numbers),
            _ => {
                *slab = None;
                let elements = element..(element + beside).min(drawn.places.len());
                let numbers = Arc::new(self.read(array, elements, 0..self.chains, 0..self.draws));
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
