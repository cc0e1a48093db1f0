//! The rows of a formula's model in the order of a factor's levels, cut into chunks of one level each, for
//! mixed/rows.wgsl.

/// The fewest rows of a chunk, unless its level ends.
const SHORTEST: usize = 8;

/// All rows, level by level.
#[derive(Debug, Clone)]
pub struct FactorChunks {
    /// The rows, in the order of the levels; none, if they are sorted by level.
    pub order: Vec<u32>,
    /// The first of these rows of each chunk, then the number of rows.
    pub starts: Vec<u32>,
    /// The first chunk of each level, then the number of chunks.
    pub levels: Vec<u32>,
    /// The most rows of a chunk.
    pub longest: usize,
}

impl FactorChunks {
    /// The chunks of rows with the levels `of_rows`, of `levels` levels. A long level has about as many chunks as a
    /// chunk has rows, so that no sum has many terms.
    pub fn new(of_rows: &[u32], levels: usize) -> FactorChunks {
        let mut by_level = vec![Vec::new(); levels];
        for (row, level) in of_rows.iter().enumerate() {
            by_level[*level as usize].push(row as u32);
        }
        let most = by_level.iter().map(Vec::len).max().unwrap_or(0);
        let longest = ((most as f64).sqrt().ceil() as usize).max(SHORTEST);
        let (mut starts, mut firsts, mut end) = (Vec::new(), Vec::with_capacity(levels + 1), 0);
        for rows in &by_level {
            firsts.push(starts.len() as u32);
            starts.extend((0..rows.len()).step_by(longest).map(|first| (end + first) as u32));
            end += rows.len();
        }
        firsts.push(starts.len() as u32);
        starts.push(end as u32);
        let order = by_level.concat();
        let is_sorted = order.iter().copied().eq(0..order.len() as u32);
        FactorChunks { order: if is_sorted { Vec::new() } else { order }, starts, levels: firsts, longest }
    }

    /// Number of words of its lists of rows, chunks and levels.
    pub fn words(&self) -> usize {
        self.order.len() + self.starts.len() + self.levels.len()
    }

    /// Number of chunks.
    pub fn chunks(&self) -> usize {
        self.starts.len() - 1
    }

    /// The most chunks of a level.
    pub fn most(&self) -> usize {
        self.levels.windows(2).map(|ends| (ends[1] - ends[0]) as usize).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_chunk_of_its_level() {
        let of_rows: Vec<u32> = (0..1000u32).map(|i| i * i % 7 % 4).collect();
        let chunks = FactorChunks::new(&of_rows, 5);
        let mut rows = chunks.order.clone();
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..1000));
        for level in 0..5 {
            for chunk in chunks.levels[level]..chunks.levels[level + 1] {
                let [from, to] = [chunk, chunk + 1].map(|chunk| chunks.starts[chunk as usize] as usize);
                assert!(to > from && to - from <= chunks.longest);
                assert!(chunks.order[from..to].iter().all(|row| of_rows[*row as usize] as usize == level));
            }
        }
        assert_eq!(chunks.levels[5] as usize, chunks.chunks());
        assert_eq!(chunks.most(), chunks.longest);
        let sorted = FactorChunks::new(&[0, 0, 1, 3, 3], 4);
        assert_eq!((sorted.order.len(), sorted.starts), (0, vec![0, 2, 3, 5]));
    }
}
