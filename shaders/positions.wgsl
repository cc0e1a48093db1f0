// Positions in a buffer, a row of DIM coordinates each.

@group(0) @binding(2) var<storage, read> positions: array<f32>;

// The hyperparameters of position `number`.
fn hyperparameters(number: u32) -> At {
    let row = number * DIM;
    var at: At;
    for (var k = 0u; k < K; k++) {
        let log_sigma = positions[row + SCALE + k];
        at.coefficients[k] = coefficient(positions[row + MEAN + k], log_sigma, exp_of(log_sigma));
    }
    var dispersions: array<f32, DISPERSION_ROOM>;
    for (var d = 0u; d < DISPERSIONS; d++) {
        dispersions[d] = exp_of(positions[row + DISPERSION + d]);
    }
    at.family = family_at(dispersions);
    return at;
}

// The effect of coefficient `k` in group `j` at position `number`.
fn effect(number: u32, k: u32, j: u32) -> f32 {
    return positions[number * DIM + HYPERPARAMETERS + k * J + j];
}
