// Entry: log densities and gradients of a batch of positions, one per team of lanes.

// A row of 1 + DIM numbers for each position: its log density without the constant, then the gradient.
@group(0) @binding(3) var<storage, read_write> evaluations: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn evaluate(invocation: Invocation) {
    let team = team_of(invocation);
    // Buffers have room for whole workgroups of positions, so that no team has to check whether its position exists.
    let evaluation = team.number * (DIM + 1u) + 1u;
    var at = hyperparameters(team.number);

    var parts: array<f32, PARTS>;
    var effects: array<f32, K>;
    for (var j = team.lane; j < J; j += TEAM) {
        for (var k = 0u; k < EFFECTS; k++) {
            effects[k] = effect(team.number, k, j);
        }
        add_group(&at, team.number, j, &effects, &parts);
        for (var k = 0u; k < EFFECTS; k++) {
            evaluations[evaluation + HYPERPARAMETERS + k * J + j] = effects[k];
        }
    }
    var sums = sums_of(&at, &parts);

    for (var eighth = 0u; eighth < unrolled(EIGHTHS); eighth++) {
        let number = 8u * eighth + team.lane % 8u;
        // Only one lane adds a hyperparameter's prior.
        let h = select(HYPERPARAMETERS, number, team.lane < 8u);
        let value = positions[team.number * DIM + min(number, HYPERPARAMETERS - 1u)];
        let sum = add_up(team, eighth, h, value, &sums);
        if team.lane < 8u && number <= LOG_DENSITY {
            evaluations[select(evaluation + number, evaluation - 1u, number == LOG_DENSITY)] = sum;
        }
    }
}
