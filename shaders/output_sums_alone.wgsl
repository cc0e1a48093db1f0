// The named variables of a sample, for streaming sums, where effects are integrated out and a lane has the chain to
// itself: the lane draws the effects of four groups at a time.

// Adds the sample at index `sample` to its chain's sums, and to the histograms.
fn add_sample(sample: u32) {
    var at = coefficients_of(sample);
    let eps = positive(sampled_hyperparameter(sample, DISPERSION));
    let key = key_of_effects();
    // For each of the 2 K streams of deviates, the block with the deviate of the next group.
    var blocks: array<vec4<f32>, 2u * K>;
    for (var s = 0u; s < 2u * K; s++) {
        blocks[s] = normals(key, EFFECT, s * J / 4u);
    }
    for (var four = 0u; four < min(QR_GROUPS / 4u, run.turns); four++) {
        var after: array<vec4<f32>, 2u * K>;
        for (var s = 0u; s < 2u * K; s++) {
            after[s] = normals(key, EFFECT, s * J / 4u + four + 1u);
        }
        var betas: array<vec4<f32>, K>;
        for (var i = 0u; i < 4u; i++) {
            var normals_here: array<f32, 2u * K>;
            for (var s = 0u; s < 2u * K; s++) {
                let number = s * J % 4u + i;
                normals_here[s] = select(after[s][number % 4u], blocks[s][number % 4u], number < 4u);
            }
            let betas_here = effects_given(&at, eps, 4u * four + i, &normals_here);
            for (var k = 0u; k < K; k++) {
                betas[k][i] = betas_here[k];
            }
        }
        for (var k = 0u; k < K; k++) {
            add_quad(k * SUM_GROUP_SLOTS / 4u + four, betas[k]);
        }
        blocks = after;
    }
    for (var first = 0u; first < SLOTS; first += 4u) {
        var named: vec4<f32>;
        for (var i = 0u; i < 4u; i++) {
            named[i] = named_in(sample, min(first + i, SLOTS - 1u));
        }
        add_quad((K * SUM_GROUP_SLOTS + first) / 4u, named);
    }
    spent += GROUP_SLOTS * (GROUP_TURNS + 10u * K);
}
