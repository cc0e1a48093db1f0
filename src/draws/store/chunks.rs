//! The chunks in one row of an array of draws: the same draws of all chains and variables.

use super::layout::Drawn;

/// A chunk's place in its row: along the chains, along the first of two dimensions of a draw, and along the last
/// dimension.
pub struct Chunk {
    pub chains: usize,
    pub outer: usize,
    pub last: usize,
}

/// All chunks in one row of an array.
pub fn chunks(drawn: &Drawn) -> Vec<Chunk> {
    let last = drawn.last_length();
    let outer = drawn.places.len() / last.max(1);
    let along_chains = drawn.metadata.dimensions[0].1.div_ceil(drawn.metadata.chunk[0]);
    let along_last = last.div_ceil(drawn.chunk_elements());
    (0..along_chains)
        .flat_map(|chains| {
            (0..outer).flat_map(move |outer| (0..along_last).map(move |last| Chunk { chains, outer, last }))
        })
        .collect()
}
