// The likelihood given the effects, over every observation, for one group: from the sums over its rows that chunks.wgsl
// and reduce.wgsl have made. Twin of src/density/rows.rs.

// For each chain, level after level: K derivatives by the betas and FAMILY_SUMS sums, for each chunk of the level; on
// the last level, a chunk is a group.
@group(0) @binding(4) var<storage, read> partials: array<f32>;

// Adds the rows of group `j` at its betas to the family's sums `own`, and the derivatives by the betas, in the family's
// unit, to `by_beta`.
fn add_likelihood(
    family: Family,
    chain: u32,
    j: u32,
    betas: ptr<function, array<f32, K>>,
    by_beta: ptr<function, array<f32, K>>,
    own: ptr<function, array<f32, FAMILY_SUMS>>,
) {
    let first = chain * PARTIALS + LAST_LEVEL + j;
    for (var k = 0u; k < K; k++) {
        (*by_beta)[k] += partials[first + k * J];
    }
    for (var s = 0u; s < FAMILY_SUMS; s++) {
        (*own)[s] += partials[first + (K + s) * J];
    }
}
