// The likelihood over observations: what one group adds, from the sums over its rows that residuals.wgsl and fold.wgsl
// have left. Twin of src/density/observations.rs.

// For each chain, level after level: K sums of residual times predictor and one of squared residuals, less the noise, each over all
// stretches of the level; in the last level, a stretch is a group.
@group(0) @binding(4) var<storage, read> partials: array<f32>;

// By how much the residual sum of squares of group `j` is beyond the noise of its observations; and half its derivative by the
// betas, with the sign turned.
fn group_residual_squares(
    chain: u32,
    j: u32,
    beta: ptr<function, array<f32, K>>,
    by_beta: ptr<function, array<f32, K>>,
) -> f32 {
    let first = chain * PARTIALS + LAST_LEVEL + j;
    for (var k = 0u; k < K; k++) {
        (*by_beta)[k] = partials[first + k * J];
    }
    return partials[first + K * J];
}
