// Entries: the states of all chains on their way, `put` from the host's to where each chain keeps its first one, `take` from where
// its sample is to the host's.
//
// An invocation moves one quad.

// Quads of a vector; a state is a position and the gradient there, as vectors lie.
const SIZE = QUADS * TEAM;

// One of each chain.
@group(0) @binding(2) var<storage, read_write> states: array<vec4<f32>>;
// The chains of transition.wgsl as words, CHAIN_WORDS each; word SAMPLE of a chain says which of its two states is the sample.
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

// Where quad `at` of all chains' states is among the vectors, where the state of its chain begins at vector `vector`.
fn place_in_state(at: u32, vector: u32) -> u32 {
    return place_of_element(at / (2u * SIZE), vector + at / SIZE % 2u, at % SIZE);
}
