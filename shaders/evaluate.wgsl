// Entry: log density and gradient of a batch of positions, a team of lanes each.

// A row of DIM coordinates for each position.
@group(0) @binding(2) var<storage, read> positions: array<f32>;
// A row of 1 + DIM numbers for each position: its log density but for the constant, and the gradient.
@group(0) @binding(3) var<storage, read_write> evaluations: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn evaluate(invocation: Invocation) {
    let team = team_of(invocation);
    // Room for whole workgroups of positions is there, so that the last one need not look whether it has work.
    let position = team.number * DIM;
    let evaluation = team.number * (DIM + 1u) + 1u;
    var at: At;
    for (var k = 0u; k < K; k++) {
        at.coefficients[k] = coefficient(positions[position + k], positions[position + K + k]);
    }
    at.inverse_variance = exp_of(-2.0 * positions[position + 2u * K]);

    var sums: array<f32, SUMS>;
    var effects: array<f32, K>;
    for (var j = team.lane; j < J; j += TEAM) {
        for (var k = 0u; k < EFFECTS; k++) {
            effects[k] = positions[position + HYPERPARAMETERS + k * J + j];
        }
        add_group(&at, team.number, j, &effects, &sums);
        for (var k = 0u; k < EFFECTS; k++) {
            evaluations[evaluation + HYPERPARAMETERS + k * J + j] = effects[k];
        }
    }

    for (var eighth = 0u; eighth < SUMS / 8u; eighth++) {
        let number = 8u * eighth + team.lane % 8u;
        // A hyperparameter's prior is for one lane to add.
        let h = select(HYPERPARAMETERS, number, team.lane < 8u);
        let sum = add_up(team, eighth, h, positions[position + min(number, HYPERPARAMETERS - 1u)], &sums);
        if team.lane < 8u && number <= LOG_DENSITY {
            evaluations[select(evaluation + number, evaluation - 1u, number == LOG_DENSITY)] = sum;
        }
    }
}
