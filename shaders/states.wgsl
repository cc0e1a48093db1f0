// Entries: copies of all chains' states, `put` from the buffer `states` to each chain's first state, `take` from each
// chain's sample to the buffer `states`, which the host writes and reads.
//
// Each invocation copies one quad.

// Quads of a vector. A state is a position and its gradient, in the layout of vectors.
const SIZE = QUADS * TEAM;

// A state for each chain.
@group(0) @binding(2) var<storage, read_write> states: array<vec4<f32>>;
// The chains of transition.wgsl as words, CHAIN_WORDS each; word SAMPLE of a chain is the number of the state that is
// the sample.
@group(0) @binding(4) var<storage, read> chain_words: array<u32>;

@compute @workgroup_size(MOVERS)
fn put(among: Among) {
    let at = number_of(among);
    if at < arrayLength(&states) {
        vectors[place_in_state(at, STATE)] = states[at];
    }
}

@compute @workgroup_size(MOVERS)
fn take(among: Among) {
    let at = number_of(among);
    if at < arrayLength(&states) {
        let sample = chain_words[at / (2u * SIZE) * CHAIN_WORDS + SAMPLE];
        states[at] = vectors[place_in_state(at, STATE + 2u * sample)];
    }
}

// The index among the vectors of quad `at` of all chains' states, if its chain's state begins at vector `vector`.
fn place_in_state(at: u32, vector: u32) -> u32 {
    return place_of_element(at / (2u * SIZE), vector + at / SIZE % 2u, at % SIZE);
}
