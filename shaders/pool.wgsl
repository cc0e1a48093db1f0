// Entry: pools the moments of draws over each run of POOLED chains, so that the host has few moments to add up. Every
// chain has made the same number of draws.

@group(0) @binding(2) var<uniform> pooling: Pooling;
// For each run of chains: mean and sum of squared deviations of positions, then of gradients, in the layout of vectors.
@group(0) @binding(6) var<storage, read_write> pooled: array<vec4<f32>>;

// Quads of a vector.
const SIZE = QUADS * TEAM;

@compute @workgroup_size(MOVERS)
fn pool(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= 2u * SIZE {
        return;
    }
    let part = id.x / SIZE;
    let element = id.x % SIZE;
    let first = id.y * POOLED;
    let last = min(first + POOLED, pooling.chains);
    let vector = MOMENTS + 2u * part;
    var sum: vec4<f32>;
    for (var chain = first; chain < last; chain++) {
        sum += vectors[place_of_element(chain, vector, element)];
    }
    let mean = sum / f32(last - first);
    var squares: vec4<f32>;
    for (var chain = first; chain < last; chain++) {
        let apart = vectors[place_of_element(chain, vector, element)] - mean;
        squares += vectors[place_of_element(chain, vector + 1u, element)] + pooling.draws * apart * apart;
    }
    pooled[(id.y * 4u + 2u * part) * SIZE + element] = mean;
    pooled[(id.y * 4u + 2u * part + 1u) * SIZE + element] = squares;
}
