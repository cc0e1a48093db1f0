// What leaves the device of samples that no draw is made of: in warm-up the moments of all of them, and in the end where the
// chain stands.

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

// Lets the sample's hyperparameters leave, where a phase is over of which no draws leave: what a host wants to go on alone.
fn write_hyperparameters() {
    let sample = place_of(team, STATE + 2u * chain.sample);
    for (var slot = EFFECTS * GROUP_SLOTS; slot < bound(SLOTS); slot++) {
        let coordinate = coordinate_of(team.lane, slot);
        if coordinate < HYPERPARAMETERS {
            draws[team.number * HYPERPARAMETERS + coordinate] = vectors[sample + slot * TEAM];
        }
    }
}
