// The named variables of a sample, for streaming sums, where effects are coordinates, in the lanes of a team.

// Adds the sample at index `sample` to its chain's sums, and to the histograms.
fn add_sample(sample: u32) {
    var named: array<vec4<f32>, SUM_QUADS>;
    for (var k = 0u; k < unrolled(K); k++) {
        let coefficient = sampled_coefficient(sample, k);
        for (var i = 0u; i < bound(GROUP_SLOTS); i++) {
            let slot = k * GROUP_SLOTS + i;
            named[slot / 4u][slot % 4u] = beta(k, coefficient, sampled(sample, slot));
        }
    }
    for (var slot = EFFECTS * GROUP_SLOTS; slot < bound(SLOTS); slot++) {
        named[slot / 4u][slot % 4u] = named_in(sample, slot - EFFECTS * GROUP_SLOTS);
    }
    for (var quad = 0u; quad < bound(SUM_QUADS); quad++) {
        add_quad(quad, named[quad]);
    }
    spent += 2u * SLOTS + 4u * K;
}
