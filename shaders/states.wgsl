// Entries: the states of all chains on their way, `put` from the host's to where each chain keeps its first one, `take` from where
// its sample is to the host's.
//
// Wants vectors.wgsl. Invocations are one for each number, workgroups in rows of as many as the device allows.

// A state: a position and the gradient there, as vectors lie.
const STATE_NUMBERS = 2u * SLOTS * TEAM;

// One of each chain.
@group(0) @binding(2) var<storage, read_write> states: array<f32>;
// The words of the chains as transition.wgsl has them, CHAIN_WORDS each, of which number SAMPLE says which state is the sample.
@group(0) @binding(4) var<storage, read> chain_words: array<u32>;

@compute @workgroup_size(64)
fn put(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = (workgroup.y * workgroups.x + workgroup.x) * 64u + lane;
    if at < arrayLength(&states) {
        vectors[at / STATE_NUMBERS * VECTORS * SLOTS * TEAM + STATE * SLOTS * TEAM + at % STATE_NUMBERS] = states[at];
    }
}

@compute @workgroup_size(64)
fn take(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = (workgroup.y * workgroups.x + workgroup.x) * 64u + lane;
    if at < arrayLength(&states) {
        let chain = at / STATE_NUMBERS;
        let vector = STATE + 2u * chain_words[chain * CHAIN_WORDS + SAMPLE];
        states[at] = vectors[(chain * VECTORS + vector) * SLOTS * TEAM + at % STATE_NUMBERS];
    }
}
