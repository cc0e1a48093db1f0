// The named variables of a sample, for streaming sums, where effects are integrated out and a team shares a chain: each
// lane draws the effects of its groups.

// Adds the sample at index `sample` to its chain's sums, and to the histograms.
fn add_sample(sample: u32) {
    var at = coefficients_of(sample);
    let eps = positive(sampled_hyperparameter(sample, DISPERSION));
    let key = key_of_effects();
    var named: array<vec4<f32>, SUM_QUADS>;
    var normals_here: array<f32, 2u * K>;
    for (var i = 0u; i < bound(GROUP_SLOTS); i++) {
        let j = i * TEAM + team.lane;
        if j < J {
            for (var s = 0u; s < 2u * K; s++) {
                normals_here[s] = normals(key, EFFECT, (s * J + j) / 4u)[(s * J + j) % 4u];
            }
            let betas = effects_given(&at, eps, j, &normals_here);
            for (var k = 0u; k < K; k++) {
                let slot = k * GROUP_SLOTS + i;
                named[slot / 4u][slot % 4u] = betas[k];
            }
        }
    }
    for (var slot = 0u; slot < bound(SLOTS); slot++) {
        let after = K * GROUP_SLOTS + slot;
        named[after / 4u][after % 4u] = named_in(sample, slot);
    }
    for (var quad = 0u; quad < bound(SUM_QUADS); quad++) {
        add_quad(quad, named[quad]);
    }
    spent += GROUP_SLOTS * (GROUP_TURNS + 40u * K) + 2u * SUM_SLOTS;
}
