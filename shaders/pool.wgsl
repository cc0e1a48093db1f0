// Entry: the moments of all chains' draws, pooled over a stretch of POOLED chains each, so that the host has few to add
// up. Every chain has made the same number of draws.

@group(0) @binding(2) var<uniform> pooling: Pooling;
// For each stretch of chains: mean and sum of squared deviations of positions, then of gradients, as vectors lie.
@group(0) @binding(6) var<storage, read_write> pooled: array<f32>;

@compute @workgroup_size(MOVERS)
fn pool(@builtin(global_invocation_id) id: vec3<u32>) {
    let size = SLOTS * TEAM;
    if id.x >= 2u * size {
        return;
    }
    let part = id.x / size;
    let element = id.x % size;
    let first = id.y * POOLED;
    let last = min(first + POOLED, pooling.chains);
    let vector = MOMENTS + 2u * part;
    var sum = 0.0;
    for (var chain = first; chain < last; chain++) {
        sum += vectors[(chain * VECTORS + vector) * size + element];
    }
    let mean = sum / f32(last - first);
    var squares = 0.0;
    for (var chain = first; chain < last; chain++) {
        let apart = vectors[(chain * VECTORS + vector) * size + element] - mean;
        squares += vectors[(chain * VECTORS + vector + 1u) * size + element] + pooling.draws * apart * apart;
    }
    pooled[(id.y * 4u + 2u * part) * size + element] = mean;
    pooled[(id.y * 4u + 2u * part + 1u) * size + element] = squares;
}
