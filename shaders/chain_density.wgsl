// The log density at the moving end of a chain's trajectory: its hyperparameters, for every lane. Twin of
// src/density/cpu.rs. Alternative to mixed/chain.wgsl, for formulas.

// Sets the gradient at the moving end, and returns the log density there.
fn log_density() -> f32 {
    // The exponential of each hyperparameter of this lane, as if all were logs of scales.
    var scales_here: array<f32, SLOTS - EFFECTS * GROUP_SLOTS>;
    for (var i = 0u; i < SLOTS - EFFECTS * GROUP_SLOTS; i++) {
        scales_here[i] = exp_of(position_at(EFFECTS * GROUP_SLOTS + i));
    }
    var at: At;
    for (var k = 0u; k < unrolled(K); k++) {
        let h = SCALE + k;
        let sigma = team_number(team, scales_here[h / TEAM], h % TEAM);
        at.coefficients[k] = coefficient(hyperparameter(MEAN + k), hyperparameter(h), sigma);
    }
    var dispersions: array<f32, DISPERSION_ROOM>;
    for (var d = 0u; d < unrolled(DISPERSIONS); d++) {
        let h = DISPERSION + d;
        dispersions[d] = team_number(team, scales_here[h / TEAM], h % TEAM);
    }
    at.family = family_at(dispersions);
    return of_groups(&at);
}

fn hyperparameter(h: u32) -> f32 {
    return team_number(team, position_at(EFFECTS * GROUP_SLOTS + h / TEAM), h % TEAM);
}
