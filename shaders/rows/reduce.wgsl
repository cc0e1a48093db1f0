// Entry: the likelihood over every observation, the passes after the first: each invocation adds up a few neighbouring
// chunks of one group, for one chain, until one chunk is left for each group. Sums are trees, whatever the size of a
// group.

// The index of the level's first sum within a chain's, and its number of chunks; then those of the next level.
override FROM: u32;
override CHUNKS_BEFORE: u32;
override TO: u32;
override CHUNKS_AFTER: u32;

// For each chunk of the next level, the range of this level's chunks: the first, and one after the last.
@group(0) @binding(1) var<storage, read> runs: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;

@compute @workgroup_size(BUNDLE)
fn reduce(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= CHUNKS_AFTER {
        return;
    }
    let run = runs[id.x];
    let chain = id.y * PARTIALS;
    for (var k = 0u; k < K + FAMILY_SUMS; k++) {
        var sum = 0.0;
        for (var chunk = run.x; chunk < run.y; chunk++) {
            sum += partials[chain + FROM + k * CHUNKS_BEFORE + chunk];
        }
        partials[chain + TO + k * CHUNKS_AFTER + id.x] = sum;
    }
}
