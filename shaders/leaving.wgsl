// The moments of all samples of a phase of warm-up, which leave the device in place of draws.

// Adds the sample to the moments of the phase's draws (Welford 1962).
fn add_moments() {
    let share = 1.0 / f32(chain.made);
    for (var part = 0u; part < 2u; part++) {
        let values = place_of(team, STATE + 2u * chain.sample + part);
        let means = place_of(team, MOMENTS + 2u * part);
        let squares = place_of(team, MOMENTS + 2u * part + 1u);
        for (var slot = 0u; slot < bound(SLOTS); slot++) {
            let value = vectors[values + slot * TEAM];
            if chain.made == 1u {
                vectors[means + slot * TEAM] = value;
                vectors[squares + slot * TEAM] = 0.0;
            } else {
                let before = value - vectors[means + slot * TEAM];
                let mean = vectors[means + slot * TEAM] + share * before;
                vectors[means + slot * TEAM] = mean;
                vectors[squares + slot * TEAM] += before * (value - mean);
            }
        }
    }
    spent += 2u * SLOTS;
}
