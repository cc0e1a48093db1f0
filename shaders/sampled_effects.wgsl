// What the effects of a chain's sample depend on, where they are integrated out: its coefficients, and the key of their
// random numbers. conditional_effects.wgsl draws them.

// The coefficients of a sample.
fn coefficients_of(sample: u32) -> At {
    var at: At;
    for (var k = 0u; k < unrolled(K); k++) {
        at.coefficients[k] = sampled_coefficient(sample, k);
    }
    return at;
}

// The key of the random numbers for the effects of the newest draw: its transition is the draw's index in the phase, in
// warm-up with all bits flipped.
fn key_of_effects() -> StreamKey {
    let seed = vec2<u32>(run.seed_low, run.seed_high);
    return StreamKey(seed, run.first_chain + team.number, (run.first_effects + chain.made - 1u) ^ run.effects_flipped);
}
