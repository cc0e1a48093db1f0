// The moments of all samples of a phase of warm-up, which leave the device in place of draws.

// Adds the sample to the moments of the phase's draws (Welford 1962).
fn add_moments() {
    let share = 1.0 / f32(chain.made);
    for (var part = 0u; part < 2u; part++) {
        let values = place_of(team, STATE + 2u * chain.sample + part);
        let means = place_of(team, MOMENTS + 2u * part);
        let squares = place_of(team, MOMENTS + 2u * part + 1u);
        for (var quad = 0u; quad < bound(QUADS); quad++) {
            let value = vectors[values + quad * STRIDE];
            if chain.made == 1u {
                vectors[means + quad * STRIDE] = value;
                vectors[squares + quad * STRIDE] = vec4<f32>();
            } else {
                let before = value - vectors[means + quad * STRIDE];
                let mean = vectors[means + quad * STRIDE] + share * before;
                vectors[means + quad * STRIDE] = mean;
                vectors[squares + quad * STRIDE] += before * (value - mean);
            }
        }
    }
    spent += 2u * SLOTS;
}
