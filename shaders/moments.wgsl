// The moments of a warm-up phase's draws, which the device returns instead of the draws.

// Adds the sample to the moments of the phase's draws (Welford 1962).
fn add_moments() {
    let share = 1.0 / f32(chain.made);
    for (var part = 0u; part < 2u; part++) {
        let values = place_of(team, STATE + 2u * chain.sample + part);
        let means = place_of(team, MOMENTS + 2u * part);
        let squares = place_of(team, MOMENTS + 2u * part + 1u);
        // All reads come before any write, so that their latencies overlap.
        var value: array<vec4<f32>, QUADS>;
        var mean: array<vec4<f32>, QUADS>;
        var square: array<vec4<f32>, QUADS>;
        for (var quad = 0u; quad < bound(QUADS); quad++) {
            value[quad] = vectors[values + quad * STRIDE];
            mean[quad] = vectors[means + quad * STRIDE];
            square[quad] = vectors[squares + quad * STRIDE];
        }
        for (var quad = 0u; quad < bound(QUADS); quad++) {
            let before = value[quad] - mean[quad];
            let after = select(mean[quad] + share * before, value[quad], chain.made == 1u);
            let squares_after = select(square[quad] + before * (value[quad] - after), vec4<f32>(), chain.made == 1u);
            vectors[means + quad * STRIDE] = after;
            vectors[squares + quad * STRIDE] = squares_after;
        }
    }
    spent += 2u * SLOTS;
}
